"""The tags of hosts: attributes of the inventory that the configuration names, and none else."""

from collections.abc import Sequence

import pytest

from newel.registration.inventory import InventoryQuestion, Metadata
from newel.registration.ssh.host_tags import HostTags
from newel.runtime.errors import ErrorType, NewelError

KNOWN = {"dns:a.example": {"team": "core", "owner": "ada"}, "ip:192.0.2.1": {"environment": "test"}}


class Inventory:
    """What is known, by name; it can be away."""

    def __init__(self, *, is_away: bool = False) -> None:
        self.is_away = is_away
        self.sizes: list[int] = []

    async def look_up(self, questions: Sequence[InventoryQuestion]) -> Sequence[Metadata | None]:
        if self.is_away:
            raise NewelError(ErrorType.UNAVAILABLE, "the inventory does not answer")
        self.sizes.append(len(questions))
        return [KNOWN.get(f"{each.names[0].kind}:{each.names[0]}") for each in questions]


def tag(**values: str) -> list[dict[str, str]]:
    return [{"ID": "", "Name": name, "Value": value} for name, value in values.items()]


async def test_hosts_have_the_attributes_that_are_named_in_their_order() -> None:
    tags = HostTags(Inventory(), ("environment", "team"))
    found = await tags.read(["a.example", "192.0.2.1", "b.example"])
    assert found == [tag(team="core"), tag(environment="test"), None]


async def test_without_a_name_in_the_configuration_the_inventory_is_not_asked() -> None:
    inventory = Inventory(is_away=True)
    assert await HostTags(inventory, ()).read(["a.example"]) == [None]


async def test_many_hosts_are_asked_about_in_parts() -> None:
    inventory = Inventory()
    hosts = [f"{number}.example" for number in range(1100)]
    assert await HostTags(inventory, ("team",)).read(hosts) == [None] * 1100
    assert inventory.sizes == [500, 500, 100]


async def test_an_inventory_that_is_away_is_no_list_without_tags() -> None:
    with pytest.raises(NewelError) as caught:
        await HostTags(Inventory(is_away=True), ("team",)).read(["a.example"])
    assert caught.value.type is ErrorType.UNAVAILABLE
