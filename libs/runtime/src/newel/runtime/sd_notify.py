"""Tells the service manager where the process stands (sd_notify(3)): one datagram, nothing else."""

import logging
import os
import socket
import time

VARIABLE = "NOTIFY_SOCKET"
READY = "READY=1"
STOPPING = "STOPPING=1"

_log = logging.getLogger("newel.runtime.sd_notify")


def notify(state: str) -> None:
    """Sends a state to the manager; nothing happens where there is none."""
    address = os.environ.get(VARIABLE, "")
    if address[:1] not in {"/", "@"}:
        return
    name = "\0" + address[1:] if address.startswith("@") else address  # "@": the abstract namespace
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.connect(name)
            sock.sendall(state.encode())
    except OSError as error:
        _log.warning("the service manager could not be told %s: %s", state, error)


def reloading() -> str:
    """What is sent when the configuration is about to be read again; READY follows."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"
