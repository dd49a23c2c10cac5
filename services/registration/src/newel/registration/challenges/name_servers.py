"""DNS for validation: uncached answers, every step bounded, failure distinct from absence.

Configured servers are queried as they are (the operator chooses the view of the zones). Without any, the
system's servers name the zone's own name servers, and those are queried.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from newel.acme.caa import CAARecord
from newel.runtime.egress import (
    DNS_PORT,
    EgressPolicy,
    EgressRefusedError,
    describe_failure,
    show_endpoint,
)
from newel.runtime.errors import ErrorType, NewelError

if TYPE_CHECKING:
    import dns.message
    import dns.name
    import dns.rdatatype

_MAX_ALIASES = 8
_MAX_SERVERS = 4
_MAX_TEXTS = 100
_MAX_TEXT_SIZE = 512
_MAX_CAA = 100
_TRY_SECONDS = 3.0

_MAX_VALUES_SHOWN = 3
_MAX_SHOWN = 32  # characters of each

Server = tuple[str, int]
"""Address and port."""


class Texts(NamedTuple):
    """The TXT values at a name, and the server that answered."""

    values: list[bytes]
    source: str

    def show(self) -> str:
        """Return the beginnings of the first values, for the text of an error."""
        shown: list[str] = []
        for value in sorted(self.values)[:_MAX_VALUES_SHOWN]:
            text = value.decode("utf-8", "replace").replace('"', "'")
            short = "".join(each if each.isprintable() else " " for each in text[:_MAX_SHOWN])
            shown.append(f'"{short}…"' if len(text) > _MAX_SHOWN else f'"{short}"')
        return ", ".join(shown) + (" …" if len(self.values) > _MAX_VALUES_SHOWN else "")


class NameServers:
    """Queries name servers for TXT and CAA records, and for addresses."""

    def __init__(self, configured: Sequence[Server], policy: EgressPolicy) -> None:
        self._configured = list(configured)
        self._policy = policy

    @property
    def names(self) -> str:
        """Those configured, for people."""
        return ", ".join(show_endpoint(*each) for each in self._configured)

    async def texts(self, name: str) -> "Texts":
        """Return every TXT value at a name, strings joined, CNAMEs followed, and who said so.

        At most 100 values of 512 octets count. Raises ``dns`` when the servers fail, or after more than
        eight aliases.
        """
        import dns.rdatatype

        records, source = await self._find(name, dns.rdatatype.TXT)
        texts = [b"".join(getattr(each, "strings", ())) for each in records]
        values = [text for text in texts if len(text) <= _MAX_TEXT_SIZE][:_MAX_TEXTS]
        return Texts(values, source)

    async def caa(self, name: str) -> list[CAARecord]:
        """Return the CAA records at a name, CNAMEs followed; [] when its servers say that there are none.

        Raises ``dns`` when the servers fail, when they only refer to others, or for more than 100 records.
        """
        import dns.rdatatype

        records, _ = await self._find(name, dns.rdatatype.CAA, whole=True)
        if len(records) > _MAX_CAA:
            raise NewelError(ErrorType.DNS, f"{name} has more than {_MAX_CAA} CAA records")
        return [CAARecord(each.flags, each.tag.decode("ascii"), each.value) for each in records]

    async def _find(
        self, name: str, kind: "dns.rdatatype.RdataType", *, whole: bool = False
    ) -> tuple[list[Any], str]:
        """Return the records of a kind at a name or its aliases, and who answered.

        ``whole``: a referral is a failure.
        """
        _require_name(name)
        for _ in range(_MAX_ALIASES + 1):
            answer, source = await self._query(await self._servers(name), name, kind)
            found, alias = _follow(answer, name, kind)
            if found:
                return found, source
            if alias is None:
                if whole and not _is_whole(answer):
                    raise NewelError(
                        ErrorType.DNS, f"{source} refers to others for {name}, and answers nothing"
                    )
                return [], source
            name = alias
        raise NewelError(ErrorType.DNS, f"more than {_MAX_ALIASES} aliases lead away from {name}")

    async def addresses(self, name: str) -> list[str]:
        """Return the addresses of a name, IPv4 first, from the configured servers."""
        import dns.rdatatype

        found: list[str] = []
        for kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
            answer, _ = await self._query(self._recursive(), name, kind)
            found += [str(each) for each in _records(answer, kind)]
        return found[:16]

    async def _servers(self, name: str) -> list[Server]:
        """Find the servers for a name: the configured ones, or those of its zone."""
        if self._configured:
            return self._configured
        import dns.name
        import dns.rdatatype

        zone = dns.name.from_text(name)
        while len(zone.labels) > 2:
            try:
                answer, _ = await self._query(self._recursive(), zone.to_text(), dns.rdatatype.NS)
            except NewelError:
                break
            hosts = [each.to_text() for each in _records(answer, dns.rdatatype.NS)]
            if hosts:
                found = await self._addresses_of(hosts[:_MAX_SERVERS])
                return found or self._recursive()
            zone = zone.parent()
        return self._recursive()

    async def _addresses_of(self, hosts: list[str]) -> list[Server]:
        found: list[Server] = []
        for host in hosts:
            try:
                for address in (await self.addresses(host))[:2]:
                    self._policy.check(address)
                    found.append((address, DNS_PORT))
            except (NewelError, EgressRefusedError):
                continue
        return found[:_MAX_SERVERS]

    def _recursive(self) -> list[Server]:
        if self._configured:
            return self._configured
        import dns.exception
        import dns.resolver

        try:
            system = dns.resolver.Resolver()
        except dns.exception.DNSException as error:
            raise NewelError(ErrorType.DNS, "no name server is configured here") from error
        return [(str(address), system.port) for address in system.nameservers[:_MAX_SERVERS]]

    async def _query(
        self, servers: list[Server], name: str, kind: "dns.rdatatype.RdataType"
    ) -> "tuple[dns.message.Message, str]":
        """Query the servers in turn and return the first answer, and who gave it.

        NXDOMAIN is an answer, SERVFAIL is not.
        """
        import dns.asyncquery
        import dns.exception
        import dns.message
        import dns.rcode

        failures: list[str] = []
        for address, port in servers:
            server = address if port == DNS_PORT else show_endpoint(address, port)
            try:
                query = dns.message.make_query(name, kind, use_edns=0, payload=1232)
                async with asyncio.timeout(_TRY_SECONDS):
                    answer, _ = await dns.asyncquery.udp_with_fallback(query, address, port=port)
            except dns.exception.Timeout:
                failures.append(f"{server}: no answer in time")
                continue
            except OSError as error:  # TimeoutError is one
                failures.append(f"{server}: {describe_failure(error)}")
                continue
            except (dns.exception.DNSException, EOFError, ValueError):
                failures.append(f"{server}: an answer that cannot be read")
                continue
            rcode = answer.rcode()
            if rcode in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
                nothing = rcode == dns.rcode.NXDOMAIN
                return answer, f"{server} (NXDOMAIN)" if nothing else server
            failures.append(f"{server}: {dns.rcode.to_text(rcode)}")
        told = ", ".join(failures) or "there is none to ask"
        raise NewelError(ErrorType.DNS, f"no name server answers for {name}: {told}")


def _records(
    answer: "dns.message.Message", kind: int, owner: "dns.name.Name | None" = None
) -> list[Any]:
    """List the records of one kind in an answer, of every name or of ``owner`` only."""
    return [
        each
        for rrset in answer.answer
        if rrset.rdtype == kind and (owner is None or rrset.name == owner)
        for each in cast("Iterable[Any]", rrset)
    ]


def _require_name(name: str) -> None:
    import dns.exception
    import dns.name

    try:
        dns.name.from_text(name)
    except (dns.exception.DNSException, ValueError):
        raise NewelError(
            ErrorType.DNS, f"{name} is too long, or otherwise no name, to be asked of name servers"
        ) from None


def _is_whole(answer: "dns.message.Message") -> bool:
    """Tell whether an empty answer says that there is nothing: its server knows the zone, or recurses."""
    import dns.flags

    return bool(answer.flags & (dns.flags.AA | dns.flags.RA))


def _follow(
    answer: "dns.message.Message", name: str, kind: "dns.rdatatype.RdataType"
) -> tuple[list[Any], str | None]:
    """Return the records at ``name`` or its aliases, and the alias that another zone has to answer."""
    import dns.name
    import dns.rdatatype

    owner = dns.name.from_text(name)
    alias: str | None = None
    for _ in range(_MAX_ALIASES + 1):
        found = _records(answer, kind, owner)
        if found:
            return found, None
        aliases = _records(answer, dns.rdatatype.CNAME, owner)
        target = next((getattr(each, "target", None) for each in aliases), None)
        if target is None:
            return [], alias
        owner, alias = target, target.to_text()
    return [], alias
