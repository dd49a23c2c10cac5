"""The SQL that takes records of another program over: whole rows, each written once."""

from collections.abc import Sequence

from newel.issuing.messages import encode_provisioner
from newel.issuing.records import Intent, Record, RevocationEntry
from newel.issuing.storage import block_key, read_record, revocation_row
from newel.issuing.storage_statements import X509, Statements
from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.database.times import to_seconds

_PROVE = Statement(
    "UPDATE certificates SET subject_of_proof = $2 WHERE serial = $1 RETURNING serial"
)

# A key that was blocked, and settled, has one more certificate.
_UNSETTLE = Statement("UPDATE blocked_keys SET settled_at = NULL WHERE key_digest = $1")


class ForeignStorage:
    """Adds rows to the two tables of one kind of certificates; a row that is there stays as it is."""

    def __init__(self, database: Database, statements: Statements = X509) -> None:
        self._database = database
        self._statements = statements

    async def find(self, serials: Sequence[bytes]) -> dict[bytes, Record]:
        """Find certificates."""
        rows = await self._database.fetch_many(
            self._statements.by_serial, [(serial,) for serial in serials]
        )
        return {record.intent.serial: record for record in map(read_record, rows)}

    async def find_revoked(self, serials: Sequence[bytes]) -> set[bytes]:
        """Find which of these are revoked."""
        rows = await self._database.fetch_many(
            self._statements.find_revoked, [(serial,) for serial in serials]
        )
        return {bytes(row[0]) for row in rows}

    async def add(self, signed: Sequence[tuple[Intent, bytes]]) -> None:
        """Add certificates with their signatures."""
        add = self._statements.add
        await self._database.decide_all(
            [(Write(add, _row(*each)), Write(_UNSETTLE, (each[0].key_digest,))) for each in signed]
        )

    async def revoke(self, entries: Sequence[RevocationEntry]) -> None:
        """Add revocations, and block the keys that they name."""
        await self._database.decide_all(
            [
                (Write(self._statements.revoke, revocation_row(each)), *block_key(each))
                for each in entries
            ]
        )

    async def prove(self, pairs: Sequence[tuple[bytes, str]]) -> int:
        """Set who proved to be entitled to certificates; return how many of them there are."""
        done = await self._database.decide_all([(Write(_PROVE, pair),) for pair in pairs])
        return sum(row is not None for row in done)


def _row(intent: Intent, signature: bytes) -> tuple[bytes | str | int, ...]:
    return (
        intent.serial,
        intent.issuer,
        intent.profile,
        intent.tbs,
        signature,
        to_seconds(intent.not_after),
        intent.key_digest,
        encode_provisioner(intent.provisioner),
        intent.subject_of_proof,
        to_seconds(intent.created_at),
    )
