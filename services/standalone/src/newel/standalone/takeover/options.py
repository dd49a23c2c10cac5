"""The command line of `newel import`."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from newel.standalone.flag_values import Parser

BADGER, POSTGRES, MYSQL = "badger-export", "postgres", "mysql"

EPILOG = """\
SOURCE is the file of an export, or the connection string of step-ca's database, as its ca.json has it in
db.dataSource. The authority that takes over has step-ca's intermediate and its key, and is stopped meanwhile.
An import can be broken off and begun again: what is there already is counted and left as it is.

badger and bbolt are read by a small Go program, because no other software reads them:

  newel import --write-exporter DIR
  cd DIR && go mod tidy && go build -o export-step-ca .
  ./export-step-ca /path/of/step-ca/db > step-ca.jsonl
  newel import --from badger-export step-ca.jsonl --dry-run"""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The parsed command line."""

    kind: str
    source: str
    config: Path
    dry_run: bool
    database: str
    password_file: Path | None
    left_out: Path | None
    write_exporter: Path | None


def parse(arguments: Sequence[str]) -> ImportOptions:
    """Read the command line; end the process with one line on stderr when it is wrong."""
    parser = _make_parser()
    given = parser.parse_args(["--help"] if [*arguments] == ["help"] else [*arguments])
    if not given.write_exporter:
        if not given.kind:
            parser.error(f"--from: missing; it is {BADGER}, {POSTGRES} or {MYSQL}")
        if not given.source:
            parser.error("SOURCE is missing: the file of an export, or a connection string")
    state: Path = given.state or Path(os.environ.get("STEPPATH") or Path("~/.step").expanduser())
    return ImportOptions(
        kind=given.kind,
        source=given.source,
        config=(given.config or state / "config/ca.json").absolute(),
        dry_run=given.dry_run,
        database=given.database,
        password_file=given.password_file,
        left_out=given.left_out,
        write_exporter=given.write_exporter,
    )


def _make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        allow_abbrev=False,
        prog="newel import",
        description="Brings over what a step-ca issued, revoked and registered, so that it renews, has a status"
        " and is in the inventory.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("source", metavar="SOURCE", nargs="?", default="", help="what is read; see below")
    add("--from", dest="kind", choices=(BADGER, POSTGRES, MYSQL), default="", help="what SOURCE is")
    add(
        "--state",
        type=Path,
        metavar="DIR",
        help="the state folder that is filled (default STEPPATH)",
    )
    add("--config", type=Path, metavar="F", help="its ca.json (default DIR/config/ca.json)")
    add("--dry-run", action="store_true", help="only count, and say what would be left out and why")
    add(
        "--database",
        metavar="NAME",
        default="",
        help="db.database of step-ca's ca.json, if it has one",
    )
    add(
        "--password-file",
        type=Path,
        metavar="F",
        help="the password of that database, if SOURCE has none",
    )
    add("--left-out", type=Path, metavar="F", help="write a line for each record that is left out")
    add(
        "--write-exporter",
        type=Path,
        metavar="DIR",
        help="write the Go program that exports badger, and exit",
    )
    return parser
