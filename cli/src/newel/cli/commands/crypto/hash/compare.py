"""`newel crypto hash compare`."""

import hmac

from newel.cli.errors import CliError
from newel.cli.operations.crypto import digests
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Prints ok when a file or directory has the digest; fails with "fail" when not."""
    expected, name = call.positionals(2)
    try:
        wanted = bytes.fromhex(expected)
    except ValueError:
        raise CliError(f"error decoding {expected}: not a hexadecimal digest") from None
    if not hmac.compare_digest(wanted, digests.of_path(digests.chosen(call), name)):
        raise CliError("fail")
    print("ok")
