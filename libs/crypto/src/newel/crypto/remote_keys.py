"""Private keys in another program, for the library's builders and our signing functions.

The library signs with any object that is a private key by its class.
"""

from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from newel.crypto import keys

Sign: TypeAlias = Callable[
    [bytes, hashes.HashAlgorithm | None, padding.AsymmetricPadding | None], bytes
]
"""The signature over some octets, by a hash (none for Ed25519) and, for RSA, a padding."""


class _Remote:
    """A key whose private half is in another program."""

    def __init__(self, public: Any, sign: Sign) -> None:
        self._public = public
        self._signed = sign

    def public_key(self) -> Any:
        return self._public

    def private_bytes(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError("the private half is in another program")

    private_numbers = private_bytes_raw = exchange = decrypt = private_bytes

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self


class _RemoteEC(_Remote, ec.EllipticCurvePrivateKey):
    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public.curve

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def sign(self, data: Any, signature_algorithm: Any) -> bytes:
        return self._signed(data, signature_algorithm.algorithm, None)


class _RemoteRSA(_Remote, rsa.RSAPrivateKey):
    @property
    def key_size(self) -> int:
        return self._public.key_size

    def sign(self, data: Any, padding: Any, algorithm: Any) -> bytes:
        return self._signed(data, algorithm, padding)


class _RemoteEd25519(_Remote, ed25519.Ed25519PrivateKey):
    def sign(self, data: Any) -> bytes:
        return self._signed(data, None, None)


def remote_key(public_key: keys.PublicKey, sign: Sign) -> keys.PrivateKey:
    """Make a key that signs by ``sign``. Its private half cannot be written: ``NotImplementedError``."""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return _RemoteEC(public_key, sign)
    if isinstance(public_key, rsa.RSAPublicKey):
        return _RemoteRSA(public_key, sign)
    return _RemoteEd25519(public_key, sign)


def is_remote(key: keys.PrivateKey) -> bool:
    """Say whether a key's private half is in another program."""
    return isinstance(key, _Remote)
