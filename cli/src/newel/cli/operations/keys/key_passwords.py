"""The passwords of keys."""

from newel.cli.interact.terminal import PASSWORD_FILE, ask_password
from newel.cli.store.files import read_password

TRIES = 3
"""How often a person may type one."""


def password_for(
    name: str,
    password_file: str | None,
    prompt: str | None = None,
    answer_by: str = PASSWORD_FILE,
) -> bytes:
    """Return the password of ``password_file``, or what the person at the terminal answers."""
    if password_file:
        return read_password(password_file).encode(errors="surrogateescape")
    question = prompt or f"Please enter the password to decrypt {name}"
    return ask_password(question, answer_by=answer_by).encode()
