"""`newel crypto key verify`: whether a signature over a file is a key's."""

import base64
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.crypto import plain_signatures
from newel.cli.operations.keys.key_files import load
from newel.cli.store.files import read
from newel.crypto.keys import PublicKey

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_key import CryptoKeyVerifyOptions


def run(options: "CryptoKeyVerifyOptions") -> None:
    """Print true; fail with "false" when the signature does not verify."""
    name = (options.positionals(0, 1) or ["-"])[0]
    key_file, text = options.require("key"), options.require("signature")
    message = read(name)
    try:
        signature = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise CliError(f"error decoding base64 signature: {error}") from None
    key = load(key_file, single=True).key
    if not isinstance(key, PublicKey):
        raise CliError(f"unsupported public key {key_file}")
    alg = options.alg or "sha256"
    if not plain_signatures.verifies(key, signature, message, alg, pss=options.pss):
        raise CliError("false")
    print("true")
