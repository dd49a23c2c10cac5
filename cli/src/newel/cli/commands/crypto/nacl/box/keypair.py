"""`newel crypto nacl box keypair`."""

from newel.cli.crypto.nacl_files import two_files
from newel.cli.invocation import Invocation
from newel.cli.keys.key_output import write_pair


def run(call: Invocation) -> None:
    """Writes a Curve25519 key pair, 32 raw octets each."""
    from nacl.public import PrivateKey

    names = two_files(call)
    key = PrivateKey.generate()
    write_pair(names, bytes(key.public_key), bytes(key), call)
