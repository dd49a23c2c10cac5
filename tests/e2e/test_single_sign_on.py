"""Single sign-on: a person's tokens and certificate by an OpenID provider on this machine."""

import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from fakes.openid import OpenIdProvider, put_browser
from fixtures.leaves import read_names
from fixtures.pki import InternalPki
from fixtures.running import Authority, serve_newel
from fixtures.scenarios import PAIRS, Shell, make_stopped_authority
from fixtures.step_ca import change, step_ca

CLIENT = ("my-client", "my-secret")
FLAGS = f"--client-id {CLIENT[0]} --client-secret {CLIENT[1]}"


@pytest.fixture(scope="module")
def provider(pki: InternalPki) -> Generator[OpenIdProvider]:
    files = pki.files("localhost")
    with OpenIdProvider(files.certificate, files.key, client=CLIENT) as running:
        yield running


def single_sign_on(provider: OpenIdProvider) -> Callable[[dict[str, Any]], None]:
    """Changes a ca.json so that the provider decides on everyone."""

    def edit(ca: dict[str, Any]) -> None:
        ca["authority"]["provisioners"] = [{
            "type": "OIDC", "name": "Google", "clientID": CLIENT[0], "clientSecret": CLIENT[1],
            "configurationEndpoint": f"{provider.url}/.well-known/openid-configuration",
            "admins": ["admin@example.com"], "claims": {"disableRenewal": True},
        }]  # fmt: skip # a table

    return edit


@pytest.fixture(scope="module")
def step_ca_authority(
    tmp_path_factory: pytest.TempPathFactory, pki: InternalPki, provider: OpenIdProvider
) -> Generator[Authority]:
    """A step-ca that leaves all to the provider."""
    state = tmp_path_factory.mktemp("people") / "state"
    env = {"SSL_CERT_FILE": str(pki.roots)}
    with step_ca(state, edit=single_sign_on(provider), env=env) as running:
        yield running


@pytest.fixture(scope="module")
def newel_authority(
    tmp_path_factory: pytest.TempPathFactory, pki: InternalPki, provider: OpenIdProvider
) -> Generator[Authority]:
    """A `newel up` with the same record."""
    authority = make_stopped_authority("newel_authority", tmp_path_factory.mktemp("people"))
    change(authority.state / "config/ca.json", single_sign_on(provider))
    env = {"SSL_CERT_FILE": str(pki.roots)}
    with serve_newel(authority.state, authority.port, authority.http_port, env=env) as (running, _):
        yield running


def person(home: Path, program: str, pki: InternalPki, authority: Authority | None = None) -> Shell:
    """A user at a machine with a browser that trusts the provider."""
    trusted = {"SSL_CERT_FILE": str(pki.roots), "CURL_CA_BUNDLE": str(pki.roots)}
    shell = Shell(home, program, authority, trusted)
    put_browser(home / "bin")
    return shell


@pytest.mark.needs("curl")
@pytest.mark.parametrize("program", ["ours", pytest.param("step", marks=pytest.mark.needs("step"))])
def test_an_access_token_and_an_identity(
    program: str, tmp_path: Path, pki: InternalPki, provider: OpenIdProvider
) -> None:
    mike = person(tmp_path, program, pki)
    url = provider.url
    line = f'curl -s -H"$(step oauth --header --provider {url} {FLAGS})" {url}/userinfo'
    assert json.loads(mike.type_line(line)) == provider.person
    token = mike.type_line(f"step oauth --provider {url} {FLAGS} --bare --oidc")
    assert token.count("\n") == 1
    assert token.count(".") == 2
    verify_chain = mike.type_line(
        f"step oauth --provider {url} {FLAGS} --bare --oidc "
        f"| step crypto jwt verify --jwks {url}/jwks --iss {url} --aud {CLIENT[0]}"
    )
    payload = json.loads(verify_chain)["payload"]
    assert (payload["sub"], payload["email"]) == (provider.person["sub"], "mike@example.com")


@pytest.mark.needs("curl")
@pytest.mark.parametrize("pair", PAIRS)
def test_a_person_gets_a_certificate(
    pair: tuple[str, str],
    request: pytest.FixtureRequest,
    tmp_path: Path,
    pki: InternalPki,
    provider: OpenIdProvider,
) -> None:
    program, kind = pair
    authority = request.getfixturevalue(kind)
    mike = person(tmp_path, program, pki, authority).bootstrap()
    said = mike.read_messages("step ca certificate mike@example.com mike.crt mike.key")
    for line in (
        "Provisioner: Google (OIDC) [client: my-client]",
        f"CA: {authority.url}",
        "Certificate: mike.crt",
        "Private Key: mike.key",
    ):
        assert line in said
    short = mike.type_line("step certificate inspect --short mike.crt")
    assert f"Subject:     {provider.person['sub']}\n               mike@example.com\n" in short
    assert "Provisioner: Google [ID: my-c...ient]" in short
    own = read_names(tmp_path / "mike.crt")
    assert "mike@example.com" in own
    # who is no administrator gets his own names and no others, whatever he asks for
    mike.type_line("step ca certificate db.internal db.crt db.key --issuer Google")
    assert read_names(tmp_path / "db.crt") == own
    before = mike.read("mike.crt")
    mike.type_line("step ca renew mike.crt mike.key --force", code=1)
    assert mike.read("mike.crt") == before
    kept, provider.person = provider.person, {**provider.person, "email": "admin@example.com"}
    try:
        mike.type_line("step ca certificate db.internal db.crt db.key --issuer Google --force")
    finally:
        provider.person = kept
    assert read_names(tmp_path / "db.crt") == ["db.internal"]
