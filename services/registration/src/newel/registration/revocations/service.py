"""Decides on the revocations that administrators ask for."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from newel.crypto.ssh import certificates
from newel.registration.audit_trail import AuditTrail, Decision
from newel.registration.authority import Authority
from newel.registration.issuance import (
    CertificateRecord,
    Issuance,
    KeyBlock,
    ProvisionerRef,
    RevocationRequest,
)
from newel.registration.ssh_issuance import SSHIssuance, SSHRecord, SSHType
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.roles import VerifiedAdministrator
from newel.runtime.request_id import request_id

_SSH_OCTETS = 8
"""Of the serial number of an SSH certificate."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a revocation would do."""

    serial: str
    provisioner: str
    is_revoked: bool
    is_published: bool
    """Whether OCSP and the CRL would show it; otherwise renewal alone is refused."""


class Target(NamedTuple):
    """A certificate to revoke."""

    serial: bytes
    ssh_type: SSHType | None = None
    """None for one of X.509; another certificate with the same number is not meant."""


class Outcome(NamedTuple):
    """What became of one certificate of several: its revocation, or the error."""

    target: Target
    preview: Preview | None
    error: NewelError | None


@dataclass(frozen=True, slots=True)
class RevocationService:
    """Revokes certificates of this authority, of whichever provisioner."""

    authority: Authority
    issuance: Issuance
    ssh_issuance: SSHIssuance
    active_revocation: bool
    audit_trail: AuditTrail

    async def preview(self, serial: bytes) -> Preview:
        """Tell what the revocation of a certificate would do. Raises ``notFound`` and ``unavailable``."""
        provisioner, is_revoked = await self._find(Target(serial))
        return Preview(serial.hex(), provisioner.name, is_revoked, self._is_published(provisioner))

    async def revoke_all(
        self,
        targets: Sequence[Target],
        reason: int,
        comment: str,
        administrator: VerifiedAdministrator,
    ) -> list[Outcome]:
        """Revoke certificates, each by itself, and write every decision down; outcomes in order."""

        async def decide(target: Target) -> Outcome:
            try:
                done = await self.revoke(target, reason, comment, administrator)
            except NewelError as error:
                return Outcome(target, None, error)
            return Outcome(target, done, None)

        return await asyncio.gather(*map(decide, targets))

    async def revoke(
        self, target: Target, reason: int, comment: str, administrator: VerifiedAdministrator
    ) -> Preview:
        """Revoke one certificate, with a reason of RFC 5280 §5.3.1, and write the decision down.

        Raises ``notFound``, ``alreadyRevoked`` and ``unavailable``.
        """
        serial = target.serial
        operation = "ssh-revoke" if target.ssh_type else "revoke"
        actor = f"administrator:{administrator.subject}"
        facts = {"serial": serial, "actor": actor, "reason": reason, "provisioner": ""}
        try:
            provisioner, _ = await self._find(target)
            active = self._is_published(provisioner)
            name = provisioner.name
            facts |= {"active": active}
            if self.authority.provisioners.by_certificate(provisioner) is not None:
                facts["provisioner"] = name
            issuance = self.ssh_issuance if target.ssh_type else self.issuance
            await issuance.revoke(
                RevocationRequest(
                    serial=serial.rjust(_SSH_OCTETS, b"\0") if target.ssh_type else serial,
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
            self.audit_trail.write(Decision(operation, facts, refusal))
            raise refusal from error
        self.audit_trail.write(Decision(operation, facts))
        return Preview(serial.hex(), name, is_revoked=True, is_published=active)

    async def block_key(
        self, digest: bytes, comment: str, administrator: VerifiedAdministrator
    ) -> bool:
        """Declare a key compromised, whether or not it has a certificate, and write it down.

        False when it was declared before. Raises ``unavailable``.
        """
        actor = f"administrator:{administrator.subject}"
        facts = {"key_digest": digest.hex(), "actor": actor, "active": self.active_revocation}
        block = KeyBlock(
            digest=digest,
            reason_text=comment,
            active=self.active_revocation,
            actor=actor,
            request_id=request_id(),
        )
        try:
            changed = await self.issuance.block_key(block)
        except NewelError as error:
            self.audit_trail.write(Decision("block-key", facts, error))
            raise
        self.audit_trail.write(Decision("block-key", facts | {"blocked_before": not changed}))
        return changed

    async def _find(self, target: Target) -> tuple[ProvisionerRef, bool]:
        """Return the provisioner of a certificate, and whether it is revoked. Raises ``notFound``."""
        record = await self._find_record(target)
        if record is None:
            raise NewelError(ErrorType.NOT_FOUND, "There is no such certificate.")
        return record.provisioner, record.is_revoked

    async def _find_record(self, target: Target) -> CertificateRecord | SSHRecord | None:
        if target.ssh_type is None:
            return await self.issuance.find(serial=target.serial)
        if len(target.serial) > _SSH_OCTETS:
            return None
        record = await self.ssh_issuance.find(int.from_bytes(target.serial))
        if record is None or certificates.parse(record.certificate).kind != target.ssh_type:
            return None
        return record

    def _is_published(self, provisioner: ProvisionerRef) -> bool:
        owner = self.authority.provisioners.by_certificate(provisioner)
        return owner.active_revocation if owner else self.active_revocation


def _translate(error: NewelError) -> NewelError:
    if error.type is ErrorType.ALREADY_REVOKED:
        detail = "The certificate is revoked already."
        return NewelError(ErrorType.ALREADY_REVOKED, detail, cause=error.cause)
    return error
