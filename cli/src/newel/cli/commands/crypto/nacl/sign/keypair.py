"""`newel crypto nacl sign keypair`."""

from typing import TYPE_CHECKING

from newel.cli.operations.crypto.nacl_files import two_files
from newel.cli.operations.keys.key_output import write_pair

if TYPE_CHECKING:
    from newel.cli.options.records.crypto import CryptoNACLSignKeypairOptions


def run(options: "CryptoNACLSignKeypairOptions") -> None:
    """Writes an Ed25519 key pair: 32 raw octets, and 64 that are seed and public key."""
    from nacl.signing import SigningKey

    names = two_files(options)
    key = SigningKey.generate()
    public = bytes(key.verify_key)
    write_pair(names, public, bytes(key) + public, options)
