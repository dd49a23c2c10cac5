"""`newel crypto key fingerprint`: a short name for a public key."""

import hashlib
import sys
from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import show_json
from newel.cli.operations.keys.key_files import load
from newel.cli.render.fingerprint import format_fingerprint
from newel.crypto.keys import PrivateKey, PublicKey

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_key import CryptoKeyFingerprintOptions


def run(options: "CryptoKeyFingerprintOptions") -> None:
    """Print the fingerprint of the key in a file, certificate or request."""
    name = (options.positionals(0, 1) or ["-"])[0]
    if options.pkix and options.ssh:
        raise UsageError("flag '--pkix' and flag '--ssh' are mutually exclusive")
    short = options.sha1
    form = options.format or ("hex" if short else "base64")
    format_fingerprint(b"", form)
    key = load(name, options.password_file).key
    if isinstance(key, bytes):
        raise CliError("error marshaling public key: a symmetric key has no public half")
    octets = encode_key(options, key.public_key() if isinstance(key, PrivateKey) else key)
    if options.raw:
        sys.stdout.buffer.write(octets)
        sys.stdout.flush()
        return
    algorithm = "SHA1" if short else "SHA256"
    digest = hashlib.new(algorithm, octets, usedforsecurity=False).digest()
    if options.json:
        show_json({"algorithm": algorithm, "fingerprint": format_fingerprint(digest, form)})
    else:
        print(f"{algorithm}:{format_fingerprint(digest, form)}")


def encode_key(options: "CryptoKeyFingerprintOptions", key: PublicKey) -> bytes:
    """Return the octets to hash: the BIT STRING's content unless --pkix or --ssh ask for more."""
    if options.ssh:
        import base64

        from newel.cli.operations.keys.key_output import openssh_public

        return base64.b64decode(openssh_public(key).split()[1])
    from newel.crypto.keys import spki, subject_public_key

    whole = spki(key)
    return whole if options.pkix else subject_public_key(whole)
