"""Policies over HTTP: they are held to at once, and lock no administrator out."""

from typing import Any

import pytest

from fixtures.administration import ManagedAuthority, refusal
from fixtures.authority import CertificateAuthority
from fixtures.registration import open_registration, request_for

AUTHORITY, OF_PROVISIONER = "/admin/policy", "/admin/provisioners/admin/policy"
ALLOW: dict[str, Any] = {"x509": {"allow": {"dns": ["step", "*.internal"]}}}
BOTH = pytest.mark.parametrize("path", [AUTHORITY, OF_PROVISIONER])


async def sign(site: ManagedAuthority, name: str) -> int:
    """How a request for a certificate is answered."""
    token = site.ra.admin.token(name, site.ra.clock.now())
    return (await site.ra.sign(token, request_for(name))).status_code


@BOTH
async def test_a_policy_is_added_held_to_changed_and_removed(
    each_site: ManagedAuthority, path: str
) -> None:
    site = each_site
    whose = "authority" if path == AUTHORITY else "provisioner"
    assert refusal(await site.send("GET", path)) == (
        404, "notFound", f"{whose} policy does not exist",
    )  # fmt: skip # a table
    assert await site.put("POST", path, ALLOW, 201) == ALLOW
    assert await site.get(path) == ALLOW
    assert await sign(site, "a.internal") == 201
    assert await sign(site, "a.example") == 403
    wider = {"x509": {"allow": {"dns": ["step", "*.internal", "*.example"]}}}
    assert await site.put("PUT", path, wider, 200) == wider
    assert await sign(site, "a.example") == 201
    assert await site.put("DELETE", path, None, 200) == {"status": "ok"}
    assert await sign(site, "a.other") == 201
    actions = [name for name, _, facts in site.ra.audit.lines if "after" in facts]
    assert [each.rpartition(".")[2] for each in actions][:2] == ["add", "change"]
    (change,) = site.decisions(f"admin.{'' if path == AUTHORITY else 'provisioner-'}policy.change")
    said = (change["before"], change["after"])
    assert said == (ALLOW, wider) or [each["policy"] for each in said] == [ALLOW, wider]


async def test_every_kind_of_name_and_no_name_twice(site: ManagedAuthority) -> None:
    names: dict[str, Any] = {
        "dns": ["step", "a.internal", "step"], "ips": ["10.0.0.0/8"], "emails": ["@a.example"],
        "uris": ["a.example"], "commonNames": ["step"],
    }  # fmt: skip # a table
    policy = {"x509": {"allow": names, "deny": {"dns": ["b.internal"]}, "allowWildcardNames": True},
              "ssh": {"user": {"allow": {"principals": ["ada"], "emails": ["@a.example"]}},
                      "host": {"deny": {"ips": ["10.0.0.1"]}}}}  # fmt: skip # a table
    stored = await site.put("POST", AUTHORITY, policy, 201)
    names["dns"] = ["step", "a.internal"]
    assert stored == policy == await site.get(AUTHORITY)


@BOTH
async def test_a_policy_is_added_once_and_changed_only_where_there_is_one(
    site: ManagedAuthority, path: str
) -> None:
    for method in ("PUT", "DELETE"):
        assert refusal(await site.send(method, path, ALLOW))[:2] == (404, "notFound")
    await site.put("POST", path, ALLOW, 201)
    status, kind, message = refusal(await site.send("POST", path, ALLOW))
    assert (status, kind) == (409, "conflict")
    assert message.endswith("already has a policy")


@pytest.mark.attack
@BOTH
async def test_a_policy_that_locks_an_administrator_out_is_refused(
    site: ManagedAuthority, path: str
) -> None:
    await site.add_administrator("joe@a.example")
    for policy, who in (
        ({"x509": {"allow": {"dns": ["other"], "emails": ["joe@a.example"]}}}, "step"),
        ({"x509": {"deny": {"dns": ["step"]}}}, "step"),
        ({"x509": {"allow": {"dns": ["step"]}}}, "joe@a.example"),
    ):
        status, kind, message = refusal(await site.send("POST", path, policy))
        assert (status, kind) == (400, "badRequest")
        assert message.endswith(
            f"the provided policy would lock out [{who}] from the CA. Please create an x509 policy to"
            f" include [{who}] as an allowed DNS name"
        )
    assert refusal(await site.send("GET", path))[0] == 404


@pytest.mark.attack
@pytest.mark.parametrize(
    "policy",
    [
        {"x509": {"allow": {"dns": ["**bad"]}}},
        {"x509": {"allow": {"ips": ["300.0.0.1"]}}},
        {"x509": {"allow": {"bogus": []}}},
        {"x509": {"allow": {"dns": "step"}}},
        {"x509": []},
        {"bogus": {}},
        b"null",
        b"",
    ],
    ids=str,
)
async def test_what_is_no_policy_is_refused(site: ManagedAuthority, policy: Any) -> None:
    assert refusal(await site.send("POST", AUTHORITY, policy))[:2] == (400, "badRequest")


async def test_the_second_of_two_administrators_is_told(each_site: ManagedAuthority) -> None:
    site = each_site
    await site.put("POST", AUTHORITY, {"x509": {"deny": {"dns": ["a.internal"]}}}, 201)
    await site.add_administrator("joe", is_super=True)
    joe = await site.login("joe")
    await site.get(AUTHORITY)
    await site.get(AUTHORITY, login=joe)
    await site.put("PUT", AUTHORITY, {"x509": {"deny": {"dns": ["b.internal"]}}}, 200)
    answer = await site.send(
        "PUT", AUTHORITY, {"x509": {"deny": {"dns": ["c.internal"]}}}, login=joe
    )
    assert refusal(answer)[:2] == (409, "conflict")
    assert (await site.get(AUTHORITY))["x509"]["deny"]["dns"] == ["b.internal"]


async def test_the_policy_of_ca_json_moves_into_the_database(
    authority: CertificateAuthority, database_url: str
) -> None:
    ra = await open_registration(
        database_url, authority, remote_management=True, policy={"x509": {"allow": {"dns": ["*.internal"]}}}
    )  # fmt: skip # a command line
    token = ra.admin.token("a.example", ra.clock.now())
    assert (await ra.sign(token, request_for("a.example"))).status_code == 403
    again = await open_registration(
        database_url, authority, admin=ra.admin, issuing=ra.issuing, remote_management=True
    )
    token = ra.admin.token("b.example", ra.clock.now())
    assert (await again.sign(token, request_for("b.example"))).status_code == 403
    await ra.database.close()
    await again.database.close()
