"""`newel crypto jws inspect`: what a JWS says, unverified."""

import sys

from newel.cli import program
from newel.cli.errors import UsageError
from newel.cli.interact.terminal import show_json
from newel.cli.jose import jws_messages
from newel.cli.options.invocation import Invocation
from newel.cli.store.files import read


def run(call: Invocation) -> None:
    """Prints the payload of the JWS on stdin, or all of it as JSON."""
    call.positionals(0)
    if not call.on("insecure"):
        raise UsageError(f"'{program.name()} crypto jws inspect' requires the '--insecure' flag")
    message = jws_messages.parse(read("-").decode(errors="replace"))
    show(call, message, message.payload)


def show(call: Invocation, message: jws_messages.Jws, payload: bytes) -> None:
    """The payload as it is, or the whole message with it in base64url."""
    if call.on("json") or call.json:
        show_json(message.members(message.payload_text))
        return
    sys.stdout.buffer.write(payload)
    sys.stdout.flush()
