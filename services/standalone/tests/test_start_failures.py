"""A start that cannot work says why in one line that names the file, and changes nothing."""

import contextlib
import os
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from fixtures.processes import free_port
from fixtures.running import NEWEL, configure, serve_newel


@pytest.fixture(scope="module")
def is_served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state that was served once."""
    state = tmp_path_factory.mktemp("served") / "state"
    with serve_newel(state, free_port(), free_port()):
        pass
    return state


@pytest.fixture
def state(is_served: Path, tmp_path: Path) -> Path:
    """A copy of it to be harmed."""
    return Path(shutil.copytree(is_served, tmp_path / "state"))


def remove_all(state: Path) -> None:
    shutil.rmtree(state / "db")


def empty(state: Path) -> None:
    (state / "db/registration.sqlite").write_bytes(b"")


def drop_tables(state: Path) -> None:
    (state / "db/issuing.sqlite").unlink()
    sqlite3.connect(state / "db/issuing.sqlite").close()


def swap(one: Path, two: Path) -> None:
    held = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(held)


def execute(path: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def drop(state: Path, *, database: str, table: str) -> None:
    execute(state / f"db/{database}.sqlite", f"DROP TABLE {table}")


HARM: dict[str, tuple[Callable[[Path], object], str]] = {
    "the database is missing": (
        lambda state: (state / "db/issuing.sqlite").unlink(),
        "db/issuing.sqlite has no database, and this authority has run before",
    ),
    "every database is missing": (remove_all, "db/issuing.sqlite has no database"),
    "a database of no octets": (empty, "db/registration.sqlite has no database"),
    "a database without tables": (drop_tables, "db/issuing.sqlite has no database"),
    "the databases of two services in each other's place": (
        lambda state: swap(state / "db/validation.sqlite", state / "db/inventory.sqlite"),
        "db/validation.sqlite: this is not the database of validation",
    ),
    "tables of a later build": (
        lambda state: execute(
            state / "db/issuing.sqlite", "UPDATE alembic_version SET version_num = '99'"
        ),
        "db/issuing.sqlite: newel.issuing knows no such revision of its database",
    ),
    "other tables than the revision says": (
        lambda state: execute(
            state / "db/issuing.sqlite",
            "UPDATE alembic_version SET version_num = '0001'",
            "DROP TABLE revocations",
        ),
        "db/issuing.sqlite: this is not the database of newel.issuing",
    ),
    **{
        f"no table {table}": (
            partial(drop, database=database, table=table),
            f"db/{database}.sqlite: a table is missing: {table}; restore",
        )
        for database, table in (
            ("issuing", "certificates"),
            ("issuing", "blocked_keys"),
            ("issuing", "alembic_version"),
            ("registration", "used_tokens"),
            ("validation", "counters"),
            ("inventory", "endpoints"),
            ("alerting", "leases"),
        )
    },
    "a list of databases that is none": (
        lambda state: (state / "db/databases.json").write_text("{"),
        "db/databases.json: it is not the list of the databases",
    ),
    "a list of databases without those that every authority has": (
        lambda state: (
            (state / "db/databases.json").write_text("[]"),
            (state / "db/issuing.sqlite").unlink(),
        ),
        "db/databases.json: it is not the list of the databases",
    ),
    "a damaged database": (
        lambda state: (state / "db/inventory.sqlite").write_bytes(b"no database" * 1000),
        "db/inventory.sqlite: the database is damaged",
    ),
    "a key that is no key": (
        lambda state: (state / "secrets/intermediate_ca_key").write_text("no key"),
        "intermediate_ca_key",
    ),
    "another password": (
        lambda state: (state / "secrets/password").write_text("another\n"),
        "the password is wrong",
    ),
    "no key": (
        lambda state: (state / "secrets/intermediate_ca_key").unlink(),
        "intermediate_ca_key",
    ),
    "no certificate": (
        lambda state: (state / "certs/intermediate_ca.crt").unlink(),
        "intermediate_ca.crt",
    ),
    "a certificate that is none": (
        lambda state: (state / "certs/intermediate_ca.crt").write_text("no certificate"),
        "intermediate_ca.crt",
    ),
    "half a configuration": (
        lambda state: (state / "config/ca.json").write_text('{"root": '),
        "ca.json",
    ),
    "a setting no one knows": (
        lambda state: configure(state, issuing={"nonsense": 1}),
        "nonsense",
    ),
    "a level of the log that is none": (
        lambda state: configure(state, logLevel="loud"),
        "newel: logLevel: ",
    ),
    "an audit trail that is a folder": (
        lambda state: ((state / "log/audit.log").unlink(), (state / "log/audit.log").mkdir()),
        "log/audit.log",
    ),
}


IN_WORKERS = (
    "the database is missing", "no table certificates", "a damaged database", "another password",
    "half a configuration", "an audit trail that is a folder",
)  # fmt: skip # words in rows
"""One case of each kind: several workers find the same, and their parent passes it on."""


@pytest.mark.parametrize(
    ("case", "workers"),
    [*((case, "1") for case in HARM), *((case, "2") for case in IN_WORKERS)],
)
def test_it_says_why_in_one_line(state: Path, case: str, workers: str) -> None:
    harm, expected = HARM[case]
    harm(state)
    done = subprocess.run(
        [NEWEL, "up", "--state", state, "--workers", workers],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip # a command line
    assert done.returncode == 1
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    (line,) = {*done.stderr.splitlines()}  # each of the workers may say it
    assert line.startswith("newel up: ")


def test_the_line_is_written_at_once_because_workers_share_the_terminal(state: Path) -> None:
    harm, expected = HARM["no table certificates"]
    harm(state)
    reading, writing = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # a packet a write
    with reading, writing:
        subprocess.run(
            [NEWEL, "up", "--state", state],
            stderr=writing.fileno(), env={**os.environ, "PYTHONUNBUFFERED": "1"}, check=False, timeout=60,
        )  # fmt: skip # a command line
        writing.close()
        (line,) = iter(lambda: reading.recv(4096), b"")
    assert line.endswith(b"\n")
    assert expected in line.decode()


def test_a_responder_without_its_key_is_made_again(state: Path) -> None:
    before = (state / "certs/ocsp_responder.crt").read_bytes()
    (state / "secrets/ocsp_responder_key").unlink()
    with serve_newel(state, free_port(), free_port()) as authority:
        assert "ocsp_responder_key: missing; another OCSP responder is made" in authority[0].logs()
        assert (state / "certs/ocsp_responder.crt").read_bytes() != before


@pytest.mark.parametrize("harm", [remove_all, empty, drop_tables])
def test_new_databases_are_begun_where_that_is_wanted(
    state: Path, harm: Callable[[Path], None]
) -> None:
    harm(state)
    with serve_newel(state, free_port(), free_port(), "--new-database") as (running, _):
        assert running.get("/health")
    with serve_newel(state, free_port(), free_port()) as (running, _):
        assert running.get("/health")
