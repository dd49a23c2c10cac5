"""How much the issuing authority has on record, for the page of facts about an authority."""

from newel.runtime.database.contract import Database, Statement

_COUNTS = {
    "issued": Statement("SELECT count(*) FROM certificates WHERE signature IS NOT NULL"),
    "notExpired": Statement(
        "SELECT count(*) FROM certificates WHERE signature IS NOT NULL AND not_after > $1"
    ),
    "revokedAndNotExpired": Statement("SELECT count(*) FROM revocations WHERE not_after > $1"),
    "underWay": Statement(
        "SELECT count(*) FROM certificates WHERE signature IS NULL AND closed_at IS NULL"
    ),
    "ssh": Statement("SELECT count(*) FROM ssh_certificates"),
}


async def count_certificates(database: Database, now: int) -> dict[str, int]:
    """Count the certificates on record, by what they are at ``now`` (seconds since 1970). Raises NewelError."""
    counts: dict[str, int] = {}
    for name, statement in _COUNTS.items():
        params = (now,) if "$1" in statement.text else ()
        counts[name] = int((await database.fetch(statement, *params))[0][0])
    return counts
