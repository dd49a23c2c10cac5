"""The authorization request and the exchange of its code, with PKCE (RFC 7636)."""

import base64
import hashlib
import secrets
import string
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from newel.cli.errors import CliError
from newel.cli.operations.oauth import exchange
from newel.cli.operations.oauth.endpoints import Endpoints
from newel.cli.operations.oauth.exchange import Client

ALPHABET = string.ascii_letters + string.digits


def letters(length: int) -> str:
    """Random letters and digits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


class Authorization(NamedTuple):
    """One request for an authorization: what is asked, and the secrets that bind the answer to it."""

    endpoints: Endpoints
    client: Client
    scope: str
    extra: Sequence[tuple[str, str]]
    """Further parameters: ``prompt``, ``login_hint`` and those of the person."""
    redirect_uri: str
    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(
        cls,
        endpoints: Endpoints,
        client: Client,
        scope: str,
        extra: Sequence[tuple[str, str]],
        redirect_uri: str,
    ) -> "Authorization":
        """Return a request with new secrets."""
        fresh = (letters(32), secrets.token_hex(32), letters(64))
        return cls(endpoints, client, scope, extra, redirect_uri, *fresh)

    @property
    def url(self) -> str:
        """Where the person's browser goes."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        parts = urlsplit(self.endpoints.authorization)
        query = [
            *parse_qsl(parts.query),
            ("client_id", self.client.id),
            ("redirect_uri", self.redirect_uri),
            ("response_type", "code"),
            ("code_challenge_method", "S256"),
            ("code_challenge", base64.urlsafe_b64encode(digest).decode().rstrip("=")),
            ("scope", self.scope),
            ("state", self.state),
            ("nonce", self.nonce),
            *self.extra,
        ]
        return urlunsplit(parts._replace(query=urlencode(query)))

    def redeem(self, answer: dict[str, str]) -> dict[str, Any]:
        """Return the tokens for the answer at the redirect URI. Raises CliError."""
        if answer.get("error"):
            raise CliError(f"Failed to authenticate: {answer['error']}")
        if not secrets.compare_digest(answer.get("state", "").encode(), self.state.encode()):
            raise CliError("Failed to authenticate: missing or invalid state")
        return self.exchange(answer.get("code", ""))

    def exchange(self, code: str) -> dict[str, Any]:
        """Return the tokens for a code."""
        form = {
            "code": code,
            **self.client.form,
            "redirect_uri": self.redirect_uri,
            "grant_type": "authorization_code",
            "code_verifier": self.verifier,
        }
        return exchange.token_of(exchange.post(self.endpoints.token, form), self.nonce)
