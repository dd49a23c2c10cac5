"""The SSH half of the step API: sign, renew, rekey, revoke, and what is read by everyone."""

import asyncio
import base64
import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.registration import (
    CA,
    JwkKey,
    RegistrationHarness,
    open_registration,
    read_message,
)
from fixtures.ssh_api import (
    ENABLED,
    SSHPOP,
    encode,
    host_of,
    pop_token,
    read_certificate,
    sign,
    ssh_token,
)
from newel.crypto import keys
from newel.crypto.ssh import certificates
from newel.crypto.ssh.certificates import Certificate
from newel.crypto.ssh.public_keys import wire_of
from newel.jose import jws
from newel.step import tokens


@pytest.fixture
async def ssh(
    authority: CertificateAuthority, tmp_path: Path
) -> AsyncIterator[RegistrationHarness]:
    admin = JwkKey("admin", keys.generate())
    other = JwkKey("other", keys.generate())
    template = '{"type":"{{.Type}}","keyId":"{{.KeyID}}","principals":["t-{{.Token.sub}}"],'
    template += '"criticalOptions":{"force-command":"/bin/true"}}'
    templated = JwkKey("templated", admin.key)
    opened = await open_registration(
        f"sqlite:///{tmp_path}/ra.db",
        authority,
        admin=admin,
        provisioners=(
            admin.record(**ENABLED),
            other.record(),
            templated.record(**ENABLED, options={"ssh": {"template": template}}),
            SSHPOP,
        ),
    )
    yield opened
    await opened.database.close()


async def test_a_token_and_a_key_become_a_certificate(ssh: RegistrationHarness) -> None:
    key = keys.generate("Ed25519")
    made = read_certificate(await sign(ssh, ssh_token(ssh.admin), key))
    assert (made.kind, made.key_id, made.principals) == ("user", "alice", ["alice"])
    assert made.public_key == wire_of(key)
    assert set(made.extensions) >= {"permit-pty", "permit-agent-forwarding"}
    assert made.valid_before - made.valid_after == 16 * 3600 + 60
    event, outcome, facts = ssh.audit.lines[-1]
    assert (event, outcome, facts["principals"]) == ("ssh-sign", "granted", ("alice",))


async def test_a_host_has_no_extensions_and_is_listed(ssh: RegistrationHarness) -> None:
    made, _ = await host_of(ssh)
    assert (made.kind, made.principals, made.extensions) == ("host", ["a.example"], {})
    assert made.valid_before - made.valid_after == 720 * 3600 + 60
    listed = (await ssh.call("GET", "/ssh/hosts")).json()["hosts"]
    assert [each["hostname"] for each in listed] == ["a.example"]
    for name, exists in (("A.example", True), ("b.example", False)):
        answer = await ssh.post("/ssh/check-host", type="host", principal=name)
        assert answer.json() == {"exists": exists}


async def test_the_keys_that_clients_and_hosts_trust_are_listed(ssh: RegistrationHarness) -> None:
    for path in ("/ssh/roots", "/1.0/ssh/federation"):
        answer = (await ssh.call("GET", path)).json()
        assert answer["userKey"] == [encode(wire_of(ssh.issuing.ssh_keys["user"]))]
        assert answer["hostKey"] == [encode(wire_of(ssh.issuing.ssh_keys["host"]))]


async def test_the_template_decides_what_the_certificate_says(ssh: RegistrationHarness) -> None:
    owner = JwkKey("templated", ssh.admin.key)
    made = read_certificate(await sign(ssh, ssh_token(owner)))
    assert made.principals == ["t-alice"]
    assert made.critical_options == {"force-command": "/bin/true"}
    assert made.extensions == {}


@pytest.mark.attack("S01")
@pytest.mark.parametrize(
    ("token", "body", "status", "text"),
    [
        ({}, {"certType": "host"}, 400, "certificate type does not match"),
        ({}, {"principals": ["root"]}, 400, "principals does not match"),
        ({"principals": ["a", "b"]}, {"principals": ["b", "c"]}, 400, "principals does not match"),
        ({}, {"validBefore": "48h"}, 403, "greater than maximum accepted duration"),
        ({}, {"validBefore": "1m"}, 403, "less than minimum accepted duration"),
        ({}, {"validBefore": "-1h"}, 400, "cannot be in the past"),
        ({"cert_type": "root"}, {}, 400, "unknown certificate type"),
        ({"valid_before": "1h"}, {"validBefore": "2h"}, 400, "valid before does not match"),
    ],
)  # fmt: skip # refusals in rows
async def test_a_request_beyond_its_token_is_refused(
    ssh: RegistrationHarness, token: dict[str, Any], body: dict[str, Any], status: int, text: str
) -> None:
    answer = await sign(ssh, ssh_token(ssh.admin, **token), **body)
    assert answer.status_code == status
    assert text in read_message(answer)
    assert ssh.issuing.ssh_requests == []


async def test_tokens_are_for_what_they_were_made(ssh: RegistrationHarness) -> None:
    x509 = ssh.admin.token("alice", audience=f"{CA}/1.0/sign")
    assert (await sign(ssh, x509)).status_code == 401
    disabled = ssh_token(JwkKey("other", ssh.admin.key))
    assert (await sign(ssh, disabled)).status_code == 401
    revocation = ssh.admin.token("1", audience=f"{CA}/1.0/ssh/revoke", sans=None)
    assert (await sign(ssh, revocation)).status_code == 401
    assert ssh.issuing.ssh_requests == []


QUOTED = """{"type": {{ toJson .Type }}, "keyId": "{{ .Insecure.User.note }}",
  "principals": {{ toJson .Principals }}}"""


@pytest.mark.attack("T08")
@pytest.mark.parametrize(
    "note",
    [
        'x","principals":["root"],"z":"',
        'x","extensions":{"permit-pty":""},"z":"',
        'x","type":"host","principals":["root"]}//',
        "x\\",
    ],
)
async def test_t08_the_data_of_a_request_stays_in_the_strings_of_the_template(
    authority: CertificateAuthority, tmp_path: Path, note: str
) -> None:
    admin = JwkKey("admin", keys.generate())
    record = admin.record(**ENABLED, options={"ssh": {"template": QUOTED}})
    ssh = await open_registration(
        f"sqlite:///{tmp_path}/ra.db", authority, admin=admin, provisioners=(record,)
    )
    answer = await sign(ssh, ssh_token(admin), templateData={"note": note})
    assert answer.status_code in {400, 403, 500}, answer.text
    assert ssh.issuing.ssh_requests == []
    assert ssh.audit.lines[-1][:2] == ("ssh-sign", "refused")
    made = read_certificate(await sign(ssh, ssh_token(admin), templateData={"note": "at 'home'"}))
    assert (made.key_id, made.principals) == ("at 'home'", ["alice"])
    await ssh.database.close()


async def test_without_an_inventory_that_has_to_know_names_nothing_is_signed(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    admin = JwkKey("admin", keys.generate())
    record = admin.record(**ENABLED, newel={"requireInventory": True})
    opened = await open_registration(
        f"sqlite:///{tmp_path}/known.db", authority, admin=admin, provisioners=(record,)
    )
    assert (await sign(opened, ssh_token(admin))).status_code == 503
    assert opened.issuing.ssh_requests == []
    assert opened.audit.lines[-1][:2] == ("ssh-sign", "refused")
    await opened.database.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_fifty_uses_of_a_token_make_one_certificate(
    request: pytest.FixtureRequest, authority: CertificateAuthority, tmp_path: Path, kind: str
) -> None:
    """At once, at two replicas that share a database."""
    url = f"sqlite:///{tmp_path}/uses.db"
    if kind == "postgresql":
        url = request.getfixturevalue("fresh_postgres_url")
    admin = JwkKey("admin", keys.generate())
    first = await open_registration(
        url, authority, admin=admin, provisioners=(admin.record(**ENABLED),)
    )
    second = await open_registration(
        url,
        authority,
        admin=admin,
        issuing=first.issuing,
        clock=first.clock,
        provisioners=(admin.record(**ENABLED),),
    )
    token, key = ssh_token(admin), keys.generate()
    answers = await asyncio.gather(*[sign(ssh, token, key) for ssh in (first, second) * 25])
    assert sorted(each.status_code for each in answers) == [201, *[401] * 49]
    assert len(first.issuing.ssh_requests) == 1
    for each in (first, second):
        await each.database.close()


async def test_a_request_that_was_not_answered_may_try_again_with_its_token(
    ssh: RegistrationHarness,
) -> None:
    token, key = ssh_token(ssh.admin), keys.generate()
    ssh.issuing.ssh_down = True
    assert (await sign(ssh, token, key)).status_code == 503
    ssh.issuing.ssh_down = False
    ssh.clock.advance(dt.timedelta(seconds=3))  # by now it would be valid for another time
    assert (await sign(ssh, token, keys.generate())).status_code == 401
    made = read_certificate(await sign(ssh, token, key))
    assert made.public_key == wire_of(key)
    assert (await sign(ssh, token, key)).status_code == 401


async def test_a_host_renews_and_rekeys_by_the_key_it_has(ssh: RegistrationHarness) -> None:
    old, key = await host_of(ssh)
    ssh.clock.advance(dt.timedelta(hours=1))
    new = read_certificate(await ssh.post("/ssh/renew", ott=pop_token(ssh, old, key, "renew")))
    assert (new.public_key, new.principals) == (old.public_key, old.principals)
    assert new.valid_before - new.valid_after == old.valid_before - old.valid_after
    assert ssh.issuing.ssh_requests[-1].renewed_from == old.serial.to_bytes(8)
    other = keys.generate("Ed25519")
    token = pop_token(ssh, new, key, "rekey")
    again = read_certificate(
        await ssh.post("/ssh/rekey", ott=token, publicKey=encode(wire_of(other)))
    )
    assert again.public_key == wire_of(other)
    replay = await ssh.post("/ssh/rekey", ott=token, publicKey=encode(wire_of(other)))
    assert replay.status_code == 401


@pytest.mark.attack("S03")
async def test_what_does_not_prove_a_host_renews_nothing(ssh: RegistrationHarness) -> None:
    old, key = await host_of(ssh)
    user_key = keys.generate()
    user = read_certificate(await sign(ssh, ssh_token(ssh.admin, "bob"), user_key))
    assert (
        await ssh.post("/ssh/renew", ott=pop_token(ssh, user, user_key, "renew"))
    ).status_code == 400
    stranger = pop_token(ssh, old, keys.generate(), "renew")
    assert (await ssh.post("/ssh/renew", ott=stranger)).status_code == 401
    wrong = pop_token(ssh, old, key, "rekey")
    assert (await ssh.post("/ssh/renew", ott=wrong)).status_code == 401
    own = certificates.parse(
        certificates_body(old).sign(keys.generate(), b"n" * 32)
    )  # the same certificate by another authority
    assert (await ssh.post("/ssh/renew", ott=pop_token(ssh, own, key, "renew"))).status_code == 401
    revoked = pop_token(ssh, old, key, "revoke", str(old.serial))
    answer = await ssh.post("/ssh/revoke", serial=str(old.serial), ott=revoked, passive=True)
    assert answer.json() == {"status": "ok"}
    assert (await ssh.post("/ssh/renew", ott=pop_token(ssh, old, key, "renew"))).status_code == 401
    ssh.clock.advance(dt.timedelta(hours=800))
    fresh, key = await host_of(ssh)
    ssh.clock.advance(dt.timedelta(hours=800))
    assert (
        await ssh.post("/ssh/renew", ott=pop_token(ssh, fresh, key, "renew"))
    ).status_code == 401


@pytest.mark.attack("T15")
async def test_t15_a_host_of_a_removed_provisioner_is_not_renewed(
    ssh: RegistrationHarness, authority: CertificateAuthority, tmp_path: Path
) -> None:
    old, key = await host_of(ssh)
    ssh.clock.advance(dt.timedelta(hours=1))
    for record in (
        JwkKey("other", keys.generate()).record(**ENABLED),
        JwkKey("admin", keys.generate()).record(**ENABLED),  # another one of the same name
    ):
        again = await open_registration(
            f"sqlite:///{tmp_path}/ra.db",
            authority,
            issuing=ssh.issuing,
            clock=ssh.clock,
            provisioners=(record, SSHPOP),
        )
        answer = await again.post("/ssh/renew", ott=pop_token(ssh, old, key, "renew"))
        assert answer.status_code == 401, answer.text
        assert again.audit.lines[-1][:2] == ("ssh-renew", "refused")
        assert "is gone" in again.audit.lines[-1][2]["cause"]
        await again.database.close()
    token = pop_token(ssh, old, key, "renew")
    assert (await ssh.post("/ssh/renew", ott=token)).status_code == 201


def certificates_body(certificate: Certificate) -> Any:
    from newel.crypto.ssh.certificate_body import Body

    return Body.of(certificate.wire)


async def test_only_the_owner_revokes_and_only_its_own_serial(ssh: RegistrationHarness) -> None:
    made, _ = await host_of(ssh)
    serial = str(made.serial)

    async def revoke(owner: JwkKey, subject: str, asked: str) -> httpx.Response:
        token = owner.token(subject, audience=f"{CA}/1.0/ssh/revoke", sans=None)
        return await ssh.post("/ssh/revoke", serial=asked, ott=token, passive=True)

    templated = JwkKey("templated", ssh.admin.key)
    assert (await revoke(templated, serial, serial)).status_code == 403
    assert (await revoke(ssh.admin, "999", serial)).status_code == 403
    assert (await revoke(ssh.admin, "999", "999")).status_code == 404
    assert (await revoke(ssh.admin, serial, serial)).status_code == 200
    again = await revoke(ssh.admin, serial, serial)
    assert "already revoked" in read_message(again)


async def test_the_key_of_a_certificate_revokes_no_other(ssh: RegistrationHarness) -> None:
    (made, key), (other, _) = await host_of(ssh), await host_of(ssh)
    token = pop_token(ssh, made, key, "revoke", str(other.serial))
    answer = await ssh.post("/ssh/revoke", serial=str(other.serial), ott=token, passive=True)
    assert answer.status_code == 403
    assert f'certificate serial number "{made.serial}" do not match' in read_message(answer)


async def test_malformed_requests_are_refused_in_a_line(ssh: RegistrationHarness) -> None:
    for path, body in (
        ("/ssh/sign", {}),
        ("/ssh/sign", {"publicKey": "!!", "ott": "x"}),
        ("/ssh/sign", {"publicKey": encode(b"no key"), "ott": "x"}),
        ("/ssh/renew", {}),
        ("/ssh/revoke", {"serial": "-1", "ott": "x", "passive": True}),
        ("/ssh/revoke", {"serial": "1", "ott": "x"}),
        ("/ssh/check-host", {"type": "user", "principal": "a"}),
        ("/ssh/config", {"type": "other"}),
        ("/ssh/bastion", {}),
    ):
        answer = await ssh.post(path, **body)
        assert 400 <= answer.status_code < 502, path
        assert read_message(answer)
    assert (await ssh.call("GET", "/ssh/sign")).status_code == 405
    assert (await ssh.call("GET", "/ssh/nothing")).status_code == 404
    assert ssh.issuing.ssh_requests == []


async def test_without_keys_nothing_is_signed(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    from fixtures.issuing_peer import IssuingPeer
    from newel.runtime.clock import ManualClock

    peer = IssuingPeer(authority=authority, clock=ManualClock(EPOCH), ssh_keys={})
    admin = JwkKey("admin", keys.generate())
    opened = await open_registration(
        f"sqlite:///{tmp_path}/ra.db",
        authority,
        admin=admin,
        issuing=peer,
        provisioners=(admin.record(**ENABLED),),
    )
    assert (await sign(opened, ssh_token(admin))).status_code == 501
    assert (await opened.call("GET", "/ssh/hosts")).status_code == 501
    answer = await opened.call("GET", "/ssh/roots")
    assert (answer.status_code, read_message(answer)) == (404, "no keys found")
    await opened.database.close()


def test_the_header_with_the_certificate_is_read(ssh: RegistrationHarness) -> None:
    token = jws.sign_compact(
        msgspec.json.encode({"alg": "ES256", "sshpop": "AAAA"}), b"{}", keys.generate()
    )
    assert tokens.parse(token).header.sshpop == "AAAA"


@pytest.mark.attack("S03")
async def test_a_header_that_is_no_base64_is_refused_and_audited(ssh: RegistrationHarness) -> None:
    made, key = await host_of(ssh)
    for text in ("\u00e9", "A", "!!!!"):
        token = tokens.make(
            key,
            kid="",
            issuer="sshpop",
            subject=made.key_id,
            audience=f"{CA}/1.0/ssh/renew#sshpop/sshpop",
            now=ssh.clock.now(),
            extra_header={"sshpop": text},
        )
        answer = await ssh.post("/1.0/ssh/renew", ott=token)
        assert answer.status_code == 401, text
        assert ssh.audit.lines[-1][:2] == ("ssh-renew", "refused")


async def test_a_second_certificate_adds_the_user_to_a_host(ssh: RegistrationHarness) -> None:
    key = keys.generate()
    adding = {"addUserPublicKey": encode(wire_of(key))}
    answer = await sign(ssh, ssh_token(ssh.admin), **adding)
    own = read_certificate(answer)
    made = certificates.parse(base64.b64decode(answer.json()["addUserCrt"]))
    assert (made.kind, made.key_id, made.principals) == (
        "user",
        "alice-provisioner",
        ["provisioner"],
    )
    command = "sudo useradd -m alice; nc -q0 localhost 22"
    assert (made.critical_options, made.extensions) == ({"force-command": command}, {})
    assert made.public_key == wire_of(key)
    assert (made.valid_after, made.valid_before) == (own.valid_after, own.valid_before)
    assert ssh.audit.lines[-1][2]["add_user_serial"] == str(made.serial)
    several = ssh_token(ssh.admin, "bob", principals=["bob", "root"])
    assert "addUserCrt" not in (await sign(ssh, several, **adding)).json()


@pytest.mark.parametrize("name", ["a;reboot", "$(id)", "-r", "a b", "a\nb", "`id`"])
async def test_no_command_is_made_of_a_name(ssh: RegistrationHarness, name: str) -> None:
    before = len(ssh.issuing.ssh_requests)
    token = ssh_token(ssh.admin, "carol", principals=[name])
    answer = await sign(ssh, token, addUserPublicKey=encode(wire_of(keys.generate())))
    assert answer.status_code in {400, 403}
    assert len(ssh.issuing.ssh_requests) == before
