"""`newel up`."""

import asyncio
import fcntl
import os
import socket
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TextIO

from newel.standalone.layout import Layout
from newel.standalone.options import Options, parse


def main(arguments: list[str]) -> int:
    """Runs the authority until it is told to stop; returns the exit code."""
    options = parse(arguments)
    layout = Layout(options.state)
    try:
        if options.workers > 1:
            return run_workers(layout, options, arguments)
        return run_one(layout, options)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        from newel.runtime.config import ConfigError
        from newel.runtime.errors import NewelError
        from newel.runtime.migrations import MigrationError

        if isinstance(error, ConfigError | NewelError | MigrationError | OSError | ValueError):
            print(f"newel up: {error}", file=sys.stderr)
            return 1
        raise


def prepare(layout: Layout, options: Options) -> bool:
    """Makes the authority when there is none; answers whether it did."""
    if layout.ca_json.exists():
        return False
    from newel.runtime.clock import SystemClock
    from newel.standalone.first_start import create

    create(layout, options, SystemClock().now())
    return True


def addresses(layout: Layout, options: Options) -> dict[str, str]:
    """The listeners' addresses: the command line's, else ca.json's."""
    from newel.standalone.settings import read_settings

    ca = read_settings(layout).ca
    return {
        "https": options.address or ca.address,
        "http": options.http_address or ca.insecure_address,
    }


def lock(layout: Layout) -> TextIO:
    """Holds the state for this program alone. Raises OSError when another has it."""
    layout.lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = layout.lock.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise OSError(f"{layout.state} is in use by another 'newel up'") from None
    return file


def run_one(layout: Layout, options: Options) -> int:
    """One process: the only one, or a worker with inherited sockets."""
    from newel.standalone.process import serve

    held = None if options.sockets else lock(layout)
    try:
        first = prepare(layout, options)
        return run_loop(serve(layout, options, first=first))
    finally:
        if held:
            held.close()


def run_loop(work: Coroutine[None, None, int]) -> int:
    """Runs the process's event loop."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def run_workers(layout: Layout, options: Options, arguments: list[str]) -> int:
    """Several processes that share the addresses."""
    from newel.runtime.web import bind
    from newel.standalone.workers import Workers

    held = lock(layout)
    first = prepare(layout, options)
    sockets: dict[str, socket.socket] = {}
    for name, address in addresses(layout, options).items():
        if address:
            sockets[name] = bind(address)
            sockets[name].listen(2048)
    if first:
        os.environ["NEWEL_FIRST_START"] = "1"
    try:
        return Workers(
            [*arguments, "--state", str(Path(options.state))], sockets, options.workers
        ).run()
    finally:
        held.close()
