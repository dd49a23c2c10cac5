"""The issuing authority's tables. Alembic's autogeneration compares against them; no query uses them.

A row of ``certificates`` is written before its certificate is signed, with ``signature`` null: the
intent. Its completion is the signature alone, so the certificate is stored once: its DER is
SEQUENCE (tbs, the algorithm inside tbs, signature). A closed row was never, and will never be, signed
for anyone.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

from newel.runtime.tables import RowId, outbox_table

METADATA = MetaData()

CERTIFICATES = Table(
    "certificates",
    METADATA,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("idempotency_key", LargeBinary, unique=True),  # null once released by a refusal
    Column("serial", LargeBinary, nullable=False, unique=True),
    Column("issuer", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("tbs", LargeBinary, nullable=False),
    Column("signature", LargeBinary),
    # As many octets as the signature will have, until it is there: a row that grows in a full page
    # splits it, which would cost more than all the rest of the update.
    Column("room", LargeBinary),
    Column("not_after", BigInteger, nullable=False),
    Column("key_digest", LargeBinary, nullable=False),  # SHA-256 of the SubjectPublicKeyInfo
    Column("provisioner", LargeBinary, nullable=False),  # newel.issuing.v1.Provisioner
    Column("subject_of_proof", Text, nullable=False),
    Column("renewed_from", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
)

# Holds the few rows under way: reconciliation and the list of records look no further.
Index(
    "certificates_open",
    CERTIFICATES.c.id,
    sqlite_where=text("signature IS NULL AND closed_at IS NULL"),
    postgresql_where=text("signature IS NULL AND closed_at IS NULL"),
)

REVOCATIONS = Table(
    "revocations",
    METADATA,
    Column("position", RowId, primary_key=True, autoincrement=True),
    Column("serial", LargeBinary, nullable=False, unique=True),
    Column("issuer", Text, nullable=False),
    Column("revoked_at", BigInteger, nullable=False),
    Column("reason", SmallInteger, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("not_after", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("provisioner", Text, nullable=False),
    Column("reason_text", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    sqlite_autoincrement=True,  # an upgraded row leaves its position and must never get it back
)

BLOCKED_KEYS = Table(
    "blocked_keys",
    METADATA,
    Column("key_digest", LargeBinary, primary_key=True),
    Column("cause", Text, nullable=False),
    Column("blocked_at", BigInteger, nullable=False),
)

OUTBOX = outbox_table(METADATA)
