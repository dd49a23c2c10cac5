"""Progress of long work: shown on a terminal alone, and gone at the end."""

import os
import subprocess
import sys

import pytest

from fixtures.terminal import at_a_terminal

PROGRAM = """
from newel.cli.interact.progress import count
print(sum(count(range(250), "Certificates")))
"""
WORDS = [sys.executable, "-c", PROGRAM]


def test_a_terminal_shows_how_many_there_were() -> None:
    code, screen = at_a_terminal(WORDS, [], env={**os.environ, "TERM": "xterm"})
    assert code == 0
    assert screen == "\rCertificates: 0\rCertificates: 100\rCertificates: 200\r31125\n"


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_nothing_is_shown_elsewhere(term: str) -> None:
    environment = {**os.environ, "TERM": term}
    done = subprocess.run(WORDS, capture_output=True, text=True, check=True, env=environment)
    assert (done.stdout, done.stderr) == ("31125\n", "")
    if term == "dumb":
        assert at_a_terminal(WORDS, [], env=environment) == (0, "31125\n")


BAR = """
from newel.cli.interact.progress import measure
print(sum(measure(range(4), "Revoked", 4)))
"""


def test_a_terminal_shows_a_bar_where_the_total_is_known() -> None:
    words = [sys.executable, "-c", BAR]
    code, screen = at_a_terminal(words, [], env={**os.environ, "TERM": "xterm"})
    assert code == 0
    assert screen.startswith("\rRevoked: [#######                       ] 1 of 4\r")
    assert f"Revoked: [{'#' * 30}] 4 of 4\r6" in screen
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("6\n", "")
