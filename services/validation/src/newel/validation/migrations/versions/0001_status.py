"""Statuses of certificates, CRLs, marks, outbox and leases. Octets as BLOB/BYTEA, times as seconds since 1970."""

import sqlalchemy as sa
from alembic import op

from newel.runtime.database.tables import outbox_table

revision = "0001"
down_revision = None

metadata = sa.MetaData()

certificate_status = sa.Table(
    "certificate_status",
    metadata,
    sa.Column("serial", sa.LargeBinary, nullable=False),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("not_after", sa.BigInteger, nullable=False),
    sa.Column("revoked_at", sa.BigInteger),
    sa.Column("reason", sa.SmallInteger),
    sa.Column("entry", sa.LargeBinary),
    sa.Column("change", sa.BigInteger),
    # serials begin with time: the index grows at its end
    sa.UniqueConstraint("serial", "issuer", name="certificate_status_key"),
)
sa.Index("certificate_status_expiry", certificate_status.c.not_after)
_revoked = certificate_status.c.revoked_at.is_not(None)
sa.Index(
    "certificate_status_revoked",
    certificate_status.c.issuer,
    certificate_status.c.serial,
    sqlite_where=_revoked,
    postgresql_where=_revoked,
)
_changed = certificate_status.c.change.is_not(None)
sa.Index(
    "certificate_status_change",
    certificate_status.c.change,
    sqlite_where=_changed,
    postgresql_where=_changed,
)

crls = sa.Table(
    "crls",
    metadata,
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("this_update", sa.BigInteger, nullable=False),
    sa.Column("next_update", sa.BigInteger),
    sa.Column("change", sa.BigInteger),
    sa.Column("entries", sa.BigInteger),
    sa.Column("der", sa.LargeBinary),  # NULL: the number is taken, the CRL not signed yet
    sa.UniqueConstraint("issuer", "number", name="crls_number"),
)

marks = sa.Table(
    "marks",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

MARKS = ("change", "crl", "agreed", "issued-read", "revoked-read")
"""The counters and cursors: rows that exist from the first migration on."""

outbox_table(metadata)  # and the leases


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    op.bulk_insert(marks, [{"name": name, "value": 0} for name in MARKS])


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
