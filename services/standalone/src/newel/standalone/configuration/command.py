"""`newel config check` and `newel config show`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from newel.runtime.config import ConfigError
from newel.standalone.command import run_command
from newel.standalone.configuration import effective, faults
from newel.standalone.flag_values import Parser, refuse_empty
from newel.standalone.layout import Layout

EPILOG = """\
FILE is a ca.json, the state folder that has one, or the TOML file of a service that runs apart. Both commands
read it as the start does, and change nothing. 'check' names every fault that can be seen without starting, and
ends with 1 when there is one. 'show' lists the values with where each is from: file, flag (those of 'newel up'
that are given here), derived (from other values) or default; secrets are hidden."""

_FLAGS = {
    "address": "address",
    "http_address": "insecureAddress",
    "metrics_address": "metricsAddress",
}
"""Flags of `newel up` by the members that they replace."""


def main(arguments: Sequence[str]) -> int:
    """Check or show a configuration; return the exit code."""
    parser = make_parser()
    refuse_empty(parser, arguments)
    options = parser.parse_args(["--help"] if [*arguments] in ([], ["help"]) else arguments)
    run = check if options.verb == "check" else show
    return run_command("config", lambda: run(options))


def make_parser() -> argparse.ArgumentParser:
    """Build the parser of the flags, each with its help."""
    parser = Parser(
        allow_abbrev=False,
        prog="newel config",
        description="Says what is wrong with a configuration, and what it amounts to.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", metavar="check | show", required=True)
    for verb, meaning in (
        ("check", "name every fault of a file"),
        ("show", "list its values, with --effective the defaults as well"),
    ):
        each = verbs.add_parser(verb, help=meaning, description=meaning, allow_abbrev=False)
        each.add_argument(
            "file", type=Path, metavar="FILE", help="ca.json, its state folder, or a TOML file"
        )
        each.add_argument(
            "--service",
            default="",
            metavar="NAME",
            help="whose TOML file it is (default by its name)",
        )
        each.add_argument(
            "--password-file", type=Path, metavar="F", help="as 'newel up' is given it"
        )
        each.add_argument("--json", action="store_true", help="print JSON")
        if verb == "show":
            each.add_argument(
                "--effective", action="store_true", help="list what is not given as well"
            )
            for flag in ("--address", "--http-address", "--http-url", "--metrics-address"):
                each.add_argument(flag, default="", metavar="V", help="as 'newel up' is given it")
    return parser


def make_layout(file: Path, options: argparse.Namespace) -> Layout:
    """Return the state of a ca.json, which is in its folder ``config`` or in the state folder itself."""
    given = vars(options)
    rest = (given["password_file"], given.get("http_address", ""), given.get("http_url", ""))
    if file.is_dir():
        return Layout(file.resolve(), *rest)
    folder = file.absolute().parent
    state = folder.parent if folder.name == "config" else folder
    return Layout(state.resolve(), *rest, given_config=file)


def check(options: argparse.Namespace) -> int:
    """Print every fault; return 1 when there is one."""
    file: Path = options.file
    if file.suffix == ".toml":
        found = faults.find_toml_faults(file, faults.find_service(file, options.service))
        warnings: list[str] = []
    else:
        refuse_service(options)
        layout = make_layout(file, options)
        file = layout.ca_json
        found, warnings = faults.find_ca_json_faults(layout)
    if options.json:
        facts = {
            "file": str(file),
            "faults": [{"path": place, "text": says} for place, says in found],
            "warnings": warnings,
        }
        print(json.dumps(facts, indent=2))
        return 1 if found else 0
    for line in warnings:
        print(f"{file}: warning: {line}")
    for place, says in found:
        print(f"{file}: {place}: {says}" if place else f"{file}: {says}")
    if not found:
        print(f"{file}: nothing is wrong")
    return 1 if found else 0


def show(options: argparse.Namespace) -> int:
    """Print the values; return the exit code. Raises ConfigError for a file with a fault."""
    file: Path = options.file
    flags = {member: getattr(options, name) for name, member in _FLAGS.items()}
    if file.suffix == ".toml":
        if any(flags.values()) or options.http_url:
            raise ConfigError(
                "--address and its like are flags of 'newel up', which reads a ca.json"
            )
        rows = effective.list_toml(file, faults.find_service(file, options.service))
    else:
        refuse_service(options)
        given = {member: value for member, value in flags.items() if value}
        rows = effective.list_ca_json(make_layout(file, options), given)
    if not options.effective:
        rows = [row for row in rows if row.origin in (effective.FILE, effective.FLAG)]
    sys.stdout.write(effective.write_json(rows) if options.json else effective.write_text(rows))
    return 0


def refuse_service(options: argparse.Namespace) -> None:
    """Raise ConfigError for a --service of a file that is of all services."""
    if options.service:
        raise ConfigError(f"--service: {options.file} is of every service; leave the flag out")
