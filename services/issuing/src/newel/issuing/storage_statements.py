"""The SQL about one kind of certificates, which has two tables of its own: certificates and revocations."""

from typing import NamedTuple

from newel.runtime.database.contract import Statement

# One statement is steps 1, 3 and 5 of issuance: it fails against the same idempotency key, the same
# serial, a blocked key, and what proved it when that is revoked or on a blocked key, whichever commits
# first.
_RESERVE = """
    INSERT INTO {certificates} (idempotency_key, serial, issuer, profile, tbs, not_after, key_digest,
        provisioner, subject_of_proof, renewed_from, created_at, signature_placeholder)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
    WHERE NOT EXISTS (SELECT 1 FROM blocked_keys b WHERE b.key_digest = $7)
        AND NOT EXISTS (SELECT 1 FROM {revocations} r WHERE r.serial = $13)
        AND NOT EXISTS (SELECT 1 FROM {certificates} p
            JOIN blocked_keys k ON k.key_digest = p.key_digest WHERE p.serial = $13)
    ON CONFLICT DO NOTHING RETURNING idempotency_key"""

_COMPLETE = """
    UPDATE {certificates} SET signature = $2, signature_placeholder = NULL
    WHERE serial = $1 AND signature IS NULL AND closed_at IS NULL RETURNING serial"""

_CLOSE = """
    UPDATE {certificates} SET closed_at = $2
    WHERE serial = $1 AND signature IS NULL AND closed_at IS NULL RETURNING serial"""

_RELEASE = "UPDATE {certificates} SET idempotency_key = NULL WHERE serial = $1"

_RECORD = """
    SELECT c.id, c.idempotency_key, c.serial, c.issuer, c.profile, c.tbs, c.not_after, c.key_digest,
        c.provisioner, c.subject_of_proof, c.renewed_from, c.created_at, c.signature, c.closed_at,
        r.position, r.revoked_at, r.reason, r.active
    FROM {certificates} c LEFT JOIN {revocations} r ON r.serial = c.serial """

_BY_KEY = _RECORD + "WHERE c.idempotency_key = $1"
_BY_SERIAL = _RECORD + "WHERE c.serial = $1"
_LEFT_OPEN = (
    _RECORD
    + """WHERE c.signature IS NULL AND c.closed_at IS NULL AND (c.created_at < $1 OR c.created_at > $2)
    ORDER BY c.id LIMIT $3"""
)
_ISSUED = (
    _RECORD  # noqa: S608 - the tables are two constants
    + """WHERE c.id > $1 AND c.signature IS NOT NULL AND c.id < coalesce(
        (SELECT min(o.id) FROM {certificates} o WHERE o.signature IS NULL AND o.closed_at IS NULL),
        9223372036854775807)
    ORDER BY c.id LIMIT $2"""
)

_REVOKE = """
    INSERT INTO {revocations} (serial, issuer, revoked_at, reason, active, not_after, actor,
        provisioner, reason_text, request_id, recorded_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT DO NOTHING RETURNING serial"""

# A certificate of another program, with its signature.
_ADD = """
    INSERT INTO {certificates} (serial, issuer, profile, tbs, signature, not_after, key_digest,
        provisioner, subject_of_proof, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING serial"""
_FIND_REVOKED = "SELECT serial FROM {revocations} WHERE serial = $1"

# The row that replaces it is a new one, so that it has a position past those that were read.
_FORGET = "DELETE FROM {revocations} WHERE serial = $1 AND position = $2 RETURNING serial"

_REVOKED = """
    SELECT serial, issuer, revoked_at, reason, active, not_after, position,
        coalesce(recorded_at, revoked_at)
    FROM {revocations} WHERE position > $1 ORDER BY position LIMIT $2"""

# What is to be revoked because its key is compromised: what ``_merge`` of revocation.py would change.
_ON_KEY = """
    SELECT c.id, c.serial FROM {certificates} c LEFT JOIN {revocations} r ON r.serial = c.serial
    WHERE c.key_digest = $1 AND c.id > $2 AND c.not_after > $4 AND c.signature IS NOT NULL
        AND (r.serial IS NULL OR r.reason <> 1 OR ($5 = 1 AND NOT r.active))
    ORDER BY c.id LIMIT $3"""
_OPEN_ON_KEY = """
    SELECT 1 FROM {certificates}
    WHERE key_digest = $1 AND signature IS NULL AND closed_at IS NULL LIMIT 1"""


class Statements(NamedTuple):
    """Every statement about certificates of one kind."""

    reserve: Statement
    complete: Statement
    close: Statement
    release: Statement
    by_key: Statement
    by_serial: Statement
    left_open: Statement
    issued: Statement
    revoke: Statement
    forget: Statement
    revoked: Statement
    on_key: Statement
    open_on_key: Statement
    add: Statement
    find_revoked: Statement


def statements_of(certificates: str, revocations: str) -> Statements:
    """Return the statements about the certificates in two tables."""
    texts = (
        _RESERVE, _COMPLETE, _CLOSE, _RELEASE, _BY_KEY, _BY_SERIAL, _LEFT_OPEN, _ISSUED, _REVOKE,
        _FORGET, _REVOKED, _ON_KEY, _OPEN_ON_KEY, _ADD, _FIND_REVOKED,
    )  # fmt: skip # in the order of the fields
    tables = {"certificates": certificates, "revocations": revocations}
    return Statements(*[Statement(text.format_map(tables)) for text in texts])


X509 = statements_of("certificates", "revocations")
SSH = statements_of("ssh_certificates", "ssh_revocations")
