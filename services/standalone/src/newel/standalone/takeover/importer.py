"""The import, table by table: each row is read, checked, and stored unless it is there already.

It may be broken off and begun again at any time: what is there is counted as such.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from newel.issuing.app import ForeignCertificate, ForeignRecords, ForeignSSHCertificate
from newel.registration.app import ForeignHosts, foreign, foreign_uses
from newel.standalone.takeover import source as tables
from newel.standalone.takeover import values
from newel.standalone.takeover.source import Entry, Source

BATCH = 500
EXAMPLES = 3

Item = TypeVar("Item")
Item_contra = TypeVar("Item_contra", contravariant=True)


class Outcome(Protocol):
    """What became of a batch."""

    new: int
    known: int
    left_out: list[tuple[str, str]]


class Add(Protocol[Item_contra]):
    """What stores records of one kind, each unless it is there already, or counts them alone."""

    async def __call__(self, given: Sequence[Item_contra], /, *, dry_run: bool) -> Outcome:
        """Store or count them."""
        ...


Note = Callable[[str, str, str], None]
"""Called with the table, the name and the reason of each record that is left out."""


def note_nothing(table: str, name: str, why: str) -> None:
    """Note nothing."""


@dataclass(slots=True)
class Part:
    """What became of one table, or of one kind of records in it."""

    name: str
    rows: int = 0
    new: int = 0
    known: int = 0
    reasons: Counter[str] = field(default_factory=Counter[str])
    """How many were left out, by the reason."""
    examples: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """The first few of them, by the reason."""
    note: Note = note_nothing

    def leave_out(self, name: str, why: str) -> None:
        """Count one row that is not taken over."""
        self.reasons[why] += 1
        self.note(self.name, name, why)
        shown = self.examples.setdefault(why, [])
        if len(shown) < EXAMPLES:
            shown.append(name)

    def add(self, outcome: Outcome) -> None:
        """Count a batch."""
        self.new += outcome.new
        self.known += outcome.known
        for name, why in outcome.left_out:
            self.leave_out(name, why)


Progress = Callable[[str, int, int], None]
"""Called with a table, how many of its rows were read, and how many there are."""


class ConfigurationImport(Protocol):
    """What takes over the configuration that administrators managed."""

    async def run(self, source: Source, note: Note, *, dry_run: bool) -> list[Part]:
        """Import it, whole or not at all; an empty list where there is none."""
        ...


class Importer:
    """Takes everything over that this authority has a place for."""

    def __init__(
        self,
        source: Source,
        records: ForeignRecords[ForeignCertificate],
        ssh_records: ForeignRecords[ForeignSSHCertificate],
        accounts: foreign.ForeignAccounts,
        uses: foreign_uses.ForeignUses,
        hosts: ForeignHosts,
        managed: ConfigurationImport,
        progress: Progress,
        note: Note,
        *,
        dry_run: bool,
    ) -> None:
        self._source = source
        self._records = records
        self._ssh_records = ssh_records
        self._accounts = accounts
        self._uses = uses
        self._hosts = hosts
        self._managed = managed
        self._progress = progress
        self._note = note
        self._dry_run = dry_run

    async def run(self) -> list[Part]:
        """Import all tables. Certificates come first: others refer to them."""
        parts = [
            *await self._managed.run(self._source, self._note, dry_run=self._dry_run),
            await self._certificates(),
            await self._revocations(),
            await self._acme_accounts(),
            await self._external_keys(),
            await self._proofs(),
            await self._first_uses(),
            await self._ssh_certificates(),
            await self._ssh_revocations(),
            await self._ssh_hosts(),
        ]
        for table, why in tables.LEFT_OUT.items():
            rows = await self._source.count(table)
            if rows:
                parts.append(Part(table, rows, reasons=Counter({why: rows})))
        return parts

    async def _certificates(self) -> Part:
        part = Part(tables.CERTIFICATES, note=self._note)
        data = self._source.rows(tables.CERTIFICATES_DATA)
        joined = join(self._source.rows(part.name), data, self._source.sort_key)

        async def store(batch: Sequence[tuple[Entry, bytes | None]]) -> None:
            read = self._read(
                part, ((row.key, (row.value, beside)) for row, beside in batch),
                lambda pair: values.read_certificate(*pair),
            )  # fmt: skip # a call
            part.add(await self._records.add_certificates(read, dry_run=self._dry_run))

        return await self._each_batch(part, joined, store)

    async def _revocations(self) -> Part:
        return await self._take_over(
            tables.REVOKED,
            lambda row: values.read_revocation(row.value),
            self._records.add_revocations,
        )

    async def _acme_accounts(self) -> Part:
        return await self._take_over(
            tables.ACCOUNTS,
            lambda row: values.read_account(row.value),
            self._accounts.add_accounts,
        )

    async def _external_keys(self) -> Part:
        names: dict[str, str] = {}
        if await self._source.count(tables.EXTERNAL_KEYS):
            async for row in self._source.rows(tables.PROVISIONERS):
                names.update([values.read_name(row.value)])
        return await self._take_over(
            tables.EXTERNAL_KEYS,
            lambda row: values.read_external_key(row.value, names),
            self._accounts.add_external_keys,
        )

    async def _proofs(self) -> Part:
        """Note which account ordered each ACME certificate, so that it may revoke it."""
        part = Part(tables.ACME_CERTIFICATES, note=self._note)
        owners: dict[str, str] = {}
        if await self._source.count(part.name):
            async for row in self._source.rows(tables.ACCOUNTS):
                for account in self._read(Part(""), [row], values.read_account):
                    owners[account.id] = account.provisioner

        def read(value: bytes) -> tuple[int, str]:
            serial, account = values.read_acme_certificate(value)
            if account not in owners:
                raise ValueError("its account is not in the store")
            return serial, foreign.name_account(owners[account], account)

        async def store(batch: Sequence[Entry]) -> None:
            proofs = self._read(part, batch, read)
            stored = await self._records.add_proofs(proofs, dry_run=self._dry_run)
            part.new += stored
            for _ in range(len(proofs) - stored):
                part.leave_out("", "its certificate is not on record")

        return await self._each_batch(part, self._source.rows(part.name), store)

    async def _first_uses(self) -> Part:
        """Note which instances of clouds were trusted, so that none is trusted a second time."""
        part = Part(tables.USED_TOKENS, note=self._note)

        async def store(batch: Sequence[Entry]) -> None:
            read = self._read(
                part, ((row.key, row) for row in batch), lambda row: values.read_first_use(*row)
            )
            keys = [key for key in read if key is not None]
            if expired := len(read) - len(keys):
                part.reasons[tables.EXPIRED] += expired
            part.add(await self._uses.add(keys, dry_run=self._dry_run))

        return await self._each_batch(part, self._source.rows(part.name), store)

    async def _ssh_certificates(self) -> Part:
        return await self._take_over(
            tables.SSH_CERTIFICATES,
            lambda row: ForeignSSHCertificate(row.value),
            self._ssh_records.add_certificates,
        )

    async def _ssh_revocations(self) -> Part:
        return await self._take_over(
            tables.SSH_REVOKED,
            lambda row: values.read_revocation(row.value),
            self._ssh_records.add_revocations,
        )

    async def _ssh_hosts(self) -> Part:
        return await self._take_over(
            tables.SSH_HOSTS, lambda row: values.read_host(*row), self._hosts.add
        )

    async def _take_over(self, table: str, read: Callable[[Entry], Item], add: Add[Item]) -> Part:
        """Take the rows of a table over, each by itself."""
        part = Part(table, note=self._note)

        async def store(batch: Sequence[Entry]) -> None:
            found = self._read(part, ((row.key, row) for row in batch), read)
            part.add(await add(found, dry_run=self._dry_run))

        return await self._each_batch(part, self._source.rows(table), store)

    async def _each_batch(
        self,
        part: Part,
        rows: AsyncIterator[Item],
        store: Callable[[Sequence[Item]], Awaitable[None]],
    ) -> Part:
        total = await self._source.count(part.name)
        batch: list[Item] = []
        async for row in rows:
            batch.append(row)
            if len(batch) == BATCH:
                await store(batch)
                part.rows += len(batch)
                batch = []
                self._progress(part.name, part.rows, total)
        if batch:
            await store(batch)
            part.rows += len(batch)
        self._progress(part.name, part.rows, total)
        return part

    @staticmethod
    def _read(
        part: Part, rows: Iterable[tuple[bytes, Any]], read: Callable[[Any], Item]
    ) -> list[Item]:
        """Read the values of some rows; one that cannot be read is counted and left out."""
        found: list[Item] = []
        for key, value in rows:
            try:
                found.append(read(value))
            except ValueError as error:
                part.leave_out(name_row(key), f"it cannot be read: {error}")
        return found


def name_row(key: bytes) -> str:
    """Return the key of a row as it is shown."""
    return key.decode(errors="replace")[:64]


async def join(
    rows: AsyncIterator[Entry], others: AsyncIterator[Entry], sort_key: Callable[[bytes], bytes]
) -> AsyncIterator[tuple[Entry, bytes | None]]:
    """Yield each row with the value that another table, in the same order, has under its key."""
    other = await anext(others, None)
    async for row in rows:
        wanted = sort_key(row.key)
        while other is not None and sort_key(other.key) < wanted:
            other = await anext(others, None)
        matches = other is not None and other.key == row.key
        yield row, other.value if other is not None and matches else None
