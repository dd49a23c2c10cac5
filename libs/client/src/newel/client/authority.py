"""Sends calls to an authority over HTTPS, from threads or from an event loop."""

import ssl
from typing import Any, Self, TypeVar

import httpx

from newel.client.calls import Call
from newel.client.errors import AnswerError, UnreachableError, UntrustedError

Answer = TypeVar("Answer")

SECONDS = 15.0
LARGEST_ANSWER = 8 * 1024 * 1024
USER_AGENT = "newel/0.1"


def base_url(text: str) -> str:
    """The authority's address as people write it: https, without path and query.

    Raises ValueError for another scheme or no host.
    """
    full = text if "://" in text else f"https://{text}"
    try:
        url = httpx.URL(full)
    except httpx.InvalidURL as error:
        raise ValueError(f"'{text}' is not a URL: {error}") from None
    if url.scheme != "https":
        raise ValueError(f"'{text}' must have https scheme")
    if not url.host:
        raise ValueError(f"'{text}' names no host")
    return str(url.copy_with(path="/", query=None, fragment=None)).rstrip("/")


def trusting(roots: str | None) -> ssl.SSLContext:
    """A client's TLS that trusts these PEM roots, or the system's when there are none given."""
    context = ssl.create_default_context(cadata=roots) if roots else ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def unverified() -> ssl.SSLContext:
    """TLS that trusts anybody: for fetching a root by its fingerprint, and for nothing else."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Authority:
    """An authority as a program with threads sees it. Use as a context manager, or close it."""

    def __init__(
        self,
        url: str,
        tls: ssl.SSLContext,
        *,
        seconds: float = SECONDS,
        user_agent: str = USER_AGENT,
    ) -> None:
        self._client = httpx.Client(**_settings(url, tls, seconds, user_agent))

    def send(self, call: Call[Answer]) -> Answer:
        """Makes a call. Raises ClientError."""
        try:
            with self._client.stream(
                call.method, call.path, content=call.body, headers=call.headers
            ) as answer:
                body = b""
                for block in answer.iter_bytes():
                    body = _bounded(body + block)
                return call.answer(answer.status_code, body)
        except httpx.HTTPError as error:
            raise _unreachable(error, str(self._client.base_url)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends its connections."""
        self._client.close()


class AsyncAuthority:
    """The same from an event loop."""

    def __init__(
        self,
        url: str,
        tls: ssl.SSLContext,
        *,
        seconds: float = SECONDS,
        user_agent: str = USER_AGENT,
    ) -> None:
        self._client = httpx.AsyncClient(**_settings(url, tls, seconds, user_agent))

    async def send(self, call: Call[Answer]) -> Answer:
        """Makes a call. Raises ClientError."""
        try:
            async with self._client.stream(
                call.method, call.path, content=call.body, headers=call.headers
            ) as answer:
                body = b""
                async for block in answer.aiter_bytes():
                    body = _bounded(body + block)
                return call.answer(answer.status_code, body)
        except httpx.HTTPError as error:
            raise _unreachable(error, str(self._client.base_url)) from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends its connections."""
        await self._client.aclose()


def _settings(url: str, tls: ssl.SSLContext, seconds: float, user_agent: str) -> dict[str, Any]:
    return {
        "base_url": base_url(url),
        "verify": tls,
        "timeout": seconds,
        "headers": {"User-Agent": user_agent},
        "follow_redirects": False,
    }


def _bounded(body: bytes) -> bytes:
    if len(body) > LARGEST_ANSWER:
        raise AnswerError("the authority's answer is too large")
    return body


def _unreachable(error: httpx.HTTPError, url: str) -> UnreachableError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return UntrustedError(f"{url} is not trusted: {cause.verify_message}")
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.TimeoutException):
        return UnreachableError(f"{url} did not answer in time")
    return UnreachableError(f"{url} cannot be reached: {error}")
