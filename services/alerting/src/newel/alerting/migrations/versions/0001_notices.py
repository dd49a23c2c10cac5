"""Notices, deliveries and leases."""

import sqlalchemy as sa
from alembic import op

from newel.runtime.database.tables import RowId, lease_table

revision = "0001"
down_revision = None

metadata = sa.MetaData()

NOTICES = sa.Table(
    "notices",
    metadata,
    sa.Column("position", RowId, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("endpoint", sa.Text, nullable=False),
    sa.Column("serial", sa.LargeBinary, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("names", sa.Text, nullable=False),  # JSON list
    sa.Column("provisioner", sa.Text, nullable=False),
    sa.Column("not_before", sa.BigInteger, nullable=False),
    sa.Column("not_after", sa.BigInteger, nullable=False),
    sa.Column("life_passed", sa.Float, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    # null: resolved before it was opened, and never to be opened
    sa.Column("opened_at", sa.BigInteger),
    sa.Column("resolved_at", sa.BigInteger),
    sa.Column("successor", sa.LargeBinary),
)
sa.Index(
    "notices_open",
    NOTICES.c.opened_at,
    sqlite_where=sa.text("resolved_at IS NULL"),
    postgresql_where=sa.text("resolved_at IS NULL"),
)
sa.Index("notices_resolved", NOTICES.c.resolved_at)

DELIVERIES = sa.Table(
    "deliveries",
    metadata,
    sa.Column("position", RowId, primary_key=True, autoincrement=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),  # what receivers know it by
    sa.Column("notice", sa.Text, nullable=False, index=True),
    sa.Column("phase", sa.Text, nullable=False),  # opened, resolved
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("fallback", sa.Text, nullable=False),  # "": none
    sa.Column("state", sa.Text, nullable=False),  # pending, delivered, failed, cancelled
    sa.Column("attempts", sa.Integer, nullable=False),
    # milliseconds: retries may be close together
    sa.Column("next_at", sa.BigInteger, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
)
sa.Index(
    "deliveries_pending",
    DELIVERIES.c.channel,
    DELIVERIES.c.next_at,
    sqlite_where=sa.text("state = 'pending'"),
    postgresql_where=sa.text("state = 'pending'"),
)

lease_table(metadata)


def upgrade() -> None:
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
