"""Keys, nonces and messages as the nacl commands take and give them."""

import base64
import sys

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import show_json
from newel.cli.store.files import read

NONCE = 24


def key(name: str, size: int, what: str) -> bytes:
    """Return the raw octets of a key file. Raises CliError when they are not ``size``."""
    data = read(name, exact=True)
    if len(data) != size:
        raise CliError(f"invalid {what}: key size is not {size} bytes")
    return data


def nonce(text: str) -> bytes:
    """Return the nonce an argument spells, filled up with zeros: raw, ``string:`` or ``base64:``."""
    if text.startswith("base64:"):
        try:
            value = base64.b64decode(text.removeprefix("base64:"), validate=True)
        except ValueError as error:
            raise CliError(f"error decoding base64 nonce: {error}") from None
    else:
        value = text.removeprefix("string:").encode(errors="surrogateescape")
    if len(value) > NONCE:
        raise CliError(f"nonce cannot be longer than {NONCE} bytes")
    return value.ljust(NONCE, b"\0")


def read_input(*, raw: bool) -> bytes:
    """Return stdin as octets, decoded from base64url unless it is raw. Raises CliError."""
    data = read("-", exact=True)
    if raw:
        return data
    text = data.decode(errors="replace").translate({ord("\r"): None, ord("\n"): None})
    if "=" in text:
        raise CliError("error decoding base64 input: it is padded")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise CliError(f"error decoding base64 input: {error}") from None


def show(data: bytes, *, raw: bool, json: bool) -> None:
    """Print octets: base64url and a line feed, JSON, or as they are when raw."""
    if raw:
        show_raw(data)
        return
    text = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    if json:
        show_json({"message": text})
    else:
        print(text)


def show_raw(data: bytes) -> None:
    """Print octets as they are."""
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def check_names(public: str, private: str, usage: str) -> None:
    """Refuse one name for a public and a private key file. Raises UsageError."""
    if public == private:
        raise UsageError(
            f"positional arguments <pub-file> and <priv-file> cannot be equal in '{usage}'"
        )
