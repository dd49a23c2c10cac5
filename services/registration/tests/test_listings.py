"""Health, trust and provisioners, as clients know them."""

import base64
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.authority import CertificateAuthority, make_authority
from fixtures.registration import (
    PASSWORD,
    JwkKey,
    RegistrationHarness,
    open_registration,
    request_for,
)
from newel.crypto import keys
from newel.jose import jwe
from newel.registration.issuance import IssuerRecord
from newel.registration.trust import Trust
from newel.runtime.metrics import expose
from newel.step.escrow import new_jwk_provisioner
from newel.step.fingerprint import fingerprint
from newel.step.messages import TLSOptions
from newel.step.provisioner_members import OF_KIND, SECRET, SUPPORTED
from newel.step.scep_listing import SCEP_LISTED


@pytest.mark.parametrize("prefix", ["", "/1.0"])
async def test_what_clients_ask_first(ra: RegistrationHarness, prefix: str) -> None:
    health = await ra.call("GET", f"{prefix}/health")
    assert (health.status_code, health.content) == (200, b'{"status":"ok"}\n')
    version = await ra.call("GET", f"{prefix}/version")
    assert set(version.json()) == {"version"}
    assert (await ra.call("HEAD", f"{prefix}/health")).status_code == 200


@pytest.mark.parametrize("prefix", ["", "/1.0"])
async def test_roots_and_intermediates(ra: RegistrationHarness, prefix: str) -> None:
    own = ra.issuing.authority
    root = own.root.public_bytes(Encoding.PEM).decode()
    intermediate = own.intermediate.public_bytes(Encoding.PEM).decode()
    for path, expected in (
        ("roots", [root]),
        ("federation", [root]),
        ("intermediates", [intermediate]),
    ):
        answer = await ra.call("GET", f"{prefix}/{path}")
        assert (answer.status_code, answer.json()) == (201, {"crts": expected})
    for path, expected in (("roots.pem", root), ("intermediates.pem", intermediate)):
        answer = await ra.call("GET", f"{prefix}/{path}")
        assert (answer.status_code, answer.text) == (200, expected)
        assert answer.headers["content-type"].startswith("application/x-pem-file")


async def test_a_root_by_its_fingerprint(ra: RegistrationHarness) -> None:
    der = ra.issuing.authority.root.public_bytes(Encoding.DER)
    sha = fingerprint(der)
    for spelling in (sha, sha.upper(), "-".join([sha[:32], sha[32:]])):
        answer = await ra.call("GET", f"/root/{spelling}")
        assert answer.status_code == 200
        assert x509.load_pem_x509_certificate(answer.json()["ca"].encode()) == (
            ra.issuing.authority.root
        )
    answer = await ra.call("GET", "/root/00")
    assert answer.status_code == 404
    assert answer.json() == {
        "status": 404,
        "message": 'root certificate with fingerprint "00" was not found',
    }


async def test_federated_roots(authority: CertificateAuthority, tmp_path: Any) -> None:
    other = make_authority(tmp_path, name="Other")
    ra = await open_registration(
        f"sqlite:///{tmp_path}/ra.db", authority, federated_roots=(other.root_file,)
    )
    roots = [root.public_bytes(Encoding.PEM).decode() for root in (authority.root, other.root)]
    assert (await ra.call("GET", "/federation")).json() == {"crts": roots}
    assert (await ra.call("GET", "/roots")).json() == {"crts": roots[:1]}
    sha = fingerprint(other.root.public_bytes(Encoding.DER))
    assert (await ra.call("GET", f"/root/{sha}")).status_code == 200
    await ra.database.close()


async def test_every_root_is_served_in_the_order_of_the_files(
    authority: CertificateAuthority, tmp_path: Any
) -> None:
    first, second = (make_authority(tmp_path, name=name) for name in ("First", "Second"))
    bundle = tmp_path / "bundle.crt"
    bundle.write_bytes(second.root_file.read_bytes() + authority.root_file.read_bytes())
    ra = await open_registration(
        f"sqlite:///{tmp_path}/ra.db", authority, roots=(first.root_file, bundle)
    )
    roots = [each.root.public_bytes(Encoding.PEM).decode() for each in (first, second, authority)]
    for path in ("/roots", "/federation"):
        assert (await ra.call("GET", path)).json() == {"crts": roots}
    assert (await ra.call("GET", "/roots.pem")).text == "".join(roots)
    for each in (first, second, authority):
        sha = fingerprint(each.root.public_bytes(Encoding.DER))
        assert (await ra.call("GET", f"/root/{sha}")).status_code == 200
    await ra.database.close()


def test_a_root_that_no_issuer_is_below_vouches_for_no_client(
    authority: CertificateAuthority, tmp_path: Any
) -> None:
    root, issuer, other = (
        each.public_bytes(Encoding.DER)
        for each in (authority.root, authority.intermediate, make_authority(tmp_path).root)
    )
    trust = Trust(
        [IssuerRecord("i", (issuer,), root, active=False)], [], TLSOptions(), [other, root]
    )
    assert trust.roots == [other, root]
    assert trust.client_authorities == [root, issuer]


async def test_provisioners_are_shown_as_in_ca_json(ra: RegistrationHarness) -> None:
    body = (await ra.call("GET", "/provisioners")).json()
    admin, acme = body["provisioners"]
    assert body["nextCursor"] == ""
    assert acme == {"type": "ACME", "name": "acme"}
    assert list(admin) == ["type", "name", "key", "encryptedKey"]
    assert list(admin["key"]) == ["use", "kty", "kid", "crv", "alg", "x", "y"]
    kid = admin["key"]["kid"]
    key = await ra.call("GET", f"/1.0/provisioners/{kid}/encrypted-key")
    assert key.json() == {"key": admin["encryptedKey"]}
    assert b'"d":' in jwe.decrypt_with_password(key.json()["key"], PASSWORD)
    missing = await ra.call("GET", "/provisioners/other/encrypted-key")
    assert missing.status_code == 404


async def test_pages_of_provisioners(authority: CertificateAuthority, tmp_path: Any) -> None:
    names = [f"acme-{number}" for number in range(105)]
    ra = await open_registration(
        f"sqlite:///{tmp_path}/ra.db",
        authority,
        provisioners=tuple({"type": "ACME", "name": name} for name in names),
    )
    for limit, first in (("", 20), ("?limit=0", 20), ("?limit=7", 7), ("?limit=5000", 100)):
        page = (await ra.call("GET", f"/provisioners{limit}")).json()
        assert [each["name"] for each in page["provisioners"]] == names[:first]
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await ra.call("GET", f"/provisioners?limit=10&cursor={cursor}")).json()
        seen += [each["name"] for each in page["provisioners"]]
        cursor = page["nextCursor"]
        if not cursor:
            break
    assert seen == names
    bad = await ra.call("GET", "/provisioners?limit=x")
    assert bad.json() == {
        "status": 400,
        "message": "The request could not be completed: limit 'x' is not an integer.",
    }
    await ra.database.close()


async def test_provisioners_that_cannot_be_used_are_listed_and_admit_no_token(
    authority: CertificateAuthority, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    broken = JwkKey("broken", keys.generate())
    record = broken.record(options={"x509": {"templateFile": "/nowhere/leaf.tpl"}})
    oidc = {"type": "OIDC", "name": "google", "clientID": "c", "configurationEndpoint": "http://x"}
    ra = await open_registration(
        f"sqlite:///{tmp_path}/ra.db", authority, provisioners=(record, oidc)
    )
    listed = (await ra.call("GET", "/provisioners")).json()["provisioners"]
    assert [each["state"] for each in listed] == ["Uninitialized"] * 2
    reason = "configurationEndpoint: it is not an https address"
    assert listed[1]["stateReason"] == reason
    answer = await ra.sign(broken.token("foo.internal"), "")
    assert answer.status_code == 400
    answer = await ra.sign(broken.token("foo.internal"), request_for("foo.internal"))
    assert answer.status_code == 401
    assert answer.json()["message"] == (
        'provisioner "broken" is disabled due to an initialization error'
    )
    text = expose([ra.registry]).decode()
    assert 'newel_registration_provisioners{state="off"} 2.0' in text
    said = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert said == [
        "the provisioner 'broken' is off: options.x509.templateFile: No such file or directory",
        f"the provisioner 'google' is off: {reason}",
    ]
    await ra.database.close()


SECRETS: dict[str, dict[str, Any]] = {
    "SCEP": {
        "challenge": "S3CRET", "decrypterKey": "pkcs11:S3CRET", "decrypterKeyPEM": "UzNDUkVU",
        "decrypterKeyPassword": "S3CRET",
        "decrypterCertificate": "cHVibGlj",
    },
    "OIDC": {
        "clientID": "public", "clientSecret": "S3CRET",
        "configurationEndpoint": "https://me:S3CRET@accounts.example/.well-known/openid-configuration",
        "newel": {"hideClientSecret": True},
    },
}  # fmt: skip # a table
HOOK = {
    "name": "ask", "url": "https://hooks.example/ask?x=1", "kind": "ENRICHING",
    "secret": "UzNDUkVU", "basicAuth": {"username": "me", "password": "S3CRET"},
}  # fmt: skip # a table
SHOWN = {"name": "ask", "url": "https://hooks.example/ask?x=1", "kind": "ENRICHING"}


REDACTED = {"SCEP": {name: SCEP_LISTED[name] for name in SECRET & set(SCEP_LISTED)}}
"""What stands in the place of secrets, as step-ca has it."""


@pytest.mark.parametrize("kind", sorted(OF_KIND))
async def test_strangers_see_no_secret_of_a_provisioner_of_any_kind(
    authority: CertificateAuthority, tmp_path: Any, kind: str
) -> None:
    """Neither under their own names nor in unknown members: those keep it from starting."""
    own = JwkKey("x", keys.generate()).record() if kind == "JWK" else dict(SECRETS.get(kind, {}))
    settings: dict[str, Any] = {"profile": "leaf", **own.pop("newel", {})}
    own = {"type": kind, "name": "x", **own, "newel": settings}
    own["options"] = {"webhooks": [HOOK]}
    ra = await open_registration(f"sqlite:///{tmp_path}/ra.db", authority, provisioners=(own,))
    answer = await ra.call("GET", "/provisioners")
    (shown,) = answer.json()["provisioners"]
    assert {name: shown[name] for name in SECRET & set(shown)} == REDACTED.get(kind, {})
    assert "S3CRET" not in answer.text
    assert "UzNDUkVU" not in answer.text
    assert "newel" not in shown
    assert shown["name"] == "x"
    assert kind in SUPPORTED or "state" in shown
    assert shown["options"]["webhooks"] == [SHOWN]
    await ra.database.close()


async def test_what_is_not_there(ra: RegistrationHarness) -> None:
    for method, path, status in (
        ("GET", "/nope", 404),
        ("GET", "/admin/admins", 404),
        ("POST", "/health", 405),
        ("DELETE", "/provisioners", 405),
    ):
        answer = await ra.call(method, path)
        assert answer.status_code == status
        assert answer.json()["status"] == status


async def test_the_revocation_list_is_elsewhere(
    authority: CertificateAuthority, tmp_path: Any
) -> None:
    ra = await open_registration(
        f"sqlite:///{tmp_path}/ra.db", authority, crl="http://ca.example/crl/{issuer}.crl"
    )
    for path in ("/crl", "/1.0/crl"):
        answer = await ra.call("GET", path)
        assert answer.status_code == 302
        assert answer.headers["location"] == f"http://ca.example/crl/{authority.id}.crl"
    await ra.database.close()


async def test_acme_is_there_under_both_paths(ra: RegistrationHarness) -> None:
    for path in ("/acme/acme/directory", "/2.0/acme/acme/directory"):
        answer = await ra.call("GET", path)
        assert answer.status_code == 200
        assert answer.json()["newNonce"].startswith("https://ca.example/acme/acme/")
    assert (await ra.call("GET", "/acme/admin/directory")).status_code == 404


async def test_it_is_ready_once_an_issuer_is_known(ra: RegistrationHarness) -> None:
    assert ra.service.ready is not None
    await ra.service.ready()


@pytest.mark.parametrize("path", ["/health/", "//health", "/1.0//health", "//1.0/health//"])
async def test_slashes_too_many_change_nothing(ra: RegistrationHarness, path: str) -> None:
    answer = await ra.call("GET", f"https://ca.example{path}")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_slashes_too_many_change_nothing_where_certificates_are_issued(
    ra: RegistrationHarness,
) -> None:
    for path in ("/1.0/sign/", "//sign"):
        body = {"csr": request_for("foo.internal"), "ott": ra.admin.token("foo.internal")}
        answer = await ra.call("POST", f"https://ca.example{path}", body)
        assert answer.status_code == 201
    assert (await ra.call("GET", "https://ca.example//nothing/")).status_code == 404


@pytest.mark.attack("T18")
async def test_escrowed_keys_may_be_kept_from_strangers(
    ra: RegistrationHarness, authority: CertificateAuthority, tmp_path: Path
) -> None:
    path = f"/provisioners/{ra.admin.kid}/encrypted-key"
    assert (await ra.call("GET", path)).status_code == 200
    closed = await open_registration(
        f"sqlite:///{tmp_path}/closed.db", authority, admin=ra.admin, encrypted_keys=False
    )
    for prefix in ("", "/1.0"):
        assert (await closed.call("GET", prefix + path)).status_code == 404
        listed = await closed.call("GET", f"{prefix}/provisioners")
        assert listed.json()["provisioners"][0]["key"]["kid"] == ra.admin.kid
        assert "encryptedKey" not in listed.text
    token = ra.admin.token("foo.internal")
    assert (await closed.sign(token, request_for("foo.internal"))).status_code == 201
    await closed.database.close()


@pytest.mark.attack("T18")
async def test_an_escrowed_key_is_dear_to_guess_at(ra: RegistrationHarness) -> None:
    """Of what ``newel up`` and ``ca init`` make; the fixture's own key is cheap, for speed."""
    sealed = new_jwk_provisioner("x", b"secret")["encryptedKey"]
    header = msgspec.json.decode(base64.urlsafe_b64decode(sealed.partition(".")[0] + "=="))
    assert header["p2c"] >= 600_000
    assert len(header["p2s"]) >= 22  # 16 octets


async def test_readiness_names_the_provisioners_that_are_off_and_why(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    records = (
        JwkKey("admin", keys.generate()).record(),
        {"type": "ACME", "name": "odd", "challenges": ["smoke-01"]},
        {"type": "ACME", "name": "closed", "newel": {"disabled": True}},
    )
    url = f"sqlite:///{tmp_path}/ra.db"
    ra = await open_registration(url, authority, provisioners=records)
    assert ra.service.reports["provisionersOff"]() == {
        "odd": "challenges that are not offered here: smoke-01"
    }
    assert ra.service.ready is not None
    await ra.service.ready()
    await ra.database.close()
