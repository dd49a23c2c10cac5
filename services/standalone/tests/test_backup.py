"""`newel backup` and `newel restore`: whole or not at all, and never over an authority."""

import asyncio
import errno
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import msgspec
import pytest

from fixtures.processes import free_port
from newel.runtime.clock import SystemClock
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Statement
from newel.runtime.database.migrations import migrate
from newel.standalone.app import REVISIONS, TABLES
from newel.standalone.backup import collection, restore_command
from newel.standalone.backup.archive import read_archive, write_archive
from newel.standalone.backup.command import main, put_in_place
from newel.standalone.backup.encryption import ArchiveError
from newel.standalone.backup.manifest import AuditMark, Content, Manifest
from newel.standalone.command import lock
from newel.standalone.first_start import create
from newel.standalone.layout import Layout
from newel.standalone.options import parse
from newel.standalone.settings import read_settings


@pytest.fixture(scope="module")
def new_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority that was made, its databases and all, and a passphrase."""
    folder = tmp_path_factory.mktemp("backup")
    layout = Layout(folder / "ca")
    words = ["--state", str(layout.state), "--http-address", f"127.0.0.1:{free_port()}"]
    create(layout, parse(words), SystemClock().now())

    async def migrate_all() -> None:
        for name, revision in REVISIONS.items():
            await migrate(layout.database(name), f"newel.{name}", revision, tables=TABLES[name])

    asyncio.run(migrate_all())
    (folder / "passphrase").write_text("correct horse")
    (folder / "passphrase").chmod(0o600)
    assert main([str(folder / "archive"), "--state", str(layout.state), *key(folder)]) == 0
    return folder


@pytest.fixture
def folder(new_authority: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(new_authority, tmp_path / "copy"))


def key(folder: Path) -> list[str]:
    return ["--passphrase-file", str(folder / "passphrase")]


def restore(folder: Path, state: Path, *more: str) -> int:
    return restore_command.main(
        [str(folder / "archive"), "--state", str(state), *key(folder), *more]
    )


def make_manifest(files: dict[str, Content]) -> Manifest:
    return Manifest(
        created_at=0, version="1", authority="Newel", root_sha256="", postgresql=False,
        databases=[], audit=AuditMark(0, ""), files=files,
    )  # fmt: skip # a table


def read_tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_files_come_back_as_they_were(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main([str(folder / "archive"), "--verify", *key(folder), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert set(shown["databases"]) == set(REVISIONS)
    assert restore(folder, folder / "new", "--json") == 0
    before, after = read_tree(folder / "ca"), read_tree(folder / "new")
    same = [path for path in before if not path.endswith((".sqlite", "audit.log", "lock"))]
    same.remove("db/last-backup.json")  # of the backup itself
    assert {path: after[path] for path in same} == {path: before[path] for path in same}
    assert set(after) == {*same, "log/audit.log", *(f"db/{each}.sqlite" for each in REVISIONS)}
    modes = {path.stat().st_mode & 0o077 for path in (folder / "new").rglob("*")}
    assert modes == {0}
    (line,) = (folder / "new/log/audit.log").read_text().splitlines()
    told = json.loads(line)
    assert (told["event"], told["backup_made_at"]) == ("restore", shown["createdAt"])
    assert told["former_trail"] == shown["audit"]
    assert b"PRIVATE KEY" not in (folder / "archive").read_bytes()


SAYS = {
    "wrong passphrase": "this passphrase does not open it",
    "cut off": "it was changed, or was not copied whole",
    "foreign": "it is no backup",
    "no file": "no such file or directory",
    "a link": "is no folder",
    "occupied": "is not empty",
    "running": "is in use by a running authority",
}


def spoil(folder: Path, case: str) -> None:
    """Make a restore into ``new`` impossible."""
    archive, new = folder / "archive", folder / "new"
    if case == "wrong passphrase":
        (folder / "passphrase").write_text("another one")
    elif case == "cut off":
        archive.write_bytes(archive.read_bytes()[:-1000])
    elif case == "foreign":
        archive.write_bytes(b"PK" * 1000)
    elif case == "no file":
        archive.unlink()
    elif case == "a link":
        new.symlink_to(folder / "elsewhere")
    elif case == "occupied":
        new.mkdir()
        (new / "notes").write_text("mine")
    else:
        held.append(lock(Layout(new)))


held: list[Any] = []


@pytest.mark.parametrize("case", SAYS)
def test_a_restore_that_cannot_be_changes_nothing(
    folder: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(folder, case)
    before = read_tree(folder)
    assert restore(folder, folder / "new") == 1
    said = capsys.readouterr().err
    assert said.startswith("newel restore: ")
    assert SAYS[case] in said
    assert said.count("\n") == 1
    assert read_tree(folder) == before
    assert not (folder / ".new.restore").exists()
    while held:
        held.pop().close()


def kill_at(event: int, work: Callable[[], object]) -> int:
    """Run something in a process that is killed at its n-th file operation; return how many there were.

    0 when it was killed, else what it came to.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        seen = 0

        def observe(name: str, _arguments: object) -> None:
            nonlocal seen
            if name in ("open", "os.rename", "os.mkdir", "sqlite3.connect", "os.remove"):
                seen += 1
                if seen == event:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(observe)
        try:
            work()
        finally:
            os.write(writing, str(seen).encode())
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as told:
        return int(told.read() or 0)


def test_a_kill_leaves_nothing_or_the_whole(folder: Path) -> None:
    """At places from the first file to the last; the next restore does not mind."""
    state = folder / "new"
    total = kill_at(0, lambda: restore(folder, state))
    assert total > 12
    assert (state / "config/ca.json").exists()
    whole = {*read_tree(state)}
    shutil.rmtree(state)
    for event in range(2, total + 1, max(1, total // 5)):
        assert kill_at(event, lambda: restore(folder, state)) == 0
        if state.exists():
            assert {*read_tree(state)} == whole
            shutil.rmtree(state)
    assert restore(folder, state) == 0
    assert {*read_tree(state)} == whole
    assert not (folder / ".new.restore").exists()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["{folder}/archive", "--state", "{folder}/ca"], "there is such a file"),
        (["{folder}/ca/archive", "--state", "{folder}/ca"], "this is in the state folder"),
        (["{folder}/b", "--state", "{folder}/none"], "config/ca.json: no such file"),
        (["{folder}/b", "--state", "{folder}/ca", "--without-databases"], "leave the flag out"),
        (["{folder}/none", "--verify"], "no such file or directory"),
    ],
)
def test_a_backup_that_cannot_be_is_refused_in_a_line(
    folder: Path, flags: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([flag.format(folder=folder) for flag in flags] + key(folder)) == 1
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert not (folder / "b").exists()


def test_databases_elsewhere_are_not_left_out_in_silence(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "ca/config/ca.json"
    document = json.loads(file.read_text())
    document["db"] = {"type": "postgresql", "dataSource": "postgresql://u@127.0.0.1:1/newel"}
    file.write_text(json.dumps(document))
    assert main([str(folder / "b"), "--state", str(folder / "ca"), *key(folder)]) == 1
    assert "pg_dump -Fc" in capsys.readouterr().err


RESTORED_AT = Statement("SELECT number FROM revisions WHERE name = 'restored'")


@pytest.mark.needs("postgres", "initdb")
def test_databases_on_postgresql_are_fenced_where_they_are(
    folder: Path, fresh_postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "ca/config/ca.json"
    db = {"type": "postgresql", "dataSource": fresh_postgres_url}
    file.write_text(json.dumps(json.loads(file.read_text()) | {"db": db}))
    (folder / "archive").unlink()
    words = [str(folder / "archive"), "--state", str(folder / "ca"), *key(folder)]
    assert main([*words, "--without-databases"]) == 0
    assert restore(folder, folder / "new") == 1  # there is no dump in its place yet
    assert not (folder / "new").exists()
    settings = read_settings(Layout(folder / "ca"))

    async def migrate_all() -> None:
        for name, revision in REVISIONS.items():
            await migrate(settings.database(name), f"newel.{name}", revision)

    async def read_moment() -> int:
        database = await open_database(settings.database("registration"))
        try:
            return int((await database.fetch(RESTORED_AT))[0][0])
        finally:
            await database.close()

    async def restore_beside(service: str) -> int:
        running = await open_database(settings.database(service))
        try:
            return await asyncio.to_thread(restore, folder, folder / "new")
        finally:
            await running.close()

    asyncio.run(migrate_all())
    assert asyncio.run(restore_beside("issuing")) == 1  # a drill must not end what is under way
    assert "a running authority is connected to the database" in capsys.readouterr().err
    assert not (folder / "new").exists()
    capsys.readouterr()
    assert restore(folder, folder / "new", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert asyncio.run(read_moment()) == told["tokensRefusedUntil"]


def test_what_ca_json_names_elsewhere_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "ca/config/ca.json"
    root = Path(shutil.copy(folder / "ca/certs/root_ca.crt", folder / "root.crt"))
    file.write_text(json.dumps(json.loads(file.read_text()) | {"root": str(root)}))
    assert main([str(folder / "b"), "--state", str(folder / "ca"), *key(folder)]) == 0
    assert f"{root} is not in the archive" in capsys.readouterr().err


def test_no_journal_comes_back_beside_the_copy_of_another_moment(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for end in ("wal", "shm", "journal"):
        (folder / f"ca/db/former.sqlite-{end}").write_bytes(bytes(8))
    words = [str(folder / "b"), "--state", str(folder / "ca"), *key(folder), "--json"]
    assert main(words) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert "db/issuing.sqlite" in files
    assert not [path for path in files if "sqlite-" in path]


def test_a_damaged_database_is_not_backed_up(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = folder / "ca/db/issuing.sqlite"
    octets = bytearray(database.read_bytes())
    octets[4096 : 3 * 4096] = bytes(2 * 4096)
    database.write_bytes(octets)
    assert main([str(folder / "b"), "--state", str(folder / "ca"), *key(folder)]) == 1
    assert f"{database}: " in capsys.readouterr().err
    assert not (folder / "b").exists()
    assert not (folder / "ca/db/backup").exists()


def test_a_clock_that_is_behind_restores_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(SystemClock, "unix", lambda _self: 1_000_000_000.0)  # pyright: ignore[reportUnknownLambdaType]
    assert restore(folder, folder / "new") == 1
    assert "this machine's clock is behind" in capsys.readouterr().err
    assert not (folder / "new").exists()


def test_large_files_are_read_where_they_are_and_must_not_change(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "HELD", 1000)
    before = read_tree(folder / "ca")
    assert main([str(folder / "b"), "--state", str(folder / "ca"), *key(folder)]) == 0
    (folder / "b").replace(folder / "archive")
    assert restore(folder, folder / "new") == 0
    after = read_tree(folder / "new")
    assert {path: after[path] for path in before if path.startswith(("certs", "secrets"))} == {
        path: octets for path, octets in before.items() if path.startswith(("certs", "secrets"))
    }


@pytest.mark.parametrize(("now", "said"), [(b"other", "changed"), (b"o", "became shorter")])
def test_a_file_that_changes_meanwhile_is_not_backed_up(
    now: bytes, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"first")
    manifest = make_manifest(files={"file": collection.describe(file)})
    file.write_bytes(now)
    with (
        (tmp_path / "archive").open("wb") as opened,
        pytest.raises(ArchiveError, match=f"{said} while it was read; run it again"),
    ):
        write_archive(opened, b"correct horse", manifest, {"file": file})


def test_nothing_is_written_through_a_link_or_over_a_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "victim").write_bytes(b"keep me")
    (folder / "b.part").symlink_to(folder / "victim")
    assert main([str(folder / "b"), "--state", str(folder / "ca"), *key(folder)]) == 1
    assert "a killed one left it: remove it" in capsys.readouterr().err
    assert (folder / "victim").read_bytes() == b"keep me"
    assert (folder / "b.part").is_symlink()
    (folder / "link").symlink_to(folder / "ca/certs")
    assert main([str(folder / "link/b"), "--state", str(folder / "ca"), *key(folder)]) == 1
    assert "this is in the state folder" in capsys.readouterr().err


def test_a_file_system_without_hard_links_takes_a_backup(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert main([str(folder / "b"), "--state", str(folder / "ca"), *key(folder)]) == 0
    assert main([str(folder / "b"), "--verify", *key(folder)]) == 0
    assert not (folder / "b.part").exists()
    with pytest.raises(FileExistsError):
        put_in_place(folder / "archive", folder / "b")
    assert main([str(folder / "b"), "--verify", *key(folder)]) == 0


def test_a_database_of_a_newer_version_is_refused_by_its_name(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contents: dict[str, bytes | Path] = {}

    def take(path: str, stream: IO[bytes], size: int) -> None:
        contents[path] = stream.read(size)

    with (folder / "archive").open("rb") as opened:
        manifest = read_archive(opened, b"correct horse", take)
    newer = msgspec.structs.replace(manifest, databases=[*manifest.databases, "timestamps"])
    with (folder / "archive").open("wb") as opened:
        write_archive(opened, b"correct horse", newer, contents)
    assert restore(folder, folder / "new") == 1
    said = capsys.readouterr().err
    assert "a database that this version does not know, 'timestamps'" in said
    assert said.count("\n") == 1
    assert not (folder / "new").exists()
