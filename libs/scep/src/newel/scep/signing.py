"""Signed data of one signer with signed attributes (RFC 5652 §5), for answers and for clients."""

from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from newel.crypto import der
from newel.scep import constants
from newel.scep.constants import DIGESTS, IssuerAndSerial

_RSA_ENCRYPTION = der.sequence(der.oid("1.2.840.113549.1.1.1"), b"\x05\x00")
_VERSION = der.integer(1)
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


class Signer(NamedTuple):
    """A key that signs messages and decrypts those that are sent to it, with its certificate."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def id(self) -> IssuerAndSerial:
        """The name by which messages call the certificate."""
        own = self.certificate
        return IssuerAndSerial(own.issuer.public_bytes(), own.serial_number)


def hash_algorithm(name: str) -> hashes.HashAlgorithm:
    """Return the library's hash of a name in :data:`newel.scep.constants.DIGESTS`."""
    return _HASHES[name]()


def attribute(oid: str, value: bytes) -> bytes:
    """Encode an attribute of one encoded value."""
    return der.sequence(der.oid(oid), der.tlv(der.SET, value))


def printable(text: str) -> bytes:
    """Encode ASCII text as a PrintableString."""
    return der.tlv(der.PRINTABLE_STRING, text.encode())


def transaction_id(text: str) -> bytes:
    """Encode a transaction id, in which some clients write more than ASCII."""
    return printable(text) if text.isascii() else der.tlv(der.UTF8_STRING, text.encode())


def sign(content: bytes | None, digest: str, signer: Signer, more: tuple[bytes, ...]) -> bytes:
    """Return a ContentInfo of signed data in DER. ``more`` are encoded attributes to sign."""
    algorithm = hash_algorithm(digest)
    hashed = hashes.Hash(algorithm)
    hashed.update(content or b"")
    attributes = b"".join(
        sorted(
            (
                attribute(constants.CONTENT_TYPE, der.oid(constants.DATA)),
                attribute(constants.MESSAGE_DIGEST, der.octet_string(hashed.finalize())),
                *more,
            )
        )
    )
    signature = signer.key.sign(der.tlv(der.SET, attributes), padding.PKCS1v15(), algorithm)
    identifier = next(each.identifier for each in DIGESTS.values() if each.name == digest)
    own = signer.id
    signer_info = der.sequence(
        _VERSION,
        der.sequence(own.issuer, der.integer(own.serial)),
        identifier,
        der.tlv(0xA0, attributes),
        _RSA_ENCRYPTION,
        der.octet_string(signature),
    )
    inner = () if content is None else (der.explicit(0, der.octet_string(content)),)
    return content_info(
        der.sequence(
            _VERSION,
            der.tlv(der.SET, identifier),
            der.sequence(der.oid(constants.DATA), *inner),
            der.tlv(0xA0, signer.certificate.public_bytes(Encoding.DER)),
            der.tlv(der.SET, signer_info),
        )
    )


def content_info(signed: bytes) -> bytes:
    """Put SignedData into its ContentInfo."""
    return der.sequence(der.oid(constants.SIGNED_DATA), der.explicit(0, signed))
