"""Renewal and rekey: the certificate of record again, with a new serial and a new validity.

The proof is the certificate itself: the registration authority has seen its private key used. So all
octets must be those of the record, it must not be revoked, actively or passively, and today's limits
hold, not those of the day it was issued.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence

from newel.crypto import distinguished_names, loading
from newel.crypto.dns_names import InvalidNameError
from newel.issuing.assembly import certificate_of
from newel.issuing.completion import Outcome
from newel.issuing.issuance import Issuance
from newel.issuing.issuers import Issuers
from newel.issuing.parts import parts_of
from newel.issuing.profiles import Profiles, Validity
from newel.issuing.records import CertificateStore, Record
from newel.issuing.requests import KEY_SIZES, AcceptedRequest, Attempt
from newel.issuing.revocation import serial_of
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError


class Renewals:
    """Renews certificates of the record."""

    def __init__(
        self,
        issuance: Issuance,
        store: CertificateStore,
        profiles: Profiles,
        issuers: Issuers,
        clock: Clock,
    ) -> None:
        self._issuance = issuance
        self._store = store
        self._profiles = profiles
        self._issuers = issuers
        self._clock = clock

    async def renew(self, renewals: Sequence[pb.Renewal]) -> list[Outcome]:
        """One certificate or refusal per renewal, in order; ``unauthorized`` for what is not on
        record, revoked, or expired without leave.
        """
        now = self._clock.now()
        records = await self._store.by_serial([serial_of(each.certificate) for each in renewals])
        attempts = [
            self._attempt(renewal, record, now)
            for renewal, record in zip(renewals, records, strict=True)
        ]
        return await self._issuance.carry_out(attempts)

    def _attempt(self, renewal: pb.Renewal, record: Record | None, now: dt.datetime) -> Attempt:
        accepted: AcceptedRequest | NewelError
        digest = hashlib.sha256(renewal.public_key).digest() if renewal.public_key else b""
        if record is not None and not digest:
            digest = record.intent.key_digest
        try:
            accepted = self._accept(renewal, record, digest, now)
        except NewelError as error:
            accepted = error
        except InvalidNameError as error:
            accepted = NewelError(ErrorType.REJECTED_IDENTIFIER, str(error))
        return Attempt(renewal.idempotency_key, digest, renewal.request_id, accepted)

    def _accept(
        self, renewal: pb.Renewal, record: Record | None, digest: bytes, now: dt.datetime
    ) -> AcceptedRequest:
        """1. on record, octet by octet; 2. not revoked; 3. valid now, or expired with leave;
        4. profile and issuer of today; 5. subject, names and the rest as they stand, less what the
        profile has lost.
        """
        if len(renewal.idempotency_key) not in KEY_SIZES:
            raise NewelError(ErrorType.MALFORMED, "an idempotency key has 8 to 64 octets")
        if record is None or certificate_of(record) != renewal.certificate:
            raise _unauthorized("the certificate is not one that was issued here")
        if record.revocation is not None:
            raise _unauthorized("the certificate is revoked")
        old = loading.load_certificate(renewal.certificate)
        validity = Validity(old.not_valid_before_utc, old.not_valid_after_utc)
        if now < validity.not_before:
            raise _unauthorized("the certificate is not valid yet")
        if now > validity.not_after and not renewal.allow_expired:
            raise _unauthorized(f"certificate expired on {validity.not_after:%Y-%m-%dT%H:%M:%SZ}")
        whole = self._profiles.get(record.intent.profile)
        parts = parts_of(record.intent.tbs, whole.names)
        profile = whole.no_wider(*parts.usages)
        issuer = self._issuers.issuing(now)
        limit = dt.timedelta(seconds=renewal.max_validity_seconds) or None
        issuer.check_names(parts.names, distinguished_names.decode(parts.subject))
        provisioner = record.intent.provisioner
        if renewal.HasField("provisioner"):
            provisioner = renewal.provisioner.SerializeToString(deterministic=True)
        return AcceptedRequest(
            idempotency_key=renewal.idempotency_key,
            profile=profile,
            issuer=issuer,
            public_key=renewal.public_key or parts.public_key,
            key_digest=digest,
            subject=parts.subject,
            names=parts.names,
            validity=profile.renewed(issuer, now, validity, limit),
            extensions=profile.still(parts.extensions),
            provisioner=provisioner,
            subject_of_proof=record.intent.subject_of_proof,
            renewed_from=record.intent.serial,
            request_id=renewal.request_id,
            accepted_at=now,
        )


def _unauthorized(detail: str) -> NewelError:
    return NewelError(ErrorType.UNAUTHORIZED, detail)
