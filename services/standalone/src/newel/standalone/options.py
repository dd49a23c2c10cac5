"""The command line of `newel up`."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from newel.standalone.flag_values import (
    Parser,
    add_port,
    count,
    http_url,
    refuse_empty,
    refuse_nameless,
)

LONGEST_NAME = 48

EPILOG = """\
The first start creates an authority under DIR: a root (P-256, ten years), an intermediate, the provisioners
'admin' (JWK, its key encrypted with the password) and 'acme', and an administrator. DIR is laid out as a
STEPPATH: with STEPPATH=DIR in the environment, newel and step work with this authority at once. Later starts
use what is there, and say which flags they ignore. Ctrl-C finishes open requests and stops.

SIGHUP reads the provisioners in config/ca.json again; everything else in it takes effect at the next start."""


@dataclass(frozen=True, slots=True)
class Options:
    """The parsed command line."""

    state: Path
    address: str
    http_address: str
    metrics_address: str
    http_url: str
    name: str
    dns: tuple[str, ...]
    ssh: bool
    remote_management: bool
    password_file: Path | None
    new_database: bool
    new_intermediate: bool
    root_key: Path | None
    root_password_file: Path | None
    workers: int
    log_format: str
    """``text`` or ``json``; "" where the terminal, then ca.json, decides."""
    worker: int | None  # this process's number, when it is one of several
    default_metrics: bool = True
    """Whether metrics and health checks have an address where ca.json names none."""
    program: str = "newel up"
    """What lines for the operator begin with."""


def make_parser() -> argparse.ArgumentParser:
    """Build the parser of the flags, each with its help."""
    parser = Parser(
        allow_abbrev=False,  # a flag of a later version must not become the meaning of a script
        prog="newel up",
        description="Runs a whole certificate authority in this process: six services, SQLite, no other server.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--state",
        type=Path,
        metavar="DIR",
        default=Path("newel"),
        help="where everything is kept (default ./newel)",
    )
    _add_address_flags(add)
    _add_authority_flags(add)
    add(
        "--password-file",
        type=Path,
        metavar="F",
        help="file with the keys' password; the first start creates one under DIR/secrets when none is given",
    )
    add(
        "--workers",
        type=count,
        default=1,
        metavar="N",
        help="processes that share the addresses (default 1); each further one has its metrics a port higher",
    )
    add(
        "--log-format",
        choices=("text", "json"),
        default="",
        help="form of the log on stderr (default text at a terminal, else logger.format of ca.json, else json)",
    )
    add("--worker", type=int, default=None, help=argparse.SUPPRESS)
    return parser


def _add_address_flags(add: Callable[..., object]) -> None:
    """Add where it listens, and where its certificates say that it does."""
    add(
        "--address",
        metavar="HOST:PORT",
        default="",
        help="HTTPS: step API and ACME (default 127.0.0.1:9000)",
    )
    add(
        "--http-address",
        metavar="HOST:PORT",
        default="",
        help="HTTP: OCSP, CRL (default 127.0.0.1:9080)",
    )
    add(
        "--http-url",
        metavar="URL",
        default="",
        help="where clients reach the HTTP address, as certificates name it for OCSP and CRLs, on every start"
        " (default http://NAME:PORT)",
    )
    add(
        "--metrics-address",
        metavar="HOST:PORT",
        default="",
        help="HTTP: /metrics and health checks (default 127.0.0.1, the port after that of --http-address)",
    )


def _add_authority_flags(add: Callable[..., object]) -> None:
    """Add what counts on the first start, of which authority it makes, and what begins again."""
    add("--name", default="", help="name of the authority, on first start (default Newel)")
    add(
        "--dns",
        action="append",
        default=[],
        metavar="NAME",
        help="a name or address clients use, on first start; repeatable",
    )
    add(
        "--ssh",
        action="store_true",
        help="also make the keys of an SSH authority, on first start, and let the first provisioner use them",
    )
    add(
        "--remote-management",
        action="store_true",
        help="also let administrators manage provisioners and policies over HTTP, from the first start on; the"
        " first one is 'step', who has the provisioner's password",
    )
    add(
        "--new-database",
        action="store_true",
        help="begin with empty databases where those of an earlier start are missing; what was issued, revoked"
        " and blocked is forgotten",
    )

    add(
        "--new-intermediate",
        action="store_true",
        help="make another intermediate with the root's key, to be used from the next start, and exit; the one"
        " before keeps answering for what it issued",
    )
    add(
        "--root-key",
        type=Path,
        metavar="F",
        help="the root's key for --new-intermediate, where it is not under DIR/secrets",
    )
    add(
        "--root-password-file",
        type=Path,
        metavar="F",
        help="the password of that key, where it has one of its own",
    )


def parse(arguments: list[str]) -> Options:
    """Read the command line; end the process with one line on stderr when it is wrong."""
    parser = make_parser()
    refuse_empty(parser, arguments)
    given = parser.parse_args(["--help"] if arguments == ["help"] else arguments)
    for flag, value in (("--name", given.name), ("--dns", "".join(given.dns))):
        if value != value.strip():
            parser.error(f"{flag}: no blanks at its ends")
    if len(given.name) > LONGEST_NAME:
        parser.error(
            f"--name: at most {LONGEST_NAME} characters, because 'NAME Intermediate CA' has 64"
        )
    names = tuple(name for text in given.dns for name in text.split(",") if name)
    refuse_nameless(parser, names)
    return Options(
        state=given.state.resolve(),
        address=add_port(parser, "--address", given.address, 9000),
        http_address=add_port(parser, "--http-address", given.http_address, 9080),
        metrics_address=add_port(parser, "--metrics-address", given.metrics_address, 9081),
        http_url=http_url(parser, given.http_url),
        name=given.name,
        dns=names,
        ssh=given.ssh,
        remote_management=given.remote_management,
        password_file=given.password_file.resolve() if given.password_file else None,
        new_database=given.new_database,
        new_intermediate=given.new_intermediate,
        root_key=given.root_key.resolve() if given.root_key else None,
        root_password_file=given.root_password_file,
        workers=given.workers,
        log_format=given.log_format,
        worker=given.worker,
    )
