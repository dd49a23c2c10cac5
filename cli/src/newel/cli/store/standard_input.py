"""What comes by stdin: whether there is any, and text that may come from a terminal instead."""

import os
import stat

from newel.cli.store.files import read

STDIN = 0


def has_input() -> bool:
    """Say whether stdin is a pipe or a file with something in it; a terminal is neither."""
    try:
        status = os.fstat(STDIN)
    except OSError:
        return False  # it is closed
    return status.st_size > 0 or stat.S_ISFIFO(status.st_mode)


def text_or_answer(prompt: str) -> bytes:
    """All of stdin as it is; a line from the terminal where stdin is one."""
    if os.isatty(STDIN):
        from newel.cli.interact.terminal import ask

        return ask(prompt, "standard input").encode()
    return read("-", exact=True)
