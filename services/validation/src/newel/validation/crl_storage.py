"""All SQL about published CRLs."""

from collections.abc import Mapping, Sequence

from newel.proto import subjects
from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.events.contract import Outbox
from newel.validation.bases import PastCRL
from newel.validation.counters import COUNT
from newel.validation.crls import PublishedCRL

_RESERVE = Statement(
    "INSERT INTO crls (scope, number, this_update) VALUES ($1, $2, $3)"
    " ON CONFLICT (scope, number) DO NOTHING RETURNING scope"
)
_PUBLISH = Statement(
    "UPDATE crls SET this_update = $3, next_update = $4, change = $5, entries = $6, der = $7,"
    " base = $8, delta = $9 WHERE scope = $1 AND number = $2"
)
_DROP_OCTETS = Statement(
    "UPDATE crls SET der = NULL, delta = NULL WHERE scope = $1 AND number < $2 AND der IS NOT NULL"
)
_FORGET_UNSIGNED = Statement("DELETE FROM crls WHERE scope = $1 AND number < $2 AND change IS NULL")
_FORGET = Statement("DELETE FROM crls WHERE scope = $1 AND number = $2")
_HIGHEST = Statement("SELECT max(number) FROM crls WHERE scope = $1")
_HISTORY = Statement(
    "SELECT number, this_update, change FROM crls WHERE scope = $1 AND change IS NOT NULL"
    " ORDER BY number"
)
_NUMBERS = Statement("SELECT scope, max(number) FROM crls WHERE der IS NOT NULL GROUP BY scope")
_LATEST = Statement(
    "SELECT number, this_update, next_update, change, entries, der, base, delta FROM crls"
    " WHERE scope = $1 AND der IS NOT NULL ORDER BY number DESC LIMIT 1"
)


class CRLStore:
    """The CRLs and their numbers: implements :class:`newel.validation.crls.CRLStore`."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def highest(self, scope: str) -> int:
        """Return the highest number ever reserved for the CRLs of a scope; 0 before the first."""
        return (await self._database.fetch(_HIGHEST, scope))[0][0] or 0

    async def reserve(self, scope: str, number: int, now: int) -> bool:
        """Reserve a number for a CRL to be made; False when another worker was faster."""
        return await self._database.decide(Write(_RESERVE, (scope, number, now))) is not None

    async def history(self, scope: str) -> list[PastCRL]:
        """List the signed CRLs of a scope that are remembered, by number."""
        return [PastCRL(*row) for row in await self._database.fetch(_HISTORY, scope)]

    async def publish(
        self, crl: PublishedCRL, forget_below: int, obsolete: Sequence[int], event: bytes
    ) -> None:
        """Store a signed CRL under its reserved number, and publish its event.

        The octets of those below ``forget_below`` are dropped, and all about the ``obsolete`` ones.
        """
        row = (
            crl.scope,
            crl.number,
            crl.this_update,
            crl.next_update,
            crl.change,
            crl.entries,
            crl.der,
            crl.base,
            crl.delta,
        )
        await self._database.apply(
            Write(COUNT, ("crl",)),
            Write(_PUBLISH, row),
            Write(_DROP_OCTETS, (crl.scope, forget_below)),
            Write(_FORGET_UNSIGNED, (crl.scope, forget_below)),
            *(Write(_FORGET, (crl.scope, number)) for number in obsolete),
            self._outbox.write(subjects.CRL_PUBLISHED, event),
        )
        self._outbox.wake()

    async def numbers(self) -> Mapping[str, int]:
        """Return the highest number of a signed CRL, by scope."""
        return dict(await self._database.fetch(_NUMBERS))  # type: ignore[arg-type]

    async def latest(self, scope: str) -> PublishedCRL | None:
        """Return the signed CRL with the highest number."""
        rows = await self._database.fetch(_LATEST, scope)
        if not rows:
            return None
        number, this_update, next_update, change, entries, der, base, delta = rows[0]
        return PublishedCRL(
            scope,
            number,
            this_update,
            next_update,
            change,
            entries,
            bytes(der),
            base or 0,
            bytes(delta or b""),
        )
