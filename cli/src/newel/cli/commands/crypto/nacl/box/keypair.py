"""`newel crypto nacl box keypair`."""

from newel.cli.invocation import Invocation
from newel.cli.key_output import write_pair
from newel.cli.nacl_files import two_files


def run(call: Invocation) -> None:
    """Writes a Curve25519 key pair, 32 raw octets each."""
    from nacl.public import PrivateKey

    names = two_files(call)
    key = PrivateKey.generate()
    write_pair(names, bytes(key.public_key), bytes(key), call)
