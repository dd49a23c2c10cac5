"""Stores of step-ca that are databases of a server."""

import pytest

from newel.standalone.takeover.postgres import PostgresSource, connect
from newel.standalone.takeover.source import Entry, SourceError

OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


async def test_a_server_that_goes_away_is_one_line(fresh_postgres_url: str) -> None:
    own = await connect(fresh_postgres_url)
    await own.execute("CREATE TABLE x509_certs (nkey bytea PRIMARY KEY, nvalue bytea)")
    await own.execute("INSERT INTO x509_certs VALUES ('a', 'b')")
    source = await PostgresSource.connect(fresh_postgres_url, "", None)
    assert [row async for row in source.rows("x509_certs")] == [Entry(b"a", b"b")]
    await own.execute(f"SELECT pg_terminate_backend(pid) {OTHERS}")
    with pytest.raises(SourceError, match=r"PostgreSQL: "):
        await source.count("x509_certs")
    with pytest.raises(SourceError, match=r"PostgreSQL: "):
        [row async for row in source.rows("x509_certs")]
    await source.close()
    await own.close()
