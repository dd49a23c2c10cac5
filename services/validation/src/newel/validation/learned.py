"""What the issuing authority says about certificates, in its events and its lists, as our values."""

from typing import Protocol

from google.protobuf.timestamp_pb2 import Timestamp

from newel.crypto import loading
from newel.crypto.crl import crl_entry
from newel.validation.status import CertificateKey, Issued, Revocation, canonical_serial


class SaidIssued(Protocol):
    """``events.v1.CertificateIssued`` and ``issuing.v1.Record`` alike."""

    der: bytes
    issuer: str


class SaidRevoked(Protocol):
    """``events.v1.CertificateRevoked`` and ``issuing.v1.Revoked`` alike."""

    serial: bytes
    issuer: str
    reason: int

    @property
    def revoked_at(self) -> Timestamp:
        """When."""
        ...

    @property
    def not_after(self) -> Timestamp:
        """When the certificate expires."""
        ...


def issued(said: SaidIssued) -> Issued:
    """What a certificate's DER says of itself; raises ValueError when it is none."""
    certificate = loading.load_certificate(said.der)
    serial = certificate.serial_number
    octets = serial.to_bytes((serial.bit_length() + 7) // 8, "big")
    return Issued(
        CertificateKey(said.issuer, octets), int(certificate.not_valid_after_utc.timestamp())
    )


def revocation(said: SaidRevoked) -> Revocation:
    """One revocation, its CRL entry encoded once and for ever."""
    serial = canonical_serial(said.serial)
    revoked_at = said.revoked_at.seconds
    return Revocation(
        key=CertificateKey(said.issuer, serial),
        not_after=said.not_after.seconds,
        revoked_at=revoked_at,
        reason=said.reason,
        entry=crl_entry(int.from_bytes(serial, "big"), revoked_at, said.reason),
    )
