"""Certificates, endpoints, metadata, cursors, outbox and leases."""

import sqlalchemy as sa
from alembic import op

from newel.runtime.database.tables import RowId, lease_table, outbox_table

revision = "0001"
down_revision = None

metadata = sa.MetaData()

CERTIFICATES = sa.Table(
    "certificates",
    metadata,
    sa.Column("position", RowId, primary_key=True, autoincrement=True),
    sa.Column("serial", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("endpoint", sa.Text, nullable=False),
    sa.Column("common_name", sa.Text, nullable=False),
    sa.Column("names", sa.Text, nullable=False),  # "dns:a.example", "ip:192.0.2.1" …, one a line
    sa.Column("provisioner", sa.Text, nullable=False),
    sa.Column("provisioner_type", sa.Text, nullable=False),
    sa.Column("proof", sa.Text, nullable=False),
    sa.Column("not_before", sa.BigInteger, nullable=False),
    sa.Column("not_after", sa.BigInteger, nullable=False),
    sa.Column("issued_at", sa.BigInteger, nullable=False),
    sa.Column("renewed_from", sa.LargeBinary),
    sa.Column("fingerprint", sa.LargeBinary, nullable=False),  # SHA-256 of the DER
    # late without a successor from here on; null: it is not reported
    sa.Column("warn_at", sa.BigInteger),
    sa.Column("said_at", sa.BigInteger),  # when it was said to be expiring: once, never again
    sa.Column("revoked_at", sa.BigInteger),
    sa.Column("reason", sa.SmallInteger),
    sa.Column("revoked_actively", sa.Boolean),
)
sa.Index("certificates_endpoint", CERTIFICATES.c.endpoint, CERTIFICATES.c.not_after)
# in the order of a list by expiry; with the state at its end, counting needs no table
sa.Index(
    "certificates_not_after",
    CERTIFICATES.c.not_after,
    CERTIFICATES.c.position,
    CERTIFICATES.c.revoked_at,
)

ENDPOINTS = sa.Table(
    "endpoints",
    metadata,
    sa.Column("position", RowId, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("common_name", sa.Text, nullable=False),
    sa.Column("names", sa.Text, nullable=False),
    sa.Column("provisioner", sa.Text, nullable=False),
    sa.Column("provisioner_type", sa.Text, nullable=False),
    sa.Column("opened_at", sa.BigInteger, nullable=False),
    sa.Column("last_serial", sa.LargeBinary),  # the certificate that ends last of those not revoked
    sa.Column("last_not_after", sa.BigInteger),  # 0: every certificate is revoked
    sa.Column("due", sa.BigInteger),  # when expiry looks at it next; null: never
    # the serial that was said to be expiring, until renewed is said
    sa.Column("warned", sa.LargeBinary),
)
sa.Index(
    "endpoints_due",
    ENDPOINTS.c.due,
    sqlite_where=sa.text("due IS NOT NULL"),
    postgresql_where=sa.text("due IS NOT NULL"),
)
sa.Index("endpoints_last_not_after", ENDPOINTS.c.last_not_after, ENDPOINTS.c.position)
sa.Index(
    "endpoints_warned",
    ENDPOINTS.c.last_not_after,
    sqlite_where=sa.text("warned IS NOT NULL"),
    postgresql_where=sa.text("warned IS NOT NULL"),
)

METADATA_RECORDS = sa.Table(
    "metadata",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),  # "subject" or "name"
    sa.Column("key", sa.Text, primary_key=True),  # whom the provisioner proved, or "dns:a.example"
    sa.Column("provisioner", sa.Text, primary_key=True),  # "" for every provisioner
    sa.Column("entries", sa.Text, nullable=False),  # JSON object of strings
    sa.Column("updated_at", sa.BigInteger, nullable=False),
)

CURSORS = sa.Table(
    "cursors",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),  # "issued", "revoked"
    sa.Column("position", sa.BigInteger, nullable=False),
)

outbox_table(metadata)
lease_table(metadata)


def upgrade() -> None:
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
