"""``newel ceremony FILE.toml [--dry-run]``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from newel.crypto.keys import InvalidKeyError
from newel.runtime.clock import SystemClock
from newel.runtime.config import ConfigError, load_toml
from newel.signer.ceremony.holding import hold, look
from newel.signer.ceremony.making import CeremonyError
from newel.signer.ceremony.plan import Plan
from newel.signer.ceremony.writing import fingerprint
from newel.signer.keys import KeyExistsError, KeyUnavailableError

_EXPECTED = (
    CeremonyError,
    ConfigError,
    InvalidKeyError,
    KeyExistsError,
    KeyUnavailableError,
    OSError,
    ValueError,
)


def main(arguments: Sequence[str]) -> int:
    """Runs the command; answers with the exit code: 0 held, 1 refused, 2 misused."""
    parser = argparse.ArgumentParser(
        prog="newel ceremony",
        description="Makes root, intermediate, OCSP responder and service keys and certificates.",
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
    except _EXPECTED as error:
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
    for made in hold(plan, SystemClock().now()):
        sys.stdout.write(f"{made.plan.name}: SHA-256 {fingerprint(made.certificate)}\n")
