"""`newel crypto key sign`: the signature of a private key over a file."""

import base64
import sys
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.interact.terminal import show_json
from newel.cli.operations.crypto import plain_signatures
from newel.cli.operations.keys.key_files import load
from newel.cli.store.files import read
from newel.crypto.keys import PrivateKey

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_key import CryptoKeySignOptions


def run(options: "CryptoKeySignOptions") -> None:
    """Print the signature over a file or stdin."""
    name = (options.positionals(0, 1) or ["-"])[0]
    key_file = options.require("key")
    message = read(name)
    key = load(key_file, options.password_file, single=True).key
    if not isinstance(key, PrivateKey):
        raise CliError(f"key {key_file} is not a signer")
    signature = plain_signatures.sign(key, message, options.alg or "sha256", pss=options.pss)
    if options.raw:
        sys.stdout.buffer.write(signature)
        sys.stdout.flush()
        return
    text = base64.b64encode(signature).decode()
    if options.json:
        show_json({"signature": text})
    else:
        print(text)
