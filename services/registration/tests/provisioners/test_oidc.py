"""ID tokens of OpenID providers: whom they admit, and what a person is certified."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fakes.token_issuer import TokenIssuer, make_key
from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.pki import InternalPki
from fixtures.registration import (
    GENERAL_401,
    RegistrationHarness,
    open_registration,
    read_message,
    request_for,
)
from newel.registration.provisioners.key_set_cache import FETCH_INTERVAL

CLIENT = "newel-client"
NONCE = "n-0S6_WzA2Mj"
SUB = "115449349109627210866"


def record(issuer: TokenIssuer, **more: Any) -> dict[str, Any]:
    """A provisioner of this provider."""
    base = {"type": "OIDC", "name": "people", "clientID": CLIENT, "clientSecret": "not so secret"}
    return {**base, "configurationEndpoint": issuer.url, **more}


def claims(issuer: TokenIssuer, **changes: Any) -> dict[str, Any]:
    """What the provider says of a person; None leaves a claim out."""
    issued = int(EPOCH.timestamp())
    return {
        "iss": issuer.url, "sub": SUB, "aud": CLIENT, "iat": issued, "exp": issued + 3600,
        "email": "mike@example.com", "email_verified": True, "nonce": NONCE,
    } | changes  # fmt: skip # a table


class Door:
    """A registration authority with one OIDC provisioner."""

    def __init__(self, ra: RegistrationHarness, issuer: TokenIssuer) -> None:
        self.ra = ra
        self.issuer = issuer
        self._logins = 0

    async def sign(self, *names: str, csr: str = "", **changes: Any) -> httpx.Response:
        """One request with a token of these claims, of a login of its own."""
        self._logins += 1
        token = self.issuer.sign(claims(self.issuer, **{"nonce": str(self._logins), **changes}))
        return await self.ra.sign(token, csr or request_for(*names))

    async def refuse(self, **changes: Any) -> str:
        """Why a token with these claims is refused, from the audit trail."""
        answer = await self.sign(**changes)
        assert answer.json() == GENERAL_401
        return self.ra.audit.lines[-1][2]["cause"]


@pytest.fixture
async def make_door(
    authority: CertificateAuthority, tmp_path: Path, pki: InternalPki, issuer: TokenIssuer
) -> AsyncIterator[Any]:
    """Opens registration authorities with changed records."""
    opened: list[RegistrationHarness] = []

    async def open_door(**changes: Any) -> Door:
        url = f"sqlite:///{tmp_path}/ra{len(opened)}.db"
        ra = await open_registration(
            url,
            authority,
            provisioners=(record(issuer, **changes),),
            outgoing={"ca_file": pki.roots},
        )
        opened.append(ra)
        return Door(ra, issuer)

    yield open_door
    for each in opened:
        await each.database.close()


def certificate(answer: httpx.Response) -> x509.Certificate:
    assert answer.status_code == 201, answer.text
    return x509.load_pem_x509_certificate(answer.json()["crt"].encode())


def asked_of_issuing(door: Door) -> tuple[list[str], list[str]]:
    """Subject and names of the last request to the issuing authority."""
    last = door.ra.issuing.requests[-1]
    names = [getattr(each, each.WhichOneof("name") or "") for each in last.names]
    return [each.value for each in last.subject], names


async def test_a_person_gets_the_names_the_token_proves_whatever_is_asked(make_door: Any) -> None:
    door = await make_door()
    own = ["mike@example.com", f"{door.issuer.url}#{SUB}"]
    for number, asked in enumerate([("mike.internal",), ("db.internal", "www.internal"), ()]):
        answer = await door.sign(*asked, nonce=f"n{number}")
        assert answer.status_code == 201, answer.text
        assert asked_of_issuing(door) == ([SUB], own)
    proof = door.ra.issuing.requests[-1].provisioner
    assert (proof.type, proof.name, proof.credential_id) == ("OIDC", "people", CLIENT)
    assert door.issuer.fetched == ["/.well-known/openid-configuration", "/jwks"]


async def test_without_an_address_the_subject_at_the_issuer_is_the_name(make_door: Any) -> None:
    door = await make_door()
    answer = await door.sign(email=None, email_verified=None, sub="auth0|5f7c 8ec'7")
    assert answer.status_code == 201, answer.text
    subject, names = asked_of_issuing(door)
    assert subject == ["auth0|5f7c 8ec'7"]
    assert names == [f"{door.issuer.url}#auth0%7C5f7c%208ec%277"]


async def test_an_issuer_that_is_no_url_gives_no_name(make_door: Any) -> None:
    door = await make_door()
    door.issuer.discovery = {"issuer": "accounts.google.com"}
    answer = await door.sign(iss="accounts.google.com")
    assert answer.status_code == 201, answer.text
    assert asked_of_issuing(door)[1] == ["mike@example.com"]


async def test_a_token_obtains_one_certificate(make_door: Any) -> None:
    door = await make_door()
    token = door.issuer.sign(claims(door.issuer))
    assert (await door.ra.sign(token, request_for("a.internal"))).status_code == 201
    again = await door.ra.sign(token, request_for("b.internal"))
    assert again.json() == GENERAL_401
    assert await door.refuse(nonce=NONCE, iat=int(EPOCH.timestamp()) - 5) == "token already used"
    # it is one person's: a provider that repeats it shuts no one else out
    assert (await door.sign(nonce=NONCE, sub="another", email=None)).status_code == 201


async def test_without_a_nonce_the_content_is_used_up(make_door: Any) -> None:
    door = await make_door()
    assert (await door.sign(nonce=None)).status_code == 201
    assert await door.refuse(nonce=None) == "token already used"
    assert (await door.sign(nonce=None, exp=int(EPOCH.timestamp()) + 3599)).status_code == 201


async def test_an_administrator_gets_the_subject_and_the_names_of_the_request(
    make_door: Any,
) -> None:
    door = await make_door(admins=["mike@EXAMPLE.com", "pki-admins"])
    answer = await door.sign("db.internal", "www.internal", email="mike@Example.COM")
    assert answer.status_code == 201, answer.text
    assert asked_of_issuing(door) == (["db.internal"], ["db.internal", "www.internal"])
    by_group = await door.sign("db.internal", email="eve@example.com", groups=["x", "pki-admins"])
    assert by_group.status_code == 201
    assert asked_of_issuing(door) == (["db.internal"], ["db.internal"])


@pytest.mark.attack("T11")
@pytest.mark.parametrize(
    "changes",
    [
        {"email": "Mike@example.com"},  # a local part has its case
        {"email": "mike@example.com.evil.example"},
        {"email": "eve@example.com", "groups": ["pki-admins-x", "PKI-ADMINS", "pki"]},
        {"email": "eve@example.com", "groups": "pki-admins,x"},
        {"email": None, "sub": "mike@example.com"},
        {"email": None, "preferred_username": "mike@example.com"},
    ],
)
async def test_t11_only_listed_addresses_and_groups_are_administrators(
    make_door: Any, changes: dict[str, Any]
) -> None:
    door = await make_door(admins=["mike@example.com", "pki-admins"])
    answer = await door.sign("db.internal", **changes)
    assert answer.status_code == 201, answer.text
    assert "db.internal" not in asked_of_issuing(door)[1]


@pytest.mark.attack("T11")
async def test_t11_tokens_of_another_client_or_issuer_are_refused(make_door: Any) -> None:
    door = await make_door()
    for changes, cause in (
        ({"aud": "other", "azp": CLIENT}, "the token is for another client (aud)"),
        ({"azp": "other"}, "the token was issued to another client (azp)"),
        ({"aud": [CLIENT, "other"]}, "the token was issued to another client (azp)"),
        ({"aud": ["other", "x"], "azp": CLIENT}, "the token is for another client (aud)"),
        ({"iss": f"{door.issuer.url}/"}, "the token's issuer is not"),
        ({"iss": f"{door.issuer.url}.evil.example"}, "the token's issuer is not"),
        ({"iss": door.issuer.url.upper()}, "the token's issuer is not"),
    ):
        assert cause in await door.refuse(**changes)
    both = await door.sign(aud=["other", CLIENT], azp=CLIENT)
    assert both.status_code == 201
    # a token for a client that no provisioner has selects none
    assert "no provisioner" in await door.refuse(aud="other")


@pytest.mark.attack("T11")
@pytest.mark.parametrize("unverified", [False, "false"])
async def test_t11_an_address_that_is_not_verified_is_not_certified(
    make_door: Any, unverified: Any
) -> None:
    door = await make_door(admins=["mike@example.com"])
    cause = await door.refuse(email_verified=unverified)
    assert cause == "the provider has not verified the address (email_verified)"
    assert (await door.sign(email_verified="true")).status_code == 201
    # without the claim the provider is trusted with its addresses, as Microsoft Entra is
    assert (await door.sign(email_verified=None)).status_code == 201


async def test_unverified_addresses_are_certified_where_that_is_configured_and_rule_nothing(
    make_door: Any,
) -> None:
    door = await make_door(admins=["mike@example.com"], newel={"allowUnverifiedEmail": True})
    assert (await door.sign("db.internal", email_verified=False)).status_code == 201
    assert asked_of_issuing(door)[1][0] == "mike@example.com"


@pytest.mark.attack("T11")
async def test_t11_domains_are_compared_whole_and_bind_those_without_an_address(
    make_door: Any,
) -> None:
    door = await make_door(domains=["Example.com"], admins=["root@other.example", "ops"])
    assert (await door.sign(email="mike@EXAMPLE.com")).status_code == 201
    for email in ("mike@evilexample.com", "mike@example.com.evil", "mike@sub.example.com"):
        assert "is not allowed" in await door.refuse(email=email)
    assert "no e-mail address" in await door.refuse(email=None)
    for number, changes in enumerate(
        ({"email": "root@other.example"}, {"email": None, "groups": ["ops"]})
    ):
        assert (await door.sign(nonce=f"a{number}", **changes)).status_code == 201


@pytest.mark.attack("T11")
async def test_t11_groups_are_compared_whole_however_they_are_written(make_door: Any) -> None:
    door = await make_door(groups=["eng", "ops"])
    for number, groups in enumerate((["x", "ops"], "eng")):
        assert (await door.sign(groups=groups, nonce=f"g{number}")).status_code == 201
    for groups in (None, [], ["engineering", "Eng"], "eng,ops", "eng ops"):
        assert "member of no configured group" in await door.refuse(groups=groups)
    assert "wrong type" in await door.refuse(groups=[1])
    assert "wrong type" in await door.refuse(groups={"eng": True})


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"email": "db.internal"}, "not an e-mail address"),
        ({"email": "10.0.0.1"}, "not an e-mail address"),
        ({"email": '"a b"@example.com'}, "not an e-mail address"),
        ({"email": ["mike@example.com"]}, "malformed token"),
        ({"sub": None}, "no subject"),
        ({"sub": "x" * 256}, "no subject of at most 255 characters"),
        ({"exp": None}, "never expires"),
        ({"exp": int(EPOCH.timestamp()) - 61}, "expired"),
        ({"exp": int(EPOCH.timestamp()) + 25 * 3600}, "expires too late"),
        ({"nbf": int(EPOCH.timestamp()) + 61}, "not valid yet"),
        ({"iat": int(EPOCH.timestamp()) + 61}, "issued in the future"),
    ],
)
async def test_claims_that_prove_no_person_are_refused(
    make_door: Any, changes: dict[str, Any], cause: str
) -> None:
    door = await make_door()
    assert cause in await door.refuse(**changes)
    assert len(door.ra.issuing.requests) == 1  # the server's own


async def test_the_keys_are_rolled_over_without_a_refused_login(make_door: Any) -> None:
    door = await make_door()
    assert (await door.sign()).status_code == 201
    door.issuer.keys.append(make_key("two", "RS256"))
    door.ra.clock.advance(dt.timedelta(seconds=FETCH_INTERVAL))
    assert (await door.sign(nonce="second")).status_code == 201
    old, door.issuer.keys = door.issuer.keys[0], door.issuer.keys[1:]
    door.ra.clock.advance(dt.timedelta(seconds=FETCH_INTERVAL))
    stranger = door.issuer.sign(claims(door.issuer), key=make_key("three"))
    refused = await door.ra.sign(stranger, request_for("a.internal"))
    assert refused.json() == GENERAL_401
    late = door.issuer.sign(claims(door.issuer, nonce="late"), key=old)
    assert (await door.ra.sign(late, request_for("a.internal"))).json() == GENERAL_401


@pytest.mark.attack("T03")
async def test_t03_the_header_chooses_neither_key_nor_algorithm(make_door: Any) -> None:
    door = await make_door()
    attacker = make_key("one")
    own = claims(door.issuer)
    for header in (
        {"jwk": attacker.as_dict(private=False)},
        {"jku": "https://evil.example/keys"},
        {"kid": "one"},
    ):
        token = door.issuer.sign(own, key=attacker, header=header)
        assert (await door.ra.sign(token, request_for("a.internal"))).json() == GENERAL_401
    assert set(door.issuer.fetched) == {"/.well-known/openid-configuration", "/jwks"}


async def test_a_provider_that_is_down_is_unavailable_and_never_a_refusal(
    make_door: Any, issuer: TokenIssuer
) -> None:
    issuer.down = True
    door = await make_door()
    answer = await door.sign()
    assert answer.status_code == 503
    assert read_message(answer) == "the keys of the identity provider cannot be fetched"
    assert "answered with the status 503" in door.ra.audit.lines[-1][2]["cause"]
    (listed,) = (await door.ra.call("GET", "/provisioners")).json()["provisioners"]
    assert listed["state"] == "Uninitialized"
    assert listed["stateReason"].endswith("localhost answered with the status 503")
    issuer.down = False
    door.ra.clock.advance(dt.timedelta(seconds=FETCH_INTERVAL))
    assert (await door.sign()).status_code == 201
    (listed,) = (await door.ra.call("GET", "/provisioners")).json()["provisioners"]
    assert "state" not in listed
    # a login goes on while the provider's keys cannot be fetched
    issuer.down = True
    door.ra.clock.advance(dt.timedelta(hours=20))
    issued = int(door.ra.clock.unix())
    assert (await door.sign(nonce="later", iat=issued, exp=issued + 60)).status_code == 201


@pytest.mark.attack("T11")
async def test_t11_a_discovery_document_that_redirects_is_not_followed(
    make_door: Any, issuer: TokenIssuer, pki: InternalPki
) -> None:
    with TokenIssuer(pki.files("localhost")) as evil:
        issuer.redirects["/.well-known/openid-configuration"] = f"{evil.url}/.well-known/x"
        door = await make_door()
        assert (await door.sign()).status_code == 503
        assert evil.fetched == []


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (b"<html>", "not one of OpenID Connect"),
        ({"jwks_uri": "https://localhost/"}, "has no issuer"),
        ({"issuer": "https://x"}, "has no jwks_uri"),
        ({"issuer": "https://x", "jwks_uri": "http://localhost/jwks"}, "not one of https"),
        ({"issuer": "https://x", "jwks_uri": "file:///etc/passwd"}, "not one of https"),
        ({"issuer": "https://x", "jwks_uri": "https://169.254.169.254/"}, "not allowed"),
        (b"x" * (1 << 20) + b"x", "too long"),
    ],
)
async def test_documents_that_cannot_be_used_are_named_in_the_list(
    make_door: Any, issuer: TokenIssuer, page: Any, reason: str
) -> None:
    issuer.pages["/.well-known/openid-configuration"] = page
    door = await make_door()
    assert (await door.sign()).status_code == 503
    (listed,) = (await door.ra.call("GET", "/provisioners")).json()["provisioners"]
    assert reason in listed["stateReason"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"clientID": ""}, "clientID cannot be empty"),
        ({"configurationEndpoint": ""}, "configurationEndpoint cannot be empty"),
        ({"configurationEndpoint": "http://idp.example"}, "not an https address"),
        ({"configurationEndpoint": "https://[::1"}, "Invalid IPv6 URL"),
        ({"listenAddress": "10000"}, "listenAddress"),
    ],
)
async def test_a_record_that_cannot_work_is_off(
    make_door: Any, changes: dict[str, Any], reason: str
) -> None:
    door = await make_door(**changes)
    (listed,) = (await door.ra.call("GET", "/provisioners")).json()["provisioners"]
    assert reason in listed["stateReason"]


async def test_of_two_provisioners_of_one_client_the_second_is_off(
    authority: CertificateAuthority, tmp_path: Path, issuer: TokenIssuer
) -> None:
    both = (
        record(issuer),
        record(issuer, name="others", configurationEndpoint="https://x.example"),
    )
    ra = await open_registration(f"sqlite:///{tmp_path}/ra.db", authority, provisioners=both)
    listed = (await ra.call("GET", "/provisioners")).json()["provisioners"]
    reason = "the provisioner 'people' has the same id, 'newel-client'"
    assert listed[1]["stateReason"] == reason
    await ra.database.close()


async def test_an_administrator_revokes_and_another_person_does_not(make_door: Any) -> None:
    door = await make_door(admins=["root@example.com"])
    issued = certificate(await door.sign())
    serial = str(issued.serial_number)

    async def revoke(**changes: Any) -> httpx.Response:
        token = door.issuer.sign(claims(door.issuer, nonce=None, **changes))
        return await door.ra.post("/revoke", serial=serial, ott=token, passive=True)

    refused = await revoke()
    assert refused.json() == GENERAL_401
    assert door.ra.audit.lines[-1][2]["cause"] == "cannot revoke with non-admin oidc token"
    assert (await revoke(email="root@example.com")).status_code == 200
    facts = door.ra.audit.lines[-1][2]
    assert facts["actor"] == f"token:{SUB}"


async def test_the_secret_of_the_client_is_listed_unless_it_is_hidden(make_door: Any) -> None:
    for settings, shown in ((None, "not so secret"), ({"hideClientSecret": True}, None)):
        door = await make_door(
            newel=settings, listenAddress=":10000", scopes=["openid"], authParams=["a=b"]
        )
        (listed,) = (await door.ra.call("GET", "/provisioners")).json()["provisioners"]
        assert listed.get("clientSecret") == shown
        assert listed["listenAddress"] == ":10000"
        assert (listed["scopes"], listed["authParams"]) == (["openid"], ["a=b"])


async def test_renewal_follows_the_claims_of_the_record(make_door: Any) -> None:
    for settings, status in (({}, 201), ({"claims": {"disableRenewal": True}}, 401)):
        door = await make_door(**settings)
        issued = certificate(await door.sign())
        der = issued.public_bytes(Encoding.DER)
        assert (await door.ra.call("POST", "/renew", certificate=der)).status_code == status


CODE_SIGNING = """{
  "subject": {"commonName": {{ toJson .Token.email }}, "organizationalUnit": "Release"},
  "emailAddresses": [{{ toJson .Token.email }}],
  "keyUsage": ["digitalSignature"],
  "extKeyUsage": ["codeSigning"]
}"""


async def test_a_template_makes_a_certificate_for_code_signing_of_the_person(
    make_door: Any,
) -> None:
    door = await make_door(
        options={"x509": {"template": CODE_SIGNING}}, admins=["mike@example.com"]
    )
    answer = await door.sign("db.internal")
    assert answer.status_code == 201, answer.text
    # with a template an administrator gets what the template says, too
    assert asked_of_issuing(door) == (["Release", "mike@example.com"], ["mike@example.com"])
    purposes = door.ra.issuing.requests[-1]
    assert "1.3.6.1.5.5.7.3.3" in str(purposes)


SHAPES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    # what each provider writes into an ID token beside the registered claims
    "Okta": (
        "",
        {"ver": 1, "jti": "ID.4eAWJOCMB3SX8XewDfVR", "amr": ["pwd", "mfa"], "idp": "00ok1u7AsAkrwdZL3",
         "auth_time": 1, "at_hash": "preyLbIEv", "name": "Mike", "preferred_username": "mike@example.com",
         "groups": ["Everyone", "eng"]},
        {"groups": ["eng"]},
    ),
    "Entra": (
        "https://login.example/{tenantid}/v2.0",
        {"ver": "2.0", "tid": "72f988bf-86f1", "oid": "00000000-0000-0000-66f3", "aio": "Df2UVXL1ix",
         "preferred_username": "mike@example.com", "email_verified": None, "rh": "0.A", "uti": "x",
         "groups": ["9a2f0cbb-7a8e"], "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ"},
        {"tenantID": "72f988bf-86f1", "groups": ["9a2f0cbb-7a8e"]},
    ),
    "Keycloak": (
        "",
        {"typ": "ID", "azp": CLIENT, "sid": "b8d0", "acr": "1", "session_state": "b8d0", "jti": "3b",
         "preferred_username": "mike", "given_name": "Mike", "groups": ["/eng"], "email_verified": True,
         "realm_access": {"roles": ["offline_access"]}},
        {"groups": ["/eng"], "domains": ["example.com"]},
    ),
    "Google": (
        "",
        {"azp": CLIENT, "hd": "example.com", "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q", "picture": "https://x/y",
         "locale": "en"},
        {"domains": ["example.com"]},
    ),
}  # fmt: skip # a table


@pytest.mark.parametrize("provider", SHAPES)
async def test_tokens_as_the_large_providers_make_them(
    make_door: Any, issuer: TokenIssuer, provider: str
) -> None:
    published, more, settings = SHAPES[provider]
    own = published.replace("{tenantid}", settings.get("tenantID", ""))
    issuer.keys.append(make_key("rsa", "RS256"))
    issuer.discovery = {"issuer": published or issuer.url}
    door = await make_door(**settings)
    answer = await door.sign("mike.internal", iss=own or issuer.url, **more)
    assert answer.status_code == 201, answer.text
    subject = more.get("sub", SUB)
    assert asked_of_issuing(door) == (
        [subject],
        ["mike@example.com", f"{own or issuer.url}#{subject}"],
    )
    if provider == "Entra":  # a token of another tenant of the same provider
        other = published.replace("{tenantid}", "evil")
        assert "issuer is not" in await door.refuse(iss=other, **more)
        assert "issuer is not" in await door.refuse(iss=published, **more)
