"""Puts the CRLs that are served here at further places as well, such as a folder.

The worker that holds the lease compares what is at each place with what is served, and writes what is newer. A
place that cannot be reached is tried again until it has the latest lists, and a metric says when the
lists there end. A list there with a higher number, or another list with the same one, was published
before this service's database was restored from a backup. It is not overwritten by an older list: the
publisher makes one with a still higher number.
"""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from newel.crypto import crl_files, loading
from newel.validation.crls import CRLCache, PublishedCRL
from newel.validation.metrics import Metrics
from newel.validation.scopes import delta_name

_log = logging.getLogger("newel.validation.distribution")


class Place(Protocol):
    """A place that CRLs are published at. Methods raise OSError when it cannot be reached."""

    @property
    def kind(self) -> str:
        """What it is, in logs and metrics: ``folder``."""
        ...

    async def read(self, name: str) -> bytes | None:
        """Return the CRL of this name, DER; None when there is none."""
        ...

    async def write(self, name: str, crl: bytes) -> None:
        """Replace the CRL of this name at once: no client reads half of it."""
        ...


@dataclass(frozen=True, slots=True)
class HostedCRL:
    """The CRL of a scope at a place."""

    number: int
    digest: bytes
    next_update: float


_NONE = HostedCRL(0, b"", 0)


class Distribution:
    """The lists of every scope at every place, as far as they are known."""

    def __init__(
        self,
        scopes: Iterable[str],
        places: Sequence[Place],
        crl_cache: CRLCache,
        metrics: Metrics,
    ) -> None:
        self._scopes = tuple(scopes)
        self._places = tuple(places)
        self._crl_cache = crl_cache
        self._metrics = metrics
        self._held: dict[tuple[str, str], HostedCRL] = {}
        self._current: dict[tuple[str, str], PublishedCRL] = {}  # what was written or found equal
        self._faults: dict[str, str] = {}

    async def find_number(self, scope: str) -> int:
        """Return the highest number of a scope's CRLs at the places that can be reached."""
        for place in self._places:
            try:
                await self._find(place, scope)
            except (OSError, ValueError) as error:
                self._log_fault(place, str(error))
        found = [self._held.get((place.kind, scope), _NONE).number for place in self._places]
        return max(found, default=0)

    def is_ahead(self, crl: PublishedCRL) -> bool:
        """Tell whether a place has a CRL that this one must not replace."""
        keys = [(place.kind, crl.scope) for place in self._places]
        return any(
            self._current.get(key) is not crl
            and (held := self._held.get(key)) is not None
            and _conflicts(held, crl)
            for key in keys
        )

    async def distribute_due(self) -> None:
        """Write what is newer here. One place's failure is logged and does not affect the others."""
        for place in self._places:
            fault = await self._distribute_all(place)
            if fault:
                self._metrics.crl_failures.inc()
                self._log_fault(place, fault)
            else:
                self._log_recovery(place)
            ends = [
                held.next_update for (kind, _), held in self._held.items() if kind == place.kind
            ]
            self._metrics.crl_place_next_update.labels(place.kind).set(min(ends, default=0))

    async def _distribute_all(self, place: Place) -> str:
        """Write to one place; return what failed, or "".

        A place that is out of reach is left alone until the next time. What is no list there has only its
        own scope's place, and the others are written.
        """
        fault = ""
        for scope in self._scopes:
            crl = self._crl_cache.crl(scope)
            try:
                if crl is not None:
                    await self._distribute(place, crl)
            except OSError as error:
                return str(error)
            except ValueError as error:
                fault = str(error)
        return fault

    async def _distribute(self, place: Place, crl: PublishedCRL) -> None:
        key = place.kind, crl.scope
        if self._current.get(key) is crl:
            return
        held = await self._find(place, crl.scope)
        if held.number == crl.number and held.digest == _digest(crl.der):
            self._current[key] = crl
            return
        if _conflicts(held, crl):
            # The next is higher; of a list made offline, an operator has to make one
            _log.warning(
                "%s: the CRL of %s there has the number %d, and the one that is served %d: it was not replaced",
                place.kind,
                crl.scope,
                held.number,
                crl.number,
            )
            return
        await place.write(crl.scope, crl.der)
        if crl.delta:  # after its complete list: who has the new one needs no older delta list
            await place.write(delta_name(crl.scope), crl.delta)
        self._held[key] = HostedCRL(crl.number, _digest(crl.der), crl.next_update)
        self._current[key] = crl

    async def _find(self, place: Place, scope: str) -> HostedCRL:
        """Return what a place has. It is read once, because no other program writes there."""
        held = self._held.get((place.kind, scope))
        if held is None:
            der = await place.read(scope)
            held = _NONE if der is None else _parse(scope, der)
            self._held[place.kind, scope] = held
        return held

    def _log_fault(self, place: Place, fault: str) -> None:
        """Log a fault once, not every second."""
        if self._faults.get(place.kind) != fault:
            _log.warning("CRLs could not be published at the %s: %s", place.kind, fault)
        self._faults[place.kind] = fault

    def _log_recovery(self, place: Place) -> None:
        if self._faults.pop(place.kind, ""):
            _log.info("CRLs are published at the %s again", place.kind)


def _parse(scope: str, der: bytes) -> HostedCRL:
    try:
        crl = loading.load_list(der)
    except loading.CertificateError as error:
        raise ValueError(f"{scope}: {error}") from None
    end = crl.next_update_utc
    return HostedCRL(crl_files.list_number(crl), _digest(der), end.timestamp() if end else 0)


def _digest(der: bytes) -> bytes:
    return hashlib.sha256(der).digest()


def _conflicts(held: HostedCRL, crl: PublishedCRL) -> bool:
    if held.number != crl.number:
        return held.number > crl.number
    return held.digest != _digest(crl.der)
