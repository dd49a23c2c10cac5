"""Syslog (RFC 5424) over UDP, TCP or TLS (RFC 5426, 6587, 5425), for a collector or a SIEM.

A syslog receiver acknowledges nothing: a message counts as delivered when the connection took it, and
over UDP when it was sent.
"""

import asyncio
import ssl
from datetime import datetime
from importlib import metadata

from newel.alerting.channels.formats import FORMATS
from newel.alerting.config import Syslog
from newel.alerting.delivery import DeliveryError, resolve
from newel.alerting.notices import Message, Phase, Severity
from newel.runtime.egress import EgressPolicy
from newel.runtime.tls.client import trust_file

FACILITIES = {"user": 1, "daemon": 3, "auth": 4, "audit": 13, "alert": 14} | {
    f"local{number}": 16 + number for number in range(8)
}
"""Numbers of RFC 5424 §6.2.1, by the names that syslog daemons use."""

_CRITICAL, _WARNING, _NOTICE = 2, 4, 5
_LONGEST_DATAGRAM = 8192  # above the 2,048 octets that RFC 5424 §6.1 asks receivers to take


class SyslogChannel:
    """One collector. Each message has a connection of its own: alerts are rare."""

    def __init__(self, config: Syslog, policy: EgressPolicy) -> None:
        self._config = config
        self._policy = policy

    async def send(self, message: Message) -> None:
        """Send the message. Raises `DeliveryError` when no connection took it."""
        record = compose(message, self._config)
        try:
            async with asyncio.timeout(self._config.timeout.total_seconds()):
                address = await resolve(self._policy, self._config.host)
                if self._config.transport == "udp":
                    await _send_datagram(address, self._config.port, record)
                else:
                    await self._send_stream(address, record)
        except TimeoutError:
            raise DeliveryError("no connection in time") from None
        except OSError as error:  # ssl.SSLError is one
            raise DeliveryError(f"no connection: {type(error).__name__}") from None

    async def _send_stream(self, address: str, record: bytes) -> None:
        tls: ssl.SSLContext | None = None
        if self._config.transport == "tls":
            tls = trust_file(self._config.ca_file)
        name = self._config.host if tls else None
        _, writer = await asyncio.open_connection(
            address, self._config.port, ssl=tls, server_hostname=name
        )
        try:
            writer.write(b"%d %s" % (len(record), record))  # octet counting, RFC 6587 §3.4.1
            await writer.drain()
        finally:
            writer.close()
            await writer.wait_closed()

    async def close(self) -> None:
        """Nothing is kept open."""


def compose(message: Message, config: Syslog) -> bytes:
    """Return one syslog message, without a frame."""
    priority = FACILITIES[config.facility] * 8 + _severity(message)
    sent = _timestamp(message)
    head = f"<{priority}>1 {sent} {_printable(message.source, 255)} newel - {message.phase}"
    origin = f'[origin software="newel" swVersion="{metadata.version("newel-alerting")}"]'
    body = FORMATS[config.format](message).encode()
    if config.format == "text":
        body = b"\xef\xbb\xbf" + body  # says that it is UTF-8, RFC 5424 §6.4
    return f"{head} {origin} ".encode() + body


def _severity(message: Message) -> int:
    if message.phase is Phase.RESOLVED:
        return _NOTICE
    return _CRITICAL if message.notice.severity is Severity.CRITICAL else _WARNING


def _timestamp(message: Message) -> str:
    notice = message.notice
    moment: datetime = notice.resolved_at or notice.opened_at
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _printable(text: str, longest: int) -> str:
    """Return a header field: printable ASCII without spaces (RFC 5424 §6)."""
    return "".join(each for each in text if "!" <= each <= "~")[:longest] or "-"


async def _send_datagram(address: str, port: int, record: bytes) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=(address, port)
    )
    try:
        transport.sendto(record[:_LONGEST_DATAGRAM])
    finally:
        transport.close()
