"""An identity for event loops: the same certificate, renewed by a task.

async with await AsyncIdentity.from_token(token) as me:
    httpx.AsyncClient(verify=me.client_context())
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from newel.client import acme, acme_transport, enrolment, rotating
from newel.client.acme_transport import Solver
from newel.client.async_authority import AsyncAuthority
from newel.client.bootstrap import fetch_root
from newel.client.clock import now
from newel.client.credential import Credential, of_answer, of_pem
from newel.client.enrolment import Enrolment
from newel.client.errors import ClientError
from newel.client.holder import Holder, log
from newel.client.identity import LONGEST_SLEEP
from newel.client.schedule import renewal
from newel.client.trust import base_url, trusting
from newel.crypto import keys
from newel.crypto.keys import KeyKind


class AsyncIdentity(Holder):
    """A certificate, its key, and a task that renews it while the identity is used as a context."""

    def __init__(self, credential: Credential, url: str, root: str) -> None:
        super().__init__(credential, base_url(url), root)
        self._again: Callable[[], Awaitable[Credential]] | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def from_token(
        cls,
        token: str,
        *,
        kind: KeyKind = KeyKind.P256,
        root: str | None = None,
        not_after: str = "",
    ) -> Self:
        """By a one-time token, which names the authority and its root. Raises ClientError."""
        place = enrolment.place_of(token)
        trusted = root or await asyncio.to_thread(fetch_root, place.url, place.fingerprint)
        steps = enrolment.by_token(token, key=keys.generate(kind), not_after=not_after)
        return cls(await _play(place.url, trusted, steps), place.url, trusted)

    @classmethod
    async def from_password(
        cls,
        url: str,
        provisioner: str,
        password: str | bytes,
        names: Sequence[str],
        *,
        fingerprint: str = "",
        root: str | None = None,
        kind: KeyKind = KeyKind.P256,
        not_after: str = "",
    ) -> Self:
        """By a JWK provisioner's password; the first name is the subject. Raises ClientError."""
        url = base_url(url)
        trusted = root or await asyncio.to_thread(fetch_root, url, fingerprint)
        secret = password.encode() if isinstance(password, str) else password
        steps = enrolment.by_password(
            url, trusted, provisioner, secret, names, key=keys.generate(kind), not_after=not_after
        )
        return cls(await _play(url, trusted, steps), url, trusted)

    @classmethod
    async def from_acme(
        cls,
        directory: str,
        names: Sequence[str],
        solver: Solver,
        *,
        root: str,
        kind: KeyKind = KeyKind.P256,
    ) -> Self:
        """By ACME challenges the solver answers, and renewed by proving the names again."""
        private, account = keys.generate(kind), keys.generate()
        wanted = acme.wanted(private, names)

        async def order() -> Credential:
            flow = acme.obtain(directory, account, wanted)
            async with httpx.AsyncClient(verify=trusting(root)) as client:
                return of_pem(await acme_transport.run_async(flow, client, solver), private)

        made = cls(await order(), directory, root)
        made._again = order
        return made

    async def renew(self) -> Credential:
        """Renews now. Raises ClientError; then the identity stays what it was."""
        if self._again is not None:
            renewed = await self._again()
            self._replace(renewed)
            return renewed
        credential = self._credential
        call, mutual = renewal(credential, self.url, now())
        tls: ssl.SSLContext = trusting(self.root)
        if mutual:
            rotating.load(tls, credential)
        async with AsyncAuthority(self.url, tls) as authority:
            renewed = of_answer(await authority.send(call), credential.key)
        self._replace(renewed)
        return renewed

    async def __aenter__(self) -> Self:
        self._tasks = asyncio.TaskGroup()
        await self._tasks.__aenter__()
        self._task = self._tasks.create_task(self._run(), name="newel-renewal")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._tasks is not None:
            await self._tasks.__aexit__(kind, error, trace)

    async def _run(self) -> None:
        while True:
            wait = self._schedule.wait(now())
            if wait > 0:
                await asyncio.sleep(min(wait, LONGEST_SLEEP))
                continue
            try:
                await self.renew()
            except ClientError as error:
                self._schedule.failed(now())
                log.warning("renewal failed (%d): %s", self._schedule.failures, error)
            except Exception:  # noqa: BLE001 - it is logged with its traceback
                # whatever it is, the task is the only one that renews: it goes on
                self._schedule.failed(now())
                log.exception("renewal failed")


async def _play(url: str, root: str, steps: Enrolment) -> Credential:
    """Plays an enrolment out against an authority."""
    answer: Any = None
    async with AsyncAuthority(url, trusting(root)) as authority:
        while True:
            try:
                call = steps.send(answer)
            except StopIteration as end:
                return end.value
            answer = await authority.send(call)
