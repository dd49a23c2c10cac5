"""Administrators over HTTP: who they are, what they may do, and that the last super administrator stays."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fixtures.administration import ManagedAuthority, open_managed, refusal
from fixtures.authority import CertificateAuthority
from fixtures.registration import JwkKey, open_registration
from newel.crypto import keys
from newel.registration.config import ZERO_ID


async def test_a_first_start_moves_provisioners_and_makes_the_first_administrator(
    site: ManagedAuthority,
) -> None:
    found = await site.get("/admin/admins")
    (first,) = found["admins"]
    assert (first["subject"], first["type"], first["authority_id"]) == ("step", 2, ZERO_ID)
    assert first["created_at"]["seconds"] > 0
    assert found["nextCursor"] == ""
    listed = await site.get("/admin/provisioners")
    assert [each["name"] for each in listed["provisioners"]] == ["admin", "acme"]
    (said,) = site.decisions("admin.first-start")
    assert said["provisioners"] == ["admin", "acme"]


async def test_a_later_start_keeps_what_administrators_changed(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/ra.db"
    async with open_managed(url, authority) as first:
        await first.put("DELETE", "/admin/provisioners/acme", None, 200)
        again = await open_registration(
            url, authority, admin=first.ra.admin, remote_management=True
        )
        listed = (await again.call("GET", "/provisioners")).json()["provisioners"]
        assert [each["name"] for each in listed] == ["admin"]
        await again.database.close()


async def test_administrators_are_added_changed_and_removed(each_site: ManagedAuthority) -> None:
    site = each_site
    added = await site.add_administrator("joe@example.com")
    provisioner = (await site.get("/admin/provisioners/admin"))["id"]
    assert added == {
        "id": added["id"],
        "authorityId": ZERO_ID,
        "subject": "joe@example.com",
        "provisionerId": provisioner,
        "type": "ADMIN",
        "createdAt": added["createdAt"],
    }
    path = f"/admin/admins/{added['id']}"
    assert await site.get(path) == added
    changed = await site.put("PATCH", path, {"type": 2}, 200)
    assert changed == {**added, "type": "SUPER_ADMIN"}
    assert await site.put("DELETE", path, None, 200) == {"status": "ok"}
    assert refusal(await site.send("GET", path))[0] == 404
    (change,) = site.decisions("admin.admin.change")
    assert (change["administrator"], change["provisioner"]) == ("step", "admin")
    assert (change["before"]["type"], change["after"]["type"]) == ("ADMIN", "SUPER_ADMIN")


async def test_a_list_has_pages(site: ManagedAuthority) -> None:
    subjects = {"step", *(f"admin-{number}" for number in range(4))}
    for subject in subjects - {"step"}:
        await site.add_administrator(subject)
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        page = await site.get(f"/admin/admins?limit=2&cursor={cursor}")
        seen += [each["subject"] for each in page["admins"]]
        cursor = page["nextCursor"]
    assert set(seen) == subjects
    assert len(seen) == 5
    assert not cursor


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"subject": "", "provisioner": "admin", "type": 1}, "subject cannot be empty"),
        ({"subject": "joe", "provisioner": "", "type": 1}, "provisioner cannot be empty"),
        ({"subject": "joe", "provisioner": "admin", "type": 7}, "invalid value for admin type"),
        ({"subject": "step", "provisioner": "admin", "type": 1},
         "error storing admin: admin with subject step and provisioner admin already exists"),
        ({"subject": "a\nb", "provisioner": "admin", "type": 1},
         "subject has characters that cannot be printed, or blanks at its ends"),
        ({"subject": " a", "provisioner": "admin", "type": 1},
         "subject has characters that cannot be printed, or blanks at its ends"),
        ({"subject": "a" * 257, "provisioner": "admin", "type": 1}, "subject is longer than 256 characters"),
        (b"{", "line 1, column 2: Expecting property name enclosed in double quotes"),
        (b'{"subject":"a","subject":"b"}', "the member 'subject' is given twice in one object"),
        ({"subject": 1}, "Expected `str`, got `int` - at `$.subject`"),
        (b"[]", "it is not a JSON object"),
    ],
)  # fmt: skip # a table
async def test_what_no_administrator_can_be_is_refused(
    site: ManagedAuthority, body: Any, expected: str
) -> None:
    answer = await site.send("POST", "/admin/admins", body)
    assert refusal(answer) == (400, "badRequest", expected)
    assert len((await site.get("/admin/admins"))["admins"]) == 1


async def test_an_unknown_provisioner_and_an_unknown_administrator(
    site: ManagedAuthority,
) -> None:
    body = {"subject": "joe", "provisioner": "none", "type": 1}
    assert refusal(await site.send("POST", "/admin/admins", body)) == (
        404, "notFound", "error loading provisioner none: provisioner none not found",
    )  # fmt: skip # a table
    for method, body in (("GET", None), ("PATCH", {"type": 1}), ("DELETE", None)):
        status, kind, said = refusal(await site.send(method, "/admin/admins/xyz", body))
        assert (status, kind) == (404, "notFound")
        assert said.endswith("admin xyz not found")


@pytest.mark.attack("P04")
async def test_the_last_super_administrator_stays(each_site: ManagedAuthority) -> None:
    site = each_site
    identifier = (await site.get("/admin/admins"))["admins"][0]["id"]
    path = f"/admin/admins/{identifier}"
    status, kind, said = refusal(await site.send("PATCH", path, {"type": 1}))
    assert (status, kind) == (400, "badRequest")
    assert said.endswith("cannot change role of last super admin")
    assert refusal(await site.send("DELETE", path))[2].endswith(
        "cannot remove the last super admin"
    )
    said = refusal(await site.send("DELETE", "/admin/provisioners/admin"))[2]
    assert said.endswith("cannot remove provisioner admin because no super admins will remain")


@pytest.mark.attack("P04")
async def test_of_two_super_administrators_who_remove_each_other_one_stays(
    each_site: ManagedAuthority,
) -> None:
    site = each_site
    await site.add_administrator("other", is_super=True)
    other = await site.login("other")
    ids = {each["subject"]: each["id"] for each in (await site.get("/admin/admins"))["admins"]}
    answers = await asyncio.gather(
        site.send("DELETE", f"/admin/admins/{ids['other']}"),
        site.send("DELETE", f"/admin/admins/{ids['step']}", login=other),
    )
    assert sorted(each.status_code for each in answers) in ([200, 400], [200, 401])
    left = site.first if answers[0].status_code == 200 else other
    assert len((await site.get("/admin/admins", login=left))["admins"]) == 1


@pytest.mark.attack("P04")
async def test_an_ordinary_administrator_changes_no_administrator(
    site: ManagedAuthority,
) -> None:
    await site.add_administrator("joe")
    joe = await site.login("joe")
    found = (await site.get("/admin/admins", login=joe))["admins"]
    path = f"/admin/admins/{found[0]['id']}"
    body = {"subject": "eve", "provisioner": "admin", "type": 2}
    for answer in (
        await site.send("POST", "/admin/admins", body, login=joe),
        await site.send("PATCH", path, {"type": 2}, login=joe),
        await site.send("DELETE", path, login=joe),
    ):
        assert refusal(answer) == (
            401, "unauthorized", "must have super admin access to make this request",
        )  # fmt: skip # a table
    assert site.decisions("admin.admin.remove")[-1]["administrator"] == "joe"


@pytest.mark.attack("P04")
async def test_an_ordinary_administrator_takes_over_no_provisioner_of_super_administrators(
    site: ManagedAuthority,
) -> None:
    """A client that could exchange its key would get a certificate of a super administrator's name."""
    await site.add_administrator("joe")
    joe = await site.login("joe")
    record = await site.get("/admin/provisioners/admin", login=joe)
    hook = {"name": "h", "url": "https://h.example", "kind": "ENRICHING"}
    policy = {"x509": {"allow": {"dns": ["step", "joe"]}}}
    for method, path, body in (
        ("PUT", "/admin/provisioners/admin", record),
        ("DELETE", "/admin/provisioners/admin", None),
        ("POST", "/admin/provisioners/admin/webhooks", hook),
        ("POST", "/admin/provisioners/admin/policy", policy),
    ):
        answer = await site.send(method, path, body, login=joe)
        assert refusal(answer)[0] == 401, (method, path)
    changed = {**await site.get("/admin/provisioners/acme", login=joe), "name": "acme2"}
    assert (
        await site.send("PUT", "/admin/provisioners/acme", changed, login=joe)
    ).status_code == 200


async def test_a_removed_provisioner_takes_its_administrators_along(
    site: ManagedAuthority,
) -> None:
    key = JwkKey("second", keys.generate())
    from newel.step import managed as messages

    body = messages.to_managed(key.record())
    await site.put("POST", "/admin/provisioners", body, 201)
    await site.add_administrator("joe", provisioner="second")
    joe = await site.login("joe", provisioner=key)
    await site.get("/admin/admins", login=joe)
    await site.put("DELETE", "/admin/provisioners/second", None, 200)
    answer = await site.send("GET", "/admin/admins", login=joe)
    assert refusal(answer)[0] == 401
    assert len((await site.get("/admin/admins"))["admins"]) == 1
