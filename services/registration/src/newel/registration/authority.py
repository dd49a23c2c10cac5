"""What the registration authority knows and may learn anew while running: provisioners and trust."""

import logging
from collections.abc import Sequence
from typing import Protocol

from newel.registration.issuance import Issuance
from newel.registration.metrics import Metrics
from newel.registration.provisioners.limits import Limits
from newel.registration.provisioners.registry import Provisioners
from newel.registration.trust import Trust
from newel.step.messages import TlsOptions
from newel.step.provisioners import ProvisionerConfig, parse

_log = logging.getLogger("newel.registration")


class ProvisionerRecords(Protocol):
    """Where provisioners are kept."""

    async def records(self) -> list[str]:
        """Every record as JSON, in order."""
        ...


class Authority:
    """The current provisioners and issuers. Readers take one whole state or the next, never a mix."""

    def __init__(
        self,
        store: ProvisionerRecords,
        issuance: Issuance,
        limits: Limits,
        *,
        active_revocation: bool,
        roots: Sequence[bytes],
        federated: Sequence[bytes],
        tls: TlsOptions,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._issuance = issuance
        self._limits = limits
        self._active_revocation = active_revocation
        self._roots = roots
        self._federated = federated
        self._tls = tls
        self._records: list[str] | None = None
        self.provisioners = Provisioners((), limits, active_revocation=active_revocation)
        self.trust = Trust((), federated, tls, roots)

    async def refresh_provisioners(self) -> None:
        """Reads the provisioners again and takes them over when anything changed."""
        records = await self._store.records()
        if records == self._records:
            return
        parsed: list[ProvisionerConfig] = []
        for record in records:
            try:
                parsed.append(parse(record))
            except ValueError as error:
                _log.error("a stored provisioner cannot be read and is off: %s", error)
        provisioners = Provisioners(parsed, self._limits, active_revocation=self._active_revocation)
        for name, why in provisioners.off.items():
            if self.provisioners.off.get(name) != why:
                _log.warning("the provisioner %r is off: %s", name, why)
        for state, number in provisioners.counts().items():
            self._metrics.provisioners.labels(state).set(number)
        self.provisioners = provisioners
        self._records = records

    async def refresh_trust(self) -> bool:
        """Asks the issuing authority for its issuers; True when anything changed."""
        trust = Trust(await self._issuance.issuers(), self._federated, self._tls, self._roots)
        if trust.digest == self.trust.digest:
            return False
        self.trust = trust
        return True
