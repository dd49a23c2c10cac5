"""Where key sets are fetched, and for how long an answer is fresh."""

from pathlib import Path

import pytest

from fakes.token_issuer import TokenIssuer
from fixtures.pki import InternalPki
from newel.registration.provisioners.key_set_sources import (
    PUBLIC,
    Access,
    discovery_url,
    load_discovered,
    load_key_set,
    share_key_set,
)
from newel.runtime.egress import EgressError, EgressPolicy
from newel.runtime.http.outgoing import OutgoingClient
from newel.runtime.tls.client import trust_file


@pytest.fixture
def client(pki: InternalPki) -> OutgoingClient:
    return OutgoingClient(EgressPolicy(), trust_file(pki.roots))


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("https://a.example", "https://a.example/.well-known/openid-configuration"),
        ("https://a.example/", "https://a.example/.well-known/openid-configuration"),
        ("https://a.example/t/v2.0/", "https://a.example/t/v2.0/.well-known/openid-configuration"),
        ("https://a.example/x?p=b2c", "https://a.example/x/.well-known/openid-configuration?p=b2c"),
        (
            "https://a.example/.well-known/openid-configuration?p=b2c",
            "https://a.example/.well-known/openid-configuration?p=b2c",
        ),
    ],
)
def test_the_discovery_document_is_below_the_issuer(endpoint: str, url: str) -> None:
    assert discovery_url(endpoint) == url


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("public, max-age=19845, must-revalidate, no-transform", 19845),
        ('max-age="60"', 60),
        ("Max-Age=0", 0),
        ("no-cache", 0),
        ("private, no-store, max-age=600", 0),
        ("max-age=99999999999", 999999999),
        ("max-age=-1", None),
        ("public", None),
    ],
)
async def test_the_server_says_for_how_long_its_answer_is_fresh(
    client: OutgoingClient, issuer: TokenIssuer, header: str | None, seconds: float | None
) -> None:
    if header is not None:
        issuer.headers["Cache-Control"] = header
    assert (await load_key_set(client, f"{issuer.url}/jwks", PUBLIC)).max_age == seconds
    found = await load_discovered(client, f"{issuer.url}/.well-known/openid-configuration", PUBLIC)
    assert (found.issuer, found.keys.has("one"), found.max_age) == (issuer.url, True, seconds)


async def test_files_for_the_access_are_read_again_by_each_fetch(
    client: OutgoingClient, issuer: TokenIssuer, pki: InternalPki, tmp_path: Path
) -> None:
    token, roots = tmp_path / "token", tmp_path / "roots.pem"
    access = Access(str(roots), str(token))
    url = f"{issuer.url}/jwks"
    with pytest.raises(ValueError, match=r"roots\.pem: No such file"):
        await load_key_set(client, url, access)
    roots.write_bytes(pki.roots.read_bytes())
    with pytest.raises(ValueError, match="token: No such file"):
        await load_key_set(client, url, access)
    for text in ("first", "second\n"):
        token.write_text(text)
        await load_key_set(client, url, access)
    assert issuer.authorizations == ["Bearer first", "Bearer second"]
    token.write_bytes(b"\xff")
    with pytest.raises(ValueError, match="no bearer token"):
        await load_key_set(client, url, access)


async def test_a_certificate_of_another_authority_is_not_trusted(
    issuer: TokenIssuer, tmp_path: Path
) -> None:
    client = OutgoingClient(EgressPolicy(), trust_file(InternalPki(tmp_path, "other").roots))
    with pytest.raises(EgressError, match="not trusted"):
        await load_key_set(client, f"{issuer.url}/jwks", PUBLIC)


def test_a_process_that_fetches_nothing_has_no_such_provisioner() -> None:
    with pytest.raises(ValueError, match="not fetched here"):
        share_key_set(None, "https://a.example/jwks")
