"""One authority, asked by the SDK's calls over the egress policy's client."""

from typing import Any, TypeVar

from newel.client.calls import Call, provisioners
from newel.client.errors import AnswerError, RefusedError
from newel.client.trust import client_tls
from newel.kubernetes.errors import IssuerError, OutageError, RefusalError, shorten
from newel.kubernetes.settings import Settings
from newel.runtime.egress import EgressError, EgressRefusedError
from newel.runtime.http.outgoing import OutgoingClient

Answer = TypeVar("Answer")

_ABOUT_THE_REQUEST = frozenset({400, 403, 413, 422})
"""What an authority answers where the request itself is refused."""
_UNAUTHORIZED = 401
_MOST_PAGES = 50


class AuthorityLink:
    """The way to the authority of one issuer."""

    def __init__(self, settings: Settings, outgoing: OutgoingClient) -> None:
        self.url = settings.url
        self._client = outgoing.with_trust(client_tls(settings.roots))

    async def send(self, call: Call[Answer]) -> Answer:
        """Send a call and return what it answers.

        Raises RefusalError where the authority refuses the request, IssuerError where it does not accept
        who asks or may not be connected to, and OutageError for everything that may pass.
        """
        try:
            response = await self._client.request(
                call.method, self.url + call.path, call.headers, call.body
            )
        except EgressRefusedError as error:
            raise IssuerError("Forbidden", f"The controller may not connect: {error}.") from None
        except EgressError as error:
            raise OutageError(f"The authority cannot be asked: {shorten(str(error))}.") from None
        try:
            return call.answer(response.status, response.body, response.headers.get("retry-after"))
        except RefusedError as error:
            raise _translate(error) from None
        except AnswerError as error:
            raise OutageError(f"{shorten(str(error))}.") from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def find_provisioner(self, type_: str, name: str, kid: str = "") -> dict[str, Any]:
        """Return a provisioner of a type, and of a name and a key where they are given.

        Raises IssuerError for one that is not there, and what :meth:`send` raises.
        """
        cursor = ""
        for _ in range(_MOST_PAGES):
            page = await self.send(provisioners(cursor))
            for row in page.provisioners:
                key: dict[str, Any] = row.get("key") or {}
                if (
                    row.get("type") == type_
                    and name in {"", row.get("name")}
                    and kid in {"", key.get("kid")}
                ):
                    return row
            cursor = page.next_cursor
            if not cursor:
                break
        named = f" {name}" if name else ""
        keyed = f" with the key {kid}" if kid else ""
        raise IssuerError("NotFound", f"The authority has no {type_} provisioner{named}{keyed}.")


def _translate(error: RefusedError) -> Exception:
    said = shorten(error.message).rstrip(".")
    if error.status in _ABOUT_THE_REQUEST:
        return RefusalError(f"The authority refuses the request: {said}.")
    if error.status == _UNAUTHORIZED:
        return IssuerError("Unauthorized", f"The authority does not accept who asks: {said}.")
    return OutageError(f"The authority cannot answer ({error.status}): {said}.", error.retry_after)
