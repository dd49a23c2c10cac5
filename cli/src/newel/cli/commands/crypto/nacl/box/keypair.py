"""`newel crypto nacl box keypair`."""

from typing import TYPE_CHECKING

from newel.cli.operations.crypto.nacl_files import check_names
from newel.cli.operations.keys.key_output import write_pair

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_nacl import CryptoNACLBoxKeypairOptions


def run(options: "CryptoNACLBoxKeypairOptions") -> None:
    """Write a Curve25519 key pair, 32 raw octets each."""
    from nacl.public import PrivateKey

    public_name, private_name = options.positionals(2)
    check_names(public_name, private_name, options.command.usage)
    names = (public_name, private_name)
    key = PrivateKey.generate()
    write_pair(names, bytes(key.public_key), bytes(key), force=options.force, json=options.json)
