"""The split shape, its services' schemas gone while they run and at their next start."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Generator
from pathlib import Path

import asyncpg
import pytest

from fixtures.drills import ask_ready, obtain_certificate, revoke, tracebacks
from fixtures.processes import free_block
from fixtures.running import wait_until
from fixtures.split import PROGRAMS, SPLIT_BLOCK, Split, split_serving, split_state

pytestmark = pytest.mark.needs("step", "openssl", "curl", *PROGRAMS)

SERVICES = ("issuing", "registration", "validation", "inventory", "alerting")


def run_sql(split: Split, *statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(split.dsn("postgres"))
        try:
            await connection.execute("; ".join(statements))
        finally:
            await connection.close()

    asyncio.run(run())


@contextlib.contextmanager
def empty_schema(split: Split, schema: str) -> Generator[None]:
    """A schema is empty while the block runs, and then what it was."""
    run_sql(
        split,
        f"ALTER SCHEMA {schema} RENAME TO kept",
        f"CREATE SCHEMA {schema} AUTHORIZATION {schema}",
    )
    try:
        yield
    finally:
        run_sql(split, f"DROP SCHEMA {schema} CASCADE", f"ALTER SCHEMA kept RENAME TO {schema}")


def test_a_schema_that_vanishes_is_named_and_not_made_again_by_a_restart(tmp_path: Path) -> None:
    first = free_block(SPLIT_BLOCK)
    ports = first, first + 1, first + 2
    with split_state() as state, split_serving(state, ports, "--workers", "2") as (split, _):
        path = obtain_certificate(split, tmp_path, "a")
        wait_until(lambda: split.ocsp(path) == "good", seconds=60)
        for service in SERVICES:
            log = state / f"log/{service}.log"
            with empty_schema(split, service):
                wait_until(
                    lambda service=service: (
                        "database" in ask_ready(split.health(service))[1].get("missing", {})
                    )
                )
                begun = len(log.read_text())
                os.kill(split.pid(service), signal.SIGKILL)
                wait_until(
                    lambda log=log, begun=begun, service=service: (
                        f"the schema {service} of localhost/newel has no database"
                        in log.read_text()[begun:]
                    ),
                    seconds=60,
                )
                assert tracebacks(log.read_text()[begun:]) == []
            wait_until(
                lambda service=service: ask_ready(split.health(service))[0] == 200, seconds=60
            )
        wait_until(lambda: revoke(split, path).returncode == 0, seconds=60)
        wait_until(lambda: split.ocsp(path) == "revoked", seconds=60)
