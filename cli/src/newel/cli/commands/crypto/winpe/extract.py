"""`newel crypto winpe extract`: the certificates in the signature of a Windows executable."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.interact.terminal import show_json
from newel.cli.operations.crypto.windows_executables import certificates, signature

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_winpe import CryptoWinpeExtractOptions


def run(options: "CryptoWinpeExtractOptions") -> None:
    """Print the certificates as PEM."""
    from newel.crypto import pem

    (name,) = options.positionals(1)
    try:
        with Path(name).open("rb") as file:
            data = signature(file)
    except OSError as error:
        raise CliError(f"error opening {name}: {(error.strerror or '').lower()}") from None
    found = [pem.encode(der).decode() for der in certificates(data)]
    if options.json:
        show_json(found)
    else:
        sys.stdout.write("".join(found))
