"""Certificates and revocations of another program that used the same issuer's key before.

What is taken over is a record like any other: it renews, is revoked, and its status is served. So each
certificate must be one that an issuer of this configuration signed, octet for octet as it is stored.
Projections learn of the records by reconciliation, as after a restored backup.
"""

import contextlib
import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from cryptography import x509

from newel.crypto import certificate as certificates
from newel.crypto import keys, loading
from newel.issuing.foreign_storage import ForeignStorage
from newel.issuing.issuers import Issuer, Issuers
from newel.issuing.parts import signature_algorithm
from newel.issuing.records import Intent, Record, Revocation, RevocationEntry, serial_octets
from newel.issuing.requests import Provisioner
from newel.issuing.revocation import KEY_COMPROMISE, REASONS, clean_text
from newel.runtime.clock import Clock
from newel.runtime.tally import Tally

ACTOR = "import"

Given = TypeVar("Given")
Given_contra = TypeVar("Given_contra", contravariant=True)


class ForeignCertificate(NamedTuple):
    """One certificate, and the provisioner that admitted it ("" for one that is unknown)."""

    der: bytes
    provisioner_type: str = ""
    provisioner_name: str = ""
    credential_id: str = ""
    key_values: tuple[tuple[str, str], ...] = ()


class ForeignRevocation(NamedTuple):
    """One revocation; ``not_after`` is when its certificate expires, None where that is not recorded."""

    serial: int
    revoked_at: dt.datetime
    reason: int
    provisioner: str
    reason_text: str
    not_after: dt.datetime | None = None


class Reader(Protocol[Given_contra]):
    """Reads certificates of one kind, and knows who issues them here."""

    def read(self, given: Given_contra, now: dt.datetime, /) -> tuple[Intent, bytes]:
        """Return the record of a certificate and its signature. Raises ValueError that says why not."""
        ...

    def name(self, given: Given_contra, /) -> str:
        """Return the serial number in decimal, or another name."""
        ...

    def serial_octets(self, number: int) -> bytes:
        """Return a serial number as records have it. Raises ValueError for what is none."""
        ...

    def find_heir(self) -> tuple[str, dt.datetime]:
        """Find whose revocations without a certificate on record are: an issuer's id, and its end.

        Raises ValueError where that cannot be known.
        """
        ...


class ForeignRecords(Generic[Given]):
    """Takes records over. With ``dry_run`` it checks and counts them alone."""

    def __init__(self, reader: Reader[Given], storage: ForeignStorage, clock: Clock) -> None:
        self._reader = reader
        self._storage = storage
        self._clock = clock
        self._counted: dict[bytes, bytes] = {}
        """What a dry run did not store, by serial number: later batches and revocations refer to it."""

    async def add_certificates(self, given: Sequence[Given], *, dry_run: bool) -> Tally:
        """Record certificates, each by itself; those that are on record stay as they are.

        Records are by serial number alone, so of two certificates with one, as of two issuers, the first
        is recorded, and the second is left out and told.
        """
        tally, signed = Tally(), dict[bytes, tuple[Intent, bytes]]()
        for each in given:
            try:
                intent, signature = self._reader.read(each, self._clock.now())
            except ValueError as error:
                tally.left_out.append((self._reader.name(each), str(error)))
                continue
            before = self._counted.get(intent.serial) if dry_run else None
            if intent.serial in signed:
                before = signed[intent.serial][0].tbs
            if before is None:
                signed[intent.serial] = (intent, signature)
            elif before == intent.tbs:
                tally.known += 1
            else:
                why = "another certificate with this serial number comes before it"
                tally.left_out.append((self._reader.name(each), why))
        found = await self._storage.find([*signed])
        for serial, record in found.items():
            intent, _ = signed.pop(serial)
            if record.intent.tbs == intent.tbs:
                tally.known += 1
            else:
                why = "another certificate with this serial number is on record"
                tally.left_out.append((str(int.from_bytes(serial)), why))
        tally.new = len(signed)
        if dry_run:
            self._counted.update((serial, intent.tbs) for serial, (intent, _) in signed.items())
        else:
            await self._storage.add([*signed.values()])
        return tally

    async def add_revocations(self, given: Iterable[ForeignRevocation], *, dry_run: bool) -> Tally:
        """Record revocations, which are published, each by itself; those on record stay as they are.

        One whose certificate is not on record is the heir's of :meth:`Reader.find_heir`.
        """
        tally, entries = Tally(), list[RevocationEntry]()
        by_serial: dict[bytes, ForeignRevocation] = {}
        for each in given:
            try:
                serial = self._reader.serial_octets(each.serial)
            except ValueError as error:
                tally.left_out.append((str(each.serial), str(error)))
                continue
            if serial in by_serial:  # it is revoked once, as the first says
                tally.known += 1
            else:
                by_serial[serial] = each
        revoked = await self._storage.find_revoked([*by_serial])
        records = await self._storage.find([*by_serial])
        for serial, each in by_serial.items():
            if serial in revoked:
                tally.known += 1
                continue
            if serial in self._counted:
                tally.new += 1
                continue
            try:
                entries.append(self._build_entry(each, serial, records.get(serial)))
            except ValueError as error:
                tally.left_out.append((str(each.serial), str(error)))
        tally.new += len(entries)
        if not dry_run:
            await self._storage.revoke(entries)
        return tally

    async def add_proofs(self, given: Iterable[tuple[int, str]], *, dry_run: bool) -> int:
        """Record who proved to be entitled to certificates, by serial; return how many are on record."""
        pairs: list[tuple[bytes, str]] = []
        for serial, subject in given:
            with contextlib.suppress(ValueError):  # no certificate with such a serial is on record
                pairs.append((self._reader.serial_octets(serial), subject))
        if dry_run:
            return len(await self._storage.find([serial for serial, _ in pairs]))
        return await self._storage.prove(pairs)

    def _build_entry(
        self, given: ForeignRevocation, serial: bytes, record: Record | None
    ) -> RevocationEntry:
        if record is None:
            issuer, end = self._reader.find_heir()
            not_after, digest = given.not_after or end, None
        else:
            intent = record.intent
            issuer, not_after, digest = intent.issuer, intent.not_after, intent.key_digest
        reason = given.reason if given.reason in REASONS else 0
        return RevocationEntry(
            Revocation(serial, issuer, given.revoked_at, reason, active=True, not_after=not_after),
            actor=ACTOR,
            provisioner=given.provisioner,
            reason_text=clean_text(given.reason_text),
            request_id="",
            recorded_at=given.revoked_at,  # so that no reader waits for it to settle
            blocked_key=digest if reason == KEY_COMPROMISE else None,
        )


class X509Reader:
    """Reads X.509 certificates that an issuer of this configuration signed."""

    def __init__(self, issuers: Issuers, profile: str) -> None:
        self._issuers = issuers.all()
        self._profile = profile

    def read(self, given: ForeignCertificate, now: dt.datetime) -> tuple[Intent, bytes]:
        """Return the record of a certificate and its signature. Raises ValueError that says why not."""
        parsed = loading.load_certificate(given.der)
        parts = certificates.split(given.der)
        tbs, signature = parts.tbs, parts.signature
        issuer = self._find_issuer(parsed, tbs, signature)
        algorithm = signature_algorithm(tbs)
        if certificates.assemble(tbs, algorithm, signature) != given.der:
            raise ValueError("its two signature algorithms differ")
        spki = certificates.subject_public_key_info(parsed)
        provisioner = Provisioner(
            given.provisioner_type, given.provisioner_name, given.credential_id, given.key_values,
            renewable=True, hide_extension=False,
        )  # fmt: skip # a record
        intent = Intent(
            idempotency_key=b"",
            serial=serial_octets(parsed.serial_number),
            issuer=issuer.id,
            profile=self._profile,
            tbs=tbs,
            not_after=parsed.not_valid_after_utc,
            key_digest=hashlib.sha256(spki).digest(),
            provisioner=provisioner,
            subject_of_proof="",
            renewed_from=None,
            created_at=min(parsed.not_valid_before_utc, now),
        )
        return intent, signature

    def _find_issuer(self, parsed: x509.Certificate, tbs: bytes, signature: bytes) -> Issuer:
        name = parsed.issuer
        for issuer in self._issuers:
            if issuer.parsed.subject != name:
                continue
            try:
                issuer.verify(signature, tbs)
            except keys.InvalidSignature:
                continue
            return issuer
        raise ValueError(f"issued by {name.rfc4514_string() or 'no one'}, which is no issuer here")

    def name(self, given: ForeignCertificate) -> str:
        """Return the serial number in decimal, or that it is none."""
        try:
            return str(loading.load_certificate(given.der).serial_number)
        except ValueError:
            return "no certificate"

    def serial_octets(self, number: int) -> bytes:
        """Return a serial number as records have it. Raises ValueError for what is none."""
        return serial_octets(number)

    def find_heir(self) -> tuple[str, dt.datetime]:
        """Return the only issuer: all revocations are its own. Raises ValueError where there are several."""
        if len(self._issuers) > 1:
            raise ValueError("its certificate is not on record, and there are several issuers")
        own = self._issuers[0]
        return own.id, own.not_after
