"""Every member of a provisioner that the table calls honoured is a member of its record."""

from collections.abc import Iterator
from typing import Any, cast, get_args

import msgspec
import pytest

from newel.step import provisioners
from newel.step.provisioner_members import OF_KIND, members_of
from newel.step.treatment import Member, Treatment

RECORDS = {
    str(record.__struct_config__.tag): record for record in get_args(provisioners.ProvisionerConfig)
}
PLACES = [
    (kind, name)
    for kind in sorted(OF_KIND)
    for name, member in members_of(kind).items()
    if member.treatment is not Treatment.REFUSED and name not in {"type", "name"}
]


def names_of(record: type[Any]) -> set[str]:
    """Return the members of a record as ca.json spells them."""
    return {each.encode_name for each in msgspec.structs.fields(record)}


@pytest.mark.parametrize(("kind", "name"), PLACES)
def test_a_members_value_is_not_dropped_when_the_record_is_read(kind: str, name: str) -> None:
    assert name in names_of(RECORDS[kind])


def inner(members: dict[str, Member]) -> Iterator[str]:
    for name, member in members.items():
        if member.treatment is not Treatment.REFUSED:
            yield name


@pytest.mark.parametrize("kind", sorted(OF_KIND))
def test_our_own_members_of_a_kind_are_in_its_record_too(kind: str) -> None:
    own = msgspec.structs.fields(RECORDS[kind])
    (field,) = [each for each in own if each.encode_name == "newel"]
    (record,) = [each for each in get_args(field.type) if each is not type(None)]
    table = cast("dict[str, Member]", members_of(kind)["newel"].members)
    assert set(inner(table)) <= names_of(record)
