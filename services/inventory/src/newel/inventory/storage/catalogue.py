"""The writing side: certificates, endpoints and how far reconciliation has read."""

from collections.abc import Sequence
from functools import lru_cache

from newel.inventory.endpoints import Placement
from newel.inventory.expiry import DueEndpoint
from newel.inventory.projection import Revocation
from newel.inventory.stages import EARLIEST, REGULAR
from newel.inventory.storage.names import join_names, split_names
from newel.runtime.database.contract import Database, Row, Statement, Write

_ADD_CERTIFICATES = (
    """INSERT INTO certificates (serial, issuer, endpoint, common_name, names, provisioner,
        provisioner_type, proof, not_before, not_after, issued_at, renewed_from, fingerprint,
        warn_at, type, key_digest) VALUES """,
    16,
    " ON CONFLICT (serial) DO NOTHING",
)

# An endpoint with an open warning becomes due at once, so that its renewal is said.
# A renewal is regular when it comes neither early, as one by hand, nor after the end. Of their parts of
# the lifetime the latest counts, which later ones bring down again by and by. What follows certificates that
# were all revoked has no last one to be compared with: NULL is not regular, and changes nothing.
_LIFE = "(endpoints.last_not_after - endpoints.last_not_before)"
_PASSED = "(excluded.last_not_before - endpoints.last_not_before)"
_IS_REGULAR = f"{_PASSED} >= {EARLIEST} * {_LIFE} AND {_PASSED} <= {_LIFE} AND {_LIFE} > 0"
_PART = f"1.0 * {_PASSED} / {_LIFE}"
_USUAL_END = """excluded.last_not_before
    + CAST((excluded.last_not_after - excluded.last_not_before) * endpoints.usual AS BIGINT)"""
_USUAL_END_OF_ANY = "c.not_before + CAST((c.not_after - c.not_before) * endpoints.usual AS BIGINT)"
_MOVE_ENDPOINTS = (
    """INSERT INTO endpoints (id, common_name, names, provisioner, provisioner_type, opened_at,
        last_serial, last_not_after, due, type, last_not_before) VALUES """,
    11,
    f""" ON CONFLICT (id) DO UPDATE SET common_name = excluded.common_name, names = excluded.names,
        provisioner = excluded.provisioner, provisioner_type = excluded.provisioner_type,
        last_serial = excluded.last_serial, last_not_after = excluded.last_not_after,
        last_not_before = excluded.last_not_before,
        renewals = CASE WHEN {_IS_REGULAR} THEN endpoints.renewals + 1 ELSE endpoints.renewals END,
        usual = CASE
            WHEN {_IS_REGULAR} AND (endpoints.usual IS NULL OR endpoints.usual < {_PART}) THEN {_PART}
            WHEN {_IS_REGULAR} THEN endpoints.usual - (endpoints.usual - {_PART}) / 4
            ELSE endpoints.usual END,
        due = CASE WHEN endpoints.warned IS NOT NULL OR endpoints.compromised IS NOT NULL THEN 0
            WHEN endpoints.renewals + 1 >= {REGULAR} AND {_USUAL_END} < excluded.due THEN {_USUAL_END}
            ELSE excluded.due END
    WHERE endpoints.last_not_after <= excluded.last_not_after""",
)

# Looking up many at once costs a fraction of looking up each; shorter lists are filled up.
_ASKED_AT_ONCE = 64
_LIST = ", ".join(f"${number + 1}" for number in range(_ASKED_AT_ONCE))
_ENDPOINTS_OF = Statement(
    f"SELECT serial, endpoint FROM certificates WHERE serial IN ({_LIST})"  # noqa: S608 - numbers
)
_WAITING = Statement(f"SELECT id FROM endpoints WHERE id IN ({_LIST})")  # noqa: S608 - numbers

# keyCompromise (1) may be said later of a certificate that was revoked for another reason; it stays.
_REVOKE = Statement("""
    UPDATE certificates SET revoked_at = $2, revoked_actively = $4,
        reason = CASE WHEN reason = 1 THEN 1 ELSE $3 END
    WHERE serial = $1
        AND (revoked_at IS NULL OR NOT revoked_actively OR (reason <> 1 AND $3 = 1))
    RETURNING serial""")

# When the next look is due is as in `_MOVE_ENDPOINTS`: the habit of an endpoint outlives a revocation.
_LAST_OF = f"""
    UPDATE endpoints SET (last_serial, last_not_after, last_not_before, due) = (
        SELECT c.serial, c.not_after, {{begin}},
            CASE WHEN endpoints.warned IS NOT NULL OR endpoints.compromised IS NOT NULL THEN 0
                WHEN endpoints.renewals >= {REGULAR} AND {_USUAL_END_OF_ANY} < c.warn_at
                    THEN {_USUAL_END_OF_ANY}
                ELSE c.warn_at END
        FROM certificates c WHERE c.endpoint = endpoints.id AND c.revoked_at IS NULL
        ORDER BY c.not_after DESC, c.position DESC LIMIT 1)
    WHERE id = """  # noqa: S608 - constants
_LAST_OF_ENDPOINT = Statement(_LAST_OF.format(begin="c.not_before") + "$1")
# A certificate before the last one changes nothing when it is revoked. What is left is not what the next
# one renews: NULL, as above.
_LAST_OF_CERTIFICATES = Statement(
    _LAST_OF.format(begin="CAST(NULL AS BIGINT)")  # noqa: S608 - constants
    + "(SELECT endpoint FROM certificates WHERE serial = $1) AND last_serial = $1"
)
_ENDED = """
    UPDATE endpoints SET last_not_after = 0, due = CASE WHEN warned IS NULL THEN NULL ELSE 0 END
    WHERE last_serial IS NULL AND id = """
_ENDED_ENDPOINT = Statement(_ENDED + "$1")
_ENDED_CERTIFICATES = Statement(
    _ENDED + "(SELECT endpoint FROM certificates WHERE serial = $1)"  # noqa: S608 - constants
)

_MERGE = Statement("UPDATE endpoints SET due = NULL WHERE id = $1 RETURNING id")
_MERGE_CERTIFICATES = Statement("UPDATE certificates SET endpoint = $2 WHERE endpoint = $1")
_MERGE_WARNING = Statement("""
    UPDATE endpoints SET warned = coalesce(warned, (SELECT warned FROM endpoints WHERE id = $1))
    WHERE id = $2""")
_MERGED = Statement("DELETE FROM endpoints WHERE id = $1")

# A certificate is replaced when a later one renews it, or was issued after that part of its lifetime, which
# tells a new order of the same names from another host's. That the later one is revoked does not make the
# earlier one current again.
_IS_REPLACED = f"""EXISTS (SELECT 1 FROM certificates r
        WHERE r.endpoint = e.id AND r.not_after >= c.not_after AND r.revoked_at IS NOT NULL
            AND r.serial <> c.serial AND (r.renewed_from = c.serial
                OR r.issued_at >= c.not_before + {EARLIEST} * (c.not_after - c.not_before)))"""  # noqa: S608 - a number
_DUE = Statement(f"""
    SELECT e.id, e.warned, e.last_serial, c.common_name, c.names, c.provisioner, c.not_before,
        c.not_after, c.warn_at, c.said, c.provisioner_type, c.proof, e.usual, e.renewals, e.due,
        e.compromised, c.key_digest, CASE WHEN {_IS_REPLACED} THEN 1 ELSE 0 END
    FROM endpoints e LEFT JOIN certificates c ON c.serial = e.last_serial
    WHERE e.due <= $1 ORDER BY e.due LIMIT $2""")  # noqa: S608 - constants
_SETTLE = Statement("""
    UPDATE endpoints SET due = $3
    WHERE id = $1 AND (warned IS NULL OR warned = last_serial)
        AND (last_serial IS NULL OR last_serial = $2)
        AND CASE WHEN compromised IS NULL THEN 0 ELSE 1 END = $4""")
# Who moves the row's next look is the one who says it.
_SAY_LATE = Statement("""
    UPDATE endpoints SET warned = $2, due = $4
    WHERE id = $1 AND last_serial = $2 AND due = $3 AND (warned IS NULL OR warned = $2)
    RETURNING id""")
_SAID = Statement("UPDATE certificates SET said_at = $2, said = $3 WHERE serial = $1")
_SAY_RENEWED = Statement("""
    UPDATE endpoints SET warned = NULL, due = $4
    WHERE id = $1 AND warned = $2
        AND coalesce(last_serial, $5) = coalesce($3, $5)
        AND CASE WHEN compromised IS NULL THEN 0 ELSE 1 END = $6 RETURNING id""")

_CURSOR = Statement("SELECT position FROM cursors WHERE name = $1")
_MOVE_CURSOR = Statement("""
    INSERT INTO cursors (name, position) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position
    WHERE cursors.position < excluded.position""")


@lru_cache(maxsize=32)
def _rows(shape: tuple[str, int, str], count: int) -> Statement:
    """Return an INSERT of ``count`` rows."""
    head, width, tail = shape
    rows = (
        "(" + ", ".join(f"${row * width + column + 1}" for column in range(width)) + ")"
        for row in range(count)
    )
    return Statement(head + ", ".join(rows) + tail)


_ROWS_AT_ONCE = {"sqlite": 32, "postgresql": 1}
"""SQLite is quicker with many rows in a statement; on PostgreSQL any number of equal statements is one
message, and each further text is another.
"""


def _inserts(
    shape: tuple[str, int, str], rows: Sequence[tuple[object, ...]], at_once: int
) -> list[Write]:
    """Split rows into writes of powers of two, so that the database prepares few statements."""
    writes: list[Write] = []
    start = 0
    while start < len(rows):
        count = min(at_once, 1 << ((len(rows) - start).bit_length() - 1))
        params = tuple(value for row in rows[start : start + count] for value in row)
        writes.append(Write(_rows(shape, count), params))
        start += count
    return writes


class CatalogueStorage:
    """The tables of ``migrations`` behind the Protocols of projection, expiry and reconciliation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def endpoints_of(self, serials: Sequence[bytes]) -> dict[bytes, str]:
        """Return the endpoints of those of these certificates that are catalogued."""
        return dict[bytes, str](await self._find(_ENDPOINTS_OF, serials, b""))

    async def add(self, placed: Sequence[Placement], warnings: Sequence[int | None]) -> None:
        """Add certificates, each with the second from which it is late, and advance their endpoints."""
        certificates: list[tuple[object, ...]] = []
        endpoints: dict[str, tuple[int, tuple[object, ...]]] = {}
        for each, warning in zip(placed, warnings, strict=True):
            record, facts = each.record, each.record.facts
            names = join_names(facts.names)
            certificates.append(
                (
                    record.serial,
                    record.issuer,
                    each.endpoint,
                    facts.common_name,
                    names,
                    record.provisioner,
                    record.provisioner_type,
                    record.proof,
                    facts.not_before,
                    facts.not_after,
                    record.issued_at,
                    record.renewed_from or None,
                    facts.fingerprint,
                    warning,
                    facts.type,
                    facts.key_digest,
                )
            )
            # One row per endpoint: a statement may touch a conflicting row only once.
            last = endpoints.get(each.endpoint)
            if last is None or last[0] <= facts.not_after:
                endpoints[each.endpoint] = (
                    facts.not_after,
                    (
                        each.endpoint,
                        facts.common_name,
                        names,
                        record.provisioner,
                        record.provisioner_type,
                        record.issued_at,
                        record.serial,
                        facts.not_after,
                        warning,
                        facts.type,
                        facts.not_before,
                    ),
                )
        # In the order of their ids: two batches at once must not lock each other's rows crosswise.
        moves = [endpoints[endpoint][1] for endpoint in sorted(endpoints)]
        at_once = _ROWS_AT_ONCE[self._database.dialect]
        await self._database.apply(
            *_inserts(_ADD_CERTIFICATES, certificates, at_once),
            *_inserts(_MOVE_ENDPOINTS, moves, at_once),
        )

    async def merge(self, endpoints: dict[str, str]) -> None:
        """Move what waits in each first endpoint, where there is one, into the second."""
        found = await self._find(_WAITING, list(endpoints), "")
        for (waiting,) in sorted(found):
            endpoint = endpoints[waiting]
            await self._database.decide(
                Write(_MERGE, (waiting,)),
                Write(_MERGE_CERTIFICATES, (waiting, endpoint)),
                Write(_MERGE_WARNING, (waiting, endpoint)),
                Write(_MERGED, (waiting,)),
                Write(_LAST_OF_ENDPOINT, (endpoint,)),
                Write(_ENDED_ENDPOINT, (endpoint,)),
            )

    async def _find(self, query: Statement, keys: Sequence[object], nothing: object) -> list[Row]:
        """Return the rows of a query by list; ``nothing`` is a key that no row has."""
        found: list[Row] = []
        for start in range(0, len(keys), _ASKED_AT_ONCE):
            asked = [*keys[start : start + _ASKED_AT_ONCE]]
            asked += [nothing] * (_ASKED_AT_ONCE - len(asked))
            found += await self._database.fetch(query, *asked)
        return found

    async def revoke(self, revocations: Sequence[Revocation]) -> None:
        """Mark certificates as revoked and give their endpoints the last of what is left."""
        for each in revocations:
            await self._database.apply(*revocation_writes(each))

    async def due(self, now: int, limit: int) -> list[DueEndpoint]:
        """Return the endpoints that are due for a look, the most overdue first."""
        rows = await self._database.fetch(_DUE, now, limit)
        return [
            DueEndpoint(
                id=row[0],
                warned=row[1],
                last=row[2],
                common_name=row[3] or "",
                names=split_names(row[4] or ""),
                provisioner=row[5] or "",
                not_before=row[6] or 0,
                not_after=row[7] or 0,
                warn_at=row[8],
                said=row[9] or 0,
                provisioner_type=row[10] or "",
                proof=row[11] or "",
                usual=row[12],
                renewals=row[13],
                due=row[14],
                compromised=row[15],
                key=row[16] or b"",
                is_replaced=bool(row[17]),
            )
            for row in rows
        ]

    async def settle(self, endpoint: DueEndpoint, look_at: int | None) -> None:
        """Report nothing about this endpoint before that second unless it changes."""
        is_compromised = int(endpoint.compromised is not None)
        await self._database.apply(
            Write(_SETTLE, (endpoint.id, endpoint.last, look_at, is_compromised))
        )

    async def report_late(
        self, endpoint: DueEndpoint, stage: int, at: int, look_at: int | None, event: Write
    ) -> bool:
        """Write the event, unless the endpoint has changed or another one reports it."""
        row = await self._database.decide(
            Write(_SAY_LATE, (endpoint.id, endpoint.last, endpoint.due, look_at)),
            Write(_SAID, (endpoint.last, at, stage)),
            event,
        )
        return row is not None

    async def report_renewed(
        self, endpoint: DueEndpoint, look_at: int | None, event: Write
    ) -> bool:
        """Write the event and withdraw the warning, unless the endpoint has changed."""
        is_compromised = int(endpoint.compromised is not None)
        params = (endpoint.id, endpoint.warned, endpoint.last, look_at, b"", is_compromised)
        return await self._database.decide(Write(_SAY_RENEWED, params), event) is not None

    async def cursor(self, name: str) -> int:
        """How far reconciliation has read one list; 0 at first."""
        rows = await self._database.fetch(_CURSOR, name)
        return rows[0][0] if rows else 0

    async def move_cursor(self, name: str, position: int) -> None:
        """Store it; a cursor never goes back."""
        await self._database.apply(Write(_MOVE_CURSOR, (name, position)))


def revocation_writes(revocation: Revocation) -> tuple[Write, ...]:
    """Return what marks a certificate as revoked; the first decides whether that is new."""
    return (
        Write(_REVOKE, (revocation.serial, revocation.at, revocation.reason, revocation.active)),
        Write(_LAST_OF_CERTIFICATES, (revocation.serial,)),
        Write(_ENDED_CERTIFICATES, (revocation.serial,)),
    )
