"""The work on requests of one kind, whichever API they come from: what differs is a ``Contract``.

A request is open until it came to an end. It waits for its approval, for its issuer, or for its next try;
what was decided is written until it is written, so that no certificate is lost between the two.
"""

import asyncio
import datetime as dt
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from newel.kubernetes.api import KubernetesAPI, Object
from newel.kubernetes.config import Config
from newel.kubernetes.errors import (
    APIError,
    InvalidRequestError,
    IssuerError,
    OutageError,
    RefusalError,
)
from newel.kubernetes.issuance import Certificate, Issuance, ResourceRequest
from newel.kubernetes.issuers import IssuerKey, Issuers
from newel.kubernetes.kinds import Kind
from newel.kubernetes.metrics import Metrics
from newel.kubernetes.recorder import Recorder
from newel.kubernetes.reflector import Key, Reflector, key_of
from newel.kubernetes.work_queue import WorkQueue
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock

GONE = frozenset({404, 409})
"""What the API server answers where an object is gone, or another of its name is there."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a request, and what is told of it."""

    outcome: Literal["issued", "refused", "denied", "postponed"]
    reason: str
    message: str
    invalid: bool = False
    """Whether the request contradicts itself."""
    issued: Certificate | None = None


class Contract(Protocol):
    """What the API of one kind of request says about its states."""

    @property
    def kind(self) -> Kind:
        """The kind of request."""
        ...

    def find_issuer(self, found: Object) -> IssuerKey | None:
        """Return the issuer that a request names, None where it is not ours."""
        ...

    def has_ended(self, found: Object) -> bool:
        """Tell whether a request came to an end."""
        ...

    def read_mark(self, found: Object) -> Hashable:
        """Return what decides whether a request that waits for its next try is worth one now."""
        ...

    def judge(self, found: Object) -> Verdict | bool:
        """Return a verdict where one stands already, else whether the request is approved."""
        ...

    def read(self, found: Object) -> ResourceRequest:
        """Read what is asked for. Raises InvalidRequestError or RefusalError."""
        ...

    def make_status(self, found: Object, verdict: Verdict, now: dt.datetime) -> Object | None:
        """Return the status that says a verdict: None where it is said already, {} where none says it."""
        ...


@dataclass(slots=True)
class Requests:
    """The open requests of one kind, and the work on them."""

    contract: Contract
    api: KubernetesAPI
    issuers: Issuers
    issuance: Issuance
    config: Config
    clock: Clock
    audit: Audit
    recorder: Recorder
    metrics: Metrics
    _told: dict[str, str] = field(default_factory=dict[str, str])
    _open: dict[Key, Object] = field(default_factory=dict[Key, Object])
    _decided: dict[str, Verdict] = field(default_factory=dict[str, Verdict])
    _recorded: set[str] = field(default_factory=set[str])
    _queue: WorkQueue[Key] = field(default_factory=lambda: WorkQueue[Key]("requests"))

    async def run(self) -> None:
        """Follow and work on requests until cancelled."""
        reflector = Reflector(self.api, self.contract.kind, self.note, self.remove)
        async with asyncio.TaskGroup() as group:
            group.create_task(reflector.run())
            group.create_task(self._queue.run(self.work, self.config.workers))

    def note(self, found: Object) -> None:
        """Take up a request that is new or changed, where it names one of our issuers and is open."""
        key = key_of(found)
        if self.contract.find_issuer(found) is None:
            return
        if found["metadata"].get("deletionTimestamp") or self.contract.has_ended(found):
            self.remove(key)
            return
        before, mark = self._open.get(key), self.contract.read_mark
        if before is not None and not _is_one(before, found):
            self._forget(before)
        self._open[key] = found
        self._queue.add(key, changed=before is None or mark(before) != mark(found))
        self._count()

    def remove(self, key: Key) -> None:
        """Forget a request that is gone or has come to an end."""
        found = self._open.pop(key, None)
        if found is not None:
            self._forget(found)
        self._queue.forget(key)
        self._count()

    def _forget(self, found: Object) -> None:
        uid = found["metadata"].get("uid", "")
        self._decided.pop(uid, None)
        self._recorded.discard(uid)
        self._told.pop(uid, None)
        self.issuance.forget(uid)

    def wake(self, issuer: IssuerKey) -> None:
        """Work on the requests of an issuer that can be used now."""
        for key, found in self._open.items():
            if self.contract.find_issuer(found) == issuer:
                self._queue.add(key, changed=True)

    async def work(self, key: Key) -> float | None:
        """Bring one request further; return the seconds until its next try, None for none."""
        found = self._open.get(key)
        if found is None:
            return None
        uid = found["metadata"]["uid"]
        verdict = self._decided.get(uid)
        if verdict is None:
            if self.contract.judge(found) is False:
                return None  # it waits for its approval
            current = await self._read_again(found)
            if current is None:
                return self._end(key, found)
            found = current
            verdict = await self._decide(found)
        if verdict is None:
            return None
        ended = verdict.outcome != "postponed"
        if ended:
            self._decided[uid] = verdict
            self._record(found, verdict)
        if not await self._write(found, verdict) or ended:
            return self._end(key, found)
        return self._queue.pause(key)

    def _end(self, key: Key, found: Object) -> None:
        """Forget a request, but not another one that has its name by now."""
        if _is_one(self._open.get(key, found), found):
            self.remove(key)
        self._forget(found)

    async def _read_again(self, found: Object) -> Object | None:
        """Return a request as it is now, None where it is gone or has come to an end.

        A watch that began again, and a list, may tell of a request as it was before its certificate.
        Raises APIError or OutageError.
        """
        namespace, name = key_of(found)
        try:
            current = await self.api.get(self.contract.kind, name, namespace)
        except APIError as error:
            if error.status in GONE:
                return None
            raise
        leaves = current["metadata"].get("deletionTimestamp") or self.contract.has_ended(current)
        return current if _is_one(current, found) and not leaves else None

    async def _decide(self, found: Object) -> Verdict | None:
        """Decide on a request; None while it waits for its approval."""
        standing = self.contract.judge(found)
        if isinstance(standing, Verdict):
            return standing
        if not standing:
            return None
        try:
            issued = await self._issue(found, self.contract.read(found))
        except InvalidRequestError as error:
            return Verdict("refused", "Failed", str(error), invalid=True)
        except RefusalError as error:
            return Verdict("refused", "Failed", str(error))
        except (IssuerError, OutageError) as error:
            return self._postpone(found, str(error))
        return Verdict("issued", "Issued", "The certificate was issued.", issued=issued)

    async def _issue(self, found: Object, asked: ResourceRequest) -> Certificate:
        key = self.contract.find_issuer(found)
        if key is None:
            raise RefusalError("The request names no issuer of this controller.")
        issuer = self.issuers.find(key)
        name = f"{key.kind.name} {'/'.join(filter(None, key.key))}"
        if issuer is None:
            raise IssuerError("NotFound", f"There is no {name} yet.")
        if not issuer.ready or issuer.link is None or issuer.credentials is None:
            raise IssuerError("NotReady", f"The {name} cannot be used: {issuer.message}")
        self.audit.require_writable()
        uid: str = found["metadata"]["uid"]
        return await self.issuance.issue(uid, asked, issuer.link, issuer.credentials, issuer.roots)

    def _postpone(self, found: Object, message: str) -> Verdict:
        made: str = found["metadata"].get("creationTimestamp", "")
        age = self.clock.now() - dt.datetime.fromisoformat(made) if made else dt.timedelta(0)
        if age > self.config.give_up_after:
            hours = self.config.give_up_after.total_seconds() / 3600
            return Verdict("refused", "Failed", f"Given up after {hours:g} hours: {message}")
        return Verdict("postponed", "Pending", message)

    async def _write(self, found: Object, verdict: Verdict) -> bool:
        """Write the status, where it says something new; return whether the request is still there."""
        uid: str = found["metadata"]["uid"]
        status = self.contract.make_status(found, verdict, self.clock.now())
        if status is None:
            return True
        kind = self.contract.kind
        if not status and self._told.get(uid) == verdict.message:
            return True
        self._told[uid] = verdict.message
        try:
            if status:
                await self.api.apply_status(kind, found, status)
        except APIError as error:
            if error.status in GONE:
                return False
            raise
        self.metrics.requests.labels(kind.name, verdict.outcome).inc()
        type_ = "Normal" if verdict.outcome in {"issued", "postponed"} else "Warning"
        await self.recorder.record(kind, found, type_, verdict.reason, verdict.message)
        return True

    def _record(self, found: Object, verdict: Verdict) -> None:
        """Write the decision into the audit trail, once, whether its status can be written or not."""
        uid: str = found["metadata"]["uid"]
        if uid in self._recorded:
            return
        namespace, name = key_of(found)
        issuer = self.contract.find_issuer(found)
        facts: dict[str, Any] = {
            "kind": self.contract.kind.name, "namespace": namespace, "name": name,
            "issuer_kind": issuer.kind.name if issuer else "", "issuer": issuer.key[1] if issuer else "",
        }  # fmt: skip # a table
        if verdict.issued:
            facts["serial"] = f"{verdict.issued.leaf.serial_number:x}"
            self.audit.record("kubernetes.request", "granted", **facts)
        else:
            self.audit.record("kubernetes.request", "refused", cause=verdict.message, **facts)
        self._recorded.add(uid)

    def _count(self) -> None:
        self.metrics.waiting.labels(self.contract.kind.name).set(len(self._open))


def _is_one(one: Object, other: Object) -> bool:
    """Tell whether two are the same request, and not two that had one name one after the other."""
    return one["metadata"].get("uid") == other["metadata"].get("uid")
