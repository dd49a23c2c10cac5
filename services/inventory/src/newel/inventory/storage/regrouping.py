"""The rows that regrouping reads and moves."""

from collections.abc import Sequence

from newel.inventory.certificate import CertificateFacts
from newel.inventory.endpoints import ACME, CertificateRecord
from newel.inventory.regrouping import Opener, ReportedCertificate
from newel.inventory.storage.catalogue import CatalogueStorage
from newel.inventory.storage.names import split_names
from newel.runtime.database.contract import Database, Statement, Write

# An endpoint whose id begins with "c-" was opened by one certificate, which renews none.
_OPENERS = Statement(f"""
    SELECT e.id, c.serial, c.issuer, c.common_name, c.names, c.not_before, c.not_after,
        c.fingerprint, c.provisioner, c.provisioner_type, c.issued_at, c.proof
    FROM endpoints e JOIN certificates c ON c.endpoint = e.id
    WHERE e.id > $1 AND e.id >= 'c-' AND e.id < 'c.' AND c.renewed_from IS NULL
        AND c.provisioner_type IN ('{ACME}', '')
    ORDER BY e.id LIMIT $2""")  # noqa: S608 - a constant
_OPEN = Statement("""
    INSERT INTO endpoints (id, common_name, names, provisioner, provisioner_type, opened_at,
        last_serial, last_not_after)
    SELECT $2, common_name, names, provisioner, provisioner_type, opened_at, last_serial,
        last_not_after
    FROM endpoints WHERE id = $1 ON CONFLICT (id) DO NOTHING""")
_FORGET_WARNING = Statement("UPDATE endpoints SET warned = NULL WHERE id = $1")
_REPORTED = Statement(f"""
    SELECT c.position, c.serial, e.id, e.last_serial
    FROM certificates c JOIN endpoints e ON e.id = c.endpoint
    WHERE c.position > $1 AND c.said_at IS NOT NULL AND c.provisioner_type IN ('{ACME}', '')
    ORDER BY c.position LIMIT $2""")  # noqa: S608 - a constant
_MARK_WARNED = Statement("""
    UPDATE endpoints SET warned = $2, due = last_not_after WHERE id = $1 AND last_serial = $2""")


class RegroupingStorage:
    """The catalogue's tables behind the Protocol of regrouping."""

    def __init__(self, database: Database, catalogue: CatalogueStorage) -> None:
        self._database = database
        self._catalogue = catalogue

    async def openers(self, after: str, limit: int) -> Sequence[Opener]:
        """Endpoints that an ACME order or the authority itself opened, by id, past ``after``."""
        rows = await self._database.fetch(_OPENERS, after, limit)
        return [Opener(row[0], _record(*row[1:])) for row in rows]

    async def move(self, source: str, target: str) -> None:
        """Move all certificates of an endpoint into another and drop its open warning."""
        await self._database.apply(
            Write(_OPEN, (source, target)), Write(_FORGET_WARNING, (source,))
        )
        await self._catalogue.merge({source: target})

    async def reported_certificates(self, after: int, limit: int) -> Sequence[ReportedCertificate]:
        """Certificates of the same two origins that were reported, by position, past ``after``."""
        rows = await self._database.fetch(_REPORTED, after, limit)
        return [ReportedCertificate(*row) for row in rows]

    async def mark_warned(self, endpoint: str, serial: bytes) -> None:
        """Record that a warning about the endpoint's last certificate is open."""
        await self._database.apply(Write(_MARK_WARNED, (endpoint, serial)))

    async def write(self, event: Write) -> None:
        """Write an event."""
        await self._database.apply(event)

    async def cursor(self, name: str) -> int:
        """Return a stored position; 0 at first."""
        return await self._catalogue.cursor(name)

    async def move_cursor(self, name: str, position: int) -> None:
        """Store a position."""
        await self._catalogue.move_cursor(name, position)


def _record(  # the columns of the query
    serial: bytes,
    issuer: str,
    common_name: str,
    names: str,
    not_before: int,
    not_after: int,
    fingerprint: bytes,
    provisioner: str,
    provisioner_type: str,
    issued_at: int,
    proof: str,
) -> CertificateRecord:
    return CertificateRecord(
        serial,
        issuer,
        CertificateFacts(
            serial, common_name, split_names(names), not_before, not_after, fingerprint
        ),
        provisioner,
        provisioner_type,
        renewable=True,  # it opened an endpoint of its own, so its provisioner allowed renewal
        issued_at=issued_at,
        renewed_from=b"",
        proof=proof,
    )
