"""Notifications to the service manager (sd_notify(3)): one datagram for each state."""

import contextlib
import logging
import os
import socket
import struct
import time
from typing import Self

VARIABLE = "NOTIFY_SOCKET"
READY = "READY=1"
STOPPING = "STOPPING=1"

_log = logging.getLogger("newel.runtime.process.sd_notify")


def notify(state: str) -> None:
    """Send a state to the manager, if there is one."""
    address = os.environ.get(VARIABLE, "")
    if address[:1] not in {"/", "@"}:
        return
    name = "\0" + address[1:] if address.startswith("@") else address  # "@": the abstract namespace
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.connect(name)
            sock.sendall(state.encode())
    except OSError as error:
        _log.warning("the service manager could not be notified of %s: %s", state, error)


def reload_state() -> str:
    """Return the state for the start of a reload; READY follows."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"


class States:
    """A manager's socket for this process's children, from which the real manager accepts nothing."""

    def __init__(self, sock: socket.socket, address: str) -> None:
        self._sock = sock
        self.address = address
        self._ready: set[int] = set()

    @classmethod
    def open(cls) -> Self | None:
        """Open one where this process itself has a manager, else return None."""
        if not os.environ.get(VARIABLE):
            return None
        name = f"newel-workers-{os.getpid()}"
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        sock.setblocking(False)
        sock.bind(f"\0{name}")
        return cls(sock, f"@{name}")

    def read_ready(self) -> set[int]:
        """Return the ids of the processes that have sent READY."""
        with contextlib.suppress(BlockingIOError):
            while True:
                data, ancillary, _, _ = self._sock.recvmsg(4096, socket.CMSG_SPACE(12))
                if data.decode(errors="replace").startswith(READY) and ancillary:
                    self._ready.add(struct.unpack("iii", ancillary[0][2])[0])
        return self._ready

    def forget(self) -> None:
        """Discard what was received and wait for every READY again."""
        self.read_ready()
        self._ready = set()
