"""`newel audit checkpoint`, `newel audit verify` and `newel audit grep`."""

import argparse
import contextlib
import datetime as dt
import fcntl
import os
import sys
from collections.abc import Generator, Sequence
from pathlib import Path

import msgspec

from newel.durations.go import parse_duration, parse_time
from newel.runtime.clock import SystemClock
from newel.standalone.audit.checkpoints import (
    compare,
    hash_line,
    make_checkpoint,
    read_checkpoints,
)
from newel.standalone.audit.search import Query, search
from newel.standalone.audit.trail import Parts, TrailError, find_parts, read_lines, require_same
from newel.standalone.command import run_command
from newel.standalone.flag_values import Parser, refuse_empty
from newel.standalone.layout import Layout

EPILOG = """\
The trail is STATE/log/audit.log and what logrotate made of it, compressed or not; --file names other files, the
oldest first. 'checkpoint' appends to FILE what was written since its last line: keep FILE where the authority
cannot write. 'verify' compares the trail with FILE. 'grep' prints the lines that are asked for as they are."""
FAULT, NONE = 2, 1


def main(arguments: Sequence[str]) -> int:
    """Run a command; return 0, 1 for a trail that was changed or for no line found, and 2 for a fault."""
    parser = make_parser()
    refuse_empty(parser, arguments)
    options = parser.parse_args(["--help"] if [*arguments] in ([], ["help"]) else arguments)
    return run_command("audit", lambda: run(options), FAULT)


def run(options: argparse.Namespace) -> int:
    """Do what the verb says; return the exit code."""
    try:
        options.trail = Layout(options.state.resolve()).audit
        parts = find_parts(options.file, options.trail)
        return {"checkpoint": add_checkpoint, "verify": verify, "grep": grep}[options.verb](
            options, parts
        )
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def make_parser() -> argparse.ArgumentParser:
    """Build the parser of the flags, each with its help."""
    parser = Parser(
        allow_abbrev=False,
        prog="newel audit",
        description="Says what the audit trail says, and whether it still says all that it said.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", metavar="checkpoint | verify | grep", required=True)
    found: dict[str, argparse.ArgumentParser] = {}
    for verb, meaning in (
        ("checkpoint", "write down what the trail is now"),
        ("verify", "find what was changed or removed since the checkpoints"),
        ("grep", "print the lines of a time, an event, a subject"),
    ):
        each = verbs.add_parser(verb, help=meaning, description=meaning, allow_abbrev=False)
        found[verb] = each
        each.add_argument(
            "--state", type=Path, metavar="DIR", default=Path("newel"),
            help="where everything of the authority is kept (default ./newel)",
        )  # fmt: skip # one flag
        each.add_argument(
            "--file",
            type=Path,
            action="append",
            default=[],
            metavar="F",
            help="a part of the trail, the oldest first",
        )
    for verb in ("checkpoint", "verify"):
        found[verb].add_argument("checkpoints", type=Path, metavar="FILE", help="the checkpoints")
        found[verb].add_argument(
            "--first", type=int, default=1, metavar="N",
            help="the first checkpoint whose lines are still there; earlier files were removed on purpose",
        )  # fmt: skip # one flag
    found["verify"].add_argument(
        "--head",
        default="",
        metavar="HASH",
        help="what 'checkpoint' printed last, written down apart",
    )
    grep_flags = found["grep"]
    for flag, meaning in (
        ("--since", "a time (RFC 3339), or how long ago (2h30m)"),
        ("--until", "likewise; lines of that time are not printed"),
        ("--service", "registration, issuing, signer, …"),
        ("--event", "sign, revoke, …, or a pattern such as 'acme.*'"),
        ("--outcome", "granted or refused"),
        ("--subject", "a name, serial number or account: a value of the line equals it"),
        ("--request-id", "of one request"),
    ):
        grep_flags.add_argument(flag, default="", metavar="V", help=meaning)
    return parser


def verify(options: argparse.Namespace, parts: Parts) -> int:
    """Compare the trail with its checkpoints; return 1 when it is another one."""
    checkpoints, head = read_checkpoints(options.checkpoints)
    if not checkpoints:
        raise TrailError(f"{options.checkpoints}: there is no checkpoint in it")
    if options.head and options.head != head:
        print(f"{options.checkpoints}: its last checkpoint is not the one of --head")
        return NONE
    check_first(options.first)
    verdict, later = compare(checkpoints, read_lines(parts.files), options.first)
    if verdict.fault:
        require_same(parts, options.file, options.trail)
        print(verdict.fault)
        return NONE
    last = checkpoints[-1]
    print(
        f"The trail is as {verdict.checked} checkpoints say, up to {last.made_at};"
        f" {sum(1 for _ in later)} lines after that are in none yet."
    )
    return 0


def check_first(first: int) -> None:
    """Raise TrailError for a number that no checkpoint has."""
    if first < 1:
        raise TrailError("--first: checkpoints are counted from 1 on")


def add_checkpoint(options: argparse.Namespace, parts: Parts) -> int:
    """Append a checkpoint, once the trail is as those before say; return the exit code."""
    file: Path = options.checkpoints
    check_first(options.first)
    with lock(file) as descriptor:
        checkpoints, previous = read_checkpoints(file)
        verdict, later = compare(checkpoints, read_lines(parts.files), options.first)
        made_at = SystemClock().now().isoformat(timespec="seconds")
        made = None if verdict.fault else make_checkpoint(checkpoints, previous, later, made_at)
        require_same(parts, options.file, options.trail)
        if verdict.fault:
            print(verdict.fault)
            return NONE
        if made is None:
            print(f"{file}: nothing was written since the last checkpoint\nhead {previous}")
            return 0
        line = msgspec.json.encode(made)
        with os.fdopen(descriptor, "ab", closefd=False) as opened:
            opened.write(line + b"\n")
            opened.flush()
            os.fsync(descriptor)
    print(f"{file}: checkpoint {made.number} of {made.lines} lines\nhead {hash_line(line)}")
    return 0


@contextlib.contextmanager
def lock(file: Path) -> Generator[int]:
    """Open the checkpoints for this program alone: two would both append the same number. Raises TrailError."""
    descriptor = os.open(file, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    except BlockingIOError:
        raise TrailError(f"{file}: another 'newel audit checkpoint' is at work") from None
    finally:
        os.close(descriptor)


def grep(options: argparse.Namespace, parts: Parts) -> int:
    """Print the lines that are asked for; return 1 when there is none."""
    now = SystemClock().now()
    query = Query(
        read_time(options.since, now),
        read_time(options.until, now),
        options.service,
        options.event,
        options.outcome,
        options.subject,
        options.request_id,
    )
    found = False
    broken = 0
    for line, is_object in search(read_lines(parts.files), query):
        if is_object:
            found = True
            sys.stdout.write(line.octets.decode(errors="replace"))
        else:
            broken += 1
            if broken == 1:
                sys.stderr.write(
                    f"newel audit: {line.file}:{line.number}: this line is no JSON object\n"
                )
    if broken > 1:
        sys.stderr.write(f"newel audit: {broken} such lines in all\n")
    sys.stdout.flush()
    require_same(parts, options.file, options.trail)
    return 0 if found else NONE


def read_time(text: str, now: dt.datetime) -> dt.datetime | None:
    """Read a time, or how long ago; None for "". Raises TrailError."""
    if not text:
        return None
    try:
        return parse_time(text)
    except ValueError:
        pass
    try:
        return now - parse_duration(text)
    except (ValueError, OverflowError):
        raise TrailError(
            f"{text!r} is neither a time (2026-12-01T08:00:00Z) nor how long ago (2h30m)"
        ) from None
