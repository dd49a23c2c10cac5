"""Issuers: each is checked when it changes and from time to time, and says in its status how it is."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from newel.client import calls
from newel.kubernetes import conditions
from newel.kubernetes.api import KubernetesAPI, Object
from newel.kubernetes.authority_link import AuthorityLink
from newel.kubernetes.config import Config
from newel.kubernetes.credentials import Credentials
from newel.kubernetes.errors import APIError, IssuerError, OutageError, RefusalError
from newel.kubernetes.kinds import Kind
from newel.kubernetes.metrics import Metrics
from newel.kubernetes.recorder import Recorder
from newel.kubernetes.reflector import Key, Reflector
from newel.kubernetes.settings import read_settings
from newel.kubernetes.work_queue import WorkQueue
from newel.runtime.clock import Clock
from newel.runtime.http.outgoing import OutgoingClient

READY = "Ready"
LONGEST_PAUSE = 60.0
"""Seconds after which an issuer that cannot be used is checked again at the latest."""


class IssuerKey(NamedTuple):
    """What a reference to an issuer leads to."""

    kind: Kind
    key: Key


@dataclass(slots=True)
class Issuer:
    """An issuer as it was found to be."""

    found: Object
    ready: bool = False
    message: str = "It was not checked yet."
    link: AuthorityLink | None = None
    credentials: Credentials | None = None
    roots: Sequence[str] = ()
    """The authority's roots in PEM, as it told when it was checked."""


@dataclass(slots=True)
class Issuers:
    """The issuers of the cluster, and the work of checking them."""

    api: KubernetesAPI
    kinds: Sequence[Kind]
    config: Config
    outgoing: OutgoingClient
    clock: Clock
    recorder: Recorder
    metrics: Metrics
    on_ready: Callable[[IssuerKey], None] = lambda _: None
    """Told of each issuer that can be used now and could not before."""
    _known: dict[IssuerKey, Issuer] = field(default_factory=dict[IssuerKey, Issuer])
    _queue: WorkQueue[IssuerKey] = field(default_factory=lambda: WorkQueue[IssuerKey]("issuers"))

    def find(self, key: IssuerKey) -> Issuer | None:
        """Return an issuer, None where there is none of the name."""
        return self._known.get(key)

    def list_ready(self, kind: Kind) -> list[tuple[IssuerKey, Issuer]]:
        """Return the issuers of a kind that can be used."""
        return [(key, each) for key, each in self._known.items() if key.kind == kind and each.ready]

    async def run(self) -> None:
        """Follow and check issuers until cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind in self.kinds:
                group.create_task(self._follow(kind).run())
            group.create_task(self._queue.run(self.check, 4))

    def _follow(self, kind: Kind) -> Reflector:
        def note(found: Object) -> None:
            metadata = found["metadata"]
            key = IssuerKey(kind, (metadata.get("namespace", ""), metadata["name"]))
            before = self._known.get(key)
            same = before is not None and _generation(before.found) == _generation(found)
            if before is not None and same:
                before.found = found
            else:
                self._known[key] = Issuer(found)
            self._queue.add(key, changed=not same)

        def remove(key: Key) -> None:
            gone = IssuerKey(kind, key)
            self._known.pop(gone, None)
            self._queue.forget(gone)

        return Reflector(self.api, kind, note, remove)

    async def check(self, key: IssuerKey) -> float | None:
        """Check one issuer and write its status; return the seconds until the next check."""
        issuer = self._known.get(key)
        if issuer is None:
            return None
        try:
            await self._verify(key, issuer)
        except IssuerError as error:
            return await self._say(
                key, issuer, ready=False, reason=error.reason, message=str(error)
            )
        except RefusalError as error:
            return await self._say(key, issuer, ready=False, reason="Refused", message=str(error))
        except OutageError as error:
            return await self._say(
                key, issuer, ready=False, reason="Unavailable", message=str(error)
            )
        link = issuer.link
        where = link.url if link else ""
        return await self._say(
            key, issuer, ready=True, reason="Verified", message=f"The authority at {where} answers."
        )

    async def _verify(self, key: IssuerKey, issuer: Issuer) -> None:
        """Ask the authority for its roots, and see that a token can be made for it."""
        if issuer.link is None or issuer.credentials is None:
            settings = read_settings(
                key.kind, issuer.found, self.config.namespace, self.config.service_account
            )
            issuer.link = AuthorityLink(settings, self.outgoing)
            issuer.credentials = Credentials(settings, self.api, issuer.link, self.clock)
        issuer.roots = await issuer.link.send(calls.roots())
        await issuer.credentials.verify()

    async def _say(
        self, key: IssuerKey, issuer: Issuer, *, ready: bool, reason: str, message: str
    ) -> float:
        if self._known.get(key) is not issuer:
            return 0.0  # it changed meanwhile
        before, issuer.ready, issuer.message = issuer.ready, ready, message
        self._count(key.kind)
        if ready and not before:
            self.on_ready(key)  # whether its status can be written or not
        old = conditions.read(issuer.found)
        status: Literal["True", "False"] = "True" if ready else "False"
        condition = conditions.make(old, READY, status, reason, message, self.clock.now())
        if not conditions.is_same(old, condition):
            generation = issuer.found["metadata"].get("generation")
            if key.kind.group == "newel.dev":
                condition["observedGeneration"] = generation
            try:
                await self.api.apply_status(key.kind, issuer.found, {"conditions": [condition]})
            except APIError as error:
                if error.status not in {404, 409}:
                    raise
            else:
                kind = "Normal" if ready else "Warning"
                await self.recorder.record(key.kind, issuer.found, kind, reason, message)
        if ready:
            self._queue.note_success(key)
            return self.config.check_interval.total_seconds()
        return min(self._queue.pause(key), LONGEST_PAUSE)

    def _count(self, kind: Kind) -> None:
        states = [issuer.ready for key, issuer in self._known.items() if key.kind is kind]
        self.metrics.issuers.labels(kind.name, "true").set(sum(states))
        self.metrics.issuers.labels(kind.name, "false").set(len(states) - sum(states))


def _generation(found: Object) -> tuple[str, int]:
    metadata = found["metadata"]
    return metadata.get("uid", ""), metadata.get("generation", 0)
