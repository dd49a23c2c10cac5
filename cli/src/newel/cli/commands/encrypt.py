"""`newel encrypt`: data that only its recipient can read, as a JWE (RFC 7516)."""

from typing import TYPE_CHECKING

from newel.cli.commands.crypto.jwe.encrypt import CONTENT
from newel.cli.errors import UsageError
from newel.cli.jose import jwe_messages, recipients
from newel.cli.options import output
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.options.records.encrypt import EncryptOptions
    from newel.crypto.reader.certificates import Certificate

ALGORITHMS = (*CONTENT, "C20P")
"""Of the content. The message names its own: decrypt needs no such flag."""


def run(call: "EncryptOptions") -> None:
    """Encrypt a file or stdin for the recipient of --to."""
    names = call.positionals(0, 1)
    enc = algorithm(call)
    recipient = recipients.find(call.require("to"), roots(call))
    plaintext = read(names[0] if names else "-", exact=True)
    message = jwe_messages.encrypt({**recipient.header, "enc": enc}, plaintext, recipient.key)
    output.deliver(call, output.line(jwe_messages.full(message) if call.json else message))


def algorithm(call: "EncryptOptions") -> str:
    """Return the content encryption of --algorithm. Raises UsageError."""
    asked = call.require("algorithm")
    found = next((name for name in ALGORITHMS if name.lower() == asked.lower()), None)
    if found is None:
        options = ", ".join(ALGORITHMS)
        raise UsageError(f"invalid value '{asked}' for flag '--algorithm'; options are {options}")
    return found


def roots(call: "EncryptOptions") -> "list[Certificate] | None":
    """Those of --roots, under which the recipient's certificate must stand; None without the flag."""
    from newel.cli.operations.certificates import vouched

    named = call.roots
    return vouched.roots_in(named) if named else None
