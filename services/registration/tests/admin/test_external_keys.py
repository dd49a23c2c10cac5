"""External account keys over HTTP: they bind accounts, whose policy is theirs, until they are removed."""

import asyncio
import base64
import datetime as dt
from typing import Any

import msgspec
import pytest

from fixtures.acme_account import Client
from fixtures.administration import ManagedAuthority, refusal
from newel.acme import external_account

PATH = "/admin/acme/eab/eab"
POLICY: dict[str, Any] = {"x509": {"allow": {"dns": ["*.internal"]}}}
ACME: dict[str, Any] = {"type": "ACME", "name": "eab", "details": {"ACME": {"requireEab": True}}}


async def prepare(site: ManagedAuthority) -> None:
    """A provisioner that needs external keys."""
    await site.put("POST", "/admin/provisioners", ACME, 201)


def bind(client: Client, key: dict[str, Any]) -> dict[str, Any]:
    """A request of a new account that a key binds."""
    binding = external_account.make_binding(
        key["id"],
        base64.b64decode(key["hmacKey"]),
        client.url("new-account"),
        client.key.public_key(),
    )
    return {"externalAccountBinding": msgspec.json.decode(binding)}


async def register(site: ManagedAuthority, key: dict[str, Any]) -> tuple[Client, Any]:
    """A new account, bound by a key."""
    client = Client(site.ra.service.web["https"], "eab")
    return client, await client.register(**bind(client, key))


async def test_a_key_is_added_binds_one_account_and_is_listed(each_site: ManagedAuthority) -> None:
    site = each_site
    await prepare(site)
    key = await site.put("POST", PATH, {"reference": "ref1"}, 201)
    assert len(base64.b64decode(key["hmacKey"])) == 32
    assert (key["provisioner"], key["reference"]) == ("eab", "ref1")
    _, reply = await register(site, key)
    assert reply.status == 201
    _, reply = await register(site, key)
    assert reply.status == 401
    for path in (PATH, f"{PATH}/ref1"):
        (listed,) = (await site.get(path))["eaks"]
        assert listed["id"] == key["id"]
        assert "hmac_key" not in listed
        assert listed["account"]
        assert listed["bound_at"]["seconds"] > 0
    assert (await site.get(f"{PATH}/other"))["eaks"] == []
    (said,) = site.decisions("admin.external-key.add")
    assert key["hmacKey"] not in str(said)


@pytest.mark.attack("A06")
async def test_a_key_for_several_accounts_binds_so_many_and_no_more(
    each_site: ManagedAuthority,
) -> None:
    site = each_site
    await prepare(site)
    asked = {"reference": "r", "mostAccounts": 5, "approved": {"dns": ["*.lab"]}}
    key = await site.put("POST", PATH, asked, 201)
    assert key["mostAccounts"] == 5
    found = await asyncio.gather(*[register(site, key) for _ in range(50)])
    statuses = sorted(reply.status for _, reply in found)
    assert statuses == [201] * 5 + [401] * 45
    told = "this external account key has bound the 5 accounts that it may: ask the administrator"
    assert told in (await register(site, key))[1]["detail"]
    (listed,) = (await site.get(PATH))["eaks"]
    assert (listed["most_accounts"], listed["bound_accounts"]) == (5, 5)
    clients = [client for client, reply in found if reply.status == 201]
    assert len({client.kid for client in clients}) == 5
    # names that need no proof, and a policy, are those of all of them
    for client in clients:
        assert (await client.order("host.lab"))["status"] == "ready"
    await site.put("POST", "/admin/acme/policy/eab/reference/r", POLICY, 201)
    for client in clients:
        assert (await client.order("host.lab")).problem == "rejectedIdentifier"
    # who is bound already needs no place
    assert (await clients[0].register()).status == 200
    (said,) = site.decisions("admin.external-key.add")
    assert said["after"]["mostAccounts"] == 5


@pytest.mark.attack("A06")
async def test_a_key_that_has_ended_binds_no_account_and_approves_no_names(
    each_site: ManagedAuthority,
) -> None:
    site = each_site
    await prepare(site)
    end = site.ra.clock.now() + dt.timedelta(hours=1)
    not_after = end.isoformat()
    asked = {"mostAccounts": 5, "approved": {"dns": ["*.lab"]}, "notAfter": not_after}
    key = await site.put("POST", PATH, asked, 201)
    told = end.strftime("%Y-%m-%dT%H:%M:%SZ")
    (listed,) = (await site.get(PATH))["eaks"]
    assert key["notAfter"] == listed["not_after"] == told
    client, _ = await register(site, key)
    assert (await client.order("host.lab"))["status"] == "ready"
    site.ra.clock.advance(dt.timedelta(hours=1))
    _, refused = await register(site, key)
    assert (refused.status, refused.problem) == (401, "unauthorized")
    assert f"this external account key has ended at {told}: ask" in refused["detail"]
    # its account stays, and proves its names as others do
    assert (await client.order("host.lab"))["status"] == "pending"
    for wrong, words in (
        ("soon", "it is a time as in"),
        ("2027-01-31T12:00:00", "it is a time as in"),
        (not_after, "a key ends later than now"),
    ):
        status, _, said = refusal(await site.send("POST", PATH, {"notAfter": wrong}))
        assert status == 400
        assert words in said


@pytest.mark.attack("A06")
async def test_one_account_takes_one_place_however_often_it_asks(
    each_site: ManagedAuthority,
) -> None:
    site = each_site
    await prepare(site)
    key = await site.put("POST", PATH, {"mostAccounts": 3}, 201)
    client = Client(site.ra.service.web["https"], "eab")
    payload = bind(client, key)
    replies = await asyncio.gather(
        *[client.post("new-account", payload, kid=None) for _ in range(12)]
    )
    assert sorted(each.status for each in replies) == [200] * 11 + [201]
    (listed,) = (await site.get(PATH))["eaks"]
    assert listed["bound_accounts"] == 1
    assert [(await register(site, key))[1].status for _ in range(3)] == [201, 201, 401]


@pytest.mark.attack("A06")
async def test_the_accounts_of_a_removed_key_are_revoked_where_that_is_asked(
    each_site: ManagedAuthority,
) -> None:
    site = each_site
    await prepare(site)
    key = await site.put("POST", PATH, {"mostAccounts": 2}, 201)
    other = await site.put("POST", PATH, {}, 201)
    first, _ = await register(site, key)
    second, _ = await register(site, key)
    foreign, _ = await register(site, other)
    pending = (await first.order("a.example")).header("location")
    path = f"{PATH}/{key['id']}"
    refused = refusal(await site.send("DELETE", f"{path}?accounts=all"))
    assert refused[::2] == (400, "accounts is 'all': it is revoke, or left out")
    told = await site.put("DELETE", f"{path}?accounts=revoke", None, 200)
    assert told == {"status": "ok", "accounts": "revoked"}
    for client in (first, second):
        assert (await client.order("b.example")).problem == "unauthorized"
        assert (await client.post(client.kid)).problem == "unauthorized"
    assert (await first.post(pending)).problem == "unauthorized"
    assert (await foreign.order("b.example")).status == 201
    *_, said = site.decisions("admin.external-key.remove")
    assert said["after"] == {"accounts": "revoked"}
    # of a key that was removed before, too: it binds none, and those that it has bound are still there
    path = f"{PATH}/{other['id']}"
    await site.put("DELETE", path, None, 200)
    assert (await foreign.order("c.example")).status == 201
    assert refusal(await site.send("DELETE", path))[0] == 404
    assert await site.put("DELETE", f"{path}?accounts=revoke", None, 200) == told
    assert (await foreign.order("d.example")).problem == "unauthorized"
    missing = f"{PATH}/00000000-0000-4000-8000-000000000000?accounts=revoke"
    assert refusal(await site.send("DELETE", missing))[0] == 404


async def test_a_list_has_pages(site: ManagedAuthority) -> None:
    await prepare(site)
    made = {(await site.put("POST", PATH, {}, 201))["id"] for _ in range(5)}
    first = await site.get(f"{PATH}?limit=3")
    second = await site.get(f"{PATH}?limit=3&cursor={first['nextCursor']}")
    assert {each["id"] for page in (first, second) for each in page["eaks"]} == made
    assert (len(first["eaks"]), len(second["eaks"]), second["nextCursor"]) == (3, 2, "")


async def test_a_removed_key_binds_no_account(each_site: ManagedAuthority) -> None:
    site = each_site
    await prepare(site)
    key = await site.put("POST", PATH, {"reference": "r"}, 201)
    assert await site.put("DELETE", f"{PATH}/{key['id']}", None, 200) == {"status": "ok"}
    assert refusal(await site.send("DELETE", f"{PATH}/{key['id']}"))[:2] == (404, "notFound")
    assert (await register(site, key))[1].status == 401
    assert (await site.get(PATH))["eaks"] == []
    await site.put("POST", PATH, {"reference": "r"}, 201)  # its reference is free again


@pytest.mark.attack
async def test_an_account_is_held_to_the_policy_of_its_key(each_site: ManagedAuthority) -> None:
    site = each_site
    await prepare(site)
    key = await site.put("POST", PATH, {"reference": "r"}, 201)
    by_id, by_reference = (
        f"/admin/acme/policy/eab/key/{key['id']}",
        "/admin/acme/policy/eab/reference/r",
    )
    client, _ = await register(site, key)
    free = await site.put("POST", PATH, {}, 201)
    other, _ = await register(site, free)
    assert (await client.order("a.example")).status == 201
    assert refusal(await site.send("GET", by_id)) == (
        404, "notFound", "ACME EAK policy does not exist",
    )  # fmt: skip # a table
    assert await site.put("POST", by_reference, POLICY, 201) == POLICY
    assert await site.get(by_id) == POLICY == await site.get(by_reference)
    assert (await client.order("a.example")).problem == "rejectedIdentifier"
    assert (await client.order("a.internal")).status == 201
    assert (await other.order("a.example")).status == 201
    assert refusal(await site.send("POST", by_id, POLICY))[:2] == (409, "conflict")
    wider = {"x509": {"allow": {"dns": ["*.internal", "*.example"]}}}
    await site.put("PUT", by_id, wider, 200)
    assert (await client.order("a.example")).status == 201
    await site.put("PUT", by_id, POLICY, 200)
    # the policy of an account does not end with the key that bound it
    await site.put("DELETE", f"{PATH}/{key['id']}", None, 200)
    assert (await client.order("a.example")).problem == "rejectedIdentifier"
    assert refusal(await site.send("DELETE", by_id))[:2] == (404, "notFound")


async def test_a_policy_of_a_key_is_removed(site: ManagedAuthority) -> None:
    await prepare(site)
    key = await site.put("POST", PATH, {"reference": "r"}, 201)
    path = f"/admin/acme/policy/eab/key/{key['id']}"
    assert refusal(await site.send("DELETE", path))[0] == 404
    await site.put("POST", path, POLICY, 201)
    await site.put("DELETE", path, None, 200)
    client, _ = await register(site, key)
    assert (await client.order("a.example")).status == 201


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/admin/acme/eab/acme", {}, 400, "ACME EAB not enabled for provisioner 'acme'"),
        ("/admin/acme/eab/admin", {}, 400, "error getting ACME details for provisioner 'admin'"),
        ("/admin/acme/eab/none", {}, 404, "error loading provisioner none: provisioner none not found"),
        (PATH, {"reference": "a" * 257}, 400, "reference length 257 exceeds the maximum (256)"),
        (PATH, {"reference": "a\n"}, 400, "the reference has characters that cannot be printed"),
        (PATH, {"mostAccounts": 0}, 400, "mostAccounts is 0: a key is for 1 to 10000 accounts"),
        (PATH, {"mostAccounts": 10001}, 400, "mostAccounts is 10001: a key is for 1 to 10000 accounts"),
        (PATH, {"reference": 1}, 400, "Expected `str`, got `int` - at `$.reference`"),
        ("/admin/acme/policy/eab/key/none", POLICY, 404, "ACME External Account Key not found"),
        ("/admin/acme/policy/eab/reference/none", POLICY, 404, "ACME External Account Key not found"),
    ],
)  # fmt: skip # a table
async def test_what_is_refused(
    site: ManagedAuthority, path: str, body: Any, status: int, said: str
) -> None:
    await prepare(site)
    found, _, message = refusal(await site.send("POST", path, body))
    assert (found, message) == (status, said)


async def test_a_reference_is_given_once(each_site: ManagedAuthority) -> None:
    await prepare(each_site)
    await each_site.put("POST", PATH, {"reference": "r"}, 201)
    assert refusal(await each_site.send("POST", PATH, {"reference": "r"})) == (
        409, "conflict", "an ACME EAB key for provisioner 'eab' with reference 'r' already exists",
    )  # fmt: skip # a table


@pytest.mark.attack
async def test_keys_and_accounts_follow_a_rename_and_end_with_their_provisioner(
    each_site: ManagedAuthority,
) -> None:
    site = each_site
    await prepare(site)
    key = await site.put("POST", PATH, {"reference": "r"}, 201)
    shown = await site.get("/admin/provisioners/eab")
    await site.put("PUT", "/admin/provisioners/eab", {**shown, "name": "eab2"}, 200)
    (listed,) = (await site.get("/admin/acme/eab/eab2"))["eaks"]
    assert listed["id"] == key["id"]
    await site.put("DELETE", "/admin/provisioners/eab2", None, 200)
    await site.put("POST", "/admin/provisioners", {**ACME, "name": "eab2"}, 201)
    assert (await site.get("/admin/acme/eab/eab2"))["eaks"] == []


async def test_the_accounts_of_a_key_need_not_prove_its_approved_names(
    each_site: ManagedAuthority,
) -> None:
    site = each_site
    await prepare(site)
    approved = {"dns": ["*.lab"]}
    key = await site.put("POST", PATH, {"reference": "ref1", "approved": approved}, 201)
    assert key["approved"] == approved
    assert (await site.get(PATH))["eaks"][0]["approved"] == approved
    client, _ = await register(site, key)
    assert (await client.order("host.lab"))["status"] == "ready"
    assert (await client.order("host.example"))["status"] == "pending"
    await site.put("DELETE", f"{PATH}/{key['id']}", None, 200)
    assert (await client.order("host.lab"))["status"] == "pending"


async def test_names_that_cannot_be_approved_are_refused(site: ManagedAuthority) -> None:
    await prepare(site)
    for approved in ({}, {"dns": ["a b"]}, {"email": ["@x"]}, {"dns": "x"}):
        reply = await site.send("POST", PATH, {"approved": approved})
        assert refusal(reply)[:2] == (400, "badRequest"), approved
