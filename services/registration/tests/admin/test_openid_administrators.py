"""Administrators whom an OpenID provider vouches for: a login there, a certificate, and a request."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from fakes.token_issuer import TokenIssuer
from fixtures.administration import Login, ManagedAuthority, open_managed, refusal
from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.pki import InternalPki
from fixtures.registration import request_for
from newel.crypto import keys
from newel.step import managed

ADMINS = "/admin/admins"
CLIENT = "newel-client"


@pytest.fixture
async def open_id_site(
    authority: CertificateAuthority, tmp_path: Path, pki: InternalPki, issuer: TokenIssuer
) -> AsyncIterator[ManagedAuthority]:
    """An authority to which an administrator has added an OIDC provisioner, ``people``."""
    async with open_managed(
        f"sqlite:///{tmp_path}/ra.db", authority, outgoing={"ca_file": pki.roots}
    ) as site:
        record = {
            "type": "OIDC", "name": "people", "clientID": CLIENT, "clientSecret": "not so secret",
            "configurationEndpoint": issuer.url,
        }  # fmt: skip # a table
        await site.put("POST", "/admin/provisioners", managed.to_managed(record), 201)
        yield site


async def log_in(site: ManagedAuthority, issuer: TokenIssuer, email: str, **more: Any) -> Login:
    """The certificate that a person gets for a login."""
    now, key = int(EPOCH.timestamp()), keys.generate()
    claims = {
        "iss": issuer.url, "sub": f"subject of {email}", "aud": CLIENT, "iat": now, "exp": now + 3600,
        "email": email, "email_verified": True, "nonce": email, **more,
    }  # fmt: skip # a table
    answer = await site.ra.sign(issuer.sign(claims), request_for("any.example", key=key))
    assert answer.status_code == 201, answer.text
    return Login(x509.load_pem_x509_certificate(answer.json()["crt"].encode()), key)


async def test_a_person_manages_the_authority_after_a_login(
    open_id_site: ManagedAuthority, issuer: TokenIssuer
) -> None:
    site = open_id_site
    await site.add_administrator("mike@example.com", is_super=True, provisioner="people")
    mike = await log_in(site, issuer, "mike@example.com")
    body = {"subject": "ann@example.com", "provisioner": "people", "type": 1}
    assert (await site.send("POST", ADMINS, body, login=mike)).status_code == 201
    said = site.decisions("admin.admin.add")[-1]
    assert (said["administrator"], said["provisioner"]) == ("mike@example.com", "people")
    ann = await log_in(site, issuer, "ann@example.com")
    assert len((await site.get(ADMINS, login=ann))["admins"]) == 3
    status, _, message = refusal(await site.send("POST", ADMINS, body, login=ann))
    assert (status, message) == (401, "must have super admin access to make this request")


@pytest.mark.attack("P04")
async def test_a_login_of_someone_else_manages_nothing(
    open_id_site: ManagedAuthority, issuer: TokenIssuer
) -> None:
    """Not by another address, nor as the subject whom another provisioner vouches for."""
    site = open_id_site
    await site.add_administrator("mike@example.com", is_super=True)  # of the provisioner admin
    for email, sub in (
        ("eve@example.com", "eve"),
        ("mike@example.com", "1"),
        ("x@y.example", "step"),
    ):
        person = await log_in(site, issuer, email, sub=sub)
        status, _, message = refusal(await site.send("GET", ADMINS, login=person))
        assert status == 401
        assert "unable to load admin with subject(s)" in message
        assert message.endswith("and provisioner 'people'")
