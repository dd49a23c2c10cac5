"""Replacements of certificates that administrators order, and how far each is.

ACME clients that ask are told to renew the certificates now (RFC 9773 §4.2).
"""

import datetime as dt
import enum
from typing import NamedTuple

import msgspec

from newel.runtime.database.contract import Database, Statement, Write
from newel.runtime.database.times import read_time, to_seconds

MAX_ACTIVE = 64
"""Replacements that are not ended, at one time."""

# Those who count wait for each other here.
_LOCK = Statement("""
    INSERT INTO revisions (name, number) VALUES ($1, 1)
    ON CONFLICT (name) DO UPDATE SET number = revisions.number + 1 RETURNING name""")
_LOCKED = "replacements"
_ADD = Statement("""
    INSERT INTO acme_replacements (id, scope, value, issued_before, explanation, ordered_by)
    SELECT $1, $2, $3, $4, $5, $6
    WHERE (SELECT count(*) FROM acme_replacements WHERE ended_at IS NULL) < $7
    ON CONFLICT DO NOTHING""")
_ADDED = Statement("SELECT id FROM acme_replacements WHERE id = $1")
_END = Statement(
    "UPDATE acme_replacements SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL RETURNING id"
)
_ACTIVE = Statement("""
    SELECT id, scope, value, issued_before, explanation, ordered_by FROM acme_replacements
    WHERE ended_at IS NULL ORDER BY issued_before, id LIMIT $1""")
# The certificates of one account for the same identifiers are counted once, while one of them is valid.
# $1 is the time of the replacement, $2 now, $3 and $4 the scope and its value, $5 a pattern of that as one
# of an order's identifiers.
_COUNTED = """
        SELECT min(CASE WHEN o.issued_at >= $1 THEN o.issued_at END) AS replaced_at
        FROM acme_orders o JOIN acme_accounts a ON a.id = o.account
        WHERE o.status = 'valid' GROUP BY o.account, o.identifiers
        HAVING max(o.ends_at) > $2 AND max(CASE WHEN o.issued_at < $1 AND ($3 = 'all'
            OR ($3 = 'issuer' AND o.issuer = $4) OR ($3 = 'provisioner' AND a.provisioner = $4)
            OR ($3 = 'name' AND o.identifiers LIKE $5 ESCAPE '!'))
            THEN 1 ELSE 0 END) = 1"""
_PROGRESS = Statement(f"""
    SELECT count(*), count(replaced_at), count(CASE WHEN replaced_at > $6 THEN 1 END)
    FROM ({_COUNTED}) AS counted""")  # noqa: S608 - a constant
# $6: how many were replaced before
_REPLACED_AT = Statement(f"""
    SELECT replaced_at FROM ({_COUNTED}) AS counted WHERE replaced_at IS NOT NULL
    ORDER BY replaced_at LIMIT 1 OFFSET $6""")  # noqa: S608 - a constant
_SUCCESSORS = Statement("""
    SELECT o.issued_at FROM acme_successors s JOIN acme_orders o ON o.id = s.order_id
    WHERE s.serial = $1 AND o.status = 'valid' LIMIT 1""")


class ReplacementScope(enum.StrEnum):
    """Which certificates a replacement is about."""

    ALL = "all"
    ISSUER = "issuer"
    PROVISIONER = "provisioner"
    CERTIFICATE = "certificate"
    NAME = "name"


class Replacement(msgspec.Struct, frozen=True):
    """A replacement of every certificate of its scope that was issued before a time."""

    id: str
    scope: ReplacementScope
    value: str
    """The id of an issuer, the name of a provisioner, a serial number in hexadecimal, a DNS name or an address."""
    issued_before: dt.datetime
    explanation: str
    """A URL for people, or ``""``."""
    ordered_by: str


class Progress(NamedTuple):
    """How far a replacement is."""

    total: int
    replaced: int
    last_minute: int
    """How many of them were replaced in the last minute: the rate."""
    most_at: dt.datetime | None
    """When 99 % were replaced, rounded up to whole certificates; None until then."""


class Replacements:
    """The replacements of every replica."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def active(self) -> list[Replacement]:
        """List those that are not ended, oldest first."""
        return [
            Replacement(row[0], ReplacementScope(row[1]), row[2], read_time(row[3]), *row[4:])
            for row in await self._database.fetch(_ACTIVE, MAX_ACTIVE)
        ]

    async def add(self, new: Replacement) -> bool:
        """Add one; False while there are too many."""
        before = to_seconds(new.issued_before)
        row = (new.id, new.scope.value, new.value, before, new.explanation, new.ordered_by)
        await self._database.decide(Write(_LOCK, (_LOCKED,)), Write(_ADD, (*row, MAX_ACTIVE)))
        return bool(await self._database.fetch(_ADDED, new.id))

    async def end(self, identifier: str, now: dt.datetime) -> bool:
        """End one; False when there is none of that id."""
        return await self._database.decide(Write(_END, (identifier, to_seconds(now)))) is not None

    async def count(self, one: Replacement, now: dt.datetime) -> Progress:
        """Count what is to be replaced, and what of it is, by the orders that are kept."""
        minute_ago = to_seconds(now) - 60
        if one.scope is ReplacementScope.CERTIFICATE:
            serial = int(one.value, 16)
            octets = serial.to_bytes((serial.bit_length() + 7) // 8, "big")
            found = await self._database.fetch(_SUCCESSORS, octets)
            if not found:
                return Progress(1, 0, 0, None)
            return Progress(1, 1, int(found[0][0] > minute_ago), read_time(found[0][0]))
        params = (to_seconds(one.issued_before), to_seconds(now), one.scope.value, one.value)
        params = (*params, _match_identifier(one.value))
        (row,) = await self._database.fetch(_PROGRESS, *params, minute_ago)
        total, replaced, last_minute = map(int, row)
        most = -(-total * 99 // 100)
        reached = None
        if 0 < most <= replaced:
            rows = await self._database.fetch(_REPLACED_AT, *params, most - 1)
            reached = read_time(rows[0][0]) if rows else None
        return Progress(total, replaced, last_minute, reached)


def _match_identifier(value: str) -> str:
    """Return the pattern of LIKE for a value among identifiers, which are stored as JSON."""
    escaped = "".join(f"!{each}" if each in "!%_" else each for each in value)
    return f'%"value":"{escaped}"%'
