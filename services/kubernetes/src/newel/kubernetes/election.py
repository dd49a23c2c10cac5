"""One of several controllers works: the one that has the lease, as coordination.k8s.io/v1 has it.

Whether a lease has ended is told by how long this process saw it unchanged, so that the clocks of
machines need not agree. A holder that cannot prolong it in time stops its work before another may begin.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from newel.kubernetes.api import KubernetesAPI, Object
from newel.kubernetes.errors import APIError, OutageError, describe_outage
from newel.kubernetes.kinds import LEASE
from newel.runtime.background import add_jitter
from newel.runtime.clock import Clock
from newel.runtime.outages import Outage

TTL, GIVE_UP, PAUSE = 15, 10.0, 2.0
"""Seconds a lease lasts, those after which its holder stops without it, and those between two tries."""

_log = logging.getLogger(__name__)


class Election:
    """The lease of one name, as one process sees it."""

    def __init__(
        self, api: KubernetesAPI, namespace: str, name: str, identity: str, clock: Clock
    ) -> None:
        self._api = api
        self._namespace, self._name, self._identity = namespace, name, identity
        self._clock = clock
        self._seen: Any = None
        self._seen_at = 0.0
        self._tried_at = 0.0
        """When the last try began: the lease lasts from then, however late the answer came."""
        self._outage = Outage(_log, f"the lease {name}")
        self.leads = False
        """Whether this process has the lease."""

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do ``work`` whenever this process leads; run until cancelled."""
        while True:
            if not await self._try_acquire():
                await asyncio.sleep(add_jitter(PAUSE))
                continue
            _log.info("%s leads", self._identity)
            self.leads = True
            try:
                await self._work_while_held(work)
            finally:
                self.leads = False
                await asyncio.shield(self._release())

    async def _work_while_held(self, work: Callable[[], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()

        async def run() -> None:
            await work()

        working = loop.create_task(run(), name="lead")
        held_until = self._tried_at + GIVE_UP
        try:
            while not working.done() and (left := held_until - loop.time()) > 0:
                await asyncio.wait([working], timeout=min(PAUSE, left))
                if working.done():
                    break
                held = await self._try_acquire(held_until - loop.time())
                if held is False:
                    break
                if held:
                    held_until = self._tried_at + GIVE_UP
            if not working.done():
                _log.warning("the lease %s was lost", self._name)
        finally:
            working.cancel()
            await asyncio.wait([working])
        if not working.cancelled():
            working.result()

    async def _try_acquire(self, within: float = GIVE_UP) -> bool | None:
        """Take or prolong the lease; return False where another has it, None where nothing is known."""
        self._tried_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(min(GIVE_UP / 2, within)):
                acquired = await self._acquire()
        except (APIError, OutageError, TimeoutError) as error:
            if isinstance(error, APIError) and error.status == 409:  # another was faster
                return False
            self._outage.note_failure(describe_outage(error))
            return None
        self._outage.note_recovery()
        return acquired

    async def _acquire(self) -> bool:
        now = self._clock.now().astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        own = {"holderIdentity": self._identity, "leaseDurationSeconds": TTL, "renewTime": now}
        try:
            found = await self._api.get(LEASE, self._name, self._namespace)
        except APIError as error:
            if error.status != 404:
                raise
            metadata = {"name": self._name, "namespace": self._namespace}
            spec = own | {"acquireTime": now, "leaseTransitions": 0}
            await self._api.create(LEASE, {"metadata": metadata, "spec": spec})
            return True
        spec: Object = found.get("spec") or {}
        holder = spec.get("holderIdentity") or ""
        if holder == self._identity:
            spec |= own
        elif holder and not self._has_ended(spec):
            return False
        else:
            spec |= own | {
                "acquireTime": now, "leaseTransitions": int(spec.get("leaseTransitions") or 0) + 1,
            }  # fmt: skip # a table
        await self._api.replace(LEASE, {"metadata": found["metadata"], "spec": spec})
        return True

    def _has_ended(self, spec: Object) -> bool:
        now = asyncio.get_running_loop().time()
        seen = (spec.get("holderIdentity"), spec.get("renewTime"))
        if seen != self._seen:
            self._seen, self._seen_at = seen, now
        return now - self._seen_at > int(spec.get("leaseDurationSeconds") or TTL)

    async def _release(self) -> None:
        """Give the lease back, so that another need not wait for its end."""
        try:
            async with asyncio.timeout(GIVE_UP / 2):
                found = await self._api.get(LEASE, self._name, self._namespace)
                spec: Object = found.get("spec") or {}
                if spec.get("holderIdentity") == self._identity:
                    spec |= {"holderIdentity": "", "leaseDurationSeconds": 1}
                    await self._api.replace(LEASE, {"metadata": found["metadata"], "spec": spec})
        except (APIError, OutageError, TimeoutError) as error:
            _log.warning("the lease %s lasts until it ends: %s", self._name, error or "no answer")
