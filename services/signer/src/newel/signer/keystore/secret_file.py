"""Reading the files that hold passwords, PINs and keys."""

from pathlib import Path

MAX_SIZE = 64 * 1024


def read_bounded(path: Path) -> bytes:
    """The octets of a small file; raises ``OSError`` when it is missing or too long to be one."""
    with path.open("rb") as file:
        data = file.read(MAX_SIZE + 1)
    if len(data) > MAX_SIZE:
        raise OSError(f"{path} is longer than {MAX_SIZE} octets")
    return data


def read_secret(path: Path) -> bytes:
    """A password or PIN: the file's octets without the line end an editor leaves behind."""
    secret = read_bounded(path).rstrip(b"\r\n")
    if not secret:
        raise OSError(f"{path} is empty where a secret is due")
    return secret
