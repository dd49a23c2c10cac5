"""Passwords for what is being made: read from a file, chosen by the person, or made where none is chosen."""

import secrets

from newel.cli.errors import CliError
from newel.cli.interact.terminal import ask_password, say
from newel.cli.store.files import read_password

LENGTH = 32
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def new_password(file: str | None, prompt: str) -> bytes:
    """Return the password of the file, else ask for one; generate and show it for an empty answer."""
    if file:
        return password_in(file)
    typed = ask_password(f"{prompt}\n[leave empty and we'll generate one]", empty=True)
    if not typed:
        typed = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        say("Password", typed)
    return typed.encode()


def password_in(name: str) -> bytes:
    """Return what a password file holds. Raises CliError when that is nothing."""
    password = read_password(name).encode(errors="surrogateescape")
    if not password:
        raise CliError(f"{name} holds no password")
    return password
