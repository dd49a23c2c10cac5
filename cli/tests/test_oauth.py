"""oauth against an identity provider on this machine; the test is the person's browser."""

import base64
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from urllib.request import urlopen

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import RSAKey

NEWEL = str(Path(sys.executable).with_name("newel"))
CLIENT = ["--client-id", "client", "--client-secret", "client secret"]


class Provider:
    """The smallest OpenID provider; it remembers what it was asked."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        self.asked: dict[str, str] = {}
        self.forms: list[dict[str, str]] = []
        self.pending = 1
        self.answers: dict[str, Any] = {}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def token(self, nonce: str | None) -> str:
        claims = {"iss": self.url, "aud": "client", "email": "joe@example.com", "nonce": nonce}
        pem = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(pem))

    def redeem(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """The token endpoint."""
        self.forms.append(form)
        if form["grant_type"].endswith("device_code") and self.pending:
            self.pending -= 1
            return 400, {"error": "authorization_pending"}
        if form["grant_type"] == "authorization_code":
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            if challenge != self.asked["code_challenge"] or form["code"] != "the code":
                return 400, {"error": "invalid_grant", "error_description": "no"}
        nonce = self.asked.get("nonce")
        tokens = {"access_token": "access", "id_token": self.token(nonce), "expires_in": 60,
                  "token_type": "Bearer"}  # fmt: skip
        return 200, tokens | self.answers

    def handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path != "/.well-known/openid-configuration":
                    provider.asked = dict(parse_qsl(urlsplit(self.path).query))
                    self.send_response(200)
                    self.end_headers()
                    return
                names = ("authorization", "token", "device_authorization")
                found = {f"{name}_endpoint": f"{provider.url}/{name}?x=1" for name in names}
                self.reply(200, found)

            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(text).items()}
                if self.path.startswith("/device"):
                    provider.forms.append(form)
                    self.reply(200, {"device_code": "d", "user_code": "ABCD", "interval": 1,
                                     "verification_uri": "https://go.example"})  # fmt: skip
                else:
                    self.reply(*provider.redeem(form))

            def reply(self, status: int, body: dict[str, Any]) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Quiet."""

        return Handler


@pytest.fixture
def provider() -> Generator[Provider]:
    made = Provider()
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


def start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [NEWEL, "oauth", *words],
        env={**os.environ, "STEP_OPEN_BROWSER": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )


def walk(
    provider: Provider, *words: str, answer: dict[str, str] | None = None
) -> tuple[int, str, str, int]:
    """The flow as a person walks it: code, stdout and stderr of ours, status of the last page."""
    command = start("--provider", provider.url, *CLIENT, *words)
    assert command.stderr is not None
    url = command.stderr.readline().strip()
    urlopen(url).close()  # noqa: S310
    query = {"code": "the code", "state": provider.asked["state"], **(answer or {})}
    try:
        with urlopen(f"{provider.asked['redirect_uri']}/?{urlencode(query)}") as page:  # noqa: S310
            status = page.status
    except HTTPError as error:
        status = error.code
    out, err = command.communicate(timeout=20)
    return command.returncode, out, err, status


def test_the_code_is_exchanged_with_pkce_state_and_nonce(provider: Provider) -> None:
    code, out, _, status = walk(provider, "--oidc", "--bare", "--email", "joe@example.com",
                                "--scope", "openid", "--scope", "groups", "--auth-param", "a=b=c",
                                "--prompt", "none")  # fmt: skip
    assert (code, status) == (0, 200)
    claims = jwt.decode(out.strip(), RSAKey.import_key(provider.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))).claims  # fmt: skip
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
    assert command.communicate(timeout=20)[0] == "access\n"


def test_the_device_flow_polls_until_the_person_has_agreed(provider: Provider) -> None:
    command = start("--provider", provider.url, *CLIENT, "--console", "--bare")
    out, err = command.communicate(timeout=30)
    assert (command.returncode, out) == (0, "access\n")
    assert err == "Visit https://go.example and enter the code:\nABCD\n"
    assert [form.get("device_code") for form in provider.forms] == [None, "d", "d"]


def test_the_device_flow_ends_when_the_person_declines(provider: Provider) -> None:
    provider.pending = 0
    provider.answers = {"error": "access_denied"}
    command = start("--provider", provider.url, *CLIENT, "--console", "--bare")
    out, err = command.communicate(timeout=30)
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
    }))  # fmt: skip
    out, err = start("--account", str(account), "--bare").communicate(timeout=20)
    assert out == "access\n", err
    claims = jwt.decode(provider.forms[0]["assertion"], RSAKey.import_key(pem)).claims
    assert (claims["iss"], claims["aud"]) == ("robot@example.com", provider.url + "/token")
    assert claims["exp"] - claims["iat"] == 3600
    out, _ = start("--account", str(account), "--jwt", "--bare", "--scope", "a").communicate(
        timeout=20
    )
    assert jwt.decode(out.strip(), RSAKey.import_key(pem)).claims["aud"] == "a"


@pytest.mark.parametrize(
    ("words", "said"),
    [
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
    out, err = command.communicate(timeout=20)
    assert (command.returncode, out, len(err.splitlines())) == (1, "", 1)
    assert said in err
