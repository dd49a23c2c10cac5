"""Renewal and rekey: the certificate on record again, with a new serial number and validity.

The proof is the certificate itself: the registration authority has verified that its private key is
in use. So all octets must be those of the record, it must not be revoked, actively or passively, and
the limits are today's, not those of the day it was issued.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence

from cryptography import x509

from newel.crypto import distinguished_names, loading
from newel.crypto.dns_names import InvalidNameError
from newel.issuing.assembly import certificate_octets
from newel.issuing.completion import Outcome
from newel.issuing.issuance import Issuance
from newel.issuing.issuers import Issuers
from newel.issuing.parts import read_parts
from newel.issuing.profiles import Profiles, Validity
from newel.issuing.records import CertificateStore, Record, serial_octets
from newel.issuing.requests import (
    IDEMPOTENCY_KEY_SIZES,
    AcceptedRequest,
    DecidedRequest,
    IssueRequest,
    RefusedRequest,
    RenewalRequest,
    malformed_error,
)
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError


class Renewals:
    """Renews certificates that are on record."""

    def __init__(
        self,
        issuance: Issuance[IssueRequest, AcceptedRequest],
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

    async def renew(self, requests: Sequence[RenewalRequest | RefusedRequest]) -> list[Outcome]:
        """Renew certificates and return new ones or errors, in order.

        The error is ``unauthorized`` for a certificate that is not on record, is revoked, or has
        expired and may not be renewed then.
        """
        now = self._clock.now()
        loaded = [
            _load(each.certificate) if isinstance(each, RenewalRequest) else None
            for each in requests
        ]
        records = await self._store.by_serial(
            [b"" if old is None else serial_octets(old.serial_number) for old in loaded]
        )
        return await self._issuance.carry_out(
            [
                self._decide(each, old, record, now) if isinstance(each, RenewalRequest) else each
                for each, old, record in zip(requests, loaded, records, strict=True)
            ]
        )

    def _decide(
        self,
        request: RenewalRequest,
        old: x509.Certificate | None,
        record: Record | None,
        now: dt.datetime,
    ) -> DecidedRequest:
        digest = b""
        if request.public_key:
            digest = hashlib.sha256(request.public_key).digest()
        elif record is not None:
            digest = record.intent.key_digest
        try:
            return self._accept(request, old, record, digest, now)
        except NewelError as error:
            refusal = error
        except InvalidNameError as error:
            refusal = NewelError(ErrorType.REJECTED_IDENTIFIER, str(error))
        return RefusedRequest(request.idempotency_key, digest, request.request_id, refusal)

    def _accept(
        self,
        request: RenewalRequest,
        old: x509.Certificate | None,
        record: Record | None,
        digest: bytes,
        now: dt.datetime,
    ) -> AcceptedRequest:
        """Accept a renewal that passes every check.

        1. on record, octet for octet; 2. not revoked; 3. valid now, or expired and allowed to be;
        4. today's profile and issuer; 5. subject, names and extensions as they stand, less what the
        profile no longer allows.
        """
        if len(request.idempotency_key) not in IDEMPOTENCY_KEY_SIZES:
            raise malformed_error("an idempotency key has 8 to 64 octets")
        if old is None or record is None or certificate_octets(record) != request.certificate:
            raise _unauthorized_error("the certificate is not one that was issued here")
        if record.revocation is not None:
            raise _unauthorized_error("the certificate is revoked")
        validity = Validity(old.not_valid_before_utc, old.not_valid_after_utc)
        if now < validity.not_before:
            raise _unauthorized_error("the certificate is not valid yet")
        if now > validity.not_after and not request.allow_expired:
            raise _unauthorized_error(
                f"certificate expired on {validity.not_after:%Y-%m-%dT%H:%M:%SZ}"
            )
        configured = self._profiles.get(record.intent.profile)
        parts = read_parts(record.intent.tbs, configured.names)
        profile = configured.restrict(*parts.usages)
        issuer = self._issuers.select(now)
        if issuer.constraints:
            issuer.check_names(parts.names, distinguished_names.decode(parts.subject))
        return AcceptedRequest(
            idempotency_key=request.idempotency_key,
            profile=profile,
            issuer=issuer,
            public_key=request.public_key or parts.public_key,
            key_digest=digest,
            subject=parts.subject,
            names=parts.names,
            validity=profile.renewal_validity(issuer, now, validity, request.max_duration),
            extensions=profile.filter_extensions(parts.extensions),
            provisioner=request.provisioner or record.intent.provisioner,
            subject_of_proof=record.intent.subject_of_proof,
            renewed_from=record.intent.serial,
            request_id=request.request_id,
            accepted_at=now,
        )


def _load(certificate: bytes) -> x509.Certificate | None:
    """Load a certificate whose serial number can be on record; None: it is none."""
    try:
        loaded = loading.load_certificate(certificate)
        serial_octets(loaded.serial_number)
    except ValueError:
        return None
    return loaded


def _unauthorized_error(detail: str) -> NewelError:
    return NewelError(ErrorType.UNAUTHORIZED, detail)
