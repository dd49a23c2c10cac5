"""oauth against an identity provider on this machine; the test is the person's browser."""

import json
import subprocess
from collections.abc import Generator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from cryptography.hazmat.primitives import serialization
from joserfc import jwt
from joserfc.jwk import RSAKey

from fakes.oauth_provider import CLIENT, Provider, serve_provider
from fakes.oauth_provider import start as begin
from fakes.oauth_provider import walk as go


@pytest.fixture
def provider() -> Generator[Provider]:
    with serve_provider() as made:
        yield made


def start(*words: str) -> subprocess.Popen[str]:
    return begin("oauth", *words)


def walk(
    provider: Provider, *words: str, answer: dict[str, str] | None = None
) -> tuple[int, str, str, int]:
    return go(provider, "oauth", *words, answer=answer)


def test_the_code_is_exchanged_with_pkce_state_and_nonce(provider: Provider) -> None:
    code, out, _, status = walk(provider, "--oidc", "--bare", "--email", "joe@example.com",
                                "--scope", "openid", "--scope", "groups", "--auth-param", "a=b=c",
                                "--prompt", "none")  # fmt: skip # a command line
    assert (code, status) == (0, 200)
    claims = jwt.decode(
        out.strip(),
        RSAKey.import_key(
            provider.key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        ),
    ).claims
    assert claims["email"] == "joe@example.com"
    asked = provider.asked
    assert asked["redirect_uri"].startswith("http://127.0.0.1:")
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert (asked["scope"], asked["login_hint"]) == ("openid groups", "joe@example.com")
    assert (asked["a"], asked["x"], asked["prompt"]) == ("b=c", "1", "none")
    assert len(asked["state"]) == 32
    assert len(asked["nonce"]) == 64
    assert provider.forms[0]["client_secret"] == "client secret"
    assert len(provider.forms[0]["code_verifier"]) == 64


def test_what_is_printed_follows_the_flags(provider: Provider) -> None:
    assert walk(provider, "--bare")[1] == "access\n"
    assert walk(provider, "--header")[1] == "Authorization: Bearer access\n"
    printed = json.loads(walk(provider)[1])
    assert list(printed) == [
        "access_token",
        "id_token",
        "refresh_token",
        "expires_in",
        "token_type",
    ]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"state": "another"}, "missing or invalid state"),
        ({"error": "access_denied"}, "Failed to authenticate: access_denied"),
        ({"code": "guessed"}, "invalid_grant. no"),
    ],
)
def test_a_forged_answer_gives_no_token(
    provider: Provider, answer: dict[str, str], said: str
) -> None:
    code, out, err, status = walk(provider, answer=answer)
    assert (code, out, status) == (1, "", 400)
    assert said in err
    assert "the code" not in err


def test_an_id_token_of_another_request_is_refused(provider: Provider) -> None:
    provider.answers = {"id_token": provider.token("another nonce")}
    code, out, err, _ = walk(provider)
    assert (code, out) == (1, "")
    assert "nonce" in err


def test_requests_of_other_programs_do_not_end_the_flow(provider: Provider) -> None:
    command = start(
        "--provider", provider.url, *CLIENT, "--bare", "--redirect-url", provider.url + "/done"
    )
    assert command.stderr is not None
    urlopen(command.stderr.readline().strip()).close()  # noqa: S310
    here = provider.asked["redirect_uri"]
    for path in ("/favicon.ico", "/", "/?code=x"):
        with pytest.raises(HTTPError):
            urlopen(here + path)  # noqa: S310
    query = urlencode({"code": "the code", "state": provider.asked["state"]})
    with urlopen(f"{here}/?{query}") as page:  # noqa: S310
        assert page.geturl().endswith("/done")
    assert command.communicate(timeout=60)[0] == "access\n"


def test_the_device_flow_polls_until_the_person_has_agreed(provider: Provider) -> None:
    command = start("--provider", provider.url, *CLIENT, "--console", "--bare")
    out, err = command.communicate(timeout=60)
    assert (command.returncode, out) == (0, "access\n")
    assert err == "Visit https://go.example and enter the code:\nABCD\n"
    assert [form.get("device_code") for form in provider.forms] == [None, "d", "d"]


def test_the_device_flow_ends_when_the_person_declines(provider: Provider) -> None:
    provider.pending = 0
    provider.answers = {"error": "access_denied"}
    command = start("--provider", provider.url, *CLIENT, "--console", "--bare")
    out, err = command.communicate(timeout=60)
    assert (command.returncode, out) == (1, "")
    assert "access_denied" in err


def test_a_service_account_signs_for_itself(provider: Provider, tmp_path: Path) -> None:
    pem = provider.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = tmp_path / "account.json"
    account.write_text(json.dumps({
        "type": "service_account", "auth_uri": provider.url, "token_uri": provider.url + "/token",
        "private_key_id": "kid", "private_key": pem.decode(), "client_email": "robot@example.com",
    }))  # fmt: skip # a table
    out, err = start("--account", str(account), "--bare").communicate(timeout=60)
    assert out == "access\n", err
    claims = jwt.decode(provider.forms[0]["assertion"], RSAKey.import_key(pem)).claims
    assert (claims["iss"], claims["aud"]) == ("robot@example.com", provider.url + "/token")
    assert claims["exp"] - claims["iat"] == 3600
    out, _ = start("--account", str(account), "--jwt", "--bare", "--scope", "a").communicate(
        timeout=60
    )
    assert jwt.decode(out.strip(), RSAKey.import_key(pem)).claims["aud"] == "a"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "oauth' requires the '--client-id' flag: ask as a client of your own"),
        (["--provider", "https://idp.example"], "flag '--client-id' required with '--provider'"),
        ([*CLIENT, "--provider", "http://idp.example"], "is not an https address"),
        ([*CLIENT, "--console-flow", "x"], "options are device, oob"),
        ([*CLIENT, "--authorization-endpoint", "https://a"], "requires flag '--token-endpoint'"),
        ([*CLIENT, "--implicit"], "implicit"),
        ([*CLIENT, "--listen", "x"], "'--listen'"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(words: list[str], said: str) -> None:
    command = start(*words)
    out, err = command.communicate(timeout=60)
    assert (command.returncode, out, len(err.splitlines())) == (1, "", 1)
    assert said in err
