"""`newel backup`."""

import argparse
import errno
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

from newel.runtime.audit_log import AuditLog
from newel.runtime.clock import SystemClock
from newel.runtime.config import ConfigError, read_secret_octets
from newel.runtime.line_sink import LineSink
from newel.standalone.backup import collection
from newel.standalone.backup.archive import read_archive, write_archive
from newel.standalone.backup.encryption import SHORTEST, ArchiveError
from newel.standalone.backup.manifest import Content, Manifest
from newel.standalone.backup.scratch import open_scratch, sync
from newel.standalone.command import run_command
from newel.standalone.flag_values import Parser, refuse_empty
from newel.standalone.later_start import authority_name
from newel.standalone.layout import Layout
from newel.standalone.roots import own_root
from newel.standalone.settings import Settings, read_settings

WITHOUT_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
"""How a file system without hard links, such as FAT, refuses one."""
EPILOG = """\
It may be run beside a running authority: every database is copied as it is at one moment, and writers go on. In
the archive are the databases, the configuration, certificates, and the key files with their passwords, all of it
encrypted with the passphrase. The audit trail is not: keep it continuously. 'newel restore' brings it back."""


def main(arguments: Sequence[str]) -> int:
    """Make an archive, or check one; return the exit code."""
    parser = make_parser()
    refuse_empty(parser, arguments)
    options = parser.parse_args(["--help"] if arguments == ["help"] else arguments)
    return run_command("backup", lambda: run(options))


def run(options: argparse.Namespace) -> int:
    """Do what the flags say; return the exit code."""
    passphrase = read_passphrase(options.passphrase_file)
    if options.verify:
        manifest = verify(options.file, passphrase)
        return report(options, manifest, f"{options.file}: {count(manifest)} can be restored")
    layout = Layout(options.state.resolve(), options.password_file)
    manifest = back_up(layout, options.file, passphrase, external=options.without_databases)
    return report(options, manifest, f"{options.file}: {count(manifest)} backed up")


def make_parser() -> argparse.ArgumentParser:
    """Build the parser of the flags, each with its help."""
    parser = Parser(
        allow_abbrev=False,
        prog="newel backup",
        description="Writes everything that an authority consists of into one encrypted file.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="the archive; it must not exist yet"
    )
    parser.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        default=Path("newel"),
        help="where everything of the authority is kept (default ./newel)",
    )
    add_passphrase(parser)
    parser.add_argument(
        "--password-file", type=Path, metavar="F", help="file with the keys' password"
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="read FILE to its end and check it; nothing is changed",
    )
    parser.add_argument(
        "--without-databases",
        action="store_true",
        help="for databases on PostgreSQL, which pg_dump keeps: run that afterwards",
    )
    parser.add_argument("--json", action="store_true", help="print what is in it as JSON")
    return parser


def add_passphrase(parser: argparse.ArgumentParser) -> None:
    """Add the flag of the passphrase."""
    parser.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="F",
        required=True,
        help=f"file with the passphrase of the archive, {SHORTEST} octets at least",
    )


def read_passphrase(path: Path) -> bytes:
    """Read the passphrase of an archive. Raises ConfigError."""
    passphrase = read_secret_octets(path)
    if len(passphrase) < SHORTEST:
        raise ConfigError(f"{path}: the passphrase is shorter than {SHORTEST} octets")
    return passphrase


def back_up(layout: Layout, file: Path, passphrase: bytes, *, external: bool) -> Manifest:
    """Write an archive of an authority. Raises ConfigError, ArchiveError and OSError, and leaves no file then.

    ``external``: the databases are on PostgreSQL and kept by other means.
    """
    settings = read_settings(layout)
    check_databases(settings, external=external)
    for each in collection.list_elsewhere(settings):
        print(f"newel backup: {each} is not in the archive: keep it apart", file=sys.stderr)
    now = int(SystemClock().unix())
    if file.exists():
        raise FileExistsError(f"{file}: there is such a file; name another one")
    if (file.parent.resolve() / file.name).is_relative_to(layout.state.resolve()):
        raise ConfigError(f"{file}: this is in the state folder; name a place elsewhere")
    part = file.with_name(file.name + ".part")
    with open_scratch(layout.state / collection.SCRATCH, "newel backup") as scratch:
        files = collection.read_files(collection.list_files(layout))
        copies = {} if external else collection.copy_databases(layout, scratch)
        contents: dict[str, bytes | Path] = {
            **files,
            **{f"db/{copy.name}": copy for copy in copies.values()},
        }
        manifest = Manifest(
            created_at=now,
            version=version("newel-standalone"),
            authority=authority_name(settings),
            root_sha256=hashlib.sha256(own_root(settings).der).hexdigest(),
            postgresql=external,
            databases=[*copies],
            audit=collection.mark_audit(layout),
            files={path: _describe(content) for path, content in contents.items()},
        )
        opened = create(part)
        try:
            with opened:
                write_archive(opened, passphrase, manifest, contents)
                opened.flush()
                os.fsync(opened.fileno())
            put_in_place(part, file)
        finally:
            part.unlink(missing_ok=True)
        sync(file.absolute().parent)
    note(layout, manifest)
    return manifest


def create(part: Path) -> BinaryIO:
    """Create the file that becomes the archive. Raises OSError where anything has its name, a link included."""
    try:
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise FileExistsError(
            f"{part}: there is such a file; when no other backup is at work, a killed one left it: remove it"
        ) from None
    return os.fdopen(descriptor, "wb")


def put_in_place(part: Path, file: Path) -> None:
    """Give the archive its name, and replace no file. Raises OSError."""
    try:
        os.link(part, file)
    except OSError as error:
        if error.errno not in WITHOUT_LINKS:
            raise
        # The name is taken first, by an empty file that is then replaced.
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        part.replace(file)


def check_databases(settings: Settings, *, external: bool) -> None:
    """Refuse a backup that would lack the databases unless that is said, and the other way round."""
    if settings.uses_postgresql and not external:
        raise ConfigError(
            "the databases are on PostgreSQL: back up by --without-databases, and then by 'pg_dump -Fc', which"
            " keeps all schemas as they are at one moment (docs/runbooks/backup-and-restore.md)"
        )
    if external and not settings.uses_postgresql:
        raise ConfigError(
            "--without-databases: the databases are in the state folder; leave the flag out"
        )


def note(layout: Layout, manifest: Manifest) -> None:
    """Record the backup in the audit trail, and when it was for 'newel status'."""
    sink = LineSink.open(layout.audit)
    AuditLog("standalone", SystemClock(), sink).record(
        "backup", "granted", files=len(manifest.files), databases=manifest.databases
    )
    sink.close()
    path = layout.state / "db/last-backup.json"
    path.write_text(json.dumps({"created_at": manifest.created_at}) + "\n")


def verify(file: Path, passphrase: bytes) -> Manifest:
    """Read an archive to its end. Raises ArchiveError and OSError."""
    with file.open("rb") as opened:
        try:
            return read_archive(opened, passphrase)
        except ArchiveError as error:
            raise ArchiveError(f"{file}: {error}") from None


def report(options: argparse.Namespace, manifest: Manifest, text: str) -> int:
    """Print what is in an archive; return the exit code."""
    if not options.json:
        print(f"{text}\n{describe(manifest)}")
        return 0
    facts = {
        "authority": manifest.authority,
        "root": manifest.root_sha256,
        "createdAt": manifest.created_at,
        "version": manifest.version,
        "databases": manifest.databases,
        "postgresql": manifest.postgresql,
        "files": {path: content.octets for path, content in manifest.files.items()},
        "audit": {"octets": manifest.audit.octets, "sha256": manifest.audit.sha256},
    }
    print(json.dumps(facts, indent=2))
    return 0


def count(manifest: Manifest) -> str:
    """Return how many files and databases there are."""
    number = len(manifest.files) - len(manifest.databases)
    return f"{number} files and {len(manifest.databases)} databases"


def describe(manifest: Manifest) -> str:
    """Describe whose backup it is, in one line."""
    return (
        f"of {manifest.authority} (root {manifest.root_sha256[:16]}…) at {manifest.moment},"
        f" version {manifest.version}"
    )


def _describe(content: bytes | Path) -> Content:
    if isinstance(content, Path):
        return collection.describe(content)
    return Content(len(content), hashlib.sha256(content).hexdigest())
