"""One bounded POST to a configured address: resolved once, checked, pinned; no redirects, no proxies."""

import asyncio
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from newel.alerting.delivery import DeliveryError, resolve
from newel.runtime.egress import EgressPolicy
from newel.runtime.http.outgoing import make_client, pin_request
from newel.runtime.tls.client import trust_file

if TYPE_CHECKING:
    import httpx

_MAX_OCTETS = 64 * 1024
_AGAIN = {408, 425, 429}  # of the 4xx, those that may go away by themselves


@dataclass
class Poster:
    """Posts to one receiver. Its client is made when first needed: httpx is slow to load."""

    url: str
    timeout: float  # seconds, for the whole of one attempt
    policy: EgressPolicy
    ca_file: Path | None = None
    _client: "httpx.AsyncClient | None" = field(default=None, init=False, repr=False)

    async def post(self, body: bytes, headers: dict[str, str], path: str = "") -> None:
        """Post to the URL, or to what ``path`` makes of it.

        Return when the receiver answered 2xx; raise `DeliveryError` for everything else. The error never holds
        the URL: for some receivers that is the secret.
        """
        import httpx

        try:
            async with asyncio.timeout(self.timeout):
                await self._post(body, headers, path)
        except TimeoutError:
            raise DeliveryError("no answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            raise DeliveryError(f"no answer: {type(error).__name__}") from None

    async def _post(self, body: bytes, headers: dict[str, str], path: str) -> None:
        import httpx

        target = httpx.URL(self.url.rstrip("/") + path if path else self.url)
        address = await resolve(self.policy, target.host)
        if self._client is None:
            self._client = make_client(trust_file(self.ca_file), self.timeout)
        request = pin_request(self._client, "POST", target, address, headers, body)
        response = await self._client.send(request, stream=True)
        try:
            await _drain(response)
        finally:
            await response.aclose()
        _check_status(response.status_code, response.headers.get("retry-after"))

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()


async def _drain(response: "httpx.Response") -> None:
    seen = 0
    async for chunk in response.aiter_raw():
        seen += len(chunk)
        if seen > _MAX_OCTETS:
            return


def _check_status(status: int, retry_after: str | None) -> None:
    if 200 <= status < 300:
        return
    permanent = status < 500 and status not in _AGAIN
    raise DeliveryError(
        f"the receiver answered {status}", permanent=permanent, retry_after=_seconds(retry_after)
    )


def _seconds(retry_after: str | None) -> float | None:
    """RFC 9110 §10.2.3 in its form as seconds; a date is left to the back-off."""
    text = (retry_after or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 8 else None
