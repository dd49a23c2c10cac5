"""`newel crypto nacl box keypair`."""

from typing import TYPE_CHECKING

from newel.cli.operations.crypto.nacl_files import two_files
from newel.cli.operations.keys.key_output import write_pair

if TYPE_CHECKING:
    from newel.cli.options.records.crypto import CryptoNACLBoxKeypairOptions


def run(options: "CryptoNACLBoxKeypairOptions") -> None:
    """Writes a Curve25519 key pair, 32 raw octets each."""
    from nacl.public import PrivateKey

    names = two_files(options)
    key = PrivateKey.generate()
    write_pair(names, bytes(key.public_key), bytes(key), options)
