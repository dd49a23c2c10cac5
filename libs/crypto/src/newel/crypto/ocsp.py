"""OCSP requests, parsed strictly: RFC 6960 §4.1, nonces as in RFC 9654.

The other half is :mod:`newel.crypto.ocsp_response`; its names are here too, so that callers import
one module.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509

from newel.crypto import certificate, der, keys
from newel.crypto.ocsp_response import (
    ErrorStatus,
    ResponseEncoder,
    SingleResponse,
    assemble_response,
    error_response,
)

MAX_SIZE = 16 * 1024
MAX_REQUESTS = 100
MAX_NONCE = 128

_NONCE = "1.3.6.1.5.5.7.48.1.2"
_ACCEPTABLE_RESPONSES = "1.3.6.1.5.5.7.48.1.4"
_NULL = b"\x05\x00"
_MAX_EXTENSIONS = 16
_MAX_SERIAL = 32

_HASHES = {
    der.oid("1.3.14.3.2.26"): "sha1",
    der.oid("2.16.840.1.101.3.4.2.1"): "sha256",
    der.oid("2.16.840.1.101.3.4.2.2"): "sha384",
    der.oid("2.16.840.1.101.3.4.2.3"): "sha512",
}


class MalformedRequest(ValueError):  # noqa: N818 - the name of the status RFC 6960 gives it
    """The octets are not a valid request: the status is malformedRequest."""


@dataclass(frozen=True, slots=True)
class CertID:
    """The identifier of a certificate.

    ``raw`` is the CertID as received, to be echoed; ``algorithm`` its AlgorithmIdentifier as
    received, parameters and all; ``serial`` the INTEGER's content octets. ``issuer`` is the hash's
    object identifier with the hashes of the issuer's name and key: one of :func:`issuer_hashes`,
    if the issuer is meant.
    """

    raw: bytes
    algorithm: bytes
    issuer: tuple[bytes, bytes, bytes]
    serial: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """A request; ``nonce`` is the value inside both octet strings, or None."""

    cert_ids: tuple[CertID, ...]
    nonce: bytes | None


def issuer_hashes(issuer: x509.Certificate) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield every way a CertID can name this issuer: by SHA-1, SHA-256, SHA-384 and SHA-512.

    The key is hashed as RFC 6960 §4.1.1 says: the content of the BIT STRING, without its tag,
    length and count of unused bits.
    """
    name = certificate.issuer_name(issuer)
    key = keys.subject_public_key(certificate.subject_public_key_info(issuer))
    for oid, hash_name in _HASHES.items():
        yield oid, hashlib.new(hash_name, name).digest(), hashlib.new(hash_name, key).digest()


def parse_request(data: bytes) -> Request:
    """Parse a request in DER. The requestor's name and signature are not read.

    Raises :class:`MalformedRequest` for what is not strict DER or goes on after its end, more than
    16 KiB or 100 certificates, a nonce not of 1 to 128 octets, an unknown critical extension.
    """
    if len(data) > MAX_SIZE:
        raise MalformedRequest(f"the request is longer than {MAX_SIZE} octets")
    try:
        return _request(der.Reader(der.only(data).content))
    except der.DERError as error:
        raise MalformedRequest(str(error)) from None


def _request(outer: der.Reader) -> Request:
    tbs = outer.sequence()
    outer.optional(0xA0)  # optionalSignature
    outer.end()
    tbs.optional(0xA1)  # requestorName
    listed = tbs.sequence()
    nonce = None
    if encoded := tbs.optional(0xA2):
        nonce = _nonce(encoded.content)
    tbs.end()
    cert_ids: list[CertID] = []
    while not listed.at_end:
        cert_ids.append(_single(listed.sequence()))
        if len(cert_ids) > MAX_REQUESTS:
            raise MalformedRequest(f"more than {MAX_REQUESTS} certificates are asked about")
    if not cert_ids:
        raise MalformedRequest("no certificate is asked about")
    return Request(tuple(cert_ids), nonce)


def _single(reader: der.Reader) -> CertID:
    element = reader.read(der.SEQUENCE)
    if encoded := reader.optional(0xA0):
        _read_extensions(encoded.content)
    reader.end()
    fields = der.Reader(element.content)
    algorithm = fields.read(der.SEQUENCE)
    identifier = der.Reader(algorithm.content)
    oid = identifier.read(der.OBJECT_IDENTIFIER).raw
    if not identifier.at_end and identifier.read(der.NULL).raw != _NULL:
        raise MalformedRequest("the hash algorithm has parameters")
    identifier.end()
    name = fields.read(der.OCTET_STRING).content
    key = fields.read(der.OCTET_STRING).content
    serial = fields.integer_octets()
    fields.end()
    if serial[0] >= 0x80 or len(serial) > _MAX_SERIAL:
        raise MalformedRequest("the serial number is negative or too long")
    return CertID(element.raw, algorithm.raw, (oid, name, key), serial)


def _nonce(encoded: bytes) -> bytes | None:
    value = _read_extensions(encoded).get(_NONCE)
    if value is None:
        return None
    nonce = der.only(value, der.OCTET_STRING).content
    if not 1 <= len(nonce) <= MAX_NONCE:
        raise MalformedRequest(f"a nonce has 1 to {MAX_NONCE} octets")
    return nonce


def _read_extensions(encoded: bytes) -> dict[str, bytes]:
    """Read the extensions by type; critical ones must be known."""
    reader = der.Reader(der.only(encoded).content)
    found: dict[str, bytes] = {}
    while not reader.at_end:
        each = reader.sequence()
        oid = each.oid()
        critical = each.peek() == der.BOOLEAN and each.boolean()
        if oid in found or len(found) == _MAX_EXTENSIONS:
            raise MalformedRequest("an extension is repeated, or there are too many")
        if critical and oid not in {_NONCE, _ACCEPTABLE_RESPONSES}:
            raise MalformedRequest(f"the critical extension {oid} is not known")
        found[oid] = each.read(der.OCTET_STRING).content
        each.end()
    if not found:
        raise MalformedRequest("the list of extensions is empty")
    return found


__all__ = [
    "CertID",
    "ErrorStatus",
    "MalformedRequest",
    "Request",
    "ResponseEncoder",
    "SingleResponse",
    "assemble_response",
    "error_response",
    "issuer_hashes",
    "parse_request",
]
