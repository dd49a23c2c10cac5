"""Questions at a terminal: each line that was answered gets its mark."""

import os
from pathlib import Path

import pytest

from fixtures.running import NEWEL
from fixtures.terminal import at_a_terminal

INIT = [NEWEL, "ca", "init", "--deployment-type", "standalone"]
ANSWERS = [
    ("What would you like to name your new PKI?", "Smallstep"),
    ("to reach your CA?", "ca.example,10.1.2.3"),
    ("What IP and port will your new CA bind to?", "127.0.0.1:9000"),
    ("first provisioner?", "me@example.com"),
    ("leave empty and we'll generate one]", "open sesame"),
]
ANSWERED = [
    "✔ (e.g. Smallstep): Smallstep",
    "✔ (e.g. ca.example.com[,10.1.2.3,etc.]): ca.example,10.1.2.3",
    "✔ (e.g. :443 or 127.0.0.1:443): 127.0.0.1:9000",
    "✔ (e.g. you@smallstep.com): me@example.com",
    "✔ [leave empty and we'll generate one]:",
]


def init(home: Path, **environment: str) -> str:
    code, screen = at_a_terminal(
        INIT, ANSWERS, env={**os.environ, "STEPPATH": str(home / "step"), **environment}
    )
    assert code == 0, screen
    return screen


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_each_answered_line_is_marked_and_the_password_is_not_in_it(
    tmp_path: Path, term: str
) -> None:
    screen = init(tmp_path, TERM=term)
    lines = [line.rpartition("\r")[2] for line in screen.splitlines()]
    assert [line for line in lines if line in ANSWERED] == ANSWERED
    assert "sesame" not in screen


def test_what_no_letter_of_the_terminal_can_show_is_not_written(tmp_path: Path) -> None:
    environment = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    screen = init(tmp_path, TERM="xterm", **environment)
    assert not set(ANSWERED) & set(screen.splitlines())


def test_an_answer_with_control_characters_does_not_steer_the_terminal(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("old")
    words = [NEWEL, "crypto", "keypair", str(there), str(tmp_path / "key"), "--no-password"]
    code, screen = at_a_terminal(
        [*words, "--insecure"], [("[y/n]: ", "\x07maybe"), ("[y/n]: ", "y")]
    )
    assert code == 0, screen
    assert "[y/n]: \ufffdmaybe\n" in screen
