"""The state that is reloaded at run time: provisioners and issuers."""

import asyncio
import datetime as dt
import logging
from collections.abc import Iterable, Sequence

import msgspec

from newel.crypto.distinguished_names import Attribute
from newel.crypto.names import GeneralName
from newel.durations.go import format_duration
from newel.registration.issuance import Issuance
from newel.registration.metrics import Metrics
from newel.registration.policy.levels import (
    NO_POLICIES,
    Policies,
    check_ssh,
    check_x509,
    compile_policies,
)
from newel.registration.provisioners.provisioner import Provisioner, ProvisionerContext
from newel.registration.provisioners.registry import Entry, Provisioners, load_entry
from newel.registration.storage import ProvisionerTable
from newel.registration.trust import Trust
from newel.runtime.errors import NewelError
from newel.step.messages import TLSOptions
from newel.step.policies import PolicyConfig
from newel.step.provisioners import ProvisionerConfig, parse
from newel.step.tokens import UnverifiedToken

MADE_AT_ONCE = 20
"""Provisioners that are made before others have their turn; each takes up to a millisecond."""

_MOST_REPORTED = 50
"""Provisioners that readiness names."""

_log = logging.getLogger("newel.registration")


class Authority:
    """The current provisioners and issuers. Readers see one whole snapshot or the next, never a mix."""

    def __init__(
        self,
        store: ProvisionerTable,
        issuance: Issuance,
        context: ProvisionerContext,
        *,
        roots: Sequence[bytes],
        federated: Sequence[bytes],
        tls: TLSOptions,
        metrics: Metrics,
        policies: Policies = NO_POLICIES,
        subject_defaults: Sequence[Attribute] = (),
        longest: dt.timedelta,
    ) -> None:
        """``longest`` is the most that administrators may set as the longest duration of certificates."""
        self._store = store
        self._metrics = metrics
        self.issuance = issuance
        self._context = context
        self._roots = roots
        self._federated = federated
        self._tls = tls
        self.policies = policies
        """The policies of the authority itself."""
        self.subject_defaults = subject_defaults
        """Attributes of subjects that have none of the kind."""
        self._longest = longest
        self._records: list[str] | None = None
        self._revision = 0
        self._entries: dict[str, Entry] = {}
        self._refreshing = asyncio.Lock()
        self.provisioners = Provisioners(())
        self.trust = Trust((), federated, tls, roots)

    async def refresh_provisioners(self) -> None:
        """Read the provisioners and the policy if anything was changed, and replace the snapshot.

        Unless something was changed, this reads one number.
        """
        async with self._refreshing:
            await self._refresh()

    async def find_provisioner(self, token: UnverifiedToken) -> Provisioner:
        """Find the provisioner a token names, and fetch what verifies it. Raises NewelError.

        Nothing is proved yet. One that another process has just added is found as well: only a token of
        an unknown provisioner costs a look at the database.
        """
        known = self.provisioners
        try:
            provisioner = known.by_token(token)
        except NewelError:
            await self.refresh_provisioners()
            if self.provisioners is known:
                raise
            provisioner = self.provisioners.by_token(token)
        fetch = provisioner.prepare(token)
        if fetch is not None:
            await fetch
        return provisioner

    async def _refresh(self) -> None:
        revision = await self._store.revision()
        if revision == self._revision:
            self._count_provisioners()  # one may have become usable, or unusable
            return
        text = await self._store.policy()
        policies = compile_policies(msgspec.json.decode(text, type=PolicyConfig) if text else None)
        records = await self._store.records()
        provisioners = self.provisioners
        if records != self._records:
            provisioners = Provisioners(await self._load(records))
            for name, why in provisioners.off.items():
                if self.provisioners.off.get(name) != why:
                    _log.warning("the provisioner %r is off: %s", name, why)
        self.policies, self.provisioners = policies, provisioners
        self._records, self._revision = records, revision
        self._count_provisioners()

    async def _load(self, records: Iterable[str]) -> Sequence[Entry]:
        """Make the provisioners of new records, a few at a time; those that are known stay as they are."""
        entries: dict[str, Entry] = {}
        new = 0
        for text in records:
            known = self._entries.get(text)
            if known is None:
                try:
                    known = load_entry(parse(text), self._context)
                except ValueError as error:
                    _log.error("a stored provisioner is unreadable and off: %s", error)
                    continue
                new += 1
                if new % MADE_AT_ONCE == 0:
                    await asyncio.sleep(0)
            entries[text] = known
        self._entries = entries
        return [*entries.values()]

    def report_unusable(self) -> dict[str, str]:
        """Say of the first provisioners that are off why, each in a line: probes read it."""
        reasons = sorted(self.provisioners.unusable().items())[:_MOST_REPORTED]
        return {name[:100]: why.partition("\n")[0][:200] for name, why in reasons}

    def _count_provisioners(self) -> None:
        for state, number in self.provisioners.counts().items():
            self._metrics.provisioners.labels(state).set(number)

    def check_provisioner(self, record: ProvisionerConfig, replaced: str = "") -> None:
        """Raise ValueError for a provisioner that could not be used, or has claims beyond what is issued.

        ``replaced`` is the name of the one whose place it takes.
        """
        made = load_entry(record, self._context)
        if made.provisioner is None:
            raise ValueError(made.problem)
        longest = made.provisioner.max_duration
        if longest > self._longest:
            raise ValueError(
                f"claims: maxTLSCertDuration {format_duration(longest)} is longer than"
                f" {format_duration(self._longest)}, the most that is issued here"
            )
        own_id = made.provisioner.id
        holder = self.provisioners.name_of(own_id)
        if holder not in {"", replaced}:
            raise ValueError(f"provisioner with token ID {own_id} already exists: {holder}")

    def check_names(
        self,
        levels: Iterable[Policies],
        names: Sequence[GeneralName],
        subject: Sequence[Attribute],
        now: dt.datetime,
    ) -> None:
        """Check the names of a certificate that is to be issued. Raises NewelError (403).

        They have to be within the name constraints of the issuer that issues now, and allowed by every
        level: those given, an ACME account's before its provisioner's, and then the authority's own.
        """
        check_x509((*levels, self.policies), names, subject, self.trust.constraints(now))

    @property
    def client_authorities(self) -> list[bytes]:
        """DER of the CAs whose client certificates the listener accepts.

        That of the connection proves no more than having a key: every use of it compares it with the
        record of what was issued, or verifies it to the roots of one provisioner.
        """
        own = self.trust.client_authorities
        return list(dict.fromkeys([*own, *self.provisioners.client_authorities]))

    def check_principals(self, policies: Policies, kind: str, principals: Sequence[str]) -> None:
        """Check the principals of an SSH certificate: a provisioner's policies, then the authority's.

        Raises NewelError (403).
        """
        check_ssh((policies, self.policies), kind, principals)

    async def refresh_trust(self) -> bool:
        """Ask the issuing authority for its issuers; True when anything changed."""
        trust = Trust(await self.issuance.issuers(), self._federated, self._tls, self._roots)
        if trust.records == self.trust.records:
            return False
        self.trust = trust
        return True
