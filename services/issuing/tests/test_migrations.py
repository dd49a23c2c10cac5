"""A database of any earlier revision is brought up to date with what it holds."""

import datetime as dt
from pathlib import Path

import pytest

from fixtures.authority import CertificateAuthority
from fixtures.issuing import make_request, open_harness, sqlite_url
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
