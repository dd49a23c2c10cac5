"""Revocation: once per certificate, recorded together with its event, answered when durable.

A passive revocation stops renewal and is shown to nobody; it can be made active later, never the
other way round. ``keyCompromise`` also blocks the key: it will not be certified again. It can be said
of a certificate that was revoked for another reason, whose date then stays; no reason replaces it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from newel.crypto import loading, serials
from newel.issuing import events
from newel.issuing.assembly import certificate_of
from newel.issuing.records import CertificateStore, Intent, Record, Revocation, Revoking
from newel.issuing.trail import Trail
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError

KEY_COMPROMISE = 1
CESSATION_OF_OPERATION = 5

# RFC 5280 §5.3.1: 7 is not used, 8 belongs to delta CRLs
_REASONS = frozenset({0, 1, 2, 3, 4, 5, 6, 9, 10})
_LONGEST_TEXT = 1024
_TRIES = 4  # each lost to somebody who has revoked meanwhile, and two upgrades are all there can be


class Revocations:
    """Revokes certificates of the record."""

    def __init__(self, store: CertificateStore, clock: Clock, trail: Trail) -> None:
        self._store = store
        self._clock = clock
        self._trail = trail

    async def revoke(self, items: Sequence[pb.RevocationItem]) -> list[Revocation | NewelError]:
        """Revokes each by itself, in order.

        Refusals: ``badRevocationReason``, ``notFound`` (no such certificate, or not these octets),
        ``alreadyRevoked``.
        """
        return await asyncio.gather(*[self._outcome(item) for item in items])

    async def _outcome(self, item: pb.RevocationItem) -> Revocation | NewelError:
        try:
            revoking = await self._revoke(item)
        except NewelError as error:
            self._trail.not_revoked(error, item.actor, item.request_id)
            return error
        self._trail.revoked(revoking)
        return revoking.revocation

    async def _revoke(self, item: pb.RevocationItem) -> Revoking:
        if item.reason not in _REASONS:
            raise NewelError(
                ErrorType.BAD_REVOCATION_REASON, f"{item.reason} is not a reason of RFC 5280 §5.3.1"
            )
        for _ in range(_TRIES):
            record = await self._find(item)
            before = record.revocation
            now = int(self._clock.unix())
            revocation = _merge(before, _asked(item, record.intent, now))
            revoking = Revoking(
                revocation,
                actor=item.actor,
                provisioner=item.provisioner,
                # an odd character is no reason not to revoke, and PostgreSQL stores no NUL
                reason_text=item.reason_text[:_LONGEST_TEXT].replace("\0", "\ufffd"),
                request_id=item.request_id,
                recorded_at=now,
                block=record.intent.key_digest if revocation.reason == KEY_COMPROMISE else None,
            )
            event = events.revoked(revocation, item.actor, item.request_id)
            if await self._store.revoke(revoking, event, before and before.position):
                return revoking
        raise NewelError(ErrorType.UNAVAILABLE, "others are revoking this certificate: try again")

    async def _find(self, item: pb.RevocationItem) -> Record:
        if item.WhichOneof("target") == "certificate":
            return await find_certificate(self._store, item.certificate)
        (record,) = await self._store.by_serial([item.serial.lstrip(b"\0")])
        if record is None or record.signature is None:
            raise NewelError(ErrorType.NOT_FOUND, "no certificate with this serial was issued here")
        return record


def _asked(item: pb.RevocationItem, intent: Intent, now: int) -> Revocation:
    return Revocation(
        serial=intent.serial,
        issuer=intent.issuer,
        revoked_at=now,
        reason=item.reason,
        active=item.active,
        not_after=intent.not_after,
    )


def _merge(before: Revocation | None, asked: Revocation) -> Revocation:
    """What is to be recorded. Raises ``alreadyRevoked`` when it would say no more than what is."""
    if before is None:
        return asked
    compromised = before.reason == KEY_COMPROMISE
    raised = asked.reason == KEY_COMPROMISE and not compromised
    activated = asked.active and not before.active
    if not raised and not activated:
        raise NewelError(ErrorType.ALREADY_REVOKED, "the certificate is revoked already")
    return replace(
        asked,
        # what relying parties were told of stays true; a passive revocation nobody was told of
        revoked_at=before.revoked_at if before.active else asked.revoked_at,
        reason=KEY_COMPROMISE if compromised else asked.reason,
        active=before.active or asked.active,
    )


async def find_certificate(store: CertificateStore, der: bytes) -> Record:
    """The record of exactly this certificate.

    Another issuer may use the same serial and a forger may copy it, so all octets are compared.
    Raises ``notFound``.
    """
    (record,) = await store.by_serial([serial_of(der)])
    if record is None or certificate_of(record) != der:
        raise NewelError(ErrorType.NOT_FOUND, "this certificate was not issued here")
    return record


def serial_of(der: bytes) -> bytes:
    """The serial a certificate claims to have, as the record has it; b"" for what is none."""
    try:
        return serials.from_int(loading.load_certificate(der).serial_number)
    except ValueError:
        return b""
