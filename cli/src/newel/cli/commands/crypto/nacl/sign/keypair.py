"""`newel crypto nacl sign keypair`."""

from typing import TYPE_CHECKING

from newel.cli.operations.crypto.nacl_files import check_names
from newel.cli.operations.keys.key_output import write_pair

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_nacl import CryptoNACLSignKeypairOptions


def run(options: "CryptoNACLSignKeypairOptions") -> None:
    """Write an Ed25519 key pair: 32 raw octets, and 64 that are seed and public key."""
    from nacl.signing import SigningKey

    public_name, private_name = options.positionals(2)
    check_names(public_name, private_name, options.command.usage)
    names = (public_name, private_name)
    key = SigningKey.generate()
    public = bytes(key.verify_key)
    write_pair(names, public, bytes(key) + public, force=options.force, json=options.json)
