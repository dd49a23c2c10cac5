"""The names that an instance of a cloud asks for when its command names none."""

import base64
import json
from typing import Any

import pytest

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


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"sub": "foo", "email": "a@b.example"},
        {"amazon": {"document": "?"}},
        {"amazon": {"document": base64.b64encode(b"[]").decode()}},
        {"amazon": []},
        {"google": {"compute_engine": {"zone": "z"}}},
        {"google": "x"},
        {"xms_mirid": 1},
    ],
)
def test_other_tokens_give_no_names(claims: dict[str, Any]) -> None:
    assert list_names(claims, "foo", own_only=False) == []
