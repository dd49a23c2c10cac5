"""Constraints of one kind of name, compiled for look-ups that do not grow with their number."""

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from newel.crypto import names
from newel.step.policy_constraints import Network

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Domains:
    """Hosts, and domains of which exactly one more label is matched (``.domain``)."""

    def __init__(self, constraints: Iterable[str]) -> None:
        self._hosts = {each for each in constraints if not each.startswith(".")}
        self._parents = {each[1:] for each in constraints if each.startswith(".")}
        self._above_hosts = {each.partition(".")[2] for each in self._hosts}

    def __bool__(self) -> bool:
        return bool(self._hosts or self._parents)

    def match(self, name: str) -> bool:
        """Tell whether a host in A-labels, or a wildcard as it is written, is matched."""
        return name in self._hosts or name.partition(".")[2] in self._parents

    def touch(self, name: str) -> bool:
        """Tell whether a host is matched, or any host that a wildcard stands for."""
        if self.match(name):
            return True
        return name.startswith("*.") and name[2:] in self._above_hosts


class Networks:
    """Address ranges, merged and sorted by version."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._ranges = {4: _merge(networks, 4), 6: _merge(networks, 6)}

    def __bool__(self) -> bool:
        return any(starts for starts, _ in self._ranges.values())

    def match(self, address: _Address) -> bool:
        """Tell whether an address is in a range."""
        starts, ends = self._ranges[address.version]
        number = int(address)
        index = bisect_right(starts, number) - 1
        return index >= 0 and number <= ends[index]

    def touch(self, address: _Address) -> bool:
        """Tell whether an address, or another spelling of the same host, is in a range."""
        return self.match(address) or any(map(self.match, names.equivalent_addresses(address)))


class Mailboxes:
    """Mailboxes, and hosts of which every mailbox is matched (``@host``); in any case."""

    def __init__(self, constraints: Iterable[str]) -> None:
        self._constraints = {each.lower() for each in constraints}

    def __bool__(self) -> bool:
        return bool(self._constraints)

    def match(self, mailbox: str) -> bool:
        """Tell whether a mailbox is matched."""
        lowered = mailbox.lower()
        return lowered in self._constraints or lowered[lowered.rfind("@") :] in self._constraints


class Texts:
    """Whole texts, in any case."""

    def __init__(self, constraints: Iterable[str], *, every: str = "") -> None:
        """``every`` is the constraint that matches all texts, if there is one."""
        self._lowered = {each.lower() for each in constraints}
        self._folded = {each.casefold() for each in constraints}
        self._every = bool(every) and every in self._lowered

    def __bool__(self) -> bool:
        return bool(self._lowered)

    def match(self, text: str) -> bool:
        """Tell whether a text is matched."""
        return self._every or text.lower() in self._lowered

    def touch(self, text: str) -> bool:
        """Tell whether a text is matched, by full case folding as well (``ß`` and ``ss``)."""
        return self.match(text) or text.casefold() in self._folded


def _merge(networks: Iterable[Network], version: int) -> tuple[Sequence[int], Sequence[int]]:
    """Return the first and last addresses of disjoint ranges, ascending."""
    starts: list[int] = []
    ends: list[int] = []
    for first, last in sorted(
        (int(each.network_address), int(each.broadcast_address))
        for each in networks
        if each.version == version
    ):
        if ends and first <= ends[-1] + 1:
            ends[-1] = max(ends[-1], last)
        else:
            starts.append(first)
            ends.append(last)
    return starts, ends
