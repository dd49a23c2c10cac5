"""A small DNS server on UDP and TCP: the zones of a test's imaginary world, with faults to order.

As a program (``name_server.py PORT FILE``) it reads its records, lines of ``name type value``, from the
file at every question, so that hooks of ACME clients can append to it.
"""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset


class NameServer:
    """Answers from ``records``, which tests change while it runs.

    Names end without a dot. ``anywhere`` is what every name without an A record of its own resolves
    to, None for NXDOMAIN. CNAMEs are returned alone, as a server does that is not asked to recurse.
    """

    def __init__(self, anywhere: str | None = "127.0.0.1", file: Path | None = None) -> None:
        self.file = file
        self.records: dict[tuple[str, str], list[str]] = {}
        self.anywhere = anywhere
        self.failing: set[str] = set()  # names answered with SERVFAIL
        self.silent: set[str] = set()  # names not answered at all
        self.tcp_only = False  # truncates everything asked by UDP
        self.garbage: set[str] = set()  # names answered with octets that are no message
        self.referring: set[str] = set()  # names of which it knows only who may know more
        self.asked: list[tuple[str, str]] = []
        self.port = 0
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """``address:port`` as configurations name a resolver."""
        return f"127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> None:
        """Listens on one port of 127.0.0.1 for both transports, on any that both have free when it is 0."""
        while self._udp is None:
            self._tcp = await asyncio.start_server(self._serve_tcp, "127.0.0.1", port)
            self.port = self._tcp.sockets[0].getsockname()[1]
            try:
                self._udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                    lambda: _Datagrams(self), local_addr=("127.0.0.1", self.port)
                )
            except OSError:
                self._tcp.close()
                if port:
                    raise  # what the system gave for TCP, another program may have for UDP

    async def stop(self) -> None:
        """Stops listening."""
        if self._udp is not None:
            self._udp.close()
            self._udp = None
        if self._tcp is not None:
            self._tcp.close()
            await self._tcp.wait_closed()

    def set(self, name: str, kind: str, values: Iterable[str]) -> None:
        """Replaces the records of a name."""
        self.records[name.lower().rstrip("."), kind] = list(values)

    def reload(self) -> None:
        """Reads the file again, if there is one."""
        if self.file is None:
            return
        self.records.clear()
        for line in self.file.read_text().splitlines():
            name, kind, value = line.split(" ", 2)
            self.records.setdefault((name.lower().rstrip("."), kind), []).append(value)

    def answer(self, wire: bytes, *, udp: bool) -> bytes | None:
        """The octets that answer a query, None for silence."""
        self.reload()
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.silent:
            return None
        if name in self.garbage:
            return wire[:2] + b"\x84\x00" + b"\xff" * 20
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        if name in self.failing:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif name in self.referring:
            response.flags &= ~dns.flags.AA
        elif udp and self.tcp_only:
            response.flags |= dns.flags.TC
        else:
            self._fill(response, question.name, name, kind)
        try:
            return response.to_wire(max_size=1232 if udp else 65535)
        except dns.exception.TooBig:
            response.answer.clear()
            response.flags |= dns.flags.TC
            return response.to_wire()

    def _fill(
        self, response: dns.message.Message, owner: dns.name.Name, name: str, kind: str
    ) -> None:
        values, found = self.records.get((name, kind)), kind
        if values is None and (alias := self.records.get((name, "CNAME"))):
            values, found = alias, "CNAME"
        if values is None and kind == "A" and self.anywhere is not None:
            values = [self.anywhere]
        if values:
            response.answer.append(
                dns.rrset.from_text_list(owner, 0, dns.rdataclass.IN, found, values)
            )
        elif not any(known == name for known, _ in self.records) and self.anywhere is None:
            response.set_rcode(dns.rcode.NXDOMAIN)

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            size = int.from_bytes(await reader.readexactly(2), "big")
            reply = self.answer(await reader.readexactly(size), udp=False)
            if reply is not None:
                writer.write(len(reply).to_bytes(2, "big") + reply)
                await writer.drain()
        finally:
            writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._server.answer(data, udp=True)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)


async def main(port: int, file: Path) -> None:
    """Serves until it is killed."""
    server = NameServer(file=file)
    await server.start(port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
