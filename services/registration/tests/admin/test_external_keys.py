"""External account keys over HTTP: they bind one account, whose policy is theirs, until they are removed."""

import base64
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


async def register(site: ManagedAuthority, key: dict[str, Any]) -> tuple[Client, Any]:
    """A new account, bound by a key."""
    client = Client(site.ra.service.web["https"], "eab")
    binding = external_account.make_binding(
        key["id"],
        base64.b64decode(key["hmacKey"]),
        client.url("new-account"),
        client.key.public_key(),
    )
    payload = {"externalAccountBinding": msgspec.json.decode(binding)}
    return client, await client.register(**payload)


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
