"""Requests to an identity provider: forms there, JSON back; https, or http on this machine alone."""

import json
from typing import Any, NamedTuple, cast
from urllib.parse import urlencode, urlsplit

from newel.cli.errors import CliError

SECONDS = 15
LARGEST = 1 << 20
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
MEMBERS = ("access_token", "id_token", "refresh_token", "expires_in", "token_type")


class Answer(NamedTuple):
    """A status and the members of the body."""

    status: int
    members: dict[str, Any]

    @property
    def refusal(self) -> str:
        """The provider's error and its description (RFC 6749 §5.2); "" when there is none."""
        words = (self.members.get("error"), self.members.get("error_description"))
        return ". ".join(str(word) for word in words if word)


class Client(NamedTuple):
    """Who asks."""

    id: str
    secret: str = ""

    @property
    def form(self) -> dict[str, str]:
        """As request parameters; public clients have no secret (RFC 6749 §2.3.1)."""
        return {"client_id": self.id, **({"client_secret": self.secret} if self.secret else {})}


def post(url: str, form: dict[str, str]) -> Answer:
    """Post a form. Raises CliError when there is no answer or it is no JSON object."""
    status, data = fetch(url, form)
    return Answer(status, members(url, data))


def send(url: str) -> Answer:
    """Ask for a JSON object."""
    status, data = fetch(url)
    return Answer(status, members(url, data))


def fetch(url: str, form: dict[str, str] | None = None) -> tuple[int, bytes]:
    """Return status and body, at most one octet over the limit. Raises CliError."""
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request

    from newel.cli.operations.network_errors import explain
    from newel.client.errors import ClientError
    from newel.client.web import make_opener

    allow(url)
    # a body is a form unless a header says otherwise
    body = None if form is None else urlencode(form).encode()
    request = Request(url, body, {"Accept": "application/json"})  # noqa: S310 - see allow
    try:
        with make_opener().open(request, timeout=SECONDS) as answer:
            allow(answer.geturl())
            return answer.status, answer.read(LARGEST + 1)
    except HTTPError as error:
        return error.code, error.read(LARGEST + 1)
    except (OSError, HTTPException, ClientError) as error:
        raise CliError(f"error retrieving {url}: {explain(error)}") from None


def seconds(value: object) -> int:
    """Return a positive number of seconds; 0 for anything else."""
    try:
        return max(int(str(value)), 0)
    except ValueError:
        return 0


def allow(url: str) -> None:
    """Refuse what a listener on the way could read. Raises CliError."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return
    raise CliError(f"'{url}' is not an https address")


def members(url: str, data: bytes) -> dict[str, Any]:
    """Return the JSON object in a body."""
    try:
        found: object = json.loads(data) if len(data) <= LARGEST else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise CliError(f"error reading {url}: unsupported format")
    return cast("dict[str, Any]", found)


def token_of(answer: Answer, nonce: str = "") -> dict[str, Any]:
    """Return the tokens of an answer. Raises CliError for a refusal or an ID token made for someone else.

    ``nonce`` is what the ID token must repeat (OpenID Connect Core §3.1.3.7).
    """
    if answer.refusal or answer.status >= 400:
        cause = answer.refusal or f"status {answer.status}"
        raise CliError(f"Error exchanging authorization code: {cause}")
    found = {name: answer.members.get(name) or "" for name in MEMBERS}
    found["expires_in"] = seconds(found["expires_in"])
    if nonce and found["id_token"]:
        from newel.cli.operations.tokens.token_claims import unverified_claims

        if unverified_claims(str(found["id_token"])).get("nonce", nonce) != nonce:
            raise CliError("the ID token was made for another request: its nonce is not ours")
    return found
