"""How a key is named to the inventory."""

from newel.cli.errors import UsageError

HEX = frozenset("0123456789abcdef")
DIGITS = 64
"""Of a SHA-256 digest in hexadecimal."""


def digest_of_key(word: str) -> str:
    """Return the digest of the key in a file, or the one that is given. Raises CliError.

    The file holds a public key, a certificate, a request or a private key.
    """
    digits = word.lower().removeprefix("sha256:").replace(":", "")
    if len(digits) == DIGITS and HEX.issuperset(digits):
        return digits
    if word.startswith("SHA256:"):
        raise UsageError(
            f"'{word}' is no fingerprint in hexadecimal",
            hint="Name the file of the key, or ask for its fingerprint: newel crypto key fingerprint"
            " --pkix --format hex FILE",
        )
    import hashlib

    from newel.cli.operations.keys.key_files import public_key
    from newel.crypto.keys import spki

    return hashlib.sha256(spki(public_key(word))).hexdigest()
