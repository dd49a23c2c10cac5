"""What a person sees: data on stdout, everything said about it on stderr, questions on the terminal."""

import io
import json
import os
import sys
from typing import Any, NoReturn, TextIO

from newel.cli.errors import CliError

PASSWORD_FILE = "--password-file FILE"  # noqa: S105 - the name of a flag


def uses_colour(stream: TextIO) -> bool:
    """Say whether to use colours: never in pipes, nor against NO_COLOR."""
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def say(name: str, value: str) -> None:
    """Print a ✔ line on stderr: what was chosen or done."""
    if uses_colour(sys.stderr):
        print(f"\x1b[32m✔\x1b[0m \x1b[1m{name}:\x1b[0m {value}", file=sys.stderr)
    else:
        print(f"✔ {name}: {value}", file=sys.stderr)


def note(message: str) -> None:
    """Print a sentence on stderr."""
    print(message, file=sys.stderr)


def show_json(value: Any, indent: int = 2) -> None:
    """JSON on stdout."""
    print(json.dumps(value, indent=indent, ensure_ascii=False))


def ask(prompt: str, answer_by: str = "") -> str:
    """Ask for a line at the terminal; ``answer_by`` is the flag or file that answers without one."""
    with open_terminal(prompt, answer_by) as tty:
        tty.write(f"{prompt}: ")
        tty.flush()
        answer = tty.readline()
        if answer:
            mark_answered(tty, f"{prompt}: ", answer.rstrip("\n"))
    if not answer:
        raise CliError("the question was not answered", hint=explain_question(prompt, answer_by))
    return answer.rstrip("\n")


def mark_answered(tty: TextIO, prompt: str, answer: str = "") -> None:
    """Put ✔ before the line that was answered: over it where the cursor can go up, else below it."""
    line = prompt.rpartition("\n")[2] + answer
    if tty.encoding.lower() != "utf-8":  # the mark is not among the letters of other terminals
        return
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in line)
    if shown.isascii() and os.environ.get("TERM", "dumb") != "dumb":
        columns = os.get_terminal_size(tty.fileno()).columns or len(line)
        tty.write(f"\x1b[{-(-len(line) // columns)}A\r\x1b[J")
    mark = "\x1b[32m✔\x1b[0m" if uses_colour(tty) else "✔"
    tty.write(f"{mark} {shown.rstrip()}\n")


def ask_password(prompt: str, *, empty: bool = False, answer_by: str = PASSWORD_FILE) -> str:
    """Ask for a password without echo, again while it is empty unless that is allowed."""
    import getpass

    with open_terminal(prompt, answer_by) as tty:
        while True:
            try:
                password = getpass.getpass(f"{prompt}: ", sys.stderr)
            except EOFError:
                raise CliError(
                    "the question was not answered", hint=explain_question(prompt, answer_by)
                ) from None
            if password or empty:
                if sys.stderr.isatty():
                    mark_answered(tty, f"{prompt}: ")
                return password


def confirm(question: str, answer_by: str = "--force") -> bool:
    """Ask until the answer is yes or no."""
    while True:
        answer = ask(f"{question} [y/n]", answer_by).strip().lower()
        if answer in {"y", "yes"}:
            return True
        if answer in {"n", "no"}:
            return False


def open_terminal(question: str, answer_by: str = "") -> TextIO:
    """Open the terminal, whatever stdin and stdout are connected to. Raises CliError."""
    if os.name == "nt":
        no_terminal("CON", question, answer_by)
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError as error:
        no_terminal(f"open /dev/tty: {(error.strerror or '').lower()}", question, answer_by)
    # a terminal cannot seek, so the usual buffer for reading and writing would refuse it
    return io.TextIOWrapper(io.FileIO(descriptor, "r+"), write_through=True)  # pyright: ignore[reportArgumentType] - a raw file reads and writes as well


def no_terminal(cause: str, question: str, answer_by: str) -> NoReturn:
    """Say what would be asked, and what answers it without a terminal."""
    raise CliError(
        f"error allocating terminal: {cause}", hint=explain_question(question, answer_by)
    )


def explain_question(question: str, answer_by: str) -> str:
    """Return names the question and its other answer, in one line."""
    line = " ".join(question.split())
    other = (
        f"Without a terminal it is answered by {answer_by}."
        if answer_by
        else "It needs a terminal."
    )
    return f'The question is "{line}". {other}'
