"""What the list of hosts says of each: attributes that the inventory has of it."""

from collections.abc import Sequence
from typing import NamedTuple

from newel.registration.inventory import Inventory, InventoryQuestion, Metadata, read_principal

_BATCH = 500
"""Hosts of one question to the inventory."""


class HostTags(NamedTuple):
    """The attributes that are told, and the inventory that has them."""

    inventory: Inventory | None
    attributes: Sequence[str]
    """None are told unless the configuration names them, because the list is public."""

    async def read(self, hosts: Sequence[str]) -> list[list[dict[str, str]] | None]:
        """Return the tags of each host, in order; None for one without any.

        Raises ``unavailable`` when the inventory does not answer: a host without tags would be another one.
        """
        if not self.attributes or self.inventory is None:
            return [None] * len(hosts)
        found: list[list[dict[str, str]] | None] = []
        for start in range(0, len(hosts), _BATCH):
            questions = [
                InventoryQuestion("", "", (read_principal("host", name),))
                for name in hosts[start : start + _BATCH]
            ]
            found += [self._tag(each) for each in await self.inventory.look_up(questions)]
        return found

    def _tag(self, known: Metadata | None) -> list[dict[str, str]] | None:
        given = known or {}
        tags = [
            {"ID": "", "Name": name, "Value": given[name]}
            for name in self.attributes
            if name in given
        ]
        return tags or None
