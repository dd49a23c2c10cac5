"""Sends calls to an authority over HTTPS from an event loop, with httpx."""

import ssl
from typing import Self, TypeVar

import httpx

from newel.client.async_web import ProxyTransport
from newel.client.authority import SECONDS, USER_AGENT, unreachable
from newel.client.calls import Call
from newel.client.errors import AnswerError
from newel.client.trust import base_url

Answer = TypeVar("Answer")


class AsyncAuthority:
    """An authority as an event loop sees it. Use as an async context manager, or close it."""

    def __init__(
        self,
        url: str,
        tls: ssl.SSLContext,
        *,
        seconds: float = SECONDS,
        user_agent: str = USER_AGENT,
    ) -> None:
        self.url = base_url(url)
        self._client = httpx.AsyncClient(
            base_url=self.url,
            transport=ProxyTransport(tls),
            timeout=seconds,
            headers={"User-Agent": user_agent},
            follow_redirects=False,
        )

    async def send(self, call: Call[Answer]) -> Answer:
        """Send a call and return what it answers. Raises ClientError."""
        try:
            async with self._client.stream(
                call.method, call.path, content=call.body, headers=call.headers
            ) as answer:
                body = bytearray()
                async for block in answer.aiter_bytes():
                    body += block
                    if len(body) > call.largest:
                        raise AnswerError("the authority's answer is too large")
        except httpx.TimeoutException as error:
            raise unreachable(call.method, self.url + call.path, TimeoutError()) from error
        except httpx.HTTPError as error:
            raise unreachable(call.method, self.url + call.path, error) from error
        return call.answer(answer.status_code, bytes(body), answer.headers.get("retry-after"))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()
