"""What is in the cluster of one kind: listed once, watched from then on, listed again when that ends."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from newel.kubernetes.api import WATCH_SECONDS, KubernetesAPI, Object
from newel.kubernetes.errors import APIError, OutageError, describe_outage
from newel.kubernetes.kinds import Kind
from newel.runtime.background import add_jitter
from newel.runtime.outages import Outage

GONE, NOT_FOUND = 410, 404
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_GRACE = 30.0
"""Seconds after which a watch that should have ended and told of nothing is begun again."""

_log = logging.getLogger(__name__)

Key = tuple[str, str]
"""Namespace, ``""`` for the whole cluster, and name."""


def key_of(found: Object) -> Key:
    """Return the key of an object."""
    metadata = found["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


class Reflector:
    """Follows one kind, and tells two functions what is there and what is gone."""

    def __init__(
        self,
        api: KubernetesAPI,
        kind: Kind,
        on_object: Callable[[Object], None],
        on_removal: Callable[[Key], None],
    ) -> None:
        self._api = api
        self._kind = kind
        self._on_object = on_object
        self._on_removal = on_removal
        self._known: set[Key] = set()
        self._version = ""
        """After which to watch; "" where the kind is to be listed. A watch that breaks goes on from there."""
        self._outage = Outage(_log, f"watching {kind.plural}.{kind.group}")
        self.synced = asyncio.Event()
        """Set once the kind was listed."""

    async def run(self) -> None:
        """Follow the kind until cancelled, through outages and while it is not defined."""
        loop, failures = asyncio.get_running_loop(), 0
        while True:
            began, began_at = loop.time(), self._version
            try:
                if not self._version:
                    await self._list()
                    self._outage.note_recovery()
                await self._watch()
            except (APIError, OutageError) as error:
                if isinstance(error, APIError):
                    self._version = ""
                self._note(error)
            else:
                self._outage.note_recovery()
                failures = 0
                continue
            moved = bool(self._version) and self._version != began_at
            lasted = loop.time() - began > _LONGEST_PAUSE
            failures = 1 if moved or lasted else failures + 1
            pause = min(_FIRST_PAUSE * 2 ** min(failures - 1, 16), _LONGEST_PAUSE)
            await asyncio.sleep(add_jitter(pause))

    async def _list(self) -> None:
        found, version = await self._api.list_all(self._kind)
        gone = self._known - {key_of(each) for each in found}
        for each in found:
            self._known.add(key_of(each))
            self._on_object(each)
        for key in gone:
            self._remove(key)
        self.synced.set()
        self._version = version

    async def _watch(self) -> None:
        """Tell of changes until there was none for longer than the server keeps one watch open.

        The library begins a watch again where the server ends it, and cannot tell a quiet one from one whose
        connection died. Raises APIError or OutageError.
        """
        with contextlib.suppress(TimeoutError):
            await self._follow_changes()

    async def _follow_changes(self) -> None:
        async with asyncio.timeout(WATCH_SECONDS + _GRACE) as limit:
            loop = asyncio.get_running_loop()
            async for change in self._api.watch(self._kind, self._version):
                limit.reschedule(loop.time() + WATCH_SECONDS + _GRACE)
                self._outage.note_recovery()
                if change.type == "DELETED":
                    self._remove(key_of(change.object))
                elif change.type != "BOOKMARK":
                    self._known.add(key_of(change.object))
                    self._on_object(change.object)
                self._version = change.object["metadata"]["resourceVersion"]

    def _remove(self, key: Key) -> None:
        self._known.discard(key)
        self._on_removal(key)

    def _note(self, error: Exception) -> None:
        """Log what keeps the kind from being followed, once a minute."""
        if isinstance(error, APIError) and error.status == GONE:
            return  # the version is too old, which is how the server asks for a new list
        said = str(error)
        if isinstance(error, APIError) and error.status == NOT_FOUND:
            said = "this kind is not defined in the cluster; its definitions are not installed"
        elif isinstance(error, APIError):
            said = f"the API server refuses it ({error.status}): {said}"
        self._outage.note_failure(describe_outage(OutageError(said)))
