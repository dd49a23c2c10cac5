"""A database of any earlier revision is brought up to date with what it holds."""

import asyncio
import datetime as dt
from pathlib import Path

import pytest

from fixtures.authority import CertificateAuthority
from fixtures.issuing import make_key, make_request, open_harness, sqlite_url
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Statement, Write
from newel.runtime.database.migrations import migrate

COLUMNS = (
    "idempotency_key, serial, issuer, profile, tbs, signature, not_after, key_digest, provisioner,"
    " subject_of_proof, created_at"
)
INSERT = Statement(
    f"INSERT INTO certificates ({COLUMNS}, room)"  # noqa: S608 - constant text
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
)


@pytest.mark.parametrize("revision", ["0001", "0002"])
async def test_certificates_and_open_intents_survive_the_upgrade(
    authority: CertificateAuthority, tmp_path: Path, database_url: str, revision: str
) -> None:
    (tmp_path / "source").mkdir()
    source = await open_harness(sqlite_url(tmp_path / "source"), authority)
    issued = await source.one()
    request = make_request()
    source.signer.down = True
    await source.issue(request)
    rows = await source.rows(f"SELECT {COLUMNS}, signature_placeholder FROM certificates")  # noqa: S608 - constant text
    await source.database.close()

    await migrate(database_url, "newel.issuing", revision)
    old = await open_database(database_url)
    await old.apply(*[Write(INSERT, row) for row in rows])
    await old.close()

    new = await open_harness(database_url, authority)
    lookup = pb.Lookup(serial=issued.serial)
    found = await new.repository.GetCertificate(pb.GetCertificateRequest(lookups=[lookup]))
    assert found.records[0].der == issued.der
    new.clock.advance(dt.timedelta(minutes=1))
    assert rows[1][4] in (await new.one(request)).der
    assert (
        await new.rows("SELECT 1 FROM certificates WHERE signature_placeholder IS NOT NULL") == []
    )
    await new.database.close()


@pytest.mark.parametrize("active", [True, False])
async def test_a_key_that_was_blocked_before_has_its_other_certificates_revoked(
    authority: CertificateAuthority, tmp_path: Path, database_url: str, active: bool
) -> None:
    (tmp_path / "source").mkdir()
    source = await open_harness(sqlite_url(tmp_path / "source"), authority)
    key = make_key()
    await source.issue(make_request(public_key=key), make_request(public_key=key))
    rows = await source.rows(f"SELECT {COLUMNS} FROM certificates")  # noqa: S608 - constant text
    await source.database.close()

    await migrate(database_url, "newel.issuing", "0004")
    old = await open_database(database_url)
    into = Statement(
        f"INSERT INTO certificates ({COLUMNS})"  # noqa: S608 - constant text
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    )
    await old.apply(*[Write(into, row) for row in rows])
    revoke = Statement(
        "INSERT INTO revocations (serial, issuer, revoked_at, reason, active, not_after, actor,"
        " provisioner, reason_text, request_id) VALUES ($1, $2, $3, 1, $4, $5, '', '', '', '')"
    )
    block = Statement("INSERT INTO blocked_keys (key_digest, cause, blocked_at) VALUES ($1, $2, 7)")
    first, digest = rows[0][1], rows[0][7]
    await old.apply(
        Write(revoke, (first, rows[0][2], 7, active, rows[0][6])), Write(block, (digest, "leaked"))
    )
    await old.close()

    new = await open_harness(database_url, authority, compromised_keys_every=dt.timedelta(0))
    task = asyncio.ensure_future(new.service.tasks["compromised-keys"]())  # noqa: TID251 - a test may
    query = "SELECT reason, active FROM revocations WHERE serial <> (SELECT serial FROM revocations"
    while not (found := await new.rows(f"{query} ORDER BY position LIMIT 1)")):
        await asyncio.sleep(0.01)
    assert [(reason, bool(is_active)) for reason, is_active in found] == [(1, active)]
    task.cancel()
    await asyncio.wait([task])
    await new.database.close()
