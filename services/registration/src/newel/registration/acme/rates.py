"""Rates in the database: one number for each key, by the generic cell rate algorithm.

What a rate decides and what it counts are one unit: its row is locked, the change is made where there is
room, and the rate is taken where the change was made. So an order that is refused never held a rate, and one
whose request was cancelled has either been placed and counts, or neither.
"""

import datetime as dt
from collections.abc import Sequence

from newel.registration.acme.records import RateUse
from newel.runtime.database.contract import Database, Statement, Write

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MOST = 2
"""How many rates decide one order."""

# $2 now: an empty row, or the lock of the one there is
_LOCK = Statement("""
    INSERT INTO acme_rates (key, full_at) VALUES ($1, $2)
    ON CONFLICT (key) DO UPDATE SET full_at = acme_rates.full_at""")
# $2 now, $3 what one order takes, in nanoseconds
_TAKE = """
    UPDATE acme_rates SET full_at = CAST($3 AS BIGINT) + CASE
        WHEN full_at > $2 THEN full_at ELSE CAST($2 AS BIGINT) END
    WHERE key = $1 AND EXISTS (SELECT 1 FROM acme_orders o WHERE o.id = $4"""
_TAKE_FOR_ORDER = Statement(_TAKE + ")")
_TAKE_FOR_CLAIM = Statement(_TAKE + " AND o.claim = $5)")
_GIVE_BACK = Statement("UPDATE acme_rates SET full_at = full_at - $2 WHERE key = $1")
_READ = Statement("SELECT full_at FROM acme_rates WHERE key = $1")
_SHORTEN = Statement("UPDATE acme_rates SET full_at = $2 WHERE key = $1 AND full_at > $2")
_FORGET = Statement("DELETE FROM acme_rates WHERE full_at < $1")


def to_nanoseconds(time: dt.datetime) -> int:
    """Convert a time for a rate, exactly."""
    return (time - _EPOCH) // dt.timedelta(microseconds=1) * 1000


def require_room(first: int, rates: int = _MOST) -> str:
    """Return the condition that ``rates`` have room, by pairs of parameters from the number ``first`` on.

    ``room`` makes the parameters.
    """
    pairs = ((first + 2 * each, first + 2 * each + 1) for each in range(rates))
    full = " OR ".join(f"(r.key = ${key} AND r.full_at > ${latest})" for key, latest in pairs)
    return f"NOT EXISTS (SELECT 1 FROM acme_rates r WHERE {full})"  # noqa: S608 - numbers of parameters


def room(rates: Sequence[RateUse], now: int, most: int = _MOST) -> tuple[bytes | int, ...]:
    """Return the parameters of ``require_room``: of each rate its key, and until when it may be ahead."""
    found: list[bytes | int] = []
    for each in rates:
        found += (each.key, now + each.slack)
    return (*found, *(b"", 0) * (most - len(rates)))


def lock(rates: Sequence[RateUse], now: int) -> list[Write]:
    """Return the locks of rates, in one order for all, so that two units never wait for each other."""
    return [Write(_LOCK, (each.key, now)) for each in sorted(rates, key=lambda rate: rate.key)]


def take_for_order(rates: Sequence[RateUse], now: int, order: bytes) -> list[Write]:
    """Return the taking of rates, where the order was placed."""
    return [Write(_TAKE_FOR_ORDER, (each.key, now, each.interval, order)) for each in rates]


def take_for_claim(rate: RateUse, now: int, order: bytes, claim: bytes) -> Write:
    """Return the taking of a rate, where the order has this claim."""
    return Write(_TAKE_FOR_CLAIM, (rate.key, now, rate.interval, order, claim))


def give_back(rate: RateUse | None) -> tuple[Write, ...]:
    """Return what undoes a taking."""
    return () if rate is None else (Write(_GIVE_BACK, (rate.key, rate.interval)),)


class Rates:
    """The table of rates, outside of the units that they decide."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read_waits(self, rates: Sequence[RateUse], now: int) -> list[int]:
        """Read how many nanoseconds it is until each has room; 0: it has."""
        return [await self._read_wait(each, now) for each in rates]

    async def _read_wait(self, rate: RateUse, now: int) -> int:
        found = await self._database.fetch(_READ, rate.key)
        full_at = int(found[0][0]) if found else now
        longest = now + rate.slack + rate.interval
        if full_at > longest:  # the clock was set back, or the rate was slower once
            await self._database.apply(Write(_SHORTEN, (rate.key, longest)))
        return max(0, min(full_at, longest) - now - rate.slack)

    async def forget(self, before: dt.datetime) -> None:
        """Delete the rates that have been full since then."""
        await self._database.apply(Write(_FORGET, (to_nanoseconds(before),)))
