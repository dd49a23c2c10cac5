"""The names that an instance of a cloud asks for when its command names none."""

import base64
import json
from typing import Any

import pytest

from newel.cli.errors import CliError
from newel.cli.operations.tokens.instance_names import list_names

DOCUMENT = base64.b64encode(json.dumps({"privateIp": "10.0.0.7", "region": "r"}).encode()).decode()
ENGINE = {"instance_name": "i", "zone": "z", "project_id": "p"}


@pytest.mark.parametrize(
    ("claims", "own"),
    [
        ({"amazon": {"document": DOCUMENT}}, ["10.0.0.7", "ip-10-0-0-7.r.compute.internal"]),
        ({"google": {"compute_engine": ENGINE}}, ["i.c.p.internal", "i.z.c.p.internal"]),
        ({"xms_mirid": "/subscriptions/s/x/virtualMachines/vm"}, ["vm"]),
    ],
)
def test_the_names_of_the_cloud_come_first(claims: dict[str, Any], own: list[str]) -> None:
    assert list_names(claims, "foo", own_only=False) == [*own, "foo"]
    assert list_names(claims, own[0], own_only=False) == own
    assert list_names(claims, "foo", own_only=True) == own


@pytest.mark.parametrize("claims", [{}, {"sub": "foo", "email": "a@b.example"}])
def test_other_tokens_give_no_names(claims: dict[str, Any]) -> None:
    assert list_names(claims, "foo", own_only=False) == []


def encode(document: object) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"amazon": []}, "amazon has no document"),
        ({"amazon": {"document": 1}}, "amazon has no document"),
        ({"amazon": {"document": "?"}}, "amazon.document is not JSON in base64"),
        ({"amazon": {"document": "eA=="}}, "amazon.document is not JSON in base64"),
        ({"amazon": {"document": encode([])}}, "amazon.document has no privateIp"),
        ({"amazon": {"document": encode({"privateIp": "a"})}}, "amazon.document has no region"),
        ({"google": "x"}, "google.compute_engine has no instance_name"),
        ({"google": {"compute_engine": ENGINE | {"zone": ""}}}, "compute_engine has no zone"),
        ({"xms_mirid": 1}, "xms_mirid names no resource"),
        ({"xms_mirid": "/a/"}, "xms_mirid names no resource"),
    ],
)
def test_a_broken_identity_of_a_cloud_is_named(claims: dict[str, Any], says: str) -> None:
    with pytest.raises(CliError, match=says):
        list_names(claims, "foo", own_only=False)
