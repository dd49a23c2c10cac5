"""`step-ca`: serve the authority of a ca.json until told to stop."""

import gc
import os
import platform
import socket
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from newel.runtime.clock import SystemClock
from newel.runtime.config import ConfigError
from newel.runtime.http.addresses import Address
from newel.standalone.command import (
    OTHERS_WRITE,
    OWNER,
    describe_fault,
    lock,
    prepare,
    run_loop,
)
from newel.standalone.first_start import make_password
from newel.standalone.key_stores import is_in_service
from newel.standalone.layout import Layout
from newel.standalone.options import Options
from newel.standalone.settings import Settings, read_settings
from newel.standalone.step_ca.contexts import Configuration, find_configuration
from newel.standalone.step_ca.flags import Flags, UsageError, locate, parse
from newel.standalone.step_ca.passwords import (
    Key,
    PasswordError,
    collect,
    prepare_file,
    read,
    require_opens,
)
from newel.standalone.step_ca.start_lines import StartLines

FATAL = 2
"""The exit code of a start that fails, as the original's."""

NO_CONFIGURATION = """\
step-ca can't find or open the configuration file for your CA.
You may need to create a CA first by running `step ca init`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code: 0, 1 for a command line that is refused, 2 for a failed start."""
    given = sys.argv[1:] if arguments is None else [*arguments]
    os.umask((os.umask(OTHERS_WRITE) | OTHERS_WRITE) & ~OWNER)
    try:
        flags = parse(given, name_version())
        configuration = find_configuration(flags.config, flags.context)
    except (UsageError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    if not os.access(configuration.file, os.R_OK):
        print(NO_CONFIGURATION)
        return 1
    gc.disable()  # what is loaded from here on stays
    try:
        return start(flags, configuration)
    except KeyboardInterrupt:
        return 130
    except PasswordError as error:
        print(error, file=sys.stderr)
        return FATAL
    except Exception as error:
        cause = describe_fault(error)
        if not cause:
            raise
        print(cause, file=sys.stderr)
        return FATAL
    finally:
        remove_pidfile(flags.pidfile)


def name_version() -> str:
    """Return what `step-ca version` prints."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return (
        f"Newel CA/{metadata.version('newel-standalone')} ({platform.system().lower()}/{machine})"
    )


def start(flags: Flags, configuration: Configuration) -> int:
    """Read the configuration, open what it needs and serve.

    Raises PasswordError, and what describe_fault turns into one line.
    """
    layout = Layout(
        locate(configuration.file),
        given_config=Path(configuration.file).absolute(),
        relative_to=Path.cwd(),
        given_acme=choose_acme(flags),
    )
    settings = read_settings(layout)
    layout = add_passwords(layout, settings, flags)
    if flags.issuer_password_file:
        read(
            flags.issuer_password_file
        )  # a registration authority's; ca.json says whether it is one
    options = choose_options(layout)
    clock = SystemClock()
    lines = StartLines(
        clock, name_version(), configuration.file, configuration.context, quiet=flags.quiet
    )
    with lock(layout):
        write_pidfile(flags.pidfile)
        try:
            prepare(layout, options)
            from newel.standalone.process import serve

            return run_loop(serve(layout, options, first=False, reporter=lines))
        except (ConfigError, ValueError):
            require_passwords(layout, settings)
            raise


def choose_options(layout: Layout) -> Options:
    """Return what `newel up` would be told: one process, addresses as ca.json has them."""
    return Options(
        state=layout.state, address="", http_address="", metrics_address="", http_url="", name="", dns=(),
        ssh=False, remote_management=False, password_file=None, new_database=False,
        new_intermediate=False, root_key=None, root_password_file=None, workers=1, log_format="",
        worker=None, default_metrics=False, program="step-ca",
    )  # fmt: skip # a record


def choose_acme(flags: Flags) -> dict[str, Any]:
    """Return the settings of ACME that the command line makes. Raises OSError for a resolver's name."""
    chosen: dict[str, Any] = {}
    if flags.resolver:
        chosen["resolvers"] = (resolve_server(flags.resolver),)
    if flags.acme_http_port:
        chosen["http01_port"] = flags.acme_http_port
    if flags.acme_tls_port:
        chosen["tls_alpn01_port"] = flags.acme_tls_port
    return chosen


def resolve_server(text: str) -> str:
    """Return a name server's ``address:port``; its name is looked up once. Raises OSError."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or (":" in host and not text.startswith("[")):
        host, port = text, "53"
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_DGRAM)
    except socket.gaierror as error:
        raise OSError(f"--resolver {text}: {error.strerror}") from None
    address, number = found[0][4][:2]
    return str(Address(str(address), int(number)))


def list_keys(settings: Settings) -> list[Path | None]:
    """List the files of the keys of the intermediate, of SSH hosts and of SSH users.

    None stands for a key in a key service, and for one that is not there.
    """
    ssh = settings.ca.ssh
    names = [settings.ca.key, *((ssh.host_key, ssh.user_key) if ssh else ("", ""))]
    kms = settings.ca.kms
    return [Path(name) if name and not is_in_service(kms, name) else None for name in names]


def add_passwords(layout: Layout, settings: Settings, flags: Flags) -> Layout:
    """Return the layout with the files of the passwords. Raises PasswordError.

    Without any password the OCSP responder's key, which this authority makes, gets one of its own.
    """
    own = settings.newel.password_file
    if own is not None and not flags.password_file:
        return layout  # newel.passwordFile serves every key
    files = (
        flags.password_file,
        flags.ssh_host_password_file or flags.password_file,
        flags.ssh_user_password_file or flags.password_file,
    )
    wanted = [
        Key(path, file if path else "")
        for path, file in zip(list_keys(settings), files, strict=True)
    ]
    main, host, user = collect(wanted)
    if main is None and flags.password_file:
        main = prepare_file(flags.password_file)
    elif main is None:
        main = layout.state / "db/password"
        main.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_password(main)
    return replace(layout, given_password=main, given_ssh_passwords=(host or main, user or main))


def require_passwords(layout: Layout, settings: Settings) -> None:
    """Raise PasswordError when it was a password that kept the authority from starting."""
    main = layout.given_password
    files = (main, *(layout.given_ssh_passwords or (main, main)))
    for path, file in zip(list_keys(settings), files, strict=True):
        if path is not None and file is not None:
            require_opens(path, read(str(file)))


def write_pidfile(name: str) -> None:
    """Write the process id. Raises OSError."""
    if name:
        Path(name).write_text(f"{os.getpid()}\n")


def remove_pidfile(name: str) -> None:
    """Remove the file of the process id, where it is ours."""
    path = Path(name)
    if name and path.is_file() and path.read_text().strip() == str(os.getpid()):
        path.unlink()
