"""Decides on the revocations that administrators ask for."""

from dataclasses import dataclass

from newel.registration.audit_trail import AuditTrail, Decision
from newel.registration.authority import Authority
from newel.registration.issuance import CertificateRecord, Issuance, RevocationRequest
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.roles import VerifiedAdministrator
from newel.runtime.request_id import request_id


@dataclass(frozen=True, slots=True)
class Preview:
    """What a revocation would do."""

    serial: str
    provisioner: str
    is_revoked: bool
    is_published: bool
    """Whether OCSP and the CRL would show it; otherwise renewal alone is refused."""


@dataclass(frozen=True, slots=True)
class RevocationService:
    """Revokes certificates of this authority, of whichever provisioner."""

    authority: Authority
    issuance: Issuance
    active_revocation: bool
    audit_trail: AuditTrail

    async def preview(self, serial: bytes) -> Preview:
        """Tell what the revocation of a certificate would do. Raises ``notFound`` and ``unavailable``."""
        record = await self._find(serial)
        return Preview(
            serial.hex(), record.provisioner.name, record.is_revoked, self._is_published(record)
        )

    async def revoke(
        self, serial: bytes, reason: int, comment: str, administrator: VerifiedAdministrator
    ) -> Preview:
        """Revoke one certificate, with a reason of RFC 5280 §5.3.1, and write the decision down.

        Raises ``notFound``, ``alreadyRevoked`` and ``unavailable``.
        """
        actor = f"administrator:{administrator.subject}"
        facts = {"serial": serial, "actor": actor, "reason": reason, "provisioner": ""}
        try:
            record = await self._find(serial)
            active = self._is_published(record)
            name = record.provisioner.name
            facts |= {"active": active}
            if self.authority.provisioners.by_certificate(record.provisioner) is not None:
                facts["provisioner"] = name
            await self.issuance.revoke(
                RevocationRequest(
                    serial=serial,
                    reason=reason,
                    reason_text=comment,
                    active=active,
                    actor=actor,
                    provisioner=name,
                    request_id=request_id(),
                )
            )
        except NewelError as error:
            refusal = _translate(error)
            self.audit_trail.write(Decision("revoke", facts, refusal))
            raise refusal from error
        self.audit_trail.write(Decision("revoke", facts))
        return Preview(serial.hex(), name, is_revoked=True, is_published=active)

    async def _find(self, serial: bytes) -> CertificateRecord:
        record = await self.issuance.find(serial=serial)
        if record is None:
            raise NewelError(ErrorType.NOT_FOUND, "There is no such certificate.")
        return record

    def _is_published(self, record: CertificateRecord) -> bool:
        owner = self.authority.provisioners.by_certificate(record.provisioner)
        return owner.active_revocation if owner else self.active_revocation


def _translate(error: NewelError) -> NewelError:
    if error.type is ErrorType.ALREADY_REVOKED:
        detail = "The certificate is revoked already."
        return NewelError(ErrorType.ALREADY_REVOKED, detail, cause=error.cause)
    return error
