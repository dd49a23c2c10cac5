"""`python tests/bench/issuing_bench.py`: CPU microseconds the issuing authority spends on a certificate.

One process, SQLite with synchronous=FULL, as many requests in flight as asked for, through the contract
and the same coalescer a caller uses. The peer's signature is measured and taken off. ``--preload``
fills the tables first, to show what a million rows change. A figure is read, never asserted.
"""

import argparse
import asyncio
import cProfile
import itertools
import pstats
import resource
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from fixtures.authority import CertificateAuthority, make_authority
from fixtures.issuing import IssuingHarness, make_key, make_request, open_harness, sqlite_url
from newel.crypto import keys
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.runtime.audit_log import AuditLog
from newel.runtime.clock import ManualClock, SystemClock
from newel.runtime.coalescer import Coalescer
from newel.runtime.line_sink import LineSink

_KEYS = 256


def cpu() -> float:
    """Seconds of CPU this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def signing_cost(authority: CertificateAuthority) -> float:
    """Seconds of CPU for one signature of the peer."""
    body = secrets.token_bytes(700)
    began = cpu()
    for _ in range(3000):
        keys.sign(authority.key, body)
    return (cpu() - began) / 3000


def requests(count: int) -> Iterator[pb.Request]:
    """Requests with time-ordered idempotency keys, as the registration authority makes them."""
    public_keys = itertools.cycle([make_key() for _ in range(_KEYS)])
    began = int(SystemClock().unix() * 1000)
    for number in range(count):
        key = (began + number).to_bytes(6, "big") + secrets.token_bytes(14)
        yield make_request(f"host-{number}.example", key=key, public_key=next(public_keys))


async def drive(
    harness: IssuingHarness, wanted: list[pb.Request], in_flight: int
) -> tuple[float, float]:
    """Seconds of CPU and of wall clock per certificate."""

    async def send(batch: list[pb.Request]) -> list[pb.IssueResult]:
        response = await harness.issuance.Issue(pb.IssueRequest(requests=batch))
        return list(response.results)

    coalescer = Coalescer(send)
    queue = iter(wanted)

    async def caller() -> None:
        for request in queue:
            result = await coalescer.call(request)
            if not result.HasField("certificate"):
                raise RuntimeError(str(result.error))

    used, began = cpu(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(caller())
    return (cpu() - used) / len(wanted), (time.perf_counter() - began) / len(wanted)


async def preload(harness: IssuingHarness, rows: int) -> None:
    """Rows as a year of issuing would have left them: copies of one, with serials and keys of their own."""
    import sqlite3

    await harness.one()
    file = Path(harness.url.removeprefix("sqlite:///"))
    connection = sqlite3.connect(file, isolation_level=None)
    columns = (
        "issuer, profile, tbs, signature, not_after, key_digest, provisioner, subject_of_proof"
    )
    (row,) = connection.execute(f"SELECT {columns} FROM certificates").fetchall()  # noqa: S608
    start = int(SystemClock().unix() * 1000) - rows - 1_000_000
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("BEGIN")
    places = ", ".join("?" * 11)
    connection.executemany(
        f"INSERT INTO certificates (idempotency_key, serial, created_at, {columns}) VALUES ({places})",  # noqa: S608
        (
            (
                (start + n).to_bytes(6, "big") + secrets.token_bytes(14),
                (start + n).to_bytes(6, "big") + secrets.token_bytes(12),
                (start + n) // 1000,
                *row,
            )
            for n in range(rows)
        ),
    )
    connection.execute("COMMIT")
    connection.close()


async def run(arguments: argparse.Namespace, folder: Path) -> None:
    """One measurement, printed."""
    authority = make_authority(folder, now=SystemClock().now())
    clock = ManualClock(SystemClock().now())
    trail = AuditLog("issuing", clock, LineSink.open(folder / "audit.log"))
    url = arguments.url or sqlite_url(folder)
    harness = await open_harness(url, authority, clock=clock, audit=trail)
    if arguments.preload:
        await preload(harness, arguments.preload)
    await drive(harness, list(requests(500)), arguments.in_flight)
    wanted = list(requests(arguments.count))
    profile = cProfile.Profile()
    if arguments.profile:
        profile.enable()
    used, wall = await drive(harness, wanted, arguments.in_flight)
    if arguments.profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    sign = signing_cost(authority)
    print(
        f"{arguments.in_flight} in flight, {arguments.preload} rows before:"
        f" {used * 1e6:.0f} us CPU a certificate, {(used - sign) * 1e6:.0f} without the signature"
        f" ({sign * 1e6:.0f}); {1 / wall:.0f}/s"
    )
    await harness.database.close()


def main() -> None:
    """Reads the arguments and measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=6000)
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--preload", type=int, default=0)
    parser.add_argument("--url", help="another database, such as postgresql://…; not for --preload")
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(run(arguments, Path(folder)))


if __name__ == "__main__":
    main()
