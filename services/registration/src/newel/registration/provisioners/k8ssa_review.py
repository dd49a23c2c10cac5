"""Reviews of service account tokens by a Kubernetes API server (``authentication.k8s.io/v1`` TokenReview).

The server knows what no signature says: whether the pod and the account still exist.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import msgspec

from newel.registration.errors import unauthorized_error
from newel.registration.provisioners.key_set_sources import Access, require_https
from newel.runtime.egress import EgressError
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.outgoing import OutgoingClient, OutgoingResponse

PATH = "/apis/authentication.k8s.io/v1/tokenreviews"
_CREATED = (200, 201)
_MAX_TEXT = 200  # characters of the server's error that are written to the audit trail


class _Spec(msgspec.Struct):
    token: str
    audiences: Sequence[str]


class _Review(msgspec.Struct, rename="camel"):
    spec: _Spec
    api_version: str = "authentication.k8s.io/v1"
    kind: str = "TokenReview"


class _User(msgspec.Struct):
    username: str = ""
    uid: str = ""


class Verdict(msgspec.Struct):
    """The ``status`` of a review."""

    authenticated: bool = False
    user: _User = msgspec.field(default_factory=_User)
    audiences: list[str] | None = None
    error: str = ""


class _Answer(msgspec.Struct):
    status: Verdict


_answer = msgspec.json.Decoder(_Answer)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Reviewer:
    """One API server, and how it is reached."""

    client: OutgoingClient
    url: str
    access: Access

    async def review(self, token: str, audiences: Sequence[str]) -> Verdict:
        """Ask whether a token is valid for one of the audiences.

        Raises ``unavailable`` when the server does not say: then nothing is known of the token.
        """
        body = _encode(_Review(_Spec(token, audiences)))
        try:
            headers = {"Content-Type": "application/json", "Accept": "application/json"}
            headers |= self.access.headers()
            response = await self.access.open(self.client).post(self.url, body, headers)
            return _read_verdict(response)
        except (EgressError, ValueError, RecursionError) as error:
            raise NewelError(
                ErrorType.UNAVAILABLE,
                "the Kubernetes API server cannot review the token",
                cause=f"TokenReview at {urlsplit(self.url).hostname}: {error}",
            ) from None


def _read_verdict(response: OutgoingResponse) -> Verdict:
    if response.status not in _CREATED:
        raise EgressError(f"the API server answered with the status {response.status}")
    return _answer.decode(response.body).status


def review_url(url: str) -> str:
    """Return the URL of reviews for that of an API server. Raises ValueError."""
    parts = require_https(url)
    return urlunsplit(parts._replace(path=PATH)) if parts.path in {"", "/"} else url


def require_authenticated(verdict: Verdict, subject: str, audiences: Sequence[str]) -> None:
    """Raise ``unauthorized`` unless the review is for this account and one of the audiences.

    A server that names no audience has checked the token against its own alone.
    """
    if not verdict.authenticated:
        raise unauthorized_error(
            f"the API server does not accept the token: {verdict.error[:_MAX_TEXT] or 'no reason'}"
        )
    if verdict.user.username != subject:
        raise unauthorized_error("the reviewed account is not the token's subject (sub)")
    if set(audiences).isdisjoint(verdict.audiences or ()):
        raise unauthorized_error("the API server accepts the token for another audience (aud)")
