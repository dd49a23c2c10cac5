"""`newel fileserver`: serves a directory, to try certificates with; not for more than that."""

import functools
import os
import signal
import ssl
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from newel.cli.errors import CliError, UsageError
from newel.cli.files import read, write
from newel.cli.invocation import Invocation
from newel.cli.terminal import note


def run(call: Invocation) -> None:
    """Serves until it is interrupted; SIGHUP reads certificate and key again."""
    (name,) = call.positionals(1)
    if not Path(name).is_dir():
        raise CliError(f"open {name}: it is not a directory")
    tls = secured(call)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=name)
    try:
        server = ThreadingHTTPServer(place(call.get("address") or ":0"), handler)
    except OSError as error:
        raise CliError(f"listen {call.get('address')}: {(error.strerror or '').lower()}") from None
    with server:
        if tls is not None:
            # the handshake is left to each connection's own thread: a slow client keeps nobody waiting
            server.socket = tls.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        if pid_file := call.get("pidfile"):
            write(pid_file, f"{os.getpid()}\n".encode(), mode=0o644, force=True)
        host, port = server.server_address[:2]
        print(f"Serving {'HTTPS' if tls else 'HTTP'} at {host}:{port} ...", flush=True)
        server.serve_forever()


def secured(call: Invocation) -> ssl.SSLContext | None:
    """TLS by --cert and --key, for clients --roots vouch for when there are roots; None without."""
    certificate, key, roots = call.get("cert"), call.get("key"), call.get("roots")
    if not certificate and not key:
        if roots:
            raise UsageError("flag '--roots' requires the '--cert' flag")
        return None
    if not certificate or not key:
        given, lacking = ("key", "cert") if key else ("cert", "key")
        raise UsageError(f"flag '--{given}' requires the '--{lacking}' flag")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)

    def load() -> None:
        for file in (certificate, key):
            read(file)
        try:
            tls.load_cert_chain(certificate, key, lambda: "")
        except ssl.SSLError:
            raise CliError(f"error loading X509 key pair {certificate}, {key}") from None

    load()
    if roots:
        tls.verify_mode = ssl.CERT_REQUIRED
        try:
            tls.load_verify_locations(cadata=read(roots).decode(errors="replace"))
        except ssl.SSLError:
            raise CliError(f"error reading {roots}: no certificate in it") from None

    def again(number: int, frame: object) -> None:  # noqa: ARG001 - what a signal hands over
        try:
            load()
        except CliError as error:
            note(f"still the certificate of before: {error}")

    signal.signal(signal.SIGHUP, again)
    return tls


def place(address: str) -> tuple[str, int]:
    """Host and port of --address; no host is every one of this machine's."""
    host, _, port = address.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise UsageError(f"invalid value '{address}' for flag '--address'")
    return host.strip("[]"), int(port)
