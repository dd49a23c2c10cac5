"""One of several, picked by a person at the terminal with the arrow keys, or with a number."""

import os
from collections.abc import Sequence
from typing import TextIO

from newel.cli.errors import CliError
from newel.cli.interact.terminal import ask, open_terminal

MARK = "  ▸ "
HINT = "Use the arrow keys to navigate: ↓ ↑ → ←"
STEPS = {"\x1b[A": -1, "\x1bOA": -1, "\x1b[D": -1, "\x1bOD": -1, "k": -1, "\x10": -1,
         "\x1b[B": 1, "\x1bOB": 1, "\x1b[C": 1, "\x1bOC": 1, "j": 1, "\x0e": 1}  # fmt: skip # a table
"""How far a key moves; an arrow is one of two sequences, by the terminal's mode."""
ENTER = frozenset("\r\n")
END_OF_INPUT = b"\x04"
SEQUENCE = 0.05
"""Seconds within which the rest of an arrow key follows its first character."""


def choose(question: str, options: Sequence[str], answer_by: str = "") -> int:
    """Ask the person to pick an option and return its index. Raises CliError without a terminal."""
    if os.environ.get("TERM", "dumb") == "dumb":
        return by_number(question, options, answer_by)
    with open_terminal(format_options(question, options), answer_by) as tty:
        return by_arrows(tty, question, options)


def format_options(question: str, options: Sequence[str]) -> str:
    """Return the question with its options on one line, for errors."""
    return f"{question} ({'; '.join(options)})"


def by_number(question: str, options: Sequence[str], answer_by: str = "") -> int:
    """Numbered from 1, where the cursor cannot be moved."""
    lines = [f"  {number}) {option}" for number, option in enumerate(options, 1)]
    while True:
        answer = ask("\n".join((question, *lines, "Number")), answer_by).strip()
        if answer.isdigit() and 1 <= int(answer) <= len(options):
            return int(answer) - 1


def by_arrows(tty: TextIO, question: str, options: Sequence[str]) -> int:
    """Draw the menu and follow the keys: arrows and digits move, Enter accepts."""
    import termios
    import tty as modes

    descriptor = tty.fileno()
    before = termios.tcgetattr(descriptor)
    room = os.get_terminal_size(descriptor).columns - len(MARK)
    if room > 0:  # a line that went on below would not be drawn over
        options = [option[:room] for option in options]
    at = 0
    try:
        modes.setcbreak(descriptor)
        tty.write(f"{HINT}\n{question}\n{draw(options, at)}")
        while (key := read_key(descriptor)) not in ENTER:
            if key.isdigit() and 1 <= int(key) <= len(options):
                at = int(key) - 1
            at = (at + STEPS.get(key, 0)) % len(options)
            tty.write(f"\x1b[{len(options)}A\x1b[J{draw(options, at)}")
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
    # what was chosen is said by the caller: the menu goes
    tty.write(f"\x1b[{len(options) + 2}A\x1b[J")
    return at


def draw(options: Sequence[str], at: int) -> str:
    """Return the options, one to a line, one of them marked."""
    return "".join(
        f"{MARK if index == at else ' ' * len(MARK)}{option}\n"
        for index, option in enumerate(options)
    )


def read_key(descriptor: int) -> str:
    """One key, which may be a sequence of characters. Raises CliError when the terminal is gone."""
    import select

    key = read_octet(descriptor)
    if key == "\x1b":
        while len(key) < 3 and select.select([descriptor], [], [], SEQUENCE)[0]:
            key += read_octet(descriptor)
    return key


def read_octet(descriptor: int) -> str:
    """Return the next octet as a character."""
    try:
        data = os.read(descriptor, 1)
    except OSError:
        data = b""
    if data in {b"", END_OF_INPUT}:
        raise CliError("the question was not answered")
    return data.decode("latin-1")
