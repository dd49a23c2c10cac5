"""Carries octets between stdin, stdout and a socket: what ssh expects of a ProxyCommand."""

import os
import selectors
import socket
import sys

from newel.cli.errors import CliError

BLOCK = 64 * 1024
SECONDS = 30.0


def connect(host: str, port: str) -> socket.socket:
    """Connect. Raises CliError."""
    try:
        channel = socket.create_connection((host, int(port)), SECONDS)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise CliError(f"error connecting to {host}:{port}: {reason}") from None
    channel.settimeout(None)
    channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return channel


def carry(channel: socket.socket) -> None:
    """Both ways, until the other end closes; the end of stdin closes only our half."""
    source, sink = sys.stdin.fileno(), sys.stdout.fileno()
    with selectors.DefaultSelector() as ready:
        ready.register(channel, selectors.EVENT_READ)
        try:
            ready.register(source, selectors.EVENT_READ)
        except PermissionError:  # a plain file is always ready and cannot be waited for
            while forward_input(source, channel):
                pass
            channel.shutdown(socket.SHUT_WR)
        while True:
            for key, _ in ready.select():
                if key.fileobj is channel:
                    data = channel.recv(BLOCK)
                    if not data:
                        return
                    write_all(sink, data)
                elif not forward_input(source, channel):
                    ready.unregister(source)
                    channel.shutdown(socket.SHUT_WR)


def forward_input(source: int, channel: socket.socket) -> bool:
    """Send what can be read; return False at its end."""
    data = os.read(source, BLOCK)
    if data:
        channel.sendall(data)
    return bool(data)


def write_all(sink: int, data: bytes) -> None:
    """Write every octet."""
    while data:
        data = data[os.write(sink, data) :]
