"""Whether a zone's own name servers have a record: a cache between here and there does not count."""

import datetime as dt
import time
from collections.abc import Sequence
from typing import NamedTuple

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver

from newel.cli.errors import CliError, UsageError
from newel.cli.operations.network_errors import explain

MOST_ALIASES, MOST_SERVERS = 8, 8
TRY_SECONDS, LOOKUP_SECONDS = 3.0, 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
PORT = 53


class Server(NamedTuple):
    """A name server's address and port."""

    address: str
    port: int = PORT

    def ask(self, name: str, kind: str) -> "dns.message.Message | None":
        """Return the server's own answer; None when it gives none or fails."""
        try:
            query = dns.message.make_query(name, kind, flags=0, use_edns=0, payload=1232)
            found, _ = dns.query.udp_with_fallback(
                query, self.address, timeout=TRY_SECONDS, port=self.port
            )
        except (dns.exception.DNSException, OSError, ValueError):
            return None
        return found if found.rcode() in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN} else None


def server_at(text: str) -> Server:
    """``HOST`` or ``HOST:PORT``, an IPv6 address with a port in brackets. Raises UsageError."""
    import socket

    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        host, port = text, str(PORT)
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)
    except (OSError, ValueError, OverflowError):
        raise UsageError(
            f"invalid value '{text}' for flag '--dns-server'; it leads to no address"
        ) from None
    return Server(str(found[0][4][0]), int(port))


class NameServers:
    """The servers that are configured or, without any, those that a name's zone has."""

    def __init__(
        self,
        configured: Sequence[Server],
        resolver: dns.resolver.Resolver | None = None,
        port: int = PORT,
    ) -> None:
        self._configured = configured
        self._resolver = resolver
        self._port = port

    def owner(self, name: str) -> str:
        """Return the name under which the record must stand: what an alias leads to. Raises CliError."""
        for _ in range(MOST_ALIASES):
            answers = [server.ask(name, "TXT") for server in self.of(name)]
            alias = next((found for each in answers if each and (found := _alias(each, name))), "")
            if not alias:
                return name
            name = alias
        raise CliError(f"more than {MOST_ALIASES} aliases lead to {name}")

    def wait(self, name: str, value: str, patience: dt.timedelta) -> None:
        """Wait until every server that answers has the record. Raises CliError when time is up."""
        end, pause = time.monotonic() + patience.total_seconds(), FIRST_PAUSE
        servers = self.of(name)
        while True:
            answers = [server.ask(name, "TXT") for server in servers]
            known = [value in _texts(each) for each in answers if each is not None]
            if known and all(known):
                return
            if time.monotonic() >= end:
                lacking = "no name server answers" if not known else "not all name servers have it"
                raise CliError(
                    f"the TXT record of {name} cannot be seen after {patience.total_seconds():g} s: "
                    f"{lacking}",
                    hint="'--dns-wait' says how long it may take, '--dns-server' whom to ask.",
                )
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def of(self, name: str) -> Sequence[Server]:
        """Whom to ask about a name. Raises CliError."""
        if self._configured:
            return self._configured
        try:
            resolver = self._resolver or dns.resolver.Resolver()
            zone = dns.resolver.zone_for_name(name, resolver=resolver, lifetime=LOOKUP_SECONDS)
            hosts = resolver.resolve(zone, "NS", lifetime=LOOKUP_SECONDS)
            found = [
                Server(address, self._port)
                for host in hosts
                for address in resolver.resolve_name(
                    host.target, lifetime=LOOKUP_SECONDS
                ).addresses()
            ]
        except (dns.exception.DNSException, OSError) as error:
            raise CliError(
                f"the name servers of {name} cannot be found: {explain(error)}",
                hint="Name one by '--dns-server', or ask none by '--dns-wait 0s'.",
            ) from None
        return found[:MOST_SERVERS]


def _texts(answer: dns.message.Message) -> set[str]:
    """Every TXT value in an answer, its strings joined."""
    return {
        b"".join(record.strings).decode(errors="replace")
        for rrset in answer.answer
        if rrset.rdtype == dns.rdatatype.TXT
        for record in rrset
    }


def _alias(answer: dns.message.Message, name: str) -> str:
    """Return what the name is an alias of; "" when it is none."""
    owner = dns.name.from_text(name)
    for rrset in answer.answer:
        if rrset.rdtype == dns.rdatatype.CNAME and rrset.name == owner:
            return next(iter(rrset)).to_text()
    return ""
