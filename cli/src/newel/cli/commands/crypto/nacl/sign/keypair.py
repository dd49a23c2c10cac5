"""`newel crypto nacl sign keypair`."""

from newel.cli.crypto.nacl_files import two_files
from newel.cli.invocation import Invocation
from newel.cli.keys.key_output import write_pair


def run(call: Invocation) -> None:
    """Writes an Ed25519 key pair: 32 raw octets, and 64 that are seed and public key."""
    from nacl.signing import SigningKey

    names = two_files(call)
    key = SigningKey.generate()
    public = bytes(key.verify_key)
    write_pair(names, public, bytes(key) + public, call)
