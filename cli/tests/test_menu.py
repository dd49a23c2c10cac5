"""A menu at a real terminal: the arrow keys, the numbers, and a terminal without either."""

import os
from pathlib import Path

import pytest

from fixtures.running import NEWEL
from fixtures.terminal import Answer, at_a_terminal

DOWN, UP = "\x1b[B", "\x1b[A"
QUESTION = "Select a context:"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Three contexts."""
    names = ("one", "three", "two")
    for name in names:
        (tmp_path / "authorities" / name / "config").mkdir(parents=True)
    described = ",".join(f'"{name}":{{"authority":"{name}","profile":"{name}"}}' for name in names)
    (tmp_path / "contexts.json").write_text(f"{{{described}}}")
    return tmp_path


def select(home: Path, *answers: Answer, term: str = "xterm") -> tuple[int, str]:
    env = {**os.environ, "STEPPATH": str(home), "TERM": term}
    return at_a_terminal([NEWEL, "context", "select"], answers, env=env)


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        ("", "one"),
        (DOWN, "three"),
        (DOWN * 2, "two"),
        (DOWN * 3, "one"),
        (UP, "two"),
        ("jjk", "three"),
        ("3", "two"),
        ("9", "one"),
        ("\x1bOB", "three"),
        ("x\x1b[Z", "one"),
    ],
)
def test_arrows_letters_and_numbers_move_and_enter_takes(
    home: Path, keys: str, chosen: str
) -> None:
    code, screen = select(home, ("▸ one", keys))
    assert code == 0, screen
    assert QUESTION in screen
    assert f"Context: {chosen}" in screen


def test_a_terminal_that_cannot_move_its_cursor_is_asked_for_a_number(home: Path) -> None:
    code, screen = select(home, ("Number: ", "4"), ("Number: ", "2"), term="dumb")
    assert code == 0
    assert "three" in screen
    assert "▸" not in screen


@pytest.mark.parametrize(("key", "code"), [("\x04", 1), ("\x03", 130)])
def test_a_menu_can_be_left(home: Path, key: str, code: int) -> None:
    assert select(home, ("▸ one", key))[0] == code
    assert not (home / "current-context.json").exists()
