"""``newel ceremony FILE.toml [--dry-run]`` and ``newel ceremony crl``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from newel.runtime.clock import SystemClock
from newel.runtime.config import load_toml
from newel.signer.ceremony import crl_command
from newel.signer.ceremony.crl_command import EXPECTED, describe_list
from newel.signer.ceremony.execution import check_plan, run_ceremony
from newel.signer.ceremony.output import fingerprint
from newel.signer.ceremony.plan import Plan


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code: 0 done, 1 failed, 2 wrong usage."""
    if arguments[:1] == ["crl"]:
        return crl_command.main(arguments[1:])
    parser = argparse.ArgumentParser(
        allow_abbrev=False,
        prog="newel ceremony",
        description="Make keys and certificates of CAs, OCSP responders and services, and CRLs of roots.",
        epilog="'newel ceremony crl --help': renew the root's CRL only.",
    )
    parser.add_argument("file", type=Path, help="the plan, TOML")
    parser.add_argument(
        "--dry-run", action="store_true", help="check the plan and print what would be made"
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
    check_plan(plan)
    if dry_run:
        sys.stdout.write("Nothing was made: this was a dry run.\n")
        return
    result = run_ceremony(plan, SystemClock().now())
    for made in (*result.certificates, *result.crosses):
        sys.stdout.write(f"{made.plan.name}: SHA-256 {fingerprint(made.certificate)}\n")
    for made_key in result.ssh_keys:
        sys.stdout.write(made_key.line.decode())
    for made_list in result.lists:
        sys.stdout.write(describe_list(made_list) + "\n")
