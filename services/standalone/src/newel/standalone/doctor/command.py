"""The command: every check, in the order in which the causes come first."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from newel.crypto.pem import PEMError
from newel.runtime.clock import SystemClock
from newel.runtime.system_errors import describe
from newel.standalone.doctor import files, serving
from newel.standalone.doctor.diagnoses import (
    Diagnosis,
    Level,
    has_problem,
    write_json,
    write_text,
)
from newel.standalone.flag_values import Parser
from newel.standalone.layout import Layout
from newel.standalone.settings import Settings

EPILOG = """\
It changes nothing, and may be run beside a running authority. Each line is ok, note, warning (it works now, and
will not stay so) or problem, with what to do. The exit code is 1 when there is a problem, else 0."""


def main(arguments: Sequence[str]) -> int:
    """Run every check and print what was found; return the exit code."""
    options = make_parser().parse_args(["--help"] if arguments == ["help"] else arguments)
    layout = Layout(options.state.resolve(), options.password_file)
    try:
        findings = list(examine(layout))
    except KeyboardInterrupt:
        return 130
    sys.stdout.write(write_json(findings) if options.json else write_text(findings))
    return 1 if has_problem(findings) else 0


def make_parser() -> argparse.ArgumentParser:
    """Build the parser of the flags, each with its help."""
    parser = Parser(
        allow_abbrev=False,
        prog="newel doctor",
        description="Says what is wrong with an authority, and what to do about it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        default=Path("newel"),
        help="where everything of the authority is kept (default ./newel)",
    )
    parser.add_argument(
        "--password-file", type=Path, metavar="F", help="file with the keys' password"
    )
    parser.add_argument(
        "--json", action="store_true", help="print an array of level, subject, text and advice"
    )
    return parser


def examine(layout: Layout) -> Iterator[Diagnosis]:
    """Yield what every check finds. Without a usable configuration there is nothing more to look at."""
    now = SystemClock().now()
    settings, findings = files.check_configuration(layout)
    yield from findings
    if settings is None:
        return
    yield from _guard("rights", lambda: files.check_rights(settings))
    yield from _guard("keys", lambda: files.check_keys(settings))
    yield from _guard("certificates", lambda: files.check_certificates(settings, now))
    yield files.check_room(layout)
    yield _check_databases(settings)
    yield serving.check_clock(layout, now)
    yield from serving.check_names(settings)
    yield from _guard("serving", lambda: serving.check_serving(settings, now))


def _check_databases(settings: Settings) -> Diagnosis:
    if settings.uses_postgresql:
        return asyncio.run(serving.check_postgresql(settings))
    return files.check_databases(settings)


def _guard(subject: str, check: Callable[[], Iterable[Diagnosis]]) -> Iterator[Diagnosis]:
    """Yield what a check finds; a file that it cannot read is a finding, too."""
    try:
        yield from check()
    except OSError as error:
        yield Diagnosis(Level.PROBLEM, subject, describe(error), "restore it from a backup")
    except (PEMError, ValueError) as error:
        yield Diagnosis(Level.PROBLEM, subject, str(error), "restore the file from a backup")
