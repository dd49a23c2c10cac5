"""The JSON, NDJSON and CSV forms of certificates and endpoints, and the parameters of their lists."""

import csv
import datetime as dt
import io
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self, cast

from pydantic import AfterValidator, BaseModel

from newel.inventory.catalogue import (
    CertificateEntry,
    CertificateState,
    CertificateType,
    EndpointEntry,
    EndpointState,
    KeyUse,
)
from newel.inventory.overview import Bucket, Overview
from newel.runtime.http.list_parameters import Hex, ListParameters, Text, Time
from newel.runtime.http.roles import Role

# A cell that begins with one of these is a formula to a spreadsheet, and clients choose their subjects.
_DIGEST_SIZE = 32
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def _check_digest(value: bytes) -> bytes:
    """Restore the zero octets that `Hex`, made for serial numbers, removes."""
    if len(value) > _DIGEST_SIZE:
        raise ValueError("a SHA-256 digest in hexadecimal")
    return value.rjust(_DIGEST_SIZE, b"\0")


Digest = Annotated[Hex, AfterValidator(_check_digest)]
Sort = Literal["issued", "-issued", "expires", "-expires"]


class EndpointParameters(ListParameters, frozen=True):
    """The filters of the list of endpoints."""

    sort: Sort = "-issued"
    type: CertificateType | None = None
    state: EndpointState | None = None
    provisioner: Text | None = None
    provisioner_type: Text | None = None
    subject: Text | None = None
    name: Text | None = None
    search: Text | None = None
    expires_after: Time | None = None
    expires_before: Time | None = None


class CertificateParameters(ListParameters, frozen=True):
    """The filters of the list of certificates."""

    sort: Sort = "-issued"
    type: CertificateType | None = None
    state: CertificateState | None = None
    serial: Hex | None = None
    fingerprint: Digest | None = None
    key: Digest | None = None
    endpoint: Text | None = None
    issuer: Text | None = None
    provisioner: Text | None = None
    provisioner_type: Text | None = None
    subject: Text | None = None
    name: Text | None = None
    search: Text | None = None
    issued_after: Time | None = None
    issued_before: Time | None = None
    expires_after: Time | None = None
    expires_before: Time | None = None


class CertificateDocument(BaseModel):
    """One certificate. Serial numbers and fingerprints are lower-case hexadecimal."""

    serial: str
    type: CertificateType
    state: CertificateState
    subject: str
    names: list[str]
    not_before: dt.datetime
    not_after: dt.datetime
    issued_at: dt.datetime
    issuer: str
    provisioner: str
    provisioner_type: str
    proof: str
    endpoint: str
    renewed_from: str | None
    fingerprint: str
    key: str | None
    """SHA-256 of the public key (SubjectPublicKeyInfo)."""
    revoked_at: dt.datetime | None
    revocation_reason: int | None
    revocation_published: bool | None

    @classmethod
    def of(cls, entry: CertificateEntry, now: dt.datetime) -> Self:
        """Describe a certificate as it stands at ``now``."""
        return cls(
            serial=entry.serial.hex(),
            type=CertificateType(entry.type),
            state=entry.state(now),
            subject=entry.common_name,
            names=list(entry.names),
            not_before=entry.not_before,
            not_after=entry.not_after,
            issued_at=entry.issued_at,
            issuer=entry.issuer,
            provisioner=entry.provisioner,
            provisioner_type=entry.provisioner_type,
            proof=entry.proof,
            endpoint=entry.endpoint,
            renewed_from=entry.renewed_from.hex() if entry.renewed_from else None,
            fingerprint=entry.fingerprint.hex(),
            key=entry.key_digest.hex() if entry.key_digest else None,
            revoked_at=entry.revoked_at,
            revocation_reason=entry.reason,
            revocation_published=entry.revoked_actively,
        )


class EndpointDocument(BaseModel):
    """One endpoint, without its certificates."""

    id: str
    type: CertificateType
    state: EndpointState
    subject: str
    names: list[str]
    provisioner: str
    provisioner_type: str
    opened_at: dt.datetime
    last_serial: str | None
    not_after: dt.datetime | None

    @classmethod
    def of(cls, entry: EndpointEntry, now: dt.datetime, **more: Any) -> Self:
        """Describe an endpoint as it stands at ``now``."""
        return cls(
            id=entry.id,
            type=CertificateType(entry.type),
            state=entry.state(now),
            subject=entry.common_name,
            names=list(entry.names),
            provisioner=entry.provisioner,
            provisioner_type=entry.provisioner_type,
            opened_at=entry.opened_at,
            last_serial=entry.last_serial.hex() if entry.last_serial else None,
            not_after=entry.last_not_after if entry.last_serial else None,
            **more,
        )


class LineageDocument(EndpointDocument):
    """One endpoint with its certificates, the one that expires last first."""

    metadata: dict[str, str]
    """What is known of whom it was last issued to, as templates are told."""
    certificates: list[CertificateDocument]


class AdministratorDocument(BaseModel):
    """Who asks, as the inventory knows the client certificate."""

    subject: str
    serial: str
    role: Role


class CertificateCounts(BaseModel):
    """Certificates by state."""

    active: int
    expired: int
    revoked: int


class EndpointCountsDocument(BaseModel):
    """Endpoints by state."""

    active: int
    expiring: int
    ended: int


class IntervalDocument(BaseModel):
    """How many certificates there are from ``start`` until before ``end``."""

    start: dt.datetime
    end: dt.datetime
    count: int

    @classmethod
    def of(cls, bucket: Bucket) -> Self:
        """Describe an interval."""
        return cls(start=bucket.start, end=bucket.end, count=bucket.count)


class OverviewDocument(BaseModel):
    """The catalogue in numbers, as counted at ``counted_at``."""

    counted_at: dt.datetime
    certificates: CertificateCounts
    endpoints: EndpointCountsDocument
    expiring_by_day: list[IntervalDocument]
    issued_by_hour: list[IntervalDocument]

    @classmethod
    def of(cls, overview: Overview) -> Self:
        """Describe an overview."""
        return cls(
            counted_at=overview.counted_at,
            certificates=CertificateCounts(**overview.certificates._asdict()),
            endpoints=EndpointCountsDocument(**overview.endpoints._asdict()),
            expiring_by_day=[IntervalDocument.of(each) for each in overview.expiring_by_day],
            issued_by_hour=[IntervalDocument.of(each) for each in overview.issued_by_hour],
        )


class KeyOwnerDocument(BaseModel):
    """An endpoint with certificates on a key, whose they are, and how many of them are active."""

    endpoint: str
    subject: str
    provisioner: str
    proof: str
    active: int


class KeyDocument(BaseModel):
    """What depends on one public key; ``owners`` are those of the most active certificates."""

    key: str
    certificates: CertificateCounts
    endpoints: int
    owners: list[KeyOwnerDocument]

    @classmethod
    def of(cls, digest: bytes, use: KeyUse) -> Self:
        """Describe the use of a key."""
        return cls(
            key=digest.hex(),
            certificates=CertificateCounts(
                active=use.active, expired=use.expired, revoked=use.revoked
            ),
            endpoints=use.endpoints,
            owners=[
                KeyOwnerDocument(
                    endpoint=each.endpoint,
                    subject=each.common_name,
                    provisioner=each.provisioner,
                    proof=each.proof,
                    active=each.active,
                )
                for each in use.owners
            ],
        )


class CertificatePage(BaseModel):
    """A page of certificates; ``next`` is the cursor of the page after it."""

    certificates: list[CertificateDocument]
    next: str | None


class EndpointPage(BaseModel):
    """A page of endpoints; ``next`` is the cursor of the page after it."""

    endpoints: list[EndpointDocument]
    next: str | None


def write_csv(documents: Iterable[CertificateDocument], *, header: bool) -> str:
    """Return RFC 4180 rows, with the names of the columns before the first if ``header`` says so."""
    rows = [document.model_dump(mode="json") for document in documents]
    return write_rows(rows, rows[0] if header and rows else ())


def write_rows(rows: Iterable[Mapping[str, Any]], header: Iterable[str]) -> str:
    """Return RFC 4180 rows with every cell quoted and formulas made plain text; no header if it is empty."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    if names := [*header]:
        writer.writerow(names)
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, list):
        value = " ".join(cast("list[str]", value))
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
