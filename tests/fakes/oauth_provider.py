"""An OAuth provider that renews and revokes what it gave, and a test that is the person's browser."""

import base64
import contextlib
import hashlib
import http.server
import json
import os
import subprocess
import threading
from collections.abc import Generator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from urllib.request import urlopen

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import RSAKey

from fixtures.running import NEWEL

CLIENT = ["--client-id", "client", "--client-secret", "client secret"]


class Provider:
    """The smallest OpenID provider; it remembers what it was asked and which of its tokens are good.

    A refresh token is good once: who comes again with it has stolen it, and all is over (RFC 9700 §4.14.2).
    """

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        self.asked: dict[str, str] = {}
        self.forms: list[dict[str, str]] = []
        self.pending = 1
        self.answers: dict[str, Any] = {}
        self.audience = "client"
        self.failing = False
        self.active: set[str] = set()
        self.refresh: str | None = None
        self._refreshed = 0
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def token(self, nonce: str | None) -> str:
        claims = {"iss": self.url, "aud": self.audience, "email": "joe@example.com", "nonce": nonce}
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
        if form["grant_type"] == "refresh_token":
            return self.redeem_again(form)
        nonce = self.asked.get("nonce")
        tokens: dict[str, Any] = {
            "access_token": "access",
            "id_token": self.token(nonce),
            "expires_in": 60,
            "token_type": "Bearer",
        } | self.answers
        self.refresh = tokens.get("refresh_token")
        self.active.add(tokens["access_token"])
        return 200, tokens

    def redeem_again(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """The token endpoint for a refresh token."""
        if form["refresh_token"] != self.refresh:
            self.refresh = None
            return 400, {"error": "invalid_grant"}
        self._refreshed += 1
        self.refresh = f"refresh-{self._refreshed}"
        access = f"access-{self._refreshed}"
        self.active.add(access)
        tokens = {"access_token": access, "refresh_token": self.refresh, "expires_in": 3600}
        return 200, tokens | self.answers

    def revoke(self, form: dict[str, str]) -> int:
        """The revocation endpoint (RFC 7009): a refresh token ends what came of it too."""
        self.forms.append(form)
        if self.failing:
            return 503
        if form["token"] == self.refresh:
            self.refresh = None
            self.active.clear()
        self.active.discard(form["token"])
        return 200

    def handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path != "/.well-known/openid-configuration":
                    provider.asked = dict(parse_qsl(urlsplit(self.path).query))
                    self.send_response(200)
                    self.end_headers()
                    return
                names = ("authorization", "token", "device_authorization", "revocation")
                found = {f"{name}_endpoint": f"{provider.url}/{name}?x=1" for name in names}
                self.reply(200, found)

            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(text).items()}
                if self.path.startswith("/revocation"):
                    self.send_response(provider.revoke(form))
                    self.end_headers()
                elif self.path.startswith("/device"):
                    provider.forms.append(form)
                    self.reply(
                        200,
                        {
                            "device_code": "d",
                            "user_code": "ABCD",
                            "interval": 1,
                            "verification_uri": "https://go.example",
                        },
                    )
                else:
                    self.reply(*provider.redeem(form))

            def reply(self, status: int, body: dict[str, Any]) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Quiet."""

        return Handler


@contextlib.contextmanager
def serve_provider() -> Generator[Provider]:
    """A provider that answers until the block ends."""
    made = Provider()
    threading.Thread(target=made.server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()


def start(*words: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """A command that will want a browser and is told that there is none to be opened."""
    return subprocess.Popen(
        [NEWEL, *words],
        env={**os.environ, **(env or {}), "STEP_OPEN_BROWSER": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def walk(
    provider: Provider,
    *words: str,
    answer: dict[str, str] | None = None,
    env: dict[str, str] | None = None,
) -> tuple[int, str, str, int]:
    """Follow the flow as a person would; return our status, stdout and stderr and the last page's status."""
    command = start(*words, "--provider", provider.url, *CLIENT, env=env)
    assert command.stderr is not None
    url = command.stderr.readline().strip()
    urlopen(url, timeout=60).close()  # noqa: S310
    query = {"code": "the code", "state": provider.asked["state"], **(answer or {})}
    back = f"{provider.asked['redirect_uri']}/?{urlencode(query)}"
    try:
        with urlopen(back, timeout=60) as page:  # noqa: S310
            status = page.status
    except HTTPError as error:
        status = error.code
    out, err = command.communicate(timeout=60)
    return command.returncode, out, err, status
