"""An OpenID provider that knows one person, and a browser in which that person is logged in."""

import base64
import hashlib
import json
import secrets
import ssl
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

from fakes.local_server import LocalServer
from newel.client.clock import now


def put_browser(folder: Path) -> None:
    """Write a program that follows the provider's redirection to the client that waits for the answer."""
    program = folder / "xdg-open"
    program.write_text('#!/bin/sh\nexec curl -sSL -o /dev/null "$1"\n')
    program.chmod(0o755)


class OpenIdProvider(LocalServer):
    """Every visitor of its authorization page is ``person``.

    A code is redeemed once, with its PKCE verifier
    and the client's secret.
    """

    def __init__(self, certificate: Path, key: Path, *, client: tuple[str, str]) -> None:
        self.person: dict[str, Any] = {
            "sub": "115449349109627210866",
            "email": "mike@example.com",
            "email_verified": True,
        }
        self.client = client
        self._codes: dict[str, dict[str, str]] = {}
        self._key = ECKey.generate_key("P-256", {"kid": "one", "alg": "ES256", "use": "sig"})
        self._access = secrets.token_urlsafe()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        super().__init__(handler(self), tls)
        self.url = f"https://localhost:{self.port}"

    def discovery(self) -> dict[str, Any]:
        """Discovery (OpenID Connect Discovery §4.2)."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
        }

    def keys(self) -> dict[str, Any]:
        """The public keys of its tokens."""
        return {"keys": [self._key.as_dict(private=False)]}

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent with the code."""
        code = secrets.token_urlsafe()
        self._codes[code] = asked
        query = urlencode({"code": code, "state": asked["state"]})
        return f"{asked['redirect_uri']}?{query}"

    def redeem(self, form: dict[str, str]) -> dict[str, Any] | None:
        """The tokens for a code; None for one that is not redeemed as it must be."""
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        given = form.get("client_id"), form.get("client_secret")
        if asked is None or proof != asked["code_challenge"] or given != self.client:
            return None
        if form.get("redirect_uri") != asked["redirect_uri"]:
            return None
        issued = int(now().timestamp())
        claims = self.person | {
            "iss": self.url, "aud": self.client[0], "azp": self.client[0], "nonce": asked["nonce"],
            "iat": issued, "exp": issued + 300,
        }  # fmt: skip # a table
        token = jwt.encode({"alg": "ES256", "kid": "one", "typ": "JWT"}, claims, self._key)
        return {
            "access_token": self._access,
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": token,
        }

    def userinfo(self, authorization: str) -> dict[str, Any] | None:
        """Who the bearer of an access token is."""
        return self.person if authorization == f"Bearer {self._access}" else None


def handler(provider: OpenIdProvider) -> type[BaseHTTPRequestHandler]:
    """Its pages."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(dict(parse_qsl(parts.query))))
                self.end_headers()
                return
            pages = {
                "/.well-known/openid-configuration": provider.discovery(),
                "/jwks": provider.keys(),
                "/userinfo": provider.userinfo(self.headers.get("Authorization", "")),
            }
            self.reply(pages.get(parts.path))

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.reply(provider.redeem(dict(parse_qsl(text))))

        def reply(self, body: dict[str, Any] | None) -> None:
            self.send_response(401 if body is None else 200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body or {"error": "invalid_grant"}).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base names it
            """Quiet."""

    return Handler
