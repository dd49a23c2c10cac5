"""``newel ceremony crl``: the CRL of a root, made again by whoever has the root's key."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from newel.crypto.keys import InvalidKeyError
from newel.runtime.clock import SystemClock
from newel.runtime.config import ConfigError, validate
from newel.signer.ceremony.holding import hold
from newel.signer.ceremony.lists import MadeList
from newel.signer.ceremony.making import CeremonyError
from newel.signer.ceremony.plan import Plan
from newel.signer.keys import KeyExistsError, KeyUnavailableError

EXPECTED = (
    CeremonyError,
    ConfigError,
    InvalidKeyError,
    KeyExistsError,
    KeyUnavailableError,
    OSError,
    ValueError,
)
"""What a ceremony raises for what a person can mend."""

_EPILOG = """\
The root's key may be on another machine: take the root's certificate and the CRL there, make the new CRL, and
bring it back to where the validation authority reads it. A key in a token: write [[existing]] and [[crls]] into a
plan and use 'newel ceremony FILE.toml'. The validation authority takes up the new file within seconds."""


def main(arguments: Sequence[str]) -> int:
    """Runs the command; answers with the exit code: 0 made, 1 refused, 2 misused."""
    try:
        given = _make_parser().parse_args(arguments)
    except SystemExit as exit_:
        return int(exit_.code or 0)
    try:
        plan = validate(Plan, _plan(given), "newel ceremony crl")
        (made,) = hold(plan, SystemClock().now()).lists
    except EXPECTED as error:
        sys.stderr.write(f"newel ceremony crl: {error}\n")
        return 1
    sys.stdout.write(describe_list(made) + "\n")
    return 0


def describe_list(made: MadeList) -> str:
    """One line about a list that was made."""
    until = made.next_update.strftime("%Y-%m-%d %H:%M UTC")
    count = "1 certificate" if made.entries == 1 else f"{made.entries} certificates"
    return f"{made.plan.file}: CRL number {made.number} of {made.plan.issuer}, {count} revoked, good until {until}"


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        allow_abbrev=False,
        prog="newel ceremony crl",
        description="Makes the CRL of a root, in the place of the one before. What that revoked stays revoked.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--state", type=Path, metavar="DIR", default=Path("newel"),
        help="a folder of 'newel up' or 'ca init', for the files that no flag names (default ./newel)",
    )  # fmt: skip
    add("--certificate", type=Path, metavar="FILE", help="the root's (DIR/certs/root_ca.crt)")
    add("--key", type=Path, metavar="FILE", help="the root's (DIR/secrets/root_ca_key)")
    add(
        "--password-file", type=Path, metavar="FILE", help="the key's (DIR/secrets/password, where that exists)"
    )  # fmt: skip
    add("--crl", type=Path, metavar="FILE", help="the CRL (DIR/certs/root_ca.crl)")
    add(
        "--validity", metavar="DURATION", default="8760h", help="until the next one (default 8760h)"
    )
    add(
        "--revoke", type=Path, metavar="FILE", action="append", default=[],
        help="a certificate of the root's, an intermediate's say, to be revoked; repeatable",
    )  # fmt: skip
    add(
        "--reason",
        default="unspecified",
        help="why: cACompromise, superseded, cessationOfOperation …",
    )
    return parser


def _plan(given: argparse.Namespace) -> dict[str, Any]:
    state: Path = given.state
    password = given.password_file
    if password is None and (state / "secrets/password").exists():
        password = state / "secrets/password"
    key = given.key or state / "secrets/root_ca_key"
    root = {
        "name": "root",
        "certificate": given.certificate or state / "certs/root_ca.crt",
        "store": {"kind": "file", "path": key, "password_file": password},
    }
    revoked = [{"certificate": file, "reason": given.reason} for file in given.revoke]
    crl = {
        "issuer": "root",
        "file": given.crl or state / "certs/root_ca.crl",
        "validity": given.validity,
        "revoked": revoked,
    }
    return {"existing": [root], "crls": [crl]}
