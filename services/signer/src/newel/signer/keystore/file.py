"""A key in a file: encrypted PKCS #8, or the RFC 1423 PEM that the step tools write."""

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from newel.crypto import keys
from newel.signer.keystore.passwords import read_password
from newel.signer.stores import FileStore

_SLOW_KEY_CONCURRENCY = 4
"""Enough threads to keep the cores of a small machine busy; the library releases the GIL."""


class FileKey:
    """A private key held in this process's memory."""

    needs_verification = False
    max_body = None

    def __init__(self, private_key: keys.PrivateKey) -> None:
        self._private_key = private_key
        self.public_key = private_key.public_key()
        # RSA takes a quarter of a millisecond and P-384 nearly as long: too long for the event loop
        slow = isinstance(private_key, rsa.RSAPrivateKey) or (
            isinstance(private_key, ec.EllipticCurvePrivateKey) and private_key.key_size > 256
        )
        self.concurrency = _SLOW_KEY_CONCURRENCY if slow else 0

    def sign(self, body: bytes) -> bytes:
        """Sign ``body`` with the algorithm of the key."""
        return keys.sign(self._private_key, body)

    def close(self) -> None:
        """Do nothing: a key in memory holds nothing open."""


def open_file_key(store: FileStore) -> FileKey:
    """Read and decrypt the key of a file.

    Raises ``OSError``, :class:`newel.crypto.keys.InvalidKeyError`, and for the password
    :class:`newel.runtime.config.ConfigError`.
    """
    password = read_password(store)
    with store.path.open("rb") as file:
        data = file.read(keys.MAX_ENCODED_KEY + 1)
    try:
        return FileKey(keys.load_private_key(data, password))
    except keys.InvalidKeyError as error:
        raise keys.InvalidKeyError(f"{store.path}: {error}") from None
