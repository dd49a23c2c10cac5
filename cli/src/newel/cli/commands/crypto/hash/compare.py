"""`newel crypto hash compare`."""

import hmac
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.crypto import digests

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_hash import CryptoHashCompareOptions


def run(options: "CryptoHashCompareOptions") -> None:
    """Print ok when a file or directory has the digest; fails with "fail" when not."""
    expected, name = options.positionals(2)
    try:
        wanted = bytes.fromhex(expected)
    except ValueError:
        raise CliError(f"error decoding {expected}: not a hexadecimal digest") from None
    if not hmac.compare_digest(
        wanted, digests.of_path(digests.choose(options.alg, insecure=options.insecure), name)
    ):
        raise CliError("fail")
    print("ok")
