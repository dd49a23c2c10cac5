"""The JSON and CSV forms of a metering report."""

import datetime as dt
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel

from newel.inventory.metering import Account, Month, Report, Usage

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
_DECIMALS = 6


def _check_month(text: str) -> str:
    if _MONTH.fullmatch(text) is None or not "1970" <= text[:4] <= "9998":
        raise ValueError("a month as in 2026-11")
    return text


class MeteringParameters(BaseModel, extra="forbid", frozen=True):
    """Which month, by default the current one in UTC, and in which form."""

    month: Annotated[str, AfterValidator(_check_month)] | None = None
    format: Literal["json", "csv"] = "json"

    def when(self) -> Month | None:
        """Return the month; None for the current one."""
        return Month(*map(int, self.month.split("-"))) if self.month else None


class UsageDocument(BaseModel):
    """What was used. Months are parts of this month: one endpoint for half of it is 0.5."""

    endpoints: int
    """Different endpoints that had an active certificate."""
    endpoint_seconds: int
    endpoint_months: float
    additional_endpoint_months: float
    """Those of the above that active certificates above three of one endpoint count for."""
    certificates: int
    """Certificates that were active at some time."""
    certificate_seconds: int
    certificate_months: float
    issued: int

    @classmethod
    def of(cls, usage: Usage, month: Month, **more: str) -> Self:
        """Describe a month's usage."""

        def share(seconds: int) -> float:
            return round(seconds / (month.end - month.start), _DECIMALS)

        return cls(
            endpoints=usage.endpoints,
            endpoint_seconds=usage.endpoint_seconds,
            endpoint_months=share(usage.endpoint_seconds),
            additional_endpoint_months=share(usage.additional_seconds),
            certificates=usage.certificates,
            certificate_seconds=usage.certificate_seconds,
            certificate_months=share(usage.certificate_seconds),
            issued=usage.issued,
            **more,
        )


class AccountDocument(UsageDocument):
    """What one provisioner of one authority was used for; "" is the authority itself."""

    provisioner: str
    issuer: str

    @classmethod
    def by(cls, account: Account, usage: Usage, month: Month) -> Self:
        """Describe what an account used."""
        return cls.of(usage, month, provisioner=account.provisioner, issuer=account.issuer)


class MeteringDocument(BaseModel):
    """A month's usage from ``start`` until before ``counted_until``; ``is_complete`` when it is over."""

    month: str
    start: dt.datetime
    end: dt.datetime
    counted_until: dt.datetime
    is_complete: bool
    usages: list[AccountDocument]
    total: UsageDocument

    @classmethod
    def of(cls, report: Report) -> Self:
        """Describe a report."""
        month = report.month
        return cls(
            month=str(month),
            start=_read(month.start),
            end=_read(month.end),
            counted_until=_read(report.counted_until),
            is_complete=report.counted_until == month.end,
            usages=[AccountDocument.by(*each, month) for each in report.usages.items()],
            total=UsageDocument.of(report.total, month),
        )

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the usages as rows of a file, beginning with what they are about."""
        for each in self.usages:
            about = {"month": self.month, "provisioner": each.provisioner, "issuer": each.issuer}
            yield about | each.model_dump(mode="json")


COLUMNS = ("month", "provisioner", "issuer", *UsageDocument.model_fields)
"""The columns of the file."""


def _read(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
