"""The flags of `step-ca`, as the original has them; each is honoured, or refused with a reason."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

USAGE = (
    "step-ca [config] [--context=NAME] [--password-file=FILE] [--ssh-host-password-file=FILE]"
    " [--ssh-user-password-file=FILE] [--issuer-password-file=FILE] [--resolver=ADDRESS] [--help]"
    " [--version]"
)

DESCRIPTION = """\
Runs the certificate authority that 'step ca init' made, from its ca.json. SIGHUP reads the provisioners in it
again; SIGTERM finishes open requests and stops."""

EPILOG = """\
commands:
  help                  show this help
  version               show the version

examples:
  step-ca $STEPPATH/config/ca.json
  step-ca $STEPPATH/config/ca.json --password-file ./password.txt
  step-ca --context=mybiz --password-file ./password.txt

'newel import' brings over what step-ca issued, revoked and keeps in its database."""

COMMANDS = {
    "export": "exports of a configuration serve Smallstep's hosted service, which this authority does not use",
    "onboard": "the onboarding guide is Smallstep's hosted service; 'step ca init' makes an authority",
}
"""Commands of the original that are not here, and why."""

_TRUE = frozenset(("1", "t", "T", "true", "TRUE", "True"))


class UsageError(Exception):
    """A command line that is refused; the message is the whole line to print."""


@dataclass(frozen=True, slots=True)
class Flags:
    """The parsed command line."""

    config: str
    """The path of ca.json; "" for the one of the context or of STEPPATH."""
    context: str
    password_file: str
    ssh_host_password_file: str
    ssh_user_password_file: str
    issuer_password_file: str
    resolver: str
    quiet: bool
    acme_http_port: int
    acme_tls_port: int
    pidfile: str


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        if message.startswith("unrecognized arguments: -"):
            name = message.split(": ", 1)[1].split(maxsplit=1)[0].partition("=")[0].lstrip("-")
            message = f"flag provided but not defined: -{name}"
        raise UsageError(message)


def parse(arguments: Sequence[str], version: str) -> Flags:
    """Parse the command line; `help` and `version` end the process.

    Raises UsageError for what cannot be honoured. ``version`` is what `--version` prints.
    """
    if arguments and arguments[0] in COMMANDS:
        raise UsageError(f"step-ca {arguments[0]}: {COMMANDS[arguments[0]]}")
    parser = _make_parser()
    if [*arguments[:1]] in (["help"], ["h"]):
        arguments = ["--help"]
    if [*arguments[:1]] == ["version"]:
        arguments = ["--version"]
    given = parser.parse_intermixed_args(arguments)
    if given.version:
        print(version)
        sys.exit(0)
    _require_honourable(given)
    return Flags(
        config=given.config[0] if given.config else "",
        context=given.context,
        password_file=given.password_file,
        ssh_host_password_file=given.ssh_host_password_file,
        ssh_user_password_file=given.ssh_user_password_file,
        issuer_password_file=given.issuer_password_file,
        resolver=given.resolver,
        quiet=given.quiet,
        acme_http_port=given.acme_http_port,
        acme_tls_port=given.acme_tls_port,
        pidfile=given.pidfile,
    )


def _require_honourable(given: Any) -> None:
    """Raise UsageError for flags that do not go together, and for those that this authority has not."""
    if len(given.config) > 1:
        raise UsageError(
            "too many positional arguments were provided in 'step-ca <config> [--password-file=<file>]'"
        )
    for name in ("acme_http_port", "acme_tls_port"):
        if getattr(given, name) and not given.insecure:
            flag = name.replace("_", "-")
            raise UsageError(f"flag '--{flag}' requires the '--insecure' flag")
    if given.token:
        raise UsageError(
            "flag '--token' links a step-ca to Smallstep's hosted service, which this authority does not"
            " use: leave the flag out, and STEP_CA_TOKEN unset"
        )


def _make_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="step-ca",
        usage=USAGE,
        description=DESCRIPTION,
        epilog=EPILOG,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "config", nargs="*", metavar="config", help="the file that 'step ca init' wrote"
    )

    def add(name: str, **settings: Any) -> None:
        # Go's flags, and so the original's, have one dash or two
        parser.add_argument(f"--{name}", f"-{name}", **settings)

    def add_texts(names: dict[str, tuple[str, str]]) -> None:
        for name, (metavar, text) in names.items():
            add(name, metavar=metavar, default="", help=text)

    add_texts(
        {
            "password-file": ("FILE", "the password of the intermediate's key"),
            "ssh-host-password-file": ("FILE", "the password of the key for SSH hosts, if another one"),
            "ssh-user-password-file": ("FILE", "the password of the key for SSH users, if another one"),
            "issuer-password-file": ("FILE", "the password of a registration authority's key"),
            "resolver": ("ADDRESS", "the name server that ACME challenges are checked with"),
            "pidfile": ("FILE", "where the process id is written"),
        }
    )  # fmt: skip # a table
    add("context", metavar="NAME", default=os.environ.get("STEP_CA_CONTEXT", ""),
        help="the context whose authority is served")  # fmt: skip # a table
    add(
        "token",
        metavar="TOKEN",
        default=os.environ.get("STEP_CA_TOKEN", ""),
        help="refused: there is no hosted service",
    )
    add("quiet", action="store_true", default=os.environ.get("STEP_CA_QUIET") in _TRUE,
        help="print no information at the start")  # fmt: skip # a table
    _add_acme(add)
    parser.add_argument("--version", "-v", action="store_true", help="print the version")
    return parser


def _add_acme(add: Callable[..., None]) -> None:
    for name, what in (("acme-http-port", "http-01"), ("acme-tls-port", "tls-alpn-01")):
        add(name, metavar="PORT", type=_port, default=0,
            help=f"the port of {what} challenges; requires --insecure")  # fmt: skip # a table
    add("acme-strict-fqdn", action="store_true", help="always so here: names have no search domain")
    add("insecure", action="store_true", help="allow the flags that say so")


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= number < 1 << 16:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port")
    return number


def locate(config: str) -> Path:
    """Return the state folder of a ca.json: where its own ``db`` and ``log`` are.

    It is the STEPPATH, or a context's folder in it, whose ``config`` the file lies in; another file's
    state lies beside it.
    """
    folder = Path(config).resolve().parent
    return folder.parent if folder.name == "config" else folder
