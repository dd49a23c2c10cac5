"""Resource ids of Azure: which ones name a machine or an identity."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newel.registration.provisioners.azure_resources import (
    MAX_RESOURCE_ID,
    Resource,
    parse_resource_id,
)

MACHINE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/foo"
IDENTITY = "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/foo"


@pytest.mark.parametrize("text", [MACHINE, IDENTITY, MACHINE.lower(), IDENTITY.lower()])
def test_machines_and_identities_in_any_case(text: str) -> None:
    assert parse_resource_id(text) == Resource("s", "g", "foo")


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{MACHINE}/more",
        f"{MACHINE}\n",
        f"x{MACHINE}",
        MACHINE.replace("/foo", "/"),
        MACHINE.replace("Microsoft.Compute", "MicrosoftXCompute"),
        MACHINE.replace("virtualMachines", "virtualMachineScaleSets"),
        MACHINE.replace("/s/", "//"),
        MACHINE.replace("subscriptions", "\u017fubscriptions"),  # folds to an s outside ASCII
        MACHINE + "o" * MAX_RESOURCE_ID,
    ],
)
def test_other_ids_name_nothing(text: str) -> None:
    assert parse_resource_id(text) is None


@given(st.lists(st.sampled_from([*MACHINE.split("/"), "/", "x", ""]), max_size=24))
def test_what_is_parsed_says_the_same_again(parts: list[str]) -> None:
    text = "/".join(parts)
    found = parse_resource_id(text)
    if found is not None:
        assert [found.subscription, found.group, found.name] == [
            text.split("/")[at] for at in (2, 4, 8)
        ]
