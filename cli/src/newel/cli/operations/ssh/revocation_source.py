"""Where an authority has its key revocation list and the list's signature: itself, or where it says."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import urlsplit

from newel.client.answers import members, read_seconds, text
from newel.client.authority import SECONDS, USER_AGENT
from newel.client.calls import Call
from newel.client.errors import AnswerError, RefusedError, UnreachableError

if TYPE_CHECKING:
    from newel.client.authority import Authority

PATH = "/ssh/krl"
SIGNATURE_PATH = f"{PATH}.sig"
LARGEST_LIST = 64 * 1024 * 1024
"""Octets: what the authority itself takes; a list of a million serial numbers has eight."""
_ELSEWHERE = 307


class Elsewhere(NamedTuple):
    """The URL that has it. It may be a plain HTTP one: the signature vouches for the list."""

    url: str


class _PlaceCall(Call[bytes | Elsewhere]):
    """A question that may be answered elsewhere."""

    largest = LARGEST_LIST

    def answer(self, status: int, body: bytes, retry_after: str | None = None) -> bytes | Elsewhere:
        """Return the answer, or where it is. Raises RefusedError or AnswerError."""
        if status == _ELSEWHERE:
            return Elsewhere(text(members(body), "url"))
        return super().answer(status, body, retry_after)


class _SamePlace(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: the authority has said where it is."""

    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        """Return none, which makes an error of it."""


def get(authority: "Authority", path: str, headers: Mapping[str, str]) -> bytes:
    """Return what is at the path. Raises ClientError."""
    found = authority.send(_PlaceCall("GET", path, bytes, b"", {"Accept": "*/*", **headers}))
    return found if isinstance(found, bytes) else _open(found.url, headers)


def _open(url: str, headers: Mapping[str, str]) -> bytes:
    from newel.client.web import make_opener

    if urlsplit(url).scheme not in {"http", "https"}:
        raise AnswerError(
            f"the authority says that its list is at {url[:256]!r}, which is no web address"
        )
    asked = urllib.request.Request(url, headers={"User-Agent": USER_AGENT, **headers})  # noqa: S310 - http or https
    try:
        with make_opener(None, _SamePlace()).open(asked, timeout=SECONDS) as answer:
            body = cast("bytes", answer.read(LARGEST_LIST + 1))
    except urllib.error.HTTPError as error:
        pause = read_seconds(error.headers.get("Retry-After"))
        raise RefusedError(error.code, f"{url}: status {error.code}", pause) from None
    except (OSError, HTTPException) as error:
        raise UnreachableError(f"client GET {url} failed: {error}") from None
    if len(body) > LARGEST_LIST:
        raise AnswerError("the server's answer is too large")
    return body
