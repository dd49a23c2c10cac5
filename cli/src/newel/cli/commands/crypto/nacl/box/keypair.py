"""`newel crypto nacl box keypair`."""

from newel.cli.operations.crypto.nacl_files import two_files
from newel.cli.operations.keys.key_output import write_pair
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Writes a Curve25519 key pair, 32 raw octets each."""
    from nacl.public import PrivateKey

    names = two_files(call)
    key = PrivateKey.generate()
    write_pair(names, bytes(key.public_key), bytes(key), call)
