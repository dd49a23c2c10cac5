"""The command, and the page that it prints."""

import argparse
import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from newel.runtime.clock import SystemClock
from newel.standalone.command import run_command
from newel.standalone.flag_values import Parser, refuse_empty
from newel.standalone.layout import Layout
from newel.standalone.settings import read_settings

EPILOG = """\
It judges nothing ('newel doctor' does), changes nothing, and may be run beside a running authority. What cannot
be read is told in its place. The exit code is 1 when the configuration cannot be read, else 0."""


def main(arguments: Sequence[str]) -> int:
    """Print the facts; return the exit code."""
    parser = make_parser()
    refuse_empty(parser, arguments)
    options = parser.parse_args(["--help"] if [*arguments] == ["help"] else arguments)
    return run_command("status", lambda: run(options))


def run(options: argparse.Namespace) -> int:
    """Collect the facts and print them; return the exit code."""
    settings = read_settings(Layout(options.state.resolve()))
    from newel.standalone.status.facts import collect

    facts = asyncio.run(collect(settings, SystemClock().now()))
    if options.json:
        print(json.dumps(facts, indent=2))
    else:
        print("\n".join(write_page(facts)))
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Build the parser of the flags, each with its help."""
    parser = Parser(
        allow_abbrev=False,
        prog="newel status",
        description="Prints a page of facts about an authority.",
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
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def write_page(facts: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the page."""
    yield f"{facts['authority']} at {facts['state']}, version {facts['version']}"
    yield f"  {'serving':<14} {describe_serving(facts['serving'])}"
    for each in facts["authorities"]:
        yield f"  {each['kind']:<14} {each['name']}, until {each['notAfter']}"
    for name in ("certificates", "lists", "waitingEvents", "databases"):
        yield from write_part(name, facts[name])
    yield f"  {'last backup':<14} {show(facts['lastBackup'] or 'none that this state knows of')}"


def describe_serving(serving: dict[str, Any]) -> str:
    """Describe in words whether it serves."""
    if not serving["running"]:
        return "no"
    places = ", ".join(filter(None, (serving["https"], serving["http"])))
    return f"{places}: {'ready' if serving['ready'] else '; '.join(serving['faults'])}"


def write_part(name: str, part: Any) -> Iterator[str]:
    """Yield the lines of one part: a line for each list or service, or one for all counts."""
    title = {"waitingEvents": "events waiting"}.get(name, name)
    if isinstance(part, list):
        for each in cast("list[dict[str, Any]]", part):
            yield (
                f"  {'list':<14} {each['scope']}: number {each['number']},"
                f" the next one before {each['nextUpdate']}"
            )
        return
    counts = ", ".join(f"{spell(key)} {show(value)}" for key, value in part.items())
    yield f"  {title:<14} {counts or 'none'}"


def spell(name: str) -> str:
    """Spell a name of JSON in words: ``notExpired`` is "not expired"."""
    return re.sub("[A-Z]", lambda found: f" {found[0].lower()}", name)


def show(value: Any) -> str:
    """Show a value, or the values of a service."""
    if not isinstance(value, dict):
        return str(value)
    inner = ", ".join(f"{key} {each}" for key, each in cast("dict[str, Any]", value).items())
    return f"({inner or 'none'})"
