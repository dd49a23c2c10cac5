"""Webhooks over HTTP: the authority makes their secrets, shows them once, and keeps them through changes."""

import base64
import json
from typing import Any

import pytest

from fixtures.administration import ManagedAuthority, refusal
from newel.registration.admin.storage import AdminTables

PATH = "/admin/provisioners/acme/webhooks"
HOOK: dict[str, Any] = {"name": "h", "url": "https://h.example/x", "kind": "ENRICHING"}


async def read_webhooks(site: ManagedAuthority) -> list[dict[str, Any]]:
    """The webhooks on record."""
    found = (await AdminTables(site.ra.database).configuration()).provisioner("acme").read()
    return found.get("options", {}).get("webhooks", [])


@pytest.mark.attack("P08")
async def test_a_secret_is_shown_once(each_site: ManagedAuthority) -> None:
    site = each_site
    given = {**HOOK, "bearerToken": {"bearerToken": "t0ken"}}
    made = await site.put("POST", PATH, given, 201)
    assert len(base64.b64decode(made["secret"])) == 64
    assert made == {**given, "id": made["id"], "secret": made["secret"]}
    shown = await site.get("/admin/provisioners/acme")
    assert shown["webhooks"] == [{**HOOK, "id": made["id"]}]
    listed = (await site.ra.call("GET", "/provisioners")).text
    said = json.dumps([facts for _, _, facts in site.ra.audit.lines], default=str)
    for text in (listed, said, json.dumps(shown)):
        assert made["secret"] not in text
        assert "t0ken" not in text
    (record,) = await read_webhooks(site)
    assert (record["secret"], record["bearerToken"]) == (made["secret"], "t0ken")


async def test_a_change_keeps_id_secret_and_credentials(each_site: ManagedAuthority) -> None:
    site = each_site
    made = await site.put("POST", PATH, {**HOOK, "bearerToken": {"bearerToken": "t0ken"}}, 201)
    changed = {
        **HOOK,
        "url": "https://h.example/y",
        "certType": "X509",
        "disableTlsClientAuth": True,
    }
    shown = await site.put("PUT", f"{PATH}/h", changed, 201)
    assert shown == {**changed, "id": made["id"]}
    (record,) = await read_webhooks(site)
    assert (record["secret"], record["bearerToken"]) == (made["secret"], "t0ken")
    assert (record["url"], record["disableTLSClientAuth"]) == ("https://h.example/y", True)
    # so does a change of the provisioner by a client that was never shown them
    whole = await site.get("/admin/provisioners/acme")
    await site.put("PUT", "/admin/provisioners/acme", whole, 200)
    assert await read_webhooks(site) == [record]
    basic = {**HOOK, "basicAuth": {"username": "u", "password": "p"}}
    assert (await site.put("PUT", f"{PATH}/h", basic, 201))["basicAuth"] == basic["basicAuth"]
    (record,) = await read_webhooks(site)
    assert "bearerToken" not in record
    assert record["basicAuth"] == {"username": "u", "password": "p"}


async def test_a_webhook_is_removed(site: ManagedAuthority) -> None:
    await site.put("POST", PATH, HOOK, 201)
    assert await site.put("DELETE", f"{PATH}/none", None, 200) == {"status": "ok"}
    assert len(await read_webhooks(site)) == 1
    assert await site.put("DELETE", f"{PATH}/h", None, 200) == {"status": "ok"}
    assert await read_webhooks(site) == []


@pytest.mark.attack
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "webhook name is required"),
        ({"name": "a\n"}, "webhook name has characters that cannot be printed"),
        ({"url": "http://h.example"}, "webhook url must use https"),
        ({"url": "https://u:p@h.example"}, "webhook url may not contain username or password"),
        ({"url": "https://"}, "webhook url is invalid"),
        ({"url": "https://h.example:99999999"}, "webhook url is invalid"),
        ({"url": "https://["}, "webhook url is invalid"),
        ({"kind": ""}, 'webhook kind "NO_KIND" is invalid'),
        ({"kind": "ODD"}, 'webhook kind "ODD" is invalid'),
        ({"certType": "ODD"}, 'webhook certificate type "ODD" is invalid'),
        ({"secret": "AAAA"}, "webhook secret must not be set"),
        ({"id": "x"}, "webhook ID must not be set"),
        ({"bogus": 1}, "Object contains unknown field `bogus`"),
    ],
)
async def test_what_is_no_webhook_is_refused(
    site: ManagedAuthority, change: dict[str, Any], said: str
) -> None:
    status, kind, message = refusal(await site.send("POST", PATH, {**HOOK, **change}))
    assert (status, kind) == (400, "badRequest")
    assert message.startswith(said)


async def test_what_is_fixed_cannot_be_changed(site: ManagedAuthority) -> None:
    await site.put("POST", PATH, HOOK, 201)
    status, kind, message = refusal(await site.send("POST", PATH, HOOK))
    assert (status, kind) == (409, "conflict")
    assert message == 'provisioner "acme" already has a webhook with the name "h"'
    for member, name in (("secret", "secret"), ("id", "ID")):
        answer = await site.send("PUT", f"{PATH}/h", {**HOOK, member: "x"})
        assert refusal(answer)[2] == f"webhook {name} cannot be updated"
    answer = await site.send("PUT", f"{PATH}/no", {**HOOK, "name": "no"})
    assert refusal(answer)[::2] == (404, 'provisioner "acme" has no webhook with the name "no"')
