"""``newel ceremony FILE.toml [--dry-run]`` and ``newel ceremony crl``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from newel.runtime.clock import SystemClock
from newel.runtime.config import load_toml
from newel.signer.ceremony import crl_command
from newel.signer.ceremony.crl_command import EXPECTED, describe_list
from newel.signer.ceremony.holding import hold, look
from newel.signer.ceremony.plan import Plan
from newel.signer.ceremony.writing import fingerprint


def main(arguments: Sequence[str]) -> int:
    """Runs the command; answers with the exit code: 0 held, 1 refused, 2 misused."""
    if arguments[:1] == ["crl"]:
        return crl_command.main(arguments[1:])
    parser = argparse.ArgumentParser(
        allow_abbrev=False,
        prog="newel ceremony",
        description="Makes root, intermediate, OCSP responder and service keys and certificates; CRLs of roots.",
        epilog="'newel ceremony crl --help': the root's CRL alone, made again.",
    )
    parser.add_argument("file", type=Path, help="the plan, TOML")
    parser.add_argument(
        "--dry-run", action="store_true", help="look and say what would be made, make nothing"
    )
    try:
        chosen = parser.parse_args(arguments)
    except SystemExit as exit_:
        return int(exit_.code or 0)
    try:
        _ceremony(chosen.file, dry_run=chosen.dry_run)
    except EXPECTED as error:
        sys.stderr.write(f"newel ceremony: {error}\n")
        return 1
    return 0


def _ceremony(path: Path, *, dry_run: bool) -> None:
    plan = load_toml(path, Plan)
    sys.stdout.write(plan.describe() + "\n")
    look(plan)
    if dry_run:
        sys.stdout.write("Nothing was made: this was a dry run.\n")
        return
    held = hold(plan, SystemClock().now())
    for made in held.certificates:
        sys.stdout.write(f"{made.plan.name}: SHA-256 {fingerprint(made.certificate)}\n")
    for made_list in held.lists:
        sys.stdout.write(describe_list(made_list) + "\n")
