"""Statuses from CRLs: what is listed is revoked, and the rest is what the operator says."""

from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography import x509

from newel.crypto.crl_index import CRLIndex
from newel.crypto.loading import CertificateError
from newel.runtime.clock import Clock, is_future
from newel.runtime.errors import ErrorType, NewelError
from newel.validation.crls import CRLCache
from newel.validation.list_file import ListFile
from newel.validation.status import CertificateKey, Counters, Period, Status

_GOOD = Status(not_after=0, revoked_at=None, reason=None)


class ListedStatuses(ListFile):
    """The statuses of one authority's certificates, from its complete CRL."""

    def __init__(
        self,
        certificate: x509.Certificate,
        file: Path,
        crl_cache: CRLCache,
        *,
        unlisted_is_good: bool,
        distribution_point: str = "",
    ) -> None:
        """``distribution_point`` is the URL that the complete list names as its own, "" for none."""
        super().__init__(certificate, file, crl_cache)
        self._distribution_point = distribution_point
        self._index: CRLIndex | None = None
        self.unlisted_is_good = unlisted_is_good
        self.period = Period(0, 0)
        self.accepted = 0  # how often a list was accepted

    def accept(self, crl: x509.CertificateRevocationList) -> None:
        """Tell statuses from this list from now on. Raises ValueError for one that is not complete."""
        require_complete(crl)
        if self.unlisted_is_good:
            _require_unsharded(crl, self._distribution_point)
        index = CRLIndex(crl)
        super().accept(crl)
        served = self._crl_cache.crl(self.id)
        if served is not None:
            self._index = index
            self.accepted += 1
            self.period = Period(served.this_update, served.next_update)

    def status(self, serial: bytes) -> Status | None:
        """Return the status of a serial number; None: a list does not tell whether it was issued."""
        entry = self._index.find(serial) if self._index is not None else None
        if entry is not None:
            return Status(not_after=0, revoked_at=entry.revoked_at, reason=entry.reason)
        return _GOOD if self.unlisted_is_good else None


class Statuses:
    """The statuses of every authority: implements :class:`newel.validation.status.StatusReader`."""

    agreed = 0  # every list says itself for how long it holds, see :meth:`period`

    def __init__(
        self, listed: Mapping[str, ListedStatuses], clock: Clock, changed: Callable[[], None]
    ) -> None:
        self._listed = listed
        self._clock = clock
        self._changed = changed

    def period(self, issuer: str) -> Period:
        """Return when an issuer's list was made, and when it ends.

        Raises NewelError ``unavailable`` while there is none, or none that is valid now.
        """
        now = int(self._clock.unix())
        found = self._listed[issuer].period
        if not found.next_update:
            raise _unavailable(f"there is no CRL of {issuer}")
        if now >= found.next_update or is_future(found.this_update, now):
            raise _unavailable(
                f"the CRL of {issuer} is not valid at this time: a new one is needed"
            )
        return found

    async def status(self, key: CertificateKey) -> Status | None:
        """Return the status of one certificate; None: a list does not tell whether it was issued.

        Raises NewelError ``unavailable`` while there is no valid list.
        """
        self.period(key.issuer)
        try:
            return self._listed[key.issuer].status(key.serial)
        except CertificateError as error:
            raise _unavailable(str(error)) from None

    async def counters(self) -> Counters:
        """Return no counts: there is no store whose changes are followed."""
        return Counters(0, 0, 0)

    async def changed_since(self, change: int, limit: int) -> list[CertificateKey]:
        """Return nothing: answers are dropped when a file changes."""
        _ = change, limit
        return []

    def refresh(self) -> None:
        """Read every file again that changed, and drop the answers that were taken from the old one."""
        before = sum(each.accepted for each in self._listed.values())
        for each in self._listed.values():
            each.refresh()
        if before != sum(each.accepted for each in self._listed.values()):
            self._changed()


def require_complete(crl: x509.CertificateRevocationList) -> None:
    """Raise ValueError for a list that is not about every certificate of its issuer.

    What is not on such a list may be revoked all the same (RFC 5280 §5.2.5).
    """
    for extension in crl.extensions:
        point = extension.value
        if isinstance(point, x509.IssuingDistributionPoint) and (
            point.only_contains_ca_certs
            or point.only_contains_attribute_certs
            or point.indirect_crl
            or point.only_some_reasons
        ):
            raise ValueError("it is not about every certificate of its issuer")


def _require_unsharded(crl: x509.CertificateRevocationList, expected: str) -> None:
    """Raise ValueError for a list of those certificates alone that name its distribution point.

    It says nothing about the others (RFC 5280 §5.2.5): they would be called good even when revoked.
    """
    for extension in crl.extensions:
        point = extension.value
        if not isinstance(point, x509.IssuingDistributionPoint):
            continue
        names = [each.value for each in point.full_name or ()]
        if (names or point.relative_name) and names != [expected]:
            named = ", ".join(map(str, names)) or "a relative name"
            raise ValueError(
                f"it names a distribution point, {named}: it may be a shard, and what is not on a shard is not"
                ' good. Use the complete list, or say unlisted = "unknown". If this list is complete, set'
                " distribution_point to that name"
            )


def _unavailable(what: str) -> NewelError:
    return NewelError(ErrorType.UNAVAILABLE, what)
