"""One key of a token, used by a person with its PIN: its public half, certificates, and signatures."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pkcs11 import MGF, Attribute, Mechanism, ObjectClass

from newel.crypto.keys import InvalidKeyError, PublicKey
from newel.signer.keystore.pkcs11.key import find_private_key, read_public_key, sign_digest
from newel.signer.keystore.pkcs11.module import module
from newel.signer.keystore.pkcs11.token import OpenSession
from newel.signer.keystore.plugin.uri import KeyLocation


class Hash(NamedTuple):
    """A hash as PKCS #1 v1.5 (RFC 8017 §9.2, note 1: DigestInfo up to the digest) and PSS name it."""

    digest_info: bytes
    mechanism: Mechanism
    mgf: MGF
    size: int


HASHES = {
    "SHA256": Hash(
        bytes.fromhex("3031300d060960864801650304020105000420"), Mechanism.SHA256, MGF.SHA256, 32
    ),
    "SHA384": Hash(
        bytes.fromhex("3041300d060960864801650304020205000430"), Mechanism.SHA384, MGF.SHA384, 48
    ),
    "SHA512": Hash(
        bytes.fromhex("3051300d060960864801650304020305000440"), Mechanism.SHA512, MGF.SHA512, 64
    ),
}


@contextmanager
def open_session(location: KeyLocation) -> Generator[OpenSession]:
    """Open a session, with a login if there is a PIN. Raises ``pkcs11.PKCS11Error``."""
    library = module(location.module)
    token = library.find_token(location.token)
    with token.open(user_pin=location.pin or None) as session:
        yield OpenSession(session, library.generation)


def public_key(location: KeyLocation) -> PublicKey:
    """Read the public half."""
    with open_session(location) as session:
        return read_public_key(session, location.key)


def certificates(location: KeyLocation) -> list[bytes]:
    """Read the certificates with the key's name, in DER."""
    with open_session(location) as session:
        found = session.session.get_objects(location.key.template(ObjectClass.CERTIFICATE))
        return [bytes(one[Attribute.VALUE]) for one in found]


def sign(location: KeyLocation, digest: bytes, algorithm: str, salt: int | None) -> bytes:
    """Sign a digest, for Ed25519 the whole message; PSS with ``salt`` octets of salt, else PKCS #1.

    Raises :class:`InvalidKeyError` for a digest of another length than the hash's.
    """
    with open_session(location) as session:
        public: Any = read_public_key(session, location.key)
        private: Any = find_private_key(session, location.key)
        if isinstance(public, ec.EllipticCurvePublicKey):
            return sign_digest(private, digest)
        if not isinstance(public, rsa.RSAPublicKey):
            return private.sign(digest, mechanism=Mechanism.EDDSA)
        used = HASHES[algorithm]
        if len(digest) != used.size:
            raise InvalidKeyError(f"{len(digest)} octets are no {algorithm} digest")
        if salt is None:
            return private.sign(used.digest_info + digest, mechanism=Mechanism.RSA_PKCS)
        parameters = (used.mechanism, used.mgf, salt)
        return private.sign(digest, mechanism=Mechanism.RSA_PKCS_PSS, mechanism_param=parameters)
