"""A server that publishes the keys of its tokens: an OpenID provider, or the API server of a cluster."""

import json
import ssl
from http.server import BaseHTTPRequestHandler
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from lightkube.models.authentication_v1 import TokenReview

from fakes.local_server import LocalServer
from newel.runtime.tls.mutual import TLSFiles

Key = ECKey | RSAKey | OKPKey


def make_key(kid: str, algorithm: str = "ES256") -> Key:
    """A key of its own for an algorithm."""
    options: Any = {"kid": kid, "alg": algorithm, "use": "sig"}
    if algorithm == "ES256":
        return ECKey.generate_key("P-256", options)
    if algorithm == "EdDSA":
        return OKPKey.generate_key("Ed25519", options)
    return RSAKey.generate_key(2048, options)


class TokenIssuer(LocalServer):
    """Publishes a discovery document and a JWK set, reviews tokens, and signs what a test asks for.

    ``down`` answers all with 503; ``fetched`` has the paths that were asked for, in order.
    """

    def __init__(self, files: TLSFiles, *keys: Key) -> None:
        self.keys = list(keys or [make_key("one")])
        self.headers: dict[str, str] = {}
        self.discovery: dict[str, Any] = {}
        self.pages: dict[str, Any] = {}
        self.redirects: dict[str, str] = {}
        self.down = False
        self.bearer = ""
        self.fetched: list[str] = []
        self.authorizations: list[str] = []
        self.reviewed: list[dict[str, Any]] = []
        self.verdict: dict[str, Any] = {"authenticated": False}
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(files.certificate, files.key)
        super().__init__(_handler(self), tls)
        self.url = f"https://localhost:{self.port}"

    def find(self, path: str) -> Any:
        """The document at a path; None for what is not there."""
        documents = {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/jwks",
                **self.discovery,
            },
            "/jwks": {"keys": [each.as_dict(private=False) for each in self.keys]},
            **self.pages,
        }
        return documents.get(path)

    def review(self, review: dict[str, Any]) -> dict[str, Any]:
        """Answer a TokenReview, which has to be one of the published model, with ``verdict``."""
        self.reviewed.append(review)
        assert TokenReview.from_dict(review).to_dict() == review
        return {**review, "status": self.verdict}

    def sign(
        self,
        claims: dict[str, Any],
        *,
        key: Key | None = None,
        header: dict[str, Any] | None = None,
    ) -> str:
        """Sign claims by the newest key; a claim that is None is left out."""
        own = key or self.keys[-1]
        alg: Any = own.get("alg")
        kid: Any = own.get("kid")
        told = {"alg": alg, "kid": kid, "typ": "JWT", **(header or {})}
        present = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(told, present, own, algorithms=[alg])


def _handler(issuer: TokenIssuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetched.append(self.path)
            issuer.authorizations.append(self.headers.get("Authorization", ""))
            target = issuer.redirects.get(self.path)
            if target:
                self.send_response(302)
                self.send_header("Location", target)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.reply(200, issuer.find(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            given = self.headers.get("Authorization", "")
            if issuer.bearer and given != f"Bearer {issuer.bearer}":
                self.reply(403, {"kind": "Status", "status": "Failure", "code": 403})
                return
            self.reply(201, issuer.review(json.loads(body)))

        def reply(self, status: int, document: Any) -> None:
            status = 503 if issuer.down else 404 if document is None else status
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            for name, value in issuer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base names it
            """Quiet."""

    return Handler
