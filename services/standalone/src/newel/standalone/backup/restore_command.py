"""`newel restore`."""

import argparse
import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path

from newel.standalone.backup.command import add_passphrase, count, describe, read_passphrase
from newel.standalone.command import run_command
from newel.standalone.flag_values import Parser, refuse_empty
from newel.standalone.layout import Layout

EPILOG = """\
DIR must be empty or not there; it is there whole in the end, or not at all. What was decided between the backup
and the restore is not on record, so that nothing of it may count twice: tokens that were made before are refused,
ACME's nonces and open orders end, authorizations are proved again, keys for external account binding without an
account are removed, and everyone logs in to the dashboard again. For PostgreSQL: restore the dump first."""


def main(arguments: Sequence[str]) -> int:
    """Restore an archive; return the exit code."""
    parser = make_parser()
    refuse_empty(parser, arguments)
    options = parser.parse_args(["--help"] if arguments == ["help"] else arguments)
    return run_command("restore", lambda: run(options))


def run(options: argparse.Namespace) -> int:
    """Restore, and print what was restored; return the exit code."""
    passphrase = read_passphrase(options.passphrase_file)
    from newel.standalone.backup.restoration import restore

    done = restore(options.file, passphrase, Layout(options.state.absolute()))
    if options.json:
        facts = {
            "state": str(options.state),
            "createdAt": done.manifest.created_at,
            "tokensRefusedUntil": done.moment,
            "removedExternalKeys": done.removed_keys,
        }
        print(json.dumps(facts, indent=2))
        return 0
    until = f"{dt.datetime.fromtimestamp(done.moment, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
    print(
        f"{options.state}: {count(done.manifest)} restored\n{describe(done.manifest)}\n"
        f"Tokens made until {until} are refused, open ACME orders have ended, and"
        f" {done.removed_keys} keys for external account binding were removed.\n"
        "Not on record is what was issued and revoked after the backup: docs/runbooks/backup-and-restore.md\n"
        "says how the audit trail tells it. Start with the same flags as before."
    )
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Build the parser of the flags, each with its help."""
    parser = Parser(
        allow_abbrev=False,
        prog="newel restore",
        description="Brings an authority back from a file that 'newel backup' wrote.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the archive")
    parser.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        default=Path("newel"),
        help="where the authority is to be (default ./newel)",
    )
    add_passphrase(parser)
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")
    return parser
