"""`newel fileserver`: a directory over HTTP, HTTPS or mutual TLS, to try certificates on."""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.operations.file_server import Handler, Tls, bind, serve

if TYPE_CHECKING:
    from newel.cli.options.records.fileserver import FileserverOptions


def run(options: "FileserverOptions") -> None:
    """Serve until it is interrupted; SIGHUP reads certificate and key again."""
    root = options.positionals(1)[0]
    check(options, root)
    certificate, key = options.cert, options.key
    tls = Tls(certificate, key, options.roots) if certificate and key else None
    server = bind(options.address or "", partial(Handler, directory=root), tls)
    pidfile = options.pidfile
    if pidfile:
        Path(pidfile).write_text(f"{os.getpid()}\n")
    try:
        serve(server)
    finally:
        server.server_close()
        if pidfile:
            Path(pidfile).unlink(missing_ok=True)


def check(options: "FileserverOptions", root: str) -> None:
    """Refuse what is no directory, and flags that need each other."""
    if not Path(root).exists():
        raise CliError(f"open {root} failed: no such file or directory")
    if not Path(root).is_dir():
        raise CliError("positional argument <dir> must be a directory")
    for flag, needed in (("roots", "cert"), ("roots", "key"), ("cert", "key"), ("key", "cert")):
        if options.get(flag) and not options.get(needed):
            raise UsageError(f"flag '--{flag}' requires the '--{needed}' flag")
