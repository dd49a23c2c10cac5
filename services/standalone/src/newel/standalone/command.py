"""`newel up`."""

import asyncio
import fcntl
import gc
import os
import sys
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from newel.standalone.layout import Layout
from newel.standalone.options import Options, parse

if TYPE_CHECKING:
    import datetime as dt

    from cryptography import x509

    from newel.signer.app import AuthorityFiles
    from newel.standalone.settings import Settings

FIRST_START = "NEWEL_FIRST_START"
"""Tells the first worker that its parent has just made the authority."""


OTHERS_WRITE = 0o022
OWNER = 0o700


def main(arguments: list[str]) -> int:
    """Run the authority until it is told to stop; return the exit code.

    Whatever the umask is, no one but the owner may change a file of the authority, and the owner may.
    """
    options = parse(arguments)
    os.umask((os.umask(OTHERS_WRITE) | OTHERS_WRITE) & ~OWNER)
    layout = Layout(options.state, options.password_file, options.http_address, options.http_url)
    # What is loaded from here on stays: collecting it again and again would cost a tenth of the start.
    gc.disable()
    return run_command("up", lambda: serve(layout, options, arguments))


def serve(layout: Layout, options: Options, arguments: list[str]) -> int:
    """Make what is missing, and serve; return the exit code."""
    if options.worker is not None:
        return run(layout, options, first=bool(os.environ.get(FIRST_START)))
    with lock(layout):
        if options.new_intermediate:
            return renew_intermediate(layout, options)
        first = prepare(layout, options)
        if options.workers == 1:
            return run(layout, options, first=first)
        return run_workers(options, arguments, first=first)


def run_command(name: str, run: Callable[[], int], fault: int = 1) -> int:
    """Run a command and return its exit code: 130 when it was interrupted.

    What an operator can correct is told in one line, and the code is ``fault`` then.
    """
    try:
        return run()
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        cause = describe_fault(error)
        if not cause:
            raise
        # One write: where Python does not buffer, print would write the end of the line apart, and
        # another worker between the two.
        sys.stderr.write(f"newel {name}: {cause}\n")
        return fault


def describe_fault(error: Exception) -> str:
    """Describe an error that an operator can correct in one line; return "" for a fault of the program."""
    from newel.runtime.config import ConfigError
    from newel.runtime.database.connect import UnusableDatabaseError
    from newel.runtime.errors import NewelError
    from newel.runtime.system_errors import describe

    if isinstance(error, NewelError):
        return error.cause
    if isinstance(error, OSError):
        return describe(error)
    return str(error) if isinstance(error, ConfigError | UnusableDatabaseError | ValueError) else ""


def lock(layout: Layout) -> TextIO:
    """Lock the state for this program alone. Raises OSError when another one has it."""
    layout.lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = layout.lock.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise OSError(f"{layout.state} is in use by another 'newel up'") from None
    return file


def renew_intermediate(layout: Layout, options: Options) -> int:
    """Make another intermediate, and serve nothing."""
    from newel.runtime.clock import SystemClock
    from newel.standalone.succession import replace_intermediate

    print(replace_intermediate(layout, options, SystemClock().now()))
    return 0


def prepare(layout: Layout, options: Options) -> bool:
    """Make the authority when there is none; return whether it did.

    The addresses are tried first, because nothing may be made by a start that cannot serve. An authority
    that `ca init` made gets its OCSP responder here; anyone's is renewed when it is due.
    """
    from newel.runtime.clock import SystemClock
    from newel.standalone import unfinished
    from newel.standalone.addresses import check_free, list_addresses
    from newel.standalone.existing import require_databases
    from newel.standalone.first_start import create
    from newel.standalone.later_start import differences
    from newel.standalone.local_names import local_names
    from newel.standalone.settings import read_settings

    now = SystemClock().now()
    first = not layout.ca_json.exists()
    if first:
        check_free([*list_addresses(options)])
        create(layout, options, now)
        settings = read_settings(layout)
        say(local_names(options, settings), options.program)
        prepare_responder(layout, settings, now)
        return True
    settings = read_settings(layout)
    unfinished.end(layout)
    check_free([*list_addresses(options, settings)])
    if not settings.uses_postgresql:
        require_databases(layout, new=options.new_database)
    say([*differences(layout, options, settings), *local_names(options, settings)], options.program)
    prepare_responder(layout, settings, now)
    return False


def say(lines: Iterable[str], program: str) -> None:
    """Print what the operator should know and what stops nothing."""
    for line in lines:
        print(f"{program}: {line}", file=sys.stderr)


def prepare_responder(layout: Layout, settings: "Settings", now: "dt.datetime") -> None:
    """Make the OCSP responder where there is none, and renew it when it is due."""
    from newel.runtime.config import ConfigError
    from newel.signer.app import add_responder, reissue_responder
    from newel.standalone.first_start import authority_files

    files = authority_files(layout, settings.password_file, settings)
    if not files.password_file.exists():
        raise ConfigError(
            f"{files.password_file}: missing; name the keys' password by --password-file"
        )
    require_time_left(files.intermediate_certificate, now)
    discard_stranger(files, layout.responder_record)
    own_keys = not settings.newel.signer.get("keys")
    if own_keys and files.responder_certificate.exists() and not files.responder_key.exists():
        print(
            f"newel up: {files.responder_key}: missing; another OCSP responder is made",
            file=sys.stderr,
        )
        files.responder_certificate.unlink()
    if not files.responder_certificate.exists():
        # half of what an earlier start made; nothing but this program writes there
        for half in (layout.lock.with_name(files.responder_key.name), layout.responder_record):
            half.unlink(missing_ok=True)
        add_responder(replace(files, record=layout.responder_record), now)
    elif not os.access(files.responder_certificate.parent, os.W_OK):
        copy = layout.state / "db" / files.responder_certificate.name
        copy.write_bytes(files.responder_certificate.read_bytes())
        files = authority_files(layout, settings.password_file, settings)
    reissue_responder(files, now)


def require_time_left(intermediate: Path, now: "dt.datetime") -> None:
    """Raise ConfigError for an intermediate that has expired: it can make nothing, a responder least of all."""
    from newel.crypto.authority_chain import name_of
    from newel.runtime.config import ConfigError

    own = read_own(intermediate)
    if own.not_valid_after_utc <= now:
        raise ConfigError(
            f"{intermediate}: the certificate of {name_of(own)} expired at"
            f" {own.not_valid_after_utc:%Y-%m-%d %H:%M} UTC; make a new intermediate"
            " (docs/runbooks/key-ceremony.md)"
        )


def read_own(file: Path) -> "x509.Certificate":
    """Read the certificate of a file. Raises ConfigError."""
    from newel.crypto import certificate_files, loading
    from newel.crypto.authority_chain import own_certificate
    from newel.runtime.config import ConfigError

    try:
        return loading.load_certificate(own_certificate(certificate_files.read_certificates(file)))
    except OSError as error:
        raise ConfigError(f"{file}: {(error.strerror or str(error)).lower()}") from None
    except ValueError as error:
        raise ConfigError(f"{file}: {error}") from None


def discard_stranger(files: "AuthorityFiles", record: Path) -> None:
    """Remove a responder certificate of another issuer than the current one."""
    from newel.crypto import loading

    if not files.responder_certificate.exists():
        return
    responder, issuer = (
        read_own(files.responder_certificate),
        read_own(files.intermediate_certificate),
    )
    if responder.issuer != issuer.subject or not loading.is_issued_by(responder, issuer):
        for file in (files.responder_certificate, files.responder_key, record):
            file.unlink(missing_ok=True)


def run(layout: Layout, options: Options, *, first: bool) -> int:
    """One process: the only one, or one of several."""
    from newel.standalone.process import serve

    return run_loop(serve(layout, options, first=first))


def run_loop(work: Coroutine[None, None, int]) -> int:
    """Run the process's event loop."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def run_workers(options: Options, arguments: list[str], *, first: bool) -> int:
    """Several processes that share the addresses."""
    from newel.runtime.process.workers import Workers

    if first:
        os.environ[FIRST_START] = "1"
    return Workers([sys.executable, "-m", "newel.standalone", *arguments], options.workers).run()
