"""Conversion of the issuing authority's events and lists into the values of this service."""

from typing import Protocol

from google.protobuf.timestamp_pb2 import Timestamp

from newel.crypto import loading
from newel.crypto.crl import crl_entry
from newel.validation.status import CertificateKey, IssuedCertificate, Revocation, canonical_serial


class IssuedMessage(Protocol):
    """The fields that ``events.v1.CertificateIssued`` and ``issuing.v1.Record`` share."""

    der: bytes
    issuer: str


class RevokedMessage(Protocol):
    """The fields that ``events.v1.CertificateRevoked`` and ``issuing.v1.Revoked`` share."""

    serial: bytes
    issuer: str
    reason: int

    @property
    def revoked_at(self) -> Timestamp:
        """When it was revoked."""
        ...

    @property
    def not_after(self) -> Timestamp:
        """When the certificate expires."""
        ...


def read_issued(message: IssuedMessage) -> IssuedCertificate:
    """Read the key and expiry of a certificate. Raises ValueError for DER that is none."""
    certificate = loading.load_certificate(message.der)
    serial = certificate.serial_number
    octets = serial.to_bytes((serial.bit_length() + 7) // 8, "big")
    return IssuedCertificate(
        CertificateKey(message.issuer, octets), int(certificate.not_valid_after_utc.timestamp())
    )


def read_revocation(message: RevokedMessage) -> Revocation:
    """Read a revocation and encode its CRL entry, which never changes."""
    serial = canonical_serial(message.serial)
    revoked_at = message.revoked_at.seconds
    return Revocation(
        key=CertificateKey(message.issuer, serial),
        not_after=message.not_after.seconds,
        revoked_at=revoked_at,
        reason=message.reason,
        entry=crl_entry(int.from_bytes(serial, "big"), revoked_at, message.reason),
    )
