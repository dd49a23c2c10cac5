"""``newel ceremony crl``: renews the CRL of a root, for the holder of the root's key."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from newel.crypto.keys import InvalidKeyError
from newel.runtime.clock import SystemClock
from newel.runtime.config import ConfigError, validate
from newel.signer.ceremony.certificates import CeremonyError
from newel.signer.ceremony.execution import run_ceremony
from newel.signer.ceremony.lists import SignedList
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
"""The errors of a ceremony that an operator can correct."""

_EPILOG = """\
If the root's key is on another machine, copy the root's certificate and the CRL there, make the new CRL, and copy
it back to where the validation authority reads it. For a key in a token, write [[existing]] and [[crls]] into a
plan and use 'newel ceremony FILE.toml'. The validation authority loads the new file within seconds."""


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code: 0 done, 1 failed, 2 wrong usage."""
    try:
        given = _make_parser().parse_args(arguments)
    except SystemExit as exit_:
        return int(exit_.code or 0)
    try:
        plan = validate(Plan, _plan(given), "newel ceremony crl")
        (made,) = run_ceremony(plan, SystemClock().now()).lists
    except EXPECTED as error:
        sys.stderr.write(f"newel ceremony crl: {error}\n")
        return 1
    sys.stdout.write(describe_list(made) + "\n")
    return 0


def describe_list(made: SignedList) -> str:
    """Describe a new list in one line."""
    until = made.next_update.strftime("%Y-%m-%d %H:%M UTC")
    count = "1 certificate" if made.entries == 1 else f"{made.entries} certificates"
    return (
        f"{made.plan.file}: CRL number {made.number} of {made.plan.issuer}, {count} revoked,"
        f" valid until {until}"
    )


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        allow_abbrev=False,
        prog="newel ceremony crl",
        description="Make the CRL of a root, which replaces the previous one and keeps its revocations.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--state", type=Path, metavar="DIR", default=Path("newel"),
        help="a folder of 'newel up' or 'ca init', for the files that no flag names (default ./newel)",
    )  # fmt: skip # a command line
    add("--certificate", type=Path, metavar="FILE", help="the root's (DIR/certs/root_ca.crt)")
    add("--key", type=Path, metavar="FILE", help="the root's (DIR/secrets/root_ca_key)")
    add(
        "--password-file", type=Path, metavar="FILE", help="the key's (DIR/secrets/password, where that exists)"
    )  # fmt: skip # a command line
    add("--crl", type=Path, metavar="FILE", help="the CRL (DIR/certs/root_ca.crl)")
    add(
        "--validity", metavar="DURATION", default="8760h", help="until the next one (default 8760h)"
    )
    add(
        "--revoke", type=Path, metavar="FILE", action="append", default=[],
        help="a certificate of the root's, an intermediate's say, to be revoked; repeatable",
    )  # fmt: skip # a command line
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
