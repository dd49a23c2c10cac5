"""An identity for event loops: the same certificate, renewed by a task.

async with await AsyncIdentity.from_token(token) as me:
    httpx.AsyncClient(verify=me.client_context())
"""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

import httpx

from newel.client import acme_transport, calls
from newel.client.async_authority import AsyncAuthority
from newel.client.async_web import ProxyTransport
from newel.client.bootstrap import fetch_root
from newel.client.credential import Credential, of_answer, of_pem
from newel.client.errors import ClientError
from newel.client.origins import ACMEOrigin, EnrolledHolder, Origin
from newel.client.trust import client_tls
from newel.client.work import run_in_thread


class AsyncIdentity(EnrolledHolder[Coroutine[Any, Any, "AsyncIdentity"]]):
    """A certificate, its key, and a task that renews it while the identity is used as a context.

    Await its constructors, except ``from_files``.
    """

    def __init__(self, credential: Credential, url: str, root: str) -> None:
        super().__init__(credential, url, root)
        self._acme: ACMEOrigin | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def _enrol(cls, origin: Origin) -> "AsyncIdentity":
        root = origin.root or await run_in_thread(fetch_root, origin.url, origin.fingerprint)
        steps, answer = origin.steps(root), None
        async with AsyncAuthority(origin.url, client_tls(root)) as authority:
            while True:
                try:
                    call = steps.send(answer)
                except StopIteration as end:
                    return cls(end.value, origin.url, root)
                answer = await authority.send(call)

    @classmethod
    async def _enrol_by_acme(cls, origin: ACMEOrigin) -> "AsyncIdentity":
        enrolled = cls(await _order(origin), origin.directory, origin.root)
        enrolled._acme = origin
        return enrolled

    async def renew(self) -> Credential:
        """Renew now. Raises ClientError; then the identity stays what it was."""
        if self._acme is not None:
            renewed = await _order(self._acme)
        else:
            call, tls = self._renewal()
            async with AsyncAuthority(self.url, tls) as authority:
                renewed = of_answer(await authority.send(call), self._credential.key)
                await self._learn_roots(authority)
        self._replace(renewed)
        return renewed

    async def _learn_roots(self, authority: AsyncAuthority) -> None:
        try:
            self._trust(await authority.send(calls.roots()))
        except (ClientError, ValueError) as error:  # the certificate is new all the same
            self._record_unknown_roots(error)

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
            if pause := self._pause():
                await asyncio.sleep(pause)
                continue
            try:
                await self.renew()
            except Exception as error:  # noqa: BLE001 - it is logged
                self._record_failure(error)


async def _order(origin: ACMEOrigin) -> Credential:
    async with httpx.AsyncClient(transport=ProxyTransport(client_tls(origin.root))) as client:
        chain = await acme_transport.run_async(origin.order(), client, origin.solver)
    return of_pem(chain, origin.key)
