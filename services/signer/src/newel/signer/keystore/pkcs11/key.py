"""Keys in a token: P-256, P-384, RSA PKCS #1 v1.5 and Ed25519."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pkcs11 import Attribute, Mechanism, ObjectClass

from newel.crypto.keys import InvalidKeyError, PublicKey
from newel.signer.keys import KeyUnavailableError
from newel.signer.keystore.pkcs11.public_keys import public_key
from newel.signer.keystore.pkcs11.token import OpenSession, Token

# DigestInfo of SHA-256 up to the digest (RFC 8017 §9.2, note 1). The token pads and signs it, and never
# receives a CRL of many megabytes.
_SHA256_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


@dataclass(frozen=True, slots=True)
class KeyReference:
    """The name of a key in a token: a label, an id, or both, which must then both match."""

    label: str | None = None
    id: bytes | None = None

    def template(self, object_class: ObjectClass) -> dict[Attribute, object]:
        """Return the search template for one half of the pair."""
        template: dict[Attribute, object] = {Attribute.CLASS: object_class}
        if self.label is not None:
            template[Attribute.LABEL] = self.label
        if self.id is not None:
            template[Attribute.ID] = self.id
        return template


class TokenKey:
    """A private key that cannot leave its token, with its public half."""

    needs_verification = True
    max_body = None

    def __init__(self, token: Token, reference: KeyReference) -> None:
        self._token = token
        self._reference = reference
        self.concurrency = token.sessions
        self.public_key = token.use(lambda opened: read_public_key(opened, reference))
        self._sign = _signing_function(self.public_key)

    def sign(self, body: bytes) -> bytes:
        """Sign ``body``; the token receives its digest, or for Ed25519 all of it."""
        return self._token.use(lambda opened: self._sign(self._private_key(opened), body))

    def close(self) -> None:
        """Close the token's sessions."""
        self._token.close()

    def _private_key(self, opened: OpenSession) -> pkcs11.PrivateKey:
        found = opened.found.get(self._reference)
        if found is None:
            # A new session may have found another token with the same label
            if read_public_key(opened, self._reference) != self.public_key:
                raise pkcs11.TokenNotRecognised("it holds another key than when the signer started")
            found = find_private_key(opened, self._reference)
            opened.found[self._reference] = found
        return found


def find(opened: OpenSession, reference: KeyReference, object_class: ObjectClass) -> pkcs11.Object:
    """Find the only object of a class with a name. Raises ``pkcs11.NoSuchKey``, ``KeyUnavailableError``."""
    found = list(opened.session.get_objects(reference.template(object_class)))
    if not found:
        raise pkcs11.NoSuchKey(f"no {object_class.name} matches")
    if len(found) > 1:
        raise KeyUnavailableError(
            f"{len(found)} {object_class.name} objects match, one is expected"
        )
    return found[0]


def read_public_key(opened: OpenSession, reference: KeyReference) -> PublicKey:
    """Read the public key. Raises :class:`InvalidKeyError` for an unsupported kind."""
    found = find(opened, reference, ObjectClass.PUBLIC_KEY)
    if not isinstance(found, pkcs11.PublicKey):
        raise InvalidKeyError("the token's public key cannot be read")
    return public_key(found)


def find_private_key(opened: OpenSession, reference: KeyReference) -> pkcs11.PrivateKey:
    """Find the private key. Raises :class:`InvalidKeyError` unless it cannot be exported and may sign."""
    found = find(opened, reference, ObjectClass.PRIVATE_KEY)
    if not isinstance(found, pkcs11.PrivateKey):
        raise InvalidKeyError("the token's private key cannot be used")
    if found[Attribute.EXTRACTABLE] or not found[Attribute.SENSITIVE]:
        raise InvalidKeyError(
            "the private key can be exported from the token (extractable or not sensitive)"
        )
    if not found[Attribute.SIGN]:
        raise InvalidKeyError("the token's private key may not sign")
    return found


def _signing_function(key: PublicKey) -> Callable[[Any, bytes], bytes]:
    """Return the signing function for a kind of key; the library adds ``sign`` to the key's class."""
    if isinstance(key, rsa.RSAPublicKey):
        return _sign_pkcs1
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return _sign_ed25519
    digest = hashlib.sha256 if key.key_size == 256 else hashlib.sha384

    def sign_ecdsa(private: Any, body: bytes) -> bytes:
        return sign_digest(private, digest(body).digest())

    return sign_ecdsa


def sign_digest(private: Any, digest: bytes) -> bytes:
    """Sign a digest as a DER ECDSA-Sig-Value; the token returns r and s joined."""
    raw = private.sign(digest, mechanism=Mechanism.ECDSA)
    half = len(raw) // 2
    return encode_dss_signature(
        int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
    )


def _sign_pkcs1(private: Any, body: bytes) -> bytes:
    digest = hashlib.sha256(body).digest()
    return private.sign(_SHA256_DIGEST_INFO + digest, mechanism=Mechanism.RSA_PKCS)


def _sign_ed25519(private: Any, body: bytes) -> bytes:
    return private.sign(body, mechanism=Mechanism.EDDSA)
