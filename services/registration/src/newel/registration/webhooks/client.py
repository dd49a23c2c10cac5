"""Calls of webhooks: bounded in time, size and number, retried once, never redirected."""

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from newel.certtemplates.variables import numbers_as_go
from newel.gotemplate.budget import Environment
from newel.registration.metrics import Metrics
from newel.registration.webhooks import bodies
from newel.registration.webhooks.hooks import Variables, Webhook
from newel.runtime.clock import Clock
from newel.runtime.egress import EgressError, EgressPolicy, EgressRefusedError
from newel.runtime.entropy import random_bytes
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.outgoing import OutgoingClient, OutgoingLimits
from newel.runtime.tls.client import trust_file
from newel.runtime.tls.server import ServerTLS

SECONDS = 10.0
"""For one webhook with its retry; step's clients give up after 15 seconds."""
PAUSE = 1.0
"""Seconds before the retry."""
_AT_ONCE = 32
"""Calls of one host at once; more wait, within their own time."""
_MOST_OPEN = 1024
_LARGEST_REPLY = 1 << 20  # octets
_LARGEST_MESSAGE = 512  # characters of an error that clients are shown
_LARGEST_CODE = 64


class WebhookError(msgspec.Struct):
    """Why a webhook does not allow a request."""

    code: str = ""
    message: str = ""


class WebhookReply(msgspec.Struct):
    """The answer of a webhook; members beyond these are ignored."""

    data: Any = None
    allow: bool = False
    error: WebhookError | None = None


class WebhookClient:
    """Calls webhooks on behalf of every provisioner of a process."""

    def __init__(
        self,
        policy: EgressPolicy,
        ca_file: Path | None,
        tls: ServerTLS,
        trusted: Callable[[], Sequence[str]],
        clock: Clock,
        metrics: Metrics,
        *,
        seconds: float = SECONDS,
        pause: float = PAUSE,
    ) -> None:
        """Take the listener's TLS, whose certificate it shows, and what it trusts.

        That is the certificates of ``ca_file``, or the system's, and those of ``trusted`` (PEM).
        """
        self._policy = policy
        self._ca_file = ca_file
        self._tls = tls
        self._trusted = trusted
        self._clock = clock
        self._metrics = metrics
        self._seconds = seconds
        self._pause = pause
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._clients: dict[bool, tuple[object, OutgoingClient]] = {}

    async def call(
        self, hook: Webhook, body: Mapping[str, Any], variables: Variables, request_id: str
    ) -> WebhookReply:
        """Call a webhook and return its reply.

        Raises ``unavailable`` when it gives no usable one, which is never taken for a refusal, and
        ``forbidden`` when it answers with a status of 400 to 499.
        """
        outcome = "unavailable"
        try:
            reply = await self._call(hook, body, variables, request_id)
            outcome = "allowed" if reply.allow else "denied"
        except NewelError as error:
            outcome = "unavailable" if error.type is ErrorType.UNAVAILABLE else "failed"
            raise
        finally:
            self._metrics.webhooks.labels(hook.kind.value, outcome).inc()
        return reply

    async def _call(
        self, hook: Webhook, body: Mapping[str, Any], variables: Variables, request_id: str
    ) -> WebhookReply:
        now = self._clock.now()
        url = hook.url(variables, Environment(now, random_bytes))
        octets = bodies.encode(body, now)
        headers = hook.headers(octets, request_id)
        try:
            async with asyncio.timeout(self._seconds), self._slot(hook.host):
                status, reply = await self._post(hook, url, octets, headers)
        except TimeoutError:
            raise unavailable_error(hook, "no answer in time") from None
        except EgressError as error:
            raise unavailable_error(hook, str(error)) from None
        if status >= 500:
            raise unavailable_error(hook, f"it responded with {status}")
        if status >= 400:
            raise NewelError(
                ErrorType.FORBIDDEN,
                f"Webhook server responded with {status}",
                cause=f"the webhook {hook.name} responded with {status}",
            )
        if status not in {200, 201}:
            raise unavailable_error(hook, f"it responded with {status}")
        return _decode(hook, reply)

    async def _post(
        self, hook: Webhook, url: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """Post the body, once more after a failure of the connection or of the server."""
        client = self._client(shows_certificate=not hook.record.disable_tls_client_auth)
        try:
            first = await client.post(url, body, headers)
            if first.status < 500:
                return first.status, first.body
        except EgressRefusedError:
            raise
        except EgressError:
            pass  # the second try raises, if it fails too
        await asyncio.sleep(self._pause)
        again = await client.post(url, body, headers)
        return again.status, again.body

    def _slot(self, host: str) -> asyncio.Semaphore:
        if host not in self._slots:
            self._slots[host] = asyncio.Semaphore(_AT_ONCE)
        return self._slots[host]

    def _client(self, *, shows_certificate: bool) -> OutgoingClient:
        """Return the client with today's certificate and roots; an older one ends with its calls."""
        roots = tuple(self._trusted())
        stamp = (self._tls.generation if shows_certificate else 0, roots)
        known = self._clients.get(shows_certificate)
        if known is not None and known[0] == stamp:
            return known[1]
        # the slots bound what is open, and make calls wait where the client would refuse them
        limits = OutgoingLimits(
            self._seconds, _LARGEST_REPLY, to_one_host=_MOST_OPEN, to_all_hosts=_MOST_OPEN
        )
        context = self._context(roots, shows_certificate=shows_certificate)
        client = OutgoingClient(self._policy, context, limits)
        self._clients[shows_certificate] = stamp, client
        return client

    def _context(self, roots: Sequence[str], *, shows_certificate: bool) -> ssl.SSLContext:
        context = trust_file(self._ca_file)
        if roots:
            context.load_verify_locations(cadata="\n".join(roots))
        if shows_certificate:
            self._tls.load_into(context)
        return context


def unavailable_error(hook: Webhook, why: str) -> NewelError:
    """Make a 503: the webhook neither allowed nor refused."""
    return NewelError(
        ErrorType.UNAVAILABLE,
        f"the webhook {hook.name} cannot be asked now; try again later",
        cause=f"the webhook {hook.name}: {why}",
    )


def _decode(hook: Webhook, body: bytes) -> WebhookReply:
    try:
        reply = msgspec.json.decode(body, type=WebhookReply)
        reply.data = numbers_as_go(reply.data)
    except (ValueError, RecursionError):
        raise unavailable_error(hook, "its answer is not JSON of the expected form") from None
    if reply.error is not None:
        reply.error.code = _plain(reply.error.code)[:_LARGEST_CODE]
        reply.error.message = _plain(reply.error.message)[:_LARGEST_MESSAGE]
    return reply


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
