"""A certificate with its chain and its private key, which stays in this process."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from newel.client.calls import IssuedCertificate
from newel.client.errors import AnswerError
from newel.crypto import loading, pem
from newel.crypto.entropy import random_hex
from newel.crypto.keys import PrivateKey, load_private_key
from newel.step.fingerprint import fingerprint


@dataclass(frozen=True)
class Credential:
    """``chain`` is DER, leaf first; ``key`` is never shown, logged or written unless asked."""

    chain: tuple[bytes, ...]
    key: PrivateKey

    def __repr__(self) -> str:
        return f"Credential({self.certificate.subject.rfc4514_string()!r}, {self.not_after:%Y-%m-%dT%H:%M:%SZ})"

    @cached_property
    def certificate(self) -> x509.Certificate:
        """The leaf."""
        return loading.load_certificate(self.chain[0])

    @property
    def not_before(self) -> dt.datetime:
        """The start of its validity."""
        return self.certificate.not_valid_before_utc

    @property
    def not_after(self) -> dt.datetime:
        """The end of its validity."""
        return self.certificate.not_valid_after_utc

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the leaf, hex."""
        return fingerprint(self.chain[0])

    @property
    def chain_pem(self) -> bytes:
        """The chain as a certificate file holds it."""
        return pem.encode_all(self.chain)

    def key_pem(self, password: bytes | None = None) -> bytes:
        """Return the key as PKCS #8 PEM, encrypted when a password is given."""
        protection = BestAvailableEncryption(password) if password else NoEncryption()
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)

    def encrypt_key(self) -> tuple[bytes, str]:
        """Return the key under a new password, for libraries that insist on a file, and the password."""
        password = random_hex(16)
        return self.key_pem(password.encode()), password


def of_answer(issued: IssuedCertificate, key: PrivateKey) -> Credential:
    """Return what an authority issued for a key. Raises AnswerError when it is for another key."""
    try:
        return check(tuple(pem.decode(text.encode()) for text in issued.chain), key)
    except ValueError as error:
        raise AnswerError(f"the authority's certificate cannot be used: {error}") from None


def of_pem(chain: bytes, key: PrivateKey | bytes, password: bytes | None = None) -> Credential:
    """From PEM texts. Raises ValueError for what does not parse or does not belong together."""
    loaded = load_private_key(key, password) if isinstance(key, bytes) else key
    return check(tuple(pem.decode_all(chain)), loaded)


def check(chain: Sequence[bytes], key: PrivateKey) -> Credential:
    """Return the credential if its key is its certificate's, else raise ValueError."""
    made = Credential(tuple(chain), key)
    if made.certificate.public_key() != key.public_key():
        raise ValueError("the certificate is for another key")
    return made
