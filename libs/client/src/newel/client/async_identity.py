"""An identity for event loops: the same certificate, renewed by a task.

async with await AsyncIdentity.from_token(token) as me:
    httpx.AsyncClient(verify=me.client_context())
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from newel.client import acme, acme_transport, origins
from newel.client.acme_transport import Solver
from newel.client.async_authority import AsyncAuthority
from newel.client.async_web import ProxyTransport
from newel.client.bootstrap import fetch_root
from newel.client.credential import Credential, of_answer, of_pem
from newel.client.holder import Holder
from newel.client.origins import SERVICE_ACCOUNT, Origin
from newel.client.trust import client_tls
from newel.client.work import run_in_thread
from newel.crypto import keys
from newel.crypto.keys import KeyKind


class AsyncIdentity(Holder):
    """A certificate, its key, and a task that renews it while the identity is used as a context."""

    def __init__(self, credential: Credential, url: str, root: str) -> None:
        super().__init__(credential, url, root)
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
        return await cls._from(origins.token(token, kind, root, not_after))

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
        origin = origins.password(
            url, provisioner, password, names,
            fingerprint=fingerprint, root=root, kind=kind, not_after=not_after,
        )  # fmt: skip
        return await cls._from(origin)

    @classmethod
    async def from_kubernetes(
        cls,
        url: str,
        root: str,
        names: Sequence[str],
        *,
        token_file: str | Path = SERVICE_ACCOUNT,
        kind: KeyKind = KeyKind.P256,
    ) -> Self:
        """By the pod's service account; the first name is the subject. Raises ClientError, OSError."""
        return await cls._from(origins.kubernetes(url, root, names, token_file, kind))

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
        wanted = acme.make_order(private, names)

        async def order() -> Credential:
            flow = acme.obtain(directory, account, wanted)
            async with httpx.AsyncClient(transport=ProxyTransport(client_tls(root))) as client:
                return of_pem(await acme_transport.run_async(flow, client, solver), private)

        made = cls(await order(), directory, root)
        made._again = order
        return made

    @classmethod
    async def _from(cls, origin: Origin) -> Self:
        """Plays the exchange out."""
        root = origin.root or await run_in_thread(fetch_root, origin.url, origin.fingerprint)
        steps, answer = origin.steps(root), None
        async with AsyncAuthority(origin.url, client_tls(root)) as authority:
            while True:
                try:
                    call = steps.send(answer)
                except StopIteration as end:
                    return cls(end.value, origin.url, root)
                answer = await authority.send(call)

    async def renew(self) -> Credential:
        """Renews now. Raises ClientError; then the identity stays what it was."""
        if self._again is not None:
            renewed = await self._again()
        else:
            call, tls = self._renewal()
            async with AsyncAuthority(self.url, tls) as authority:
                renewed = of_answer(await authority.send(call), self._credential.key)
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
            if pause := self._pause():
                await asyncio.sleep(pause)
                continue
            try:
                await self.renew()
            except Exception as error:  # noqa: BLE001 - it is logged
                self._record_failure(error)
