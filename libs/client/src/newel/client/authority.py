"""Sends calls to an authority over HTTPS from a program with threads.

On the standard library's client: a command that makes one call and ends would spend more on importing
httpx than on everything else together. `newel.client.async_authority` sends the same calls with httpx.
"""

import http.client
import os
import socket
import ssl
import threading
import time
from typing import Self, TypeVar

from newel.client.calls import LARGEST_ANSWER, Call
from newel.client.errors import AnswerError, UnreachableError, UntrustedError
from newel.client.trust import base_url
from newel.client.tunnels import connect

Answer = TypeVar("Answer")

SECONDS = 15.0
USER_AGENT = "newel/0.1"
LONGEST_CAUSE = 200
IDLE = 2.0
"""Seconds after which a kept connection is not trusted to be alive any more."""


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
        self.url = base_url(url)
        self._tls = tls
        self._seconds = seconds
        self._user_agent = user_agent
        self._lock = threading.Lock()
        self._kept: http.client.HTTPSConnection | None = None
        self._used = 0.0

    def send(self, call: Call[Answer]) -> Answer:
        """Send a call and return what it answers. Raises ClientError."""
        with self._lock:
            try:
                status, body, retry_after = self._exchange(call)
            except BaseException as error:
                self._drop()
                if isinstance(error, OSError | http.client.HTTPException):
                    raise unreachable(call.method, self.url + call.path, error) from error
                raise
        return call.answer(status, body, retry_after)

    def _exchange(self, call: Call[Answer]) -> tuple[int, bytes, str | None]:
        connection = self._connection()
        headers = {"User-Agent": self._user_agent, "Accept": "application/json", **call.headers}
        connection.request(call.method, call.path, call.body or None, headers)
        answer = connection.getresponse()
        body = whole_body(answer, call.largest)
        self._used = time.monotonic()
        if answer.will_close:
            self._drop()
        return answer.status, body, answer.getheader("retry-after")

    def _connection(self) -> http.client.HTTPSConnection:
        if self._kept is not None and time.monotonic() - self._used < IDLE:
            return self._kept
        self._drop()
        self._kept = connect(self.url, self._tls, self._seconds)
        return self._kept

    def _drop(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        with self._lock:
            self._drop()


def whole_body(answer: http.client.HTTPResponse, largest: int = LARGEST_ANSWER) -> bytes:
    """Return the body. Raises AnswerError beyond the limit, HTTPException if it is cut short."""
    body = answer.read(largest + 1)
    if len(body) > largest:
        raise AnswerError("the server's answer is too large")
    if answer.length:  # what was announced and did not come
        raise http.client.IncompleteRead(body, answer.length)
    return body


def unreachable(method: str, url: str, error: BaseException) -> UnreachableError:
    """Return the error for a failed request: one line, its cause at the end."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return UntrustedError(
                f"client {method} {url} failed: tls: failed to verify certificate: "
                f"{cause.verify_message}"
            )
    line = " ".join(describe(error).split())[:LONGEST_CAUSE]
    return UnreachableError(f"client {method} {url} failed: {line}")


def describe(error: BaseException) -> str:
    """Say what went wrong in words of the network, without numbers of errors and names of Python's classes."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    found = causes(error)
    for cause in found:
        if isinstance(cause, ssl.SSLError):
            reason = (cause.reason or "the handshake failed").replace("_", " ").lower()
            return f"tls: {reason}"
    for cause in found:
        if isinstance(cause, socket.gaierror):
            return (cause.strerror or "the name is not known").lower()
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno).lower()
    return str(error).lower() or type(error).__name__


def causes(error: BaseException) -> list[BaseException]:
    """Return the error and what led to it; of several attempts the first."""
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in found:
        found.append(cause)
        if isinstance(cause, BaseExceptionGroup):
            group: BaseExceptionGroup[BaseException] = cause
            cause = group.exceptions[0]
        else:
            cause = cause.__cause__ or cause.__context__
    return found
