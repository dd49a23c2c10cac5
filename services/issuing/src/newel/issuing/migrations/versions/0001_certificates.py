"""Certificates, revocations, blocked keys, outbox and leases.

A row of ``certificates`` is written before its certificate is signed, with ``signature`` null: the
intent. Its completion is the signature alone, so the certificate is stored once: its DER is
SEQUENCE (tbs, the algorithm inside tbs, signature). A closed row was never, and will never be, signed
for anyone.
"""

import sqlalchemy as sa
from alembic import op

from newel.runtime.database.tables import RowId, outbox_table

revision = "0001"
down_revision = None

metadata = sa.MetaData()

CERTIFICATES = sa.Table(
    "certificates",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("idempotency_key", sa.LargeBinary, unique=True),  # null once released by a refusal
    sa.Column("serial", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("profile", sa.Text, nullable=False),
    sa.Column("tbs", sa.LargeBinary, nullable=False),
    sa.Column("signature", sa.LargeBinary),
    # As many octets as the signature will have, until it is there: a row that grows in a full page
    # splits it, which would cost more than all the rest of the update.
    sa.Column("room", sa.LargeBinary),
    sa.Column("not_after", sa.BigInteger, nullable=False),
    sa.Column("key_digest", sa.LargeBinary, nullable=False),  # SHA-256 of the SubjectPublicKeyInfo
    sa.Column("provisioner", sa.LargeBinary, nullable=False),  # newel.issuing.v1.Provisioner
    sa.Column("subject_of_proof", sa.Text, nullable=False),
    sa.Column("renewed_from", sa.LargeBinary),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("closed_at", sa.BigInteger),
)

# Holds the few rows under way: reconciliation and the list of records look no further.
sa.Index(
    "certificates_open",
    CERTIFICATES.c.id,
    sqlite_where=sa.text("signature IS NULL AND closed_at IS NULL"),
    postgresql_where=sa.text("signature IS NULL AND closed_at IS NULL"),
)

REVOCATIONS = sa.Table(
    "revocations",
    metadata,
    sa.Column("position", RowId, primary_key=True, autoincrement=True),
    sa.Column("serial", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("revoked_at", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.SmallInteger, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("not_after", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("provisioner", sa.Text, nullable=False),
    sa.Column("reason_text", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sqlite_autoincrement=True,  # an upgraded row leaves its position and must never get it back
)

BLOCKED_KEYS = sa.Table(
    "blocked_keys",
    metadata,
    sa.Column("key_digest", sa.LargeBinary, primary_key=True),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("blocked_at", sa.BigInteger, nullable=False),
)

outbox_table(metadata)


def upgrade() -> None:
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
