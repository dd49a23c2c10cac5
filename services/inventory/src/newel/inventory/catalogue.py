"""Certificates and endpoints as they are shown; times in seconds since 1970."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CertificateEntry:
    """One certificate of the catalogue."""

    serial: bytes
    issuer: str
    endpoint: str
    common_name: str
    names: tuple[str, ...]  # "dns:a.example" …
    provisioner: str
    provisioner_type: str
    proof: str  # whom the provisioner proved
    not_before: int
    not_after: int
    issued_at: int
    renewed_from: bytes | None
    fingerprint: bytes  # SHA-256 of the DER
    revoked_at: int | None
    reason: int | None
    revoked_actively: bool | None

    def state(self, now: int) -> str:
        """``revoked``, ``expired`` or ``active``: neither of the two (END-07)."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.not_after < now else "active"


@dataclass(frozen=True, slots=True)
class EndpointEntry:
    """One endpoint of the catalogue."""

    id: str
    common_name: str
    names: tuple[str, ...]
    provisioner: str
    provisioner_type: str
    opened_at: int
    last_serial: bytes | None  # the certificate that ends last of those not revoked
    last_not_after: int  # 0 when every certificate is revoked
    warned: bool  # said to be expiring, and nothing followed yet

    def state(self, now: int) -> str:
        """``ended``: no active certificate; ``expiring``: the last one is late; else ``active``."""
        if self.last_not_after < now:
            return "ended"
        return "expiring" if self.warned else "active"
