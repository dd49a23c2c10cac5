"""Replacements of certificates that administrators order, and what ACME clients are told of them."""

import asyncio
from typing import Any

import pytest

from fixtures.administration import ManagedAuthority, refusal
from fixtures.authority import EPOCH
from newel.registration.app import REVISION
from newel.registration.replacements import (
    MAX_ACTIVE,
    Replacement,
    Replacements,
    ReplacementScope,
)
from newel.runtime.database.connect import open_database
from newel.runtime.database.migrations import migrate

PATH = "/admin/acme/replacements"


async def test_a_replacement_is_ordered_listed_and_ended(each_site: ManagedAuthority) -> None:
    site = each_site
    ordered = await site.put(
        "POST", PATH, {"scope": "issuer", "value": "ab12", "explanation": "https://x/why"}, 201
    )
    assert (ordered["scope"], ordered["value"], ordered["explanation"]) == (
        "issuer",
        "ab12",
        "https://x/why",
    )
    assert (ordered["total"], ordered["replaced"]) == (0, 0)
    assert (await site.get(PATH))["replacements"] == [ordered]
    assert await site.put("DELETE", f"{PATH}/{ordered['id']}", None, 200) == {"status": "ok"}
    assert (await site.get(PATH))["replacements"] == []
    assert refusal(await site.send("DELETE", f"{PATH}/{ordered['id']}"))[:2] == (404, "notFound")
    (said,) = site.decisions("admin.replacement.add")
    assert said["after"] == {"scope": "issuer", "value": "ab12"}


async def test_a_certificate_is_named_by_its_serial_in_any_spelling(
    site: ManagedAuthority,
) -> None:
    ordered = await site.put("POST", PATH, {"scope": "certificate", "value": "0A:BC"}, 201)
    assert (ordered["value"], ordered["total"]) == ("abc", 1)
    ordered = await site.put("POST", PATH, {"scope": "name", "value": "A.Example"}, 201)
    assert (ordered["value"], ordered["total"]) == ("a.example", 0)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"scope": "everything"},
        {"scope": "all", "value": "x"},
        {"scope": "issuer"},
        {"scope": "provisioner", "value": "x" * 513},
        {"scope": "provisioner", "value": "a\u0000b"},
        {"scope": "certificate", "value": "xyz"},
        {"scope": "certificate", "value": "-1"},
        {"scope": "certificate", "value": "1_0"},
        {"scope": "certificate", "value": "0" * 41},
        {"scope": "name"},
        {"scope": "name", "value": "a b"},
        {"scope": "name", "value": "https://a.example/"},
        {"scope": "all", "explanation": "javascript:alert(1)"},
        {"scope": "all", "explanation": "https://x/" + "y" * 512},
    ],
)
async def test_a_replacement_that_cannot_be_is_refused(
    site: ManagedAuthority, body: dict[str, Any]
) -> None:
    assert refusal(await site.send("POST", PATH, body))[:2] == (400, "badRequest")
    assert (await site.get(PATH))["replacements"] == []


async def test_the_number_of_replacements_is_bounded(site: ManagedAuthority) -> None:
    for number in range(64):
        await site.put("POST", PATH, {"scope": "issuer", "value": f"{number}"}, 201)
    assert refusal(await site.send("POST", PATH, {"scope": "all"}))[:2] == (409, "conflict")


async def test_replicas_order_no_more_of_them_together_than_there_may_be(database_url: str) -> None:
    await migrate(database_url, "newel.registration", REVISION)
    replicas = [await open_database(database_url) for _ in range(4)]

    async def order(number: int) -> bool:
        new = Replacement(str(number), ReplacementScope.ALL, "", EPOCH, "", "step")
        return await Replacements(replicas[number % 4]).add(new)

    added = await asyncio.gather(*map(order, range(MAX_ACTIVE + 40)))
    assert sum(added) == MAX_ACTIVE
    for each in replicas:
        await each.close()
