"""An OAuth 2.0 access token, or an OpenID Connect ID token, with what renews it (RFC 6749, RFC 6750, RFC 7009)."""

import datetime as dt
import ssl
from collections.abc import MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import msgspec

from newel.cli.errors import CliError
from newel.cli.operations.credentials.credential import Access
from newel.cli.operations.oauth import exchange
from newel.client.clock import now

if TYPE_CHECKING:
    from newel.cli.operations.oauth.sign_in import SignIn

EARLY = dt.timedelta(minutes=1)
"""How long before its end a token is renewed: what is sent now must still be good when it arrives."""

LONGEST = 10 * 365 * 86400
"""Seconds a token is believed to be good for at most."""


class Token(msgspec.Struct, frozen=True, tag_field="kind", tag="token"):
    """What a provider gave to one client for one person. Secrets are in no repr."""

    bearer: str
    holder: str
    ends_at: int
    """Unix seconds; 0 where the provider does not say."""
    refresh: str
    token_endpoint: str
    revocation_endpoint: str
    client_id: str
    client_secret: str = ""
    identity: bool = False
    """Whether the bearer is the ID token."""

    @property
    def kind(self) -> str:
        """Its tag."""
        return "token"

    def __repr__(self) -> str:
        return f"Token({self.holder!r})"

    @classmethod
    def of(cls, signed_in: "SignIn", *, identity: bool) -> Self:
        """Return the credential of a sign-in. Raises CliError when it is for another client."""
        tokens, endpoints, client = signed_in
        return cls(
            bearer_of(tokens, identity=identity),
            holder_of(tokens, client.id),
            end_of(tokens),
            str(tokens["refresh_token"]),
            endpoints.token,
            endpoints.revocation,
            client.id,
            client.secret,
            identity,
        )

    @property
    def ends(self) -> dt.datetime | None:
        """When the provider says the bearer ends."""
        return dt.datetime.fromtimestamp(self.ends_at, dt.UTC) if self.ends_at else None

    def due(self, now: dt.datetime) -> bool:
        """Say whether less than a minute is left, so that no request expires on its way."""
        return self.ends is not None and now >= self.ends - EARLY

    def present(self, headers: MutableMapping[str, str], tls: ssl.SSLContext) -> None:
        """Add the Authorization header (RFC 6750 §2.1)."""
        del tls
        headers["Authorization"] = f"Bearer {self.bearer}"

    def renew(self) -> Self:
        """Get a new token by the refresh token (RFC 6749 §6)."""
        tokens = self._refresh()
        return msgspec.structs.replace(
            self,
            bearer=bearer_of(tokens, identity=self.identity),
            ends_at=end_of(tokens),
            refresh=str(tokens.get("refresh_token") or self.refresh),
        )

    def access(self, scopes: Sequence[str]) -> Access:
        """Return the token itself or, for scopes, another that is limited to them."""
        if not scopes:
            return Access(self.bearer.encode(), self)
        tokens = self._refresh(scope=" ".join(scopes))
        # a scope that is not said is the one that was asked for (RFC 6749 §5.1)
        more = set(str(tokens.get("scope") or "").split()) - set(scopes)
        if more:
            raise CliError(f"the provider gives more than was asked for: {' '.join(sorted(more))}")
        kept = msgspec.structs.replace(
            self, refresh=str(tokens.get("refresh_token") or self.refresh)
        )
        return Access(bearer_of(tokens, identity=False).encode(), kept)

    def revoke(self) -> bool:
        """Revoke the refresh token, or the access token where there is none (RFC 7009 §2.1)."""
        if not self.revocation_endpoint:
            return False
        hint = "refresh_token" if self.refresh else "access_token"
        form = {**self._client.form, "token": self.refresh or self.bearer, "token_type_hint": hint}
        status, _ = exchange.fetch(self.revocation_endpoint, form)
        if status >= 400:
            raise CliError(f"the provider answers with status {status}")
        return True

    @property
    def _client(self) -> exchange.Client:
        return exchange.Client(self.client_id, self.client_secret)

    def _refresh(self, **wanted: str) -> dict[str, Any]:
        if not self.refresh:
            raise CliError(
                "the provider gave no refresh token (some do for '--scope offline_access')"
            )
        form = {**self._client.form, "grant_type": "refresh_token", "refresh_token": self.refresh}
        answer = exchange.post(self.token_endpoint, form | wanted)
        if answer.refusal or answer.status >= 400:
            raise CliError(f"the provider refuses: {answer.refusal or f'status {answer.status}'}")
        return answer.members


def bearer_of(tokens: dict[str, Any], *, identity: bool) -> str:
    """Return the token for services. Raises CliError when it is missing or does not fit into a header."""
    found = str(tokens.get("id_token" if identity else "access_token") or "")
    if not found or not found.isascii() or not found.isprintable() or " " in found:
        raise CliError("the provider's answer holds no such token")
    return found


def end_of(tokens: dict[str, Any]) -> int:
    """Return when a new token expires, in seconds since 1970; 0 where that is unknown."""
    lifetime = min(exchange.seconds(tokens.get("expires_in")), LONGEST)
    return int(now().timestamp()) + lifetime if lifetime else 0


def holder_of(tokens: dict[str, Any], client: str) -> str:
    """Whom the ID token names (OpenID Connect Core §3.1.3.7); "" without one.

    It came from the provider itself over TLS, so its signature is not asked for; that it is for this client is.
    """
    if not tokens.get("id_token"):
        return ""
    from newel.cli.operations.tokens.token_claims import unverified_claims

    claims = unverified_claims(str(tokens["id_token"]))
    audience = claims.get("aud")
    if client not in (audience if isinstance(audience, list) else [audience]):
        raise CliError("the ID token was made for another client")
    return str(claims.get("email") or claims.get("sub") or "")
