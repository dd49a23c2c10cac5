"""`newel crypto jwt inspect`: what a token says, unverified."""

import json
from typing import TYPE_CHECKING

from newel.cli import program
from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import show_json
from newel.cli.jose import jws_messages
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_jwt import CryptoJWTInspectOptions


def run(options: "CryptoJWTInspectOptions") -> None:
    """Print the header and claims of the token on stdin."""
    options.positionals(0)
    if not options.insecure:
        raise UsageError(f"'{program.name()} crypto jwt inspect' requires the '--insecure' flag")
    show(jws_messages.parse(read("-").decode(errors="replace")))


def show(message: jws_messages.Jws) -> None:
    """Print the token as JSON."""
    try:
        claims: object = json.loads(message.payload)
    except ValueError as error:
        raise CliError(f"error marshaling token data: {error}") from None
    show_json(message.members(claims))
