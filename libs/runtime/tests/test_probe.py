"""A database is usable when it took a write: nothing else is believed."""

import asyncio
import shutil
from pathlib import Path

import pytest

from fixtures.databases import create_outbox
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Statement, Write
from newel.runtime.database.probe import probe_database
from newel.runtime.errors import ErrorType, NewelError

LEASES = Statement("SELECT count(*) FROM leases")


async def test_it_takes_a_write_and_keeps_one_row(database_url: str) -> None:
    database = await open_database(database_url)
    await create_outbox(database)
    await asyncio.gather(*(probe_database(database) for _ in range(5)))
    assert await database.fetch(LEASES) == [(1,)]
    await database.close()


@pytest.mark.parametrize("how", ["removed", "replaced", "moved with its folder"])
async def test_a_file_that_is_gone_takes_no_write_more(tmp_path: Path, how: str) -> None:
    """The descriptor would go on taking them, and the next start would find none."""
    file = tmp_path / "db" / "issuing.sqlite"
    file.parent.mkdir()
    database = await open_database(f"sqlite:///{file}")
    await create_outbox(database)
    await probe_database(database)
    if how == "moved with its folder":
        file.parent.rename(tmp_path / "elsewhere")
    else:
        file.unlink()
    if how == "replaced":
        shutil.copyfile("/dev/null", file)
    writes = [database.apply(Write(Statement("DELETE FROM leases"), ())) for _ in range(3)]
    refusals = await asyncio.gather(*writes, probe_database(database), return_exceptions=True)
    for refused in refusals:
        assert isinstance(refused, NewelError)
        assert refused.type is ErrorType.UNAVAILABLE
        assert "issuing.sqlite" in refused.cause
    await database.close()


async def test_a_file_damaged_under_way_is_unavailable_and_named(tmp_path: Path) -> None:
    file = tmp_path / "issuing.sqlite"
    database = await open_database(f"sqlite:///{file}")
    await create_outbox(database)
    await database.close()
    octets = file.read_bytes()
    file.write_bytes(octets[:4096] + b"\xff" * (len(octets) - 4096))
    database = await open_database(f"sqlite:///{file}")
    with pytest.raises(NewelError, match="cannot use its database") as refused:
        await probe_database(database)
    assert "issuing.sqlite" in refused.value.cause
    with pytest.raises(NewelError):
        await database.fetch(LEASES)
    await database.close()
