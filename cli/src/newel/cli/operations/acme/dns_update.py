"""TXT records by dynamic update (RFC 2136), signed with a key the name server knows (TSIG, RFC 8945)."""

import re
from typing import NamedTuple

import dns.exception
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update

from newel.cli.errors import CliError
from newel.cli.operations.acme.dns_servers import Server
from newel.cli.operations.network_errors import explain
from newel.cli.store.files import read

TTL = 60
SECONDS = 10.0
_KEY = re.compile(
    r'key\s+"?(?P<name>[^\s"{]+)"?\s*\{\s*(?=[^}]*?algorithm\s+"?(?P<algorithm>[\w.-]+)"?\s*;)'
    r'(?=[^}]*?secret\s+"?(?P<secret>[\w+/=]+)"?\s*;)[^}]*\}\s*;'
)


class Key(NamedTuple):
    """A TSIG key."""

    name: str
    tsig: dns.tsig.Key


def read_key(file: str) -> Key:
    """Return the key of a file as ``tsig-keygen`` writes it and ``nsupdate -k`` reads it. Raises CliError."""
    found = _KEY.search(read(file).decode(errors="replace"))
    if found is None:
        raise CliError(
            f'error reading {file}: a key looks like key "name" {{ algorithm …; secret "…"; }};'
        )
    try:
        key = dns.tsig.Key(found["name"], found["secret"], found["algorithm"])
        dns.tsig.get_context(key)
    except (dns.exception.DNSException, NotImplementedError, ValueError):
        raise CliError(f"error reading {file}: the TSIG key cannot be used") from None
    return Key(found["name"], key)


class Update:
    """Records put into a zone by its primary name server."""

    def __init__(self, server: Server, key: Key) -> None:
        self._server = server
        self._key = key

    def add(self, name: str, value: str) -> None:
        """Add a record to those that exist. Raises CliError."""
        message = self._message(name)
        message.add(name, TTL, "TXT", f'"{value}"')
        self._send(message)

    def remove(self, name: str, value: str) -> None:
        """Remove that record. Raises CliError."""
        message = self._message(name)
        message.delete(name, "TXT", f'"{value}"')
        self._send(message)

    def _message(self, name: str) -> dns.update.UpdateMessage:
        keyring = {self._key.tsig.name: self._key.tsig}
        return dns.update.UpdateMessage(
            self._zone(name), keyring=keyring, keyalgorithm=self._key.tsig.algorithm
        )

    def _zone(self, name: str) -> dns.name.Name:
        """Return the zone the server has for a name: the nearest one above it that has a SOA record."""
        zone = dns.name.from_text(name)
        while zone != dns.name.root:
            answer = self._server.ask(zone.to_text(), "SOA")
            if answer is not None and any(
                rrset.rdtype == dns.rdatatype.SOA and rrset.name == zone for rrset in answer.answer
            ):
                return zone
            zone = zone.parent()
        raise CliError(f"the name server {self._server.address} has no zone for {name}")

    def _send(self, message: dns.update.UpdateMessage) -> None:
        address, port = self._server
        try:
            answer = dns.query.tcp(message, address, timeout=SECONDS, port=port)
        except (dns.exception.DNSException, OSError) as error:
            cause = explain(error)
            raise CliError(f"error updating the zone at {address}: {cause}") from None
        if answer.rcode() != dns.rcode.NOERROR:
            refusal = dns.rcode.to_text(answer.rcode())
            raise CliError(f"error updating the zone at {address}: {refusal}")
