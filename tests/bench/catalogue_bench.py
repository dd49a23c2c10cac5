"""`python tests/bench/catalogue_bench.py [--database URL]`: the inventory over a million certificates.

Fills an empty database (by default SQLite in a temporary folder) inside the engine, then asks what the
lists, the overview, the expiry tick and the metering ask. Prints for each the median and the 95th
percentile in milliseconds, and the CPU milliseconds of this process for one call; on PostgreSQL the
server's CPU is not in them. A figure is read, never asserted.
"""

import argparse
import asyncio
import dataclasses
import datetime as dt
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from fixtures.inventory import Catalogue, start_meter
from newel.inventory.app import REVISION
from newel.inventory.documents import CertificateParameters
from newel.inventory.metering import Month
from newel.inventory.overview import OverviewCounter
from newel.inventory.storage.metering import MeteringStorage
from newel.inventory.storage.overview import OverviewStorage
from newel.runtime.clock import SystemClock
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.database.migrations import migrate

_PER_ENDPOINT = 4
_HOUR = 3600
_BATCH = 50_000
_SERIES = {
    "sqlite": "(WITH RECURSIVE up(n) AS (SELECT $1 UNION ALL SELECT n + 1 FROM up WHERE n < $2)"
    " SELECT n FROM up) AS series",
    "postgresql": "(SELECT generate_series($1::bigint, $2::bigint) AS n) AS series",
}
_OCTETS = {"sqlite": "CAST({} AS BLOB)", "postgresql": "convert_to({}, 'UTF8')"}


async def fill(database: Database, count: int, now: int) -> None:
    """Write certificates of 24 hours, four to an endpoint, issued evenly over the last 60 days."""
    kind = database.dialect
    digits = _OCTETS[kind].format("CAST(1000000000000000 + n AS TEXT)")
    digest = _OCTETS[kind].format("CAST(1000000000000000 + n AS TEXT) || '-of-32-octets-each'")
    issued, host = (
        "($3 - 5184000 + (n * 5184000) / $4)",
        "'h' || CAST(n / $5 AS TEXT) || '.example'",
    )
    line = "char(10)" if kind == "sqlite" else "chr(10)"
    certificates = Statement(f"""
        INSERT INTO certificates (serial, issuer, endpoint, common_name, names, provisioner,
            provisioner_type, proof, not_before, not_after, issued_at, fingerprint)
        SELECT {digits}, 'issuer', 'c-' || CAST(n / $5 AS TEXT), {host},
            {line} || 'dns:' || {host} || {line}, 'p' || CAST(n % 5 AS TEXT), 'JWK', {host},
            {issued}, {issued} + 86400, {issued}, {digest}
        FROM {_SERIES[kind]}""")  # noqa: S608 - constants
    endpoints = Statement("""
        INSERT INTO endpoints (id, common_name, names, provisioner, provisioner_type, opened_at,
            last_not_after)
        SELECT endpoint, min(common_name), min(names), min(provisioner), 'JWK', min(issued_at),
            max(not_after)
        FROM certificates GROUP BY endpoint""")
    for first in range(0, count, _BATCH):
        params = first, min(first + _BATCH, count) - 1, now, count, _PER_ENDPOINT
        await database.apply(Write(certificates, params))
    await database.apply(Write(endpoints, ()))
    await database.apply(Write(Statement("ANALYZE"), ()))


async def measure(what: str, calls: int, ask: Callable[[int], Awaitable[Any]]) -> None:
    """Print what calls take, each with a number of its own; the first one is not counted."""
    await ask(0)
    times: list[float] = []
    cpu = time.process_time()
    for number in range(1, calls + 1):
        began = time.perf_counter()
        await ask(number)
        times.append((time.perf_counter() - began) * 1000)
    used = (time.process_time() - cpu) / calls * 1000
    late = sorted(times)[max(0, round(calls * 0.95) - 1)]
    print(f"{what:44} {statistics.median(times):9.1f} {late:9.1f} {used:9.1f}", flush=True)


def questions(count: int, now: dt.datetime) -> dict[str, Callable[[int], dict[str, Any]]]:
    """The filters of the lists' questions, by their words; each is given a number of its own."""

    def pick(number: int) -> int:
        return number * 0x9E37_79B9 % count

    def host(number: int) -> str:
        return f"h{pick(number) // _PER_ENDPOINT}.example"

    return {
        "the latest": lambda _: {},
        "by serial number": lambda n: {"serial": str(10**15 + pick(n)).encode().hex()},
        "by fingerprint": lambda n: {
            "fingerprint": f"{10**15 + pick(n)}-of-32-octets-each"[:32].encode().hex()
        },
        "by endpoint": lambda n: {"endpoint": f"c-{pick(n) // _PER_ENDPOINT}"},
        "by whole name": lambda n: {"name": f"dns:{host(n)}"},
        "by common name": lambda n: {"subject": host(n)},
        "by a part of a name that many have": lambda n: {"search": f"{n % 10}.exam"},
        "by a part of a name that one has": lambda n: {"search": host(n)},
        "by provisioner": lambda n: {"provisioner": f"p{n % 5}"},
        "active, the next to expire": lambda _: {"state": "active", "sort": "expires"},
        "expiring within a day of one provisioner": lambda n: {
            "provisioner": f"p{n % 5}", "sort": "expires", "expires_after": now.isoformat(),
        },
        "issued on one day": lambda n: {
            "issued_after": (now - dt.timedelta(days=n % 50 + 2)).isoformat(),
            "issued_before": (now - dt.timedelta(days=n % 50 + 1)).isoformat(),
        },
    }  # fmt: skip # filters in rows


async def run(url: str, count: int, calls: int) -> None:
    """Fill the database and measure."""
    await migrate(url, "newel.inventory", REVISION)
    database = await open_database(url)
    clock = SystemClock()
    now = clock.now()
    began = time.perf_counter()
    await fill(database, count, int(now.timestamp()))
    print(f"{count} certificates written in {time.perf_counter() - began:.0f} s")
    catalogue = Catalogue(database)
    print(f"{database.dialect:44} {'median':>9} {'p95':>9} {'CPU':>9}  milliseconds")
    for what, filters in questions(count, now).items():

        async def look(number: int, filters: Callable[[int], dict[str, Any]] = filters) -> None:
            query = CertificateParameters.model_validate(filters(number)).query()
            page = await catalogue.listing.certificates(query, now)
            pages = 1
            while not page.entries and page.next is not None:
                query = dataclasses.replace(query, after=page.next)
                page = await catalogue.listing.certificates(query, now)
                pages += 1

        await measure(what, calls, look)
    counts = OverviewStorage(database)
    await measure("overview", 5, lambda _: OverviewCounter(counts, clock).count())
    later = int(now.timestamp()) + 10 * _HOUR
    await measure("expiry tick, nothing due", calls, lambda _: catalogue.storage.due(later, 100))
    meter = MeteringStorage(database)
    month = Month.of(now)
    await measure("metering of this month", 1, lambda _: start_meter(meter, clock).report(month))
    await database.close()


def main() -> None:
    """Read the flags and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--database", help="URL of an empty database")
    parser.add_argument("--count", type=int, default=1_000_000, help="how many certificates")
    parser.add_argument("--calls", type=int, default=40, help="how often each question is asked")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = arguments.database or f"sqlite:///{folder}/inventory.db"
        asyncio.run(run(url, arguments.count, arguments.calls))


if __name__ == "__main__":
    main()
