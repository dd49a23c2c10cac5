"""Meters what the authority is used for: endpoint-months and certificate-months of a calendar month.

- A certificate is active from its issuance until it expires or is revoked.
- An endpoint is metered while it has an active certificate: from the first one until the last one
  ends. A gap between two of them is not metered.
- Up to three active certificates count as one endpoint, so that renewal may overlap; each one above
  three counts as one endpoint more, until one of them ends or is revoked.
- What an endpoint counts for goes, at each moment, to the authority and the provisioner of the
  active certificate that was issued last.
- One endpoint-month is one endpoint for all seconds of that month, in UTC; one certificate-month is
  one active certificate for as long. Seconds are counted whole, so sums are exact.
"""

import asyncio
import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple, Protocol, Self

from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError

INCLUDED = 3
"""Active certificates that one endpoint may have at the price of one."""
PAGE = 5000
"""How many certificates are read at once."""
_KEEP_SECONDS = 10.0
"""A report this old is still given: who reloads a page has nothing counted again."""
_KEEP_TIMES = 5
"""What took long to count is kept so many times as long, so that who was told to come back finds it."""
_KEEP_REPORTS = 12
_MOST_COUNTS = 4
"""Months that are counted, or wait for it, at once."""
_WAIT_SECONDS = 10.0
"""How long a caller waits: the dashboard and the command line give up soon after."""

_log = logging.getLogger(__name__)


class Month(NamedTuple):
    """A calendar month in UTC."""

    year: int
    number: int  # 1 to 12

    @classmethod
    def of(cls, moment: dt.datetime) -> Self:
        """Return the month in which a moment lies."""
        moment = moment.astimezone(dt.UTC)
        return cls(moment.year, moment.month)

    @property
    def start(self) -> int:
        """The month's first second, since 1970."""
        return int(dt.datetime(self.year, self.number, 1, tzinfo=dt.UTC).timestamp())

    @property
    def end(self) -> int:
        """The first second after the month."""
        return self.next.start

    @property
    def next(self) -> "Month":
        """The month after this one."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"


class Account(NamedTuple):
    """To whom usage is attributed."""

    issuer: str  # the issuer's id
    provisioner: str  # "" for the authority's own certificates


class MeteredCertificate(NamedTuple):
    """What metering needs of a certificate; times in seconds since 1970."""

    endpoint: str
    serial: bytes
    account: Account
    issued_at: int
    ended_at: int  # it is active before this second: it then expires or is revoked


@dataclass(slots=True)
class Usage:
    """What was used in a month."""

    endpoints: int = 0  # different ones that were metered
    endpoint_seconds: int = 0
    additional_seconds: int = 0  # those of the above for active certificates above three
    certificates: int = 0  # that were active at some time
    certificate_seconds: int = 0
    issued: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """The usage of a month, as far as it has passed."""

    month: Month
    counted_until: int
    usages: Mapping[Account, Usage]
    total: Usage
    """An endpoint that several accounts share counts once among its ``endpoints``."""


@dataclass(slots=True)
class Sweep:
    """Counts one month's usage from certificates in the order of endpoint, issuance and serial."""

    start: int
    until: int
    usages: defaultdict[Account, Usage] = field(default_factory=lambda: defaultdict(Usage))
    total: Usage = field(default_factory=Usage)
    _endpoint: str | None = None
    _moment: int = 0
    _ends: list[int] = field(default_factory=list[int])
    """When the active certificates end, as a heap."""
    _latest: list[tuple[int, Account]] = field(default_factory=list[tuple[int, Account]])
    """Ends and accounts; the last was issued last, and each one before it ends later."""
    _touched: set[Account] = field(default_factory=set[Account])

    def add(self, certificates: Iterable[MeteredCertificate]) -> None:
        """Count certificates."""
        for endpoint, _, account, issued_at, ended_at in certificates:
            if endpoint != self._endpoint:
                self._finish()
                self._endpoint = endpoint
            begin, end = max(issued_at, self.start), min(ended_at, self.until)
            usage = self.usages[account]
            if self.start <= issued_at < self.until:
                usage.issued += 1
            if begin >= end:
                continue
            usage.certificates += 1
            usage.certificate_seconds += end - begin
            self._advance(begin)
            self._moment = begin
            heappush(self._ends, end)
            while self._latest and self._latest[-1][0] <= end:
                self._latest.pop()
            self._latest.append((end, account))

    def _finish(self) -> None:
        """Count the last endpoint to its end."""
        self._advance(self.until)
        self._latest.clear()
        if self._touched:
            self.total.endpoints += 1
            for account in self._touched:
                self.usages[account].endpoints += 1
            self._touched.clear()

    def _advance(self, until: int) -> None:
        """Charge the endpoint up to a moment, piece by piece between the ends of certificates."""
        while self._ends and self._moment < until:
            end = min(self._ends[0], until)
            self._charge(end - self._moment)
            self._moment = end
            while self._ends and self._ends[0] <= end:
                heappop(self._ends)

    def _charge(self, seconds: int) -> None:
        while self._latest[-1][0] <= self._moment:
            self._latest.pop()
        account = self._latest[-1][1]
        self._touched.add(account)
        additional = max(0, len(self._ends) - INCLUDED) * seconds
        usage = self.usages[account]
        usage.endpoint_seconds += seconds + additional
        usage.additional_seconds += additional

    def report(self, month: Month) -> Report:
        """Finish, and return what was counted, in the order of provisioner and issuer."""
        self._finish()
        total = Usage(endpoints=self.total.endpoints)
        for each in self.usages.values():
            total.endpoint_seconds += each.endpoint_seconds
            total.additional_seconds += each.additional_seconds
            total.certificates += each.certificates
            total.certificate_seconds += each.certificate_seconds
            total.issued += each.issued
        found = sorted(self.usages.items(), key=lambda item: item[0][::-1])
        usages = {account: usage for account, usage in found if usage.certificates or usage.issued}
        return Report(month, self.until, usages, total)


class MeteringRows(Protocol):
    """The catalogue, read in the order of metering."""

    async def certificates(
        self, start: int, until: int, after: MeteredCertificate | None, limit: int
    ) -> Sequence[MeteredCertificate]:
        """Read some that were issued before ``until`` and expire at ``start`` or later, past ``after``."""
        ...


class _KeptReport(NamedTuple):
    """A report, when it was counted, and for how many seconds it is given."""

    report: Report
    at: float
    seconds: float


class Meter:
    """Counts months, one at a time, from the catalogue's certificates.

    A count goes on when its caller gives up, and what it finds is kept for who asks again.
    """

    def __init__(self, rows: MeteringRows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock
        self._reports: dict[Month, _KeptReport] = {}
        self._counts: dict[Month, asyncio.Future[Report]] = {}
        """What is waited for, by the months that are being counted or are to be."""
        self._months: asyncio.Queue[Month] = asyncio.Queue()

    async def report(self, month: Month | None = None) -> Report:
        """Report a month, by default the current one, which is counted up to now.

        Raises ``malformed`` for a month that has not begun, and ``unavailable`` while the count takes
        long, or too many months are being counted.
        """
        current = Month.of(self._clock.now())
        month = month or current
        if month > current:
            raise NewelError(ErrorType.MALFORMED, f"The month {month} has not begun.")
        kept, now = self._reports.get(month), self._clock.unix()
        if kept is not None and 0 <= now - kept.at < kept.seconds:
            return kept.report
        count = self._counts.get(month) or self._ask(month)
        done, _ = await asyncio.wait({count}, timeout=_WAIT_SECONDS)
        if not done:
            raise NewelError(
                ErrorType.UNAVAILABLE,
                f"The usage of {month} is being counted, which takes long here. Ask again in a minute.",
            )
        return count.result()

    async def run(self) -> None:
        """Count the months that are asked for, one after the other, until it is cancelled."""
        while True:
            month = await self._months.get()
            try:
                report = await self._count_next(month)
            except asyncio.CancelledError:
                self._end(month, NewelError(ErrorType.UNAVAILABLE, "The inventory stops."))
                raise
            except Exception as error:  # noqa: BLE001 - who asked is told, and the next month is counted
                _log.warning("the month %s could not be counted: %r", month, error)
                self._end(month, error)
            else:
                self._end(month, report)

    def _ask(self, month: Month) -> asyncio.Future[Report]:
        if len(self._counts) >= _MOST_COUNTS:
            raise NewelError(
                ErrorType.UNAVAILABLE,
                "Several months are being counted already. Ask again in a minute.",
            )
        count: asyncio.Future[Report] = asyncio.get_running_loop().create_future()
        self._counts[month] = count
        self._months.put_nowait(month)
        return count

    def _end(self, month: Month, found: Report | Exception) -> None:
        count = self._counts.pop(month)
        if isinstance(found, Report):
            count.set_result(found)
        else:
            count.set_exception(found)
            count.exception()  # perhaps no one waits any more

    async def _count_next(self, month: Month) -> Report:
        begin = self._clock.unix()
        report = await self._count(month, int(begin))
        end = self._clock.unix()
        self._reports.pop(month, None)
        seconds = max(_KEEP_SECONDS, _KEEP_TIMES * (end - begin))
        self._reports[month] = _KeptReport(report, end, seconds)
        while len(self._reports) > _KEEP_REPORTS:
            del self._reports[next(iter(self._reports))]
        return report

    async def _count(self, month: Month, now: int) -> Report:
        sweep = Sweep(month.start, min(month.end, now))
        last: MeteredCertificate | None = None
        while True:
            page = await self._rows.certificates(sweep.start, sweep.until, last, PAGE)
            sweep.add(page)
            if len(page) < PAGE:
                return sweep.report(month)
            last = page[-1]
            await asyncio.sleep(0)  # other tasks run between the pages
