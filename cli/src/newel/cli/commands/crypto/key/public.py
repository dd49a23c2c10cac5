"""`newel crypto key public`: the public half of a key."""

import sys
from typing import TYPE_CHECKING

from newel.cli.interact.terminal import note, show_json
from newel.cli.operations.keys.key_files import public_key
from newel.cli.operations.keys.key_output import public_pem
from newel.cli.store.files import write

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_key import CryptoKeyPublicOptions


def run(options: "CryptoKeyPublicOptions") -> None:
    """Print or write the public key as PEM."""
    name = (options.positionals(0, 1) or ["-"])[0]
    text = public_pem(public_key(name, options.password_file))
    out = options.out
    if out is None:
        if options.json:
            show_json({"publicKey": text.decode()})
        else:
            sys.stdout.write(text.decode())
        return
    write(out, text, force=options.force)
    note(f"The public key has been saved in {out}.")
