"""Certificates in the order in which metering counts them."""

from collections.abc import Sequence

from newel.inventory.metering import Account, MeteredCertificate
from newel.runtime.database.contract import Database, Statement

# By the index on endpoints, page after page: the signs keep both engines from the one on the ends
# of certificates, by which each page would sort all of them.
_CERTIFICATES = Statement("""
    SELECT endpoint, serial, issuer, provisioner, issued_at, not_after, revoked_at
    FROM certificates
    WHERE endpoint >= $3 AND +not_after >= $1 AND +issued_at < $2
        AND (endpoint > $3 OR issued_at > $4 OR (issued_at = $4 AND serial > $5))
    ORDER BY endpoint, issued_at, serial LIMIT $6""")


class MeteringStorage:
    """The table of certificates behind the Protocol of metering."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def certificates(
        self, start: int, until: int, after: MeteredCertificate | None, limit: int
    ) -> Sequence[MeteredCertificate]:
        """Read some that were issued before ``until`` and expire at ``start`` or later, past ``after``."""
        mark = (after.endpoint, after.issued_at, after.serial) if after else ("", -1, b"")
        rows = await self._database.fetch(_CERTIFICATES, start, until, *mark, limit)
        return [
            MeteredCertificate(
                endpoint,
                serial,
                Account(issuer, provisioner),
                issued_at,
                not_after if revoked_at is None else min(not_after, revoked_at),
            )
            for endpoint, serial, issuer, provisioner, issued_at, not_after, revoked_at in rows
        ]
