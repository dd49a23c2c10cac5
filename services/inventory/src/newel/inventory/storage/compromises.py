"""The rows of certificates that are revoked for key compromise."""

from newel.inventory.compromise import CompromisedCertificate, Reach
from newel.inventory.expiry import DueEndpoint
from newel.inventory.projection import Revocation
from newel.inventory.storage.catalogue import revocation_writes
from newel.inventory.storage.names import split_names
from newel.runtime.database.contract import Database, Statement, Write

_FIND = Statement("""
    SELECT serial, endpoint, common_name, names, provisioner, proof, not_before, not_after, key_digest
    FROM certificates WHERE serial = $1""")
_COUNT = Statement("""
    SELECT count(*), count(DISTINCT endpoint) FROM certificates
    WHERE key_digest = $1 AND not_after >= $2""")
_OTHERS = Statement("""
    SELECT endpoint, min(CASE WHEN common_name = '' THEN endpoint ELSE common_name END)
    FROM certificates WHERE key_digest = $1 AND not_after >= $2 AND endpoint <> $3
    GROUP BY endpoint ORDER BY 2, 1 LIMIT $4""")
_MARK = Statement("""
    UPDATE endpoints SET compromised = $2,
        due = CASE WHEN last_serial IS NULL AND warned IS NULL THEN NULL ELSE 0 END
    WHERE id = $1""")
# An older certificate on another key answers nothing: it was there when the key was compromised.
_FORGET = Statement("""
    UPDATE endpoints SET compromised = NULL
    WHERE id = $1 AND compromised = $2 AND last_serial = $3
        AND (SELECT position FROM certificates WHERE serial = $3) > (
            SELECT max(position) FROM certificates
            WHERE endpoint = $1 AND reason = 1 AND coalesce(key_digest, $4) = $2)
    RETURNING id""")


class CompromiseStorage:
    """The catalogue's tables behind the Protocol of compromise."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, serial: bytes) -> CompromisedCertificate | None:
        """Read a certificate; None for one that is not catalogued."""
        rows = await self._database.fetch(_FIND, serial)
        if not rows:
            return None
        _, endpoint, common_name, names, provisioner, proof, not_before, not_after, key = rows[0]
        return CompromisedCertificate(
            serial, endpoint, common_name, split_names(names), provisioner, proof, not_before,
            not_after, key or b"",
        )  # fmt: skip # the columns of the query

    async def reach(self, of: CompromisedCertificate, at: int, limit: int) -> Reach:
        """Count what depends on its key at that second, and name at most so many other endpoints."""
        if not of.key:
            return Reach(1, 1, ())
        ((certificates, endpoints),) = await self._database.fetch(_COUNT, of.key, at)
        others = await self._database.fetch(_OTHERS, of.key, at, of.endpoint, limit)
        return Reach(certificates, endpoints, tuple(name for _, name in others))

    async def revoke(
        self, revocation: Revocation, of: CompromisedCertificate, event: Write
    ) -> bool:
        """Mark the certificate and its endpoint, and write the event, unless that was done."""
        mark = Write(_MARK, (of.endpoint, of.key))
        gate, *then = revocation_writes(revocation)
        return await self._database.decide(gate, *then, mark, event) is not None

    async def forget(self, endpoint: DueEndpoint, event: Write) -> bool:
        """Write the event, if the last certificate is a later one on another key."""
        params = (endpoint.id, endpoint.compromised, endpoint.last, b"")
        return await self._database.decide(Write(_FORGET, params), event) is not None
