"""The CAA records that are relevant to a name (RFC 8659 §3): its own, or those of the nearest parent."""

from typing import NamedTuple

from newel.acme.caa import CAARecord
from newel.acme.identifiers import list_domains
from newel.registration.challenges.name_servers import NameServers


class RelevantRecords(NamedTuple):
    """The records that decide, and the name they are at."""

    records: list[CAARecord]
    owner: str
    """``""``: neither the name nor a parent has any."""


class CAAFinder:
    """Climbs from a name to its top-level domain. A name server that fails ends the search."""

    def __init__(self, name_servers: NameServers) -> None:
        self._name_servers = name_servers

    async def find(self, domain: str) -> RelevantRecords:
        """Return the relevant records of a name without ``*.``. Raises ``dns``."""
        for owner in list_domains(domain):
            records = await self._name_servers.caa(owner)
            if records:
                return RelevantRecords(records, owner)
        return RelevantRecords([], "")
