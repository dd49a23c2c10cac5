"""The statements that the signer can be asked to sign; each is parsed before anything else.

A caller sends the octets that a signature would cover. They are framed as a certificate, CRL or OCSP
response with an empty signature and parsed by the library's strict parser; what it refuses (a digest, a
request, a statement of another type) is never signed. Statements of different types never parse as one
another, because they begin with different tags.
"""

import datetime as dt
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cryptography import x509
from cryptography.x509 import ocsp

from newel.crypto import der, loading, oids, serials
from newel.signer.errors import malformed_error

MAX_SMALL = 64 * 1024
MAX_CRL = 256 * 1024 * 1024

_NO_SIGNATURE = der.bit_string(b"")
_FRAME = der.sequence(der.oid(oids.ECDSA_WITH_SHA256)) + _NO_SIGNATURE
_EXTENSIONS = 0xA3
_VERSION_3 = b"\xa0\x03\x02\x01\x02"
_BASIC_RESPONSE = der.oid(oids.OCSP_BASIC)
_SUCCESSFUL = b"\x0a\x01\x00"


class Kind(enum.StrEnum):
    """The types of statement, named as in the contract's ``Key.statements``."""

    CERTIFICATE = "certificate"
    CRL = "crl"
    OCSP = "ocsp"
    SSH = "ssh"
    KRL = "krl"


class CertificateStatement(NamedTuple):
    """A TBSCertificate (RFC 5280 §4.1.2). All fields but the times are as encoded."""

    serial: bytes  # the INTEGER's content
    algorithm: bytes
    issuer: bytes
    subject: bytes
    public_key: bytes
    not_before: dt.datetime
    not_after: dt.datetime
    extensions: Sequence[bytes]

    @property
    def identity(self) -> str:
        """The name in the audit trail: the serial in hex."""
        return self.serial.hex()


@dataclass(frozen=True, slots=True)
class CRLStatement:
    """A TBSCertList (RFC 5280 §5.1.2); the revoked entries are not parsed."""

    algorithm: bytes
    issuer: bytes
    this_update: dt.datetime
    next_update: dt.datetime | None
    number: int | None
    extensions: x509.Extensions

    @property
    def identity(self) -> str:
        """The name in the audit trail: the CRL number."""
        return str(self.number)


@dataclass(frozen=True, slots=True)
class OCSPStatement:
    """A ResponseData (RFC 6960 §4.2.1)."""

    responder_name: x509.Name | None
    responder_key_hash: bytes | None
    produced_at: dt.datetime
    responses: Sequence[ocsp.OCSPSingleResponse]

    @property
    def identity(self) -> str:
        """The name in the audit trail: the serials in hex."""
        return ",".join(f"{response.serial_number:x}" for response in self.responses)


def parse_certificate(body: bytes) -> CertificateStatement:
    """Parse a TBSCertificate; its serial must be positive and of at most 20 octets.

    Raises :func:`malformed_error`.
    """
    _check_size(body, MAX_SMALL)
    try:
        # RFC 5280 §4.1: seven fields, and the extensions; the unique identifiers are not to be used
        (whole,) = der.split(body)
        fields = der.split(der.content(whole))
        version, serial, algorithm, issuer, _validity, subject, key, *rest = fields
        if version != _VERSION_3:
            raise malformed_error("a certificate that is not of version 3")
        if [field[0] for field in rest] != [_EXTENSIONS]:
            raise malformed_error("a certificate with unique identifiers, or without extensions")
        serials.check(der.content(serial))
        certificate = loading.load_certificate(der.tlv(der.SEQUENCE, body + _FRAME))
        return CertificateStatement(
            der.content(serial),
            algorithm,
            issuer,
            subject,
            key,
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
            der.split(der.content(der.content(rest[0]))),
        )
    except ValueError as error:
        raise malformed_error(f"no TBSCertificate: {error}") from None


def parse_crl(body: bytes) -> CRLStatement:
    """Parse a TBSCertList. Raises :func:`malformed_error`."""
    _check_size(body, MAX_CRL)
    try:
        fields = der.Reader(body)
        size = fields.enter(der.SEQUENCE)
        if len(der.header(der.SEQUENCE, size)) + size != len(body):
            raise malformed_error("octets after the TBSCertList")
        if fields.integer() != 1:
            raise malformed_error("a CRL that is not of version 2")
        algorithm, issuer = (fields.read(der.SEQUENCE).raw for _ in range(2))
        # The library wants the algorithm outside to be the one inside. One join: a list may be long.
        after = algorithm + _NO_SIGNATURE
        framed = der.header(der.SEQUENCE, len(body) + len(after)), body, after
        crl = loading.load_list(b"".join(framed))
        extensions = crl.extensions
        return CRLStatement(
            algorithm,
            issuer,
            crl.last_update_utc,
            crl.next_update_utc,
            _crl_number(extensions),
            extensions,
        )
    except (ValueError, x509.DuplicateExtension) as error:
        raise malformed_error(f"no TBSCertList: {error}") from None


def parse_ocsp(body: bytes) -> OCSPStatement:
    """Parse a ResponseData. Raises :func:`malformed_error`."""
    _check_size(body, MAX_SMALL)
    basic = der.octet_string(der.tlv(der.SEQUENCE, body + _FRAME))
    framed = der.sequence(_SUCCESSFUL, der.explicit(0, der.sequence(_BASIC_RESPONSE, basic)))
    try:
        der.only(body)
        response = ocsp.load_der_ocsp_response(framed)
        return OCSPStatement(
            response.responder_name,
            response.responder_key_hash,
            response.produced_at_utc,
            tuple(response.responses),
        )
    except (ValueError, x509.DuplicateExtension) as error:
        raise malformed_error(f"not an OCSP ResponseData: {error}") from None


def _crl_number(extensions: x509.Extensions) -> int | None:
    for extension in extensions:
        if isinstance(extension.value, x509.CRLNumber):
            return extension.value.crl_number
    return None


def _check_size(body: bytes, size: int) -> None:
    if len(body) > size:
        raise malformed_error(f"{len(body)} octets, the maximum is {size}")
