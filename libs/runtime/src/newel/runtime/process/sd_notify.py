"""Tells the service manager where the process stands (sd_notify(3)): one datagram, nothing else."""

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


def reload_state() -> str:
    """What is sent when the configuration is about to be read again; READY follows."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"


class States:
    """A manager's socket for processes this one has started, which the real manager would not listen to."""

    def __init__(self, sock: socket.socket, address: str) -> None:
        self._sock = sock
        self.address = address
        self._ready: set[int] = set()

    @classmethod
    def open(cls) -> Self | None:
        """One where this process itself has a manager, else None."""
        if not os.environ.get(VARIABLE):
            return None
        name = f"newel-workers-{os.getpid()}"
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        sock.setblocking(False)
        sock.bind(f"\0{name}")
        return cls(sock, f"@{name}")

    def ready(self) -> set[int]:
        """The processes that have said READY, as the system names them."""
        with contextlib.suppress(BlockingIOError):
            while True:
                data, ancillary, _, _ = self._sock.recvmsg(4096, socket.CMSG_SPACE(12))
                if data.decode(errors="replace").startswith(READY) and ancillary:
                    self._ready.add(struct.unpack("iii", ancillary[0][2])[0])
        return self._ready

    def forget(self) -> None:
        """Waits for everybody's READY again."""
        self.ready()
        self._ready = set()
