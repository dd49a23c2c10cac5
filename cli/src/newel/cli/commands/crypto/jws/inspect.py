"""`newel crypto jws inspect`: what a JWS says, unverified."""

import sys
from typing import TYPE_CHECKING

from newel.cli import program
from newel.cli.errors import UsageError
from newel.cli.interact.terminal import show_json
from newel.cli.jose import jws_messages
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_jws import CryptoJWSInspectOptions, CryptoJWSVerifyOptions


def run(options: "CryptoJWSInspectOptions") -> None:
    """Print the payload of the JWS on stdin, or all of it as JSON."""
    options.positionals(0)
    if not options.insecure:
        raise UsageError(f"'{program.name()} crypto jws inspect' requires the '--insecure' flag")
    message = jws_messages.parse(read("-").decode(errors="replace"))
    show(options, message, message.payload)


def show(
    options: "CryptoJWSInspectOptions | CryptoJWSVerifyOptions",
    message: jws_messages.Jws,
    payload: bytes,
) -> None:
    """Print the payload as it is, or the whole message with it in base64url."""
    if options.json_ or options.json:
        show_json(message.members(message.payload_text))
        return
    sys.stdout.buffer.write(payload)
    sys.stdout.flush()
