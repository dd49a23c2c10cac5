"""`newel crypto nacl sign keypair`."""

from newel.cli.operations.crypto.nacl_files import two_files
from newel.cli.operations.keys.key_output import write_pair
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Writes an Ed25519 key pair: 32 raw octets, and 64 that are seed and public key."""
    from nacl.signing import SigningKey

    names = two_files(call)
    key = SigningKey.generate()
    public = bytes(key.verify_key)
    write_pair(names, public, bytes(key) + public, call)
