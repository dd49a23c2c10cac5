"""Provisioners over HTTP: they work at once, carry everything, and hold against hostile records."""

import base64
import json
from typing import Any

import pytest

from fixtures.administration import ManagedAuthority, refusal
from fixtures.authority import CertificateAuthority
from fixtures.registration import JwkKey, open_registration, request_for
from newel.crypto import keys
from newel.registration.config import ZERO_ID
from newel.step import managed

PATH = "/admin/provisioners"
ACME: dict[str, Any] = {"type": "ACME", "name": "a2", "details": {"ACME": {"requireEab": True}}}
HOOK = {"name": "h", "url": "https://h.example/x", "kind": "ENRICHING"}


async def test_a_new_provisioner_admits_at_once(each_site: ManagedAuthority) -> None:
    site, key = each_site, JwkKey("second", keys.generate())
    before = site.ra.clock.now()
    added = await site.put("POST", PATH, managed.to_managed(key.record()), 201)
    assert added["authorityId"] == ZERO_ID
    assert added["type"] == "JWK"
    answer = await site.ra.sign(key.token("x.internal", before), request_for("x.internal"))
    assert answer.status_code == 201
    assert await site.get(f"{PATH}/second") == added
    assert await site.get(f"{PATH}/id?id={added['id']}") == added
    (said,) = site.decisions("admin.provisioner.add")
    assert said["after"]["name"] == "second"
    await site.put("DELETE", f"{PATH}/second", None, 200)
    answer = await site.ra.sign(key.token("x.internal", before), request_for("x.internal"))
    assert answer.status_code == 401


async def test_another_process_follows(
    each_site: ManagedAuthority, database_url: str, authority: CertificateAuthority
) -> None:
    site, key = each_site, JwkKey("second", keys.generate())
    other = await open_registration(
        database_url, authority, admin=site.ra.admin, issuing=site.ra.issuing, remote_management=True
    )  # fmt: skip # a command line
    await site.put("POST", PATH, managed.to_managed(key.record()), 201)
    now = site.ra.clock.now()
    answer = await other.sign(key.token("x.internal", now), request_for("x.internal"))
    assert answer.status_code == 201
    await site.put("DELETE", f"{PATH}/second", None, 200)
    # a request of an administrator sees the last change, whichever process it asks
    asked = await ManagedAuthority(other, site.first).send("GET", f"{PATH}/second")
    assert refusal(asked)[0] == 404
    answer = await other.sign(key.token("y.internal", now), request_for("y.internal"))
    assert answer.status_code == 401
    await other.database.close()


async def test_a_change_keeps_what_it_does_not_name(each_site: ManagedAuthority) -> None:
    site = each_site
    key = JwkKey("admin2", keys.generate())
    record = key.record(
        claims={"maxTLSCertDuration": "48h0m0s", "disableRenewal": True},
        options={"x509": {"template": "{{ toJson .Subject }}", "templateData": {"a": 1}}},
    )
    await site.put("POST", PATH, managed.to_managed(record), 201)
    shown = await site.get(f"{PATH}/admin2")
    changed = {**shown, "name": "renamed"}
    await site.put("PUT", f"{PATH}/admin2", changed, 200)
    assert await site.get(f"{PATH}/renamed") == {**shown, "name": "renamed"}
    assert refusal(await site.send("GET", f"{PATH}/admin2"))[0] == 404
    listed = (await site.ra.call("GET", "/provisioners")).json()["provisioners"]
    (own,) = [each for each in listed if each["name"] == "renamed"]
    assert own["claims"] == {"maxTLSCertDuration": "48h0m0s", "disableRenewal": True}
    assert own["options"]["x509"]["templateData"] == {"a": 1}
    (said,) = site.decisions("admin.provisioner.change")
    assert (said["before"]["name"], said["after"]["name"]) == ("admin2", "renamed")


async def test_our_own_settings_outlive_a_change(
    authority: CertificateAuthority, tmp_path: Any
) -> None:
    """Messages have no word for them: a client that sends a record back must not take them away."""
    from fixtures.administration import open_managed

    second = JwkKey("second", keys.generate())
    first = JwkKey("admin", keys.generate())
    records = (first.record(), second.record(newel={"revokesAny": True, "profile": "p"}))
    async with open_managed(
        f"sqlite:///{tmp_path}/ra.db", authority, admin=first, provisioners=records
    ) as site:
        shown = await site.get(f"{PATH}/second")
        assert "newel" not in json.dumps(shown)
        await site.put("PUT", f"{PATH}/second", shown, 200)
        found = site.ra.database
        from newel.registration.admin.storage import AdminTables

        stored = (await AdminTables(found).configuration()).provisioner("second").read()
        assert stored["newel"] == {"revokesAny": True, "profile": "p"}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("id", "x"),
        ("type", "JWK"),
        ("createdAt", "2020-01-01T00:00:00Z"),
        ("authorityId", "x"),
        ("deletedAt", "2020-01-01T00:00:00Z"),
    ],
)
async def test_what_is_fixed_cannot_be_changed(
    site: ManagedAuthority, member: str, value: str
) -> None:
    shown = await site.get(f"{PATH}/acme")
    answer = await site.send("PUT", f"{PATH}/acme", {**shown, member: value})
    names = {"id": "ID", "authorityId": "authorityID"}
    assert refusal(answer) == (
        400, "badRequest", f"cannot change provisioner {names.get(member, member)}",
    )  # fmt: skip # a table


@pytest.mark.attack
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({**ACME, "name": ""}, "provisioner name cannot be empty"),
        ({**ACME, "name": "a\x1b[31m"}, "provisioner name has characters that cannot be printed"),
        ({**ACME, "name": "a" * 257}, "provisioner name is longer than 256 characters"),
        ({**ACME, "name": "a\x00"}, "the character U+0000 is not allowed"),
        ({**ACME, "name": "acme"}, "provisioner with name acme already exists"),
        ({**ACME, "bogus": 1}, "unknown field `bogus`"),
        ({**ACME, "details": {"ACME": {"bogus": 1}}}, "unknown field 'bogus'"),
        ({**ACME, "details": {"JWK": {}}}, "unknown field 'JWK' in the details of a ACME provisioner"),
        ({**ACME, "details": {"ACME": 1}}, "Expected `object`, got `int`"),
        ({**ACME, "details": {"ACME": {"challenges": ["ODD"]}}}, "challenges that are not offered here: odd"),
        ({**ACME, "type": "ODD"}, "invalid value for enum field type"),
        ({**ACME, "claims": {"x509": {"durations": {"default": "x"}}}}, "invalid duration"),
        ({**ACME, "claims": {"x509": {"durations": {"min": "2h", "max": "1h"}}}}, "out of order"),
        ({**ACME, "claims": {"x509": {"durations": {"max": "90000h"}}}}, "the most that is issued here"),
        ({**ACME, "x509Template": {"template": "!"}}, "Invalid base64"),
        ({**ACME, "x509Template": {"template": base64.b64encode(b"{{ nope").decode()}}, "template"),
        ({**ACME, "policy": {"x509": {"allow": {"dns": ["**bad"]}}}}, "**bad"),
        ({"type": "JWK", "name": "j", "details": {"JWK": {"publicKey": "e30="}}}, "kty"),
        ({"type": "JWK", "name": "j", "details": {"JWK": {"publicKey": "AA=="}}}, "Expecting value"),
        (b"[" * 100_000, "nested too deeply"),
        (b"\xff", "UTF-8"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip # a table
async def test_a_hostile_record_is_refused(site: ManagedAuthority, body: Any, said: str) -> None:
    status, kind, message = refusal(await site.send("POST", PATH, body))
    assert (status, kind) == (400, "badRequest"), message
    assert said in message
    assert len((await site.get(PATH))["provisioners"]) == 2


async def test_names_are_taken_as_they_are(site: ManagedAuthority) -> None:
    """A slash, a percent sign and another alphabet are part of a name, not of the path."""
    for name, path in (
        ("a/b", "a%2Fb"),
        ("50%", "50%25"),
        ("é ü", "%C3%A9%20%C3%BC"),
        ("id", "id"),
    ):
        await site.put("POST", PATH, {**ACME, "name": name}, 201)
        assert (await site.get(f"{PATH}/{path}"))["name"] == name
        await site.put("DELETE", f"{PATH}/{path}", None, 200)


async def test_the_second_of_two_administrators_is_told(each_site: ManagedAuthority) -> None:
    site = each_site
    await site.add_administrator("joe", is_super=True)
    joe = await site.login("joe")
    mine, his = await site.get(f"{PATH}/acme"), await site.get(f"{PATH}/acme", login=joe)
    mine["details"]["ACME"]["forceCn"] = True
    his["details"]["ACME"]["website"] = "https://x.example"
    await site.put("PUT", f"{PATH}/acme", mine, 200)
    answer = await site.send("PUT", f"{PATH}/acme", his, login=joe)
    assert refusal(answer) == (
        409, "conflict",
        "provisioner acme was changed by someone else since you read it; read it again and repeat the change",
    )  # fmt: skip # a table
    assert (await site.get(f"{PATH}/acme", login=joe))["details"]["ACME"] == {"forceCn": True}
    his["details"]["ACME"] = {"forceCn": True, "website": "https://x.example"}
    assert (await site.send("PUT", f"{PATH}/acme", his, login=joe)).status_code == 200


async def test_an_entity_tag_is_held_to(site: ManagedAuthority) -> None:
    first = await site.send("GET", f"{PATH}/acme")
    tag, body = first.headers["etag"], first.json()
    changed = await site.send("PUT", f"{PATH}/acme", body, headers={"If-Match": tag})
    assert changed.status_code == 200
    again = await site.send("PUT", f"{PATH}/acme", body, headers={"If-Match": tag})
    assert again.status_code == 409
    tag = changed.headers["etag"]
    assert (await site.send("DELETE", f"{PATH}/acme", headers={"If-Match": tag})).status_code == 200
    assert refusal(await site.send("GET", f"{PATH}/acme"))[0] == 404
    for bad in ("x", '"a"', 'W/"1"'):
        answer = await site.send("DELETE", f"{PATH}/admin", headers={"If-Match": bad})
        assert refusal(answer)[0] == 400
