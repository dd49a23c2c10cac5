"""Revocation: once per certificate, recorded together with its event, durable when it is answered.

A passive revocation stops renewal and is not published; it can be made active later, but not the
reverse. ``keyCompromise`` also blocks the key: it is never certified again. It may be declared of a
certificate that was revoked for another reason, and then the date stays; no reason replaces it.
"""

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from newel.crypto import loading
from newel.issuing.assembly import certificate_octets
from newel.issuing.decisions import AuditTrail, Decision, Operation, Result
from newel.issuing.records import (
    CertificateStore,
    Intent,
    Record,
    Revocation,
    RevocationEntry,
    serial_octets,
)
from newel.issuing.requests import RevocationRequest
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError

KEY_COMPROMISE = 1
CESSATION_OF_OPERATION = 5

# RFC 5280 §5.3.1: 7 is not used, 8 belongs to delta CRLs
REASONS = frozenset({0, 1, 2, 3, 4, 5, 6, 9, 10})
_MAX_TEXT_LENGTH = 1024
_ATTEMPTS = 4  # a revocation can be upgraded twice, so that others can win only so often


class Revocations:
    """Revokes certificates that are on record."""

    def __init__(
        self,
        store: CertificateStore,
        clock: Clock,
        trail: AuditTrail,
        operation: Operation = Operation.REVOKE,
    ) -> None:
        self._operation = operation
        self._store = store
        self._clock = clock
        self._trail = trail

    async def revoke(self, requests: Sequence[RevocationRequest]) -> list[Revocation | NewelError]:
        """Revoke certificates, each by itself; return revocations and errors in order.

        The errors are ``badRevocationReason``, ``notFound`` (no such certificate, or other octets)
        and ``alreadyRevoked``.
        """
        return await asyncio.gather(*[self._decide(request) for request in requests])

    async def _decide(self, request: RevocationRequest) -> Revocation | NewelError:
        try:
            entry = await self._revoke(request)
        except NewelError as error:
            decision = Decision.refuse(
                self._operation, error, actor=request.actor, request_id=request.request_id
            )
            self._trail.record([decision])
            return error
        self._trail.record([_revoke_decision(self._operation, entry)])
        return entry.revocation

    async def _revoke(self, request: RevocationRequest) -> RevocationEntry:
        if request.reason not in REASONS:
            raise NewelError(
                ErrorType.BAD_REVOCATION_REASON,
                f"{request.reason} is not a reason of RFC 5280 §5.3.1",
            )
        for _ in range(_ATTEMPTS):
            record = await self._find(request)
            before = record.revocation
            now = self._clock.now()
            revocation = _merge(before, _build_revocation(request, record.intent, now))
            compromised = revocation.reason == KEY_COMPROMISE
            entry = RevocationEntry(
                revocation,
                actor=request.actor,
                provisioner=request.provisioner,
                reason_text=clean_text(request.reason_text),
                request_id=request.request_id,
                recorded_at=now,
                blocked_key=record.intent.key_digest if compromised else None,
            )
            if await self._store.revoke(entry, before and before.position):
                return entry
        raise NewelError(ErrorType.UNAVAILABLE, "others are revoking this certificate: try again")

    async def _find(self, request: RevocationRequest) -> Record:
        if request.certificate is not None:
            return await find_certificate(self._store, request.certificate)
        (record,) = await self._store.by_serial([request.serial])
        if record is None or record.signature is None:
            raise NewelError(ErrorType.NOT_FOUND, "no certificate with this serial was issued here")
        return record


def clean_text(text: str) -> str:
    """Return the text of a reason as it can be stored: an odd character is no reason not to revoke."""
    return text[:_MAX_TEXT_LENGTH].replace("\0", "\ufffd")  # PostgreSQL stores no NUL


def _revoke_decision(operation: Operation, entry: RevocationEntry) -> Decision:
    facts = {
        "serial": entry.revocation.serial.hex(),
        "reason": entry.revocation.reason,
        "active": entry.revocation.active,
        "actor": entry.actor,
        "provisioner": entry.provisioner,
        "request_id": entry.request_id,
    }
    return Decision(operation, Result.GRANTED, facts)


def _build_revocation(request: RevocationRequest, intent: Intent, now: dt.datetime) -> Revocation:
    return Revocation(
        serial=intent.serial,
        issuer=intent.issuer,
        revoked_at=now,
        reason=request.reason,
        active=request.active,
        not_after=intent.not_after,
    )


def _merge(before: Revocation | None, requested: Revocation) -> Revocation:
    """Return what to record. Raises ``alreadyRevoked`` when it adds nothing to what is on record."""
    if before is None:
        return requested
    compromised = before.reason == KEY_COMPROMISE
    raised = requested.reason == KEY_COMPROMISE and not compromised
    activated = requested.active and not before.active
    if not raised and not activated:
        raise NewelError(ErrorType.ALREADY_REVOKED, "the certificate is revoked already")
    return replace(
        requested,
        # a date that was published stays true; that of a passive revocation was not
        revoked_at=before.revoked_at if before.active else requested.revoked_at,
        reason=KEY_COMPROMISE if compromised else requested.reason,
        active=before.active or requested.active,
    )


async def find_certificate(store: CertificateStore, der: bytes) -> Record:
    """Find the record of exactly this certificate. Raises ``notFound``.

    Another issuer may use the same serial and a forger may copy it, so all octets are compared.
    """
    (record,) = await store.by_serial([read_serial(der)])
    if record is None or certificate_octets(record) != der:
        raise NewelError(ErrorType.NOT_FOUND, "this certificate was not issued here")
    return record


def read_serial(der: bytes) -> bytes:
    """Read a certificate's serial number in the form of the records; b"" if it is no certificate."""
    try:
        return serial_octets(loading.load_certificate(der).serial_number)
    except ValueError:
        return b""
