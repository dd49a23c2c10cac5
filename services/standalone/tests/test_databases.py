"""The databases of ca.json's PostgreSQL: a schema for each service, beside step-ca's tables."""

import pytest

from newel.runtime.database.connect import split_schema
from newel.standalone.databases import postgresql_url
from newel.step.ca_json import DB, read_strictly


@pytest.mark.parametrize(
    ("source", "database", "url"),
    [
        ("postgresql://u:p%40@h:1/d", "", "postgresql://u:p%40@h:1/d"),
        ("postgres://u@h/d?sslmode=require", "other", "postgresql://u@h/other?sslmode=require"),
        ("host=h port=1 user=u password='p w' dbname=d", "", "postgresql://u:p%20w@h:1/d"),
        (r"host=h user='it\'s' sslmode=disable", "d", "postgresql://it%27s@h/d?sslmode=disable"),
        ("host=/run/pg dbname=d", "", "postgresql:/d?host=%2Frun%2Fpg"),
        ("host=::1 dbname=d", "", "postgresql://[::1]/d"),
    ],
)
def test_each_service_has_a_schema_of_its_own(source: str, database: str, url: str) -> None:
    db = DB("postgresql", source, database=database)
    assert split_schema(postgresql_url(db, "issuing")) == (url, "newel_issuing")


@pytest.mark.parametrize("source", ["mysql://h/d", "h", "host=h x", "host='h"])
def test_another_connection_string_is_refused_without_being_shown(source: str) -> None:
    with pytest.raises(
        ValueError, match=r"db\.dataSource: write postgresql://USER@HOST"
    ) as refused:
        postgresql_url(DB("postgresql", source), "issuing")
    assert source not in str(refused.value)


def test_mysql_is_refused_with_a_word_on_the_import() -> None:
    with pytest.raises(ValueError, match=r"db\.type: MySQL is not supported: .*--from mysql"):
        read_strictly(b'{"db": {"type": "mysql", "dataSource": "x"}}')
    with pytest.raises(ValueError, match=r"db\.type: it must be postgresql"):
        read_strictly(b'{"db": {"type": "oracle"}}')


@pytest.mark.parametrize(("kind", "warned"), [("PostgreSQL", 0), ("badgerv2", 1), ("bbolt", 1)])
def test_the_files_of_step_ca_are_warned_about(kind: str, warned: int) -> None:
    checked = read_strictly(f'{{"db": {{"type": "{kind}", "dataSource": "x"}}}}')
    assert len(checked.warnings) == warned
