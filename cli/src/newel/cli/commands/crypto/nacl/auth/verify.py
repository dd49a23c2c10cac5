"""`newel crypto nacl auth verify`."""

import hmac
from typing import TYPE_CHECKING

from newel.cli.commands.crypto.nacl.auth.digest import SIZE, authenticator
from newel.cli.errors import CliError
from newel.cli.operations.crypto.nacl_files import key
from newel.cli.store.standard_input import text_or_answer

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_nacl import CryptoNACLAuthVerifyOptions


def run(options: "CryptoNACLAuthVerifyOptions") -> None:
    """Print ok when the digest is that of stdin; fails with "fail" when not."""
    name, digest = options.positionals(2)
    secret = key(name, SIZE, "key file")
    try:
        expected = bytes.fromhex(digest)
    except ValueError as error:
        raise CliError(f"error decoding digest: {error}") from None
    message = text_or_answer("Please enter text to verify")
    if not hmac.compare_digest(authenticator(secret, message), expected):
        raise CliError("fail")
    print("ok")
