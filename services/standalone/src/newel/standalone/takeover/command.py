"""`newel import`."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncGenerator, Sequence
from importlib import resources
from pathlib import Path
from typing import TextIO

from newel.issuing import app as issuing
from newel.registration import app as registration
from newel.runtime.audit_log import AuditLog
from newel.runtime.clock import SystemClock
from newel.runtime.config import read_secret_octets
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database, Statement
from newel.runtime.database.migrations import migrate
from newel.runtime.line_sink import LineSink
from newel.standalone import models
from newel.standalone.app import REVISIONS, TABLES
from newel.standalone.command import describe_fault, lock
from newel.standalone.existing import note_databases, require_databases
from newel.standalone.layout import Layout
from newel.standalone.settings import Settings, read_settings
from newel.standalone.ssh_keys import read_public_keys
from newel.standalone.step_ca.flags import locate
from newel.standalone.takeover.administration import NO_AUTHORITY
from newel.standalone.takeover.export_file import ExportFile
from newel.standalone.takeover.importer import Importer, Note, Part, note_nothing
from newel.standalone.takeover.managed_configuration import ManagedConfiguration
from newel.standalone.takeover.options import BADGER, POSTGRES, ImportOptions, parse
from newel.standalone.takeover.report import describe, show_progress
from newel.standalone.takeover.source import Source, SourceError

_SCHEMA = Statement("SELECT 1 FROM pg_namespace WHERE nspname = 'newel_issuing'")
EXPORTER = ("main.go", "go.mod")


def main(arguments: Sequence[str]) -> int:
    """Run the command; return the exit code: 0, or 1 when nothing or not all could be read."""
    options = parse(arguments)
    try:
        if options.write_exporter:
            return write_exporter(options.write_exporter)
        layout = Layout(
            locate(str(options.config)), given_config=options.config, relative_to=Path.cwd()
        )
        settings = read_settings(layout)
        with lock(layout):
            parts = asyncio.run(run(options, settings))
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        cause = str(error) if isinstance(error, SourceError) else describe_fault(error)
        if not cause:
            raise
        print(f"newel import: {cause}", file=sys.stderr)
        return 1
    for line in describe(parts, dry_run=options.dry_run):
        print(line)
    return 0


def write_exporter(folder: Path) -> int:
    """Write the source of the Go program that exports badger and bbolt. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    source = resources.files("newel.standalone.takeover") / "exporter"
    for name in EXPORTER:
        (folder / name).write_bytes((source / f"{name}.txt").read_bytes())
        print(folder / name)
    return 0


async def run(options: ImportOptions, settings: Settings) -> list[Part]:
    """Open the source and this authority's databases, and import. Raises SourceError, and as `newel up` does."""
    source = await open_source(options)
    left_out = options.left_out.open("w") if options.left_out else None
    try:
        async with own_databases(settings, dry_run=options.dry_run) as (issued, registered):
            clock = SystemClock()
            issuance = models.configure_issuing(settings)
            ssh_keys = read_public_keys(settings.layout)
            importer = Importer(
                source,
                issuing.open_foreign_records(issuance, issued, clock),
                await issuing.open_foreign_ssh_records(issuance, ssh_keys, issued, clock),
                registration.foreign.ForeignAccounts(registered),
                registration.foreign_uses.ForeignUses(registered),
                registration.ForeignHosts(registered),
                choose_configuration(settings, registered),
                show_progress,
                make_note(left_out),
                dry_run=options.dry_run,
            )
            parts = await importer.run()
        if not options.dry_run:
            record(settings.layout, options.kind, parts)
        return parts
    finally:
        if left_out:
            left_out.close()
        await source.close()


def record(layout: Layout, source: str, parts: Sequence[Part]) -> None:
    """Write one line of the audit trail."""
    sink = LineSink.open(layout.audit)
    facts = {part.name: {"new": part.new, "known": part.known} for part in parts if part.rows}
    AuditLog("standalone", SystemClock(), sink).record("import", "done", source=source, **facts)
    sink.close()


@contextlib.asynccontextmanager
async def own_databases(
    settings: Settings, *, dry_run: bool
) -> AsyncGenerator[tuple[Database, Database]]:
    """Open the databases of issuing and registration; those of a new authority are all made.

    A dry run makes none: where there are none it looks into empty ones, which are removed again. Raises
    what `newel up` raises.
    """
    locate_database = settings.database
    if not settings.uses_postgresql:
        require_databases(settings.layout, new=False)
    with contextlib.ExitStack() as stack:
        if dry_run and not await has_database(settings):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            (folder / "db").mkdir()
            locate_database = Layout(folder).database
        for name, revision in REVISIONS.items():
            await migrate(locate_database(name), f"newel.{name}", revision, tables=TABLES[name])
        if not dry_run:
            note_databases(settings.layout, [*REVISIONS])
        opened = [
            await open_database(locate_database(name)) for name in ("issuing", "registration")
        ]
        try:
            yield opened[0], opened[1]
        finally:
            for database in opened:
                await database.close()


async def has_database(settings: Settings) -> bool:
    """Tell whether this authority has run, or was imported into, before. Raises NewelError ``unavailable``."""
    if not settings.uses_postgresql:
        return settings.layout.database_file("issuing").exists()
    opened = await open_database(settings.database("issuing"))
    try:
        return bool(await opened.fetch(_SCHEMA))
    finally:
        await opened.close()


def choose_configuration(settings: Settings, database: Database) -> ManagedConfiguration:
    """Return what takes over the provisioners and administrators, where ca.json says that these are managed."""
    authority = settings.authority
    return ManagedConfiguration(
        database, authority.authority_id or NO_AUTHORITY, enabled=authority.enable_admin
    )


def make_note(file: TextIO | None) -> Note:
    """Return what writes a line of tab-separated texts for each record that is left out."""
    if file is None:
        return note_nothing

    def note(table: str, name: str, why: str) -> None:
        print(table, name, why, sep="\t", file=file)

    return note


async def open_source(options: ImportOptions) -> Source:
    """Open what is read. Raises SourceError, ConfigError for the password's file."""
    if options.kind == BADGER:
        return ExportFile(Path(options.source))
    file = options.password_file
    password = read_secret_octets(file).decode() if file else None
    if options.kind == POSTGRES:
        from newel.standalone.takeover.postgres import PostgresSource

        return await PostgresSource.connect(options.source, options.database, password)
    from newel.standalone.takeover.mysql import MySQLSource

    return await MySQLSource.connect(options.source, options.database, password)
