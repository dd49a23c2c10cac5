"""One process of the embedded authority: its listeners, its services and how it reloads."""

import logging
import os
import socket
import sys

from newel.runtime import logs
from newel.runtime.clock import SystemClock
from newel.runtime.runner import Process
from newel.runtime.web import Listener, bind
from newel.signer.app import reissue_responder
from newel.standalone.app import build
from newel.standalone.banner import banner
from newel.standalone.first_start import authority_files
from newel.standalone.layout import Layout
from newel.standalone.options import Options
from newel.standalone.settings import Settings, read_settings

_log = logging.getLogger("newel.standalone")


async def serve(layout: Layout, options: Options, *, first: bool) -> int:
    """Serves until the process is told to stop."""
    settings = read_settings(layout)
    clock = SystemClock()
    log = logs.configure(clock, settings.newel.log_level)
    bound = sockets(settings, options)
    reissue_responder(authority_files(layout, settings.password_file), clock.now())
    built = await build(
        settings,
        clock,
        log if settings.newel.access_log else None,
        shared=bool(options.sockets),
    )
    listeners = [Listener(built.https, bound["https"], built.tls)]
    if "http" in bound:
        listeners.append(Listener(built.http, bound["http"]))

    def on_ready() -> None:
        if "ready" in options.sockets:
            os.write(options.sockets["ready"], b"!")
            os.close(options.sockets["ready"])
        if options.worker == 0:
            made = first or bool(os.environ.pop("NEWEL_FIRST_START", ""))
            print(banner(settings, first=made), file=sys.stdout, flush=True)

    process = Process(built.services, listeners, built.health, built.registry, on_ready=on_ready)
    try:
        await process.run()
    finally:
        built.audit_sink.close()
        log.flush()
    return 0


def sockets(settings: Settings, options: Options) -> dict[str, socket.socket]:
    """The listening sockets: inherited ones in a worker, else bound here."""
    inherited = {
        name: socket.socket(fileno=descriptor)
        for name, descriptor in options.sockets.items()
        if name != "ready"
    }
    if inherited:
        return inherited
    wanted = {
        "https": options.address or settings.ca.address,
        "http": options.http_address or settings.ca.insecure_address,
    }
    return {name: bind(address) for name, address in wanted.items() if address}
