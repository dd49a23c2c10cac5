"""Provisioners, used tokens and leases."""

import sqlalchemy as sa
from alembic import op

from newel.runtime.database.tables import lease_table

revision = "0001"
down_revision = None

metadata = sa.MetaData()

PROVISIONERS = sa.Table(
    "provisioners",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),  # the order they were added in
    sa.Column("record", sa.Text, nullable=False),  # JSON, as in ca.json
    sa.Column("origin", sa.Text, nullable=False),  # "config": named in the configuration
    sa.Column("removed_at", sa.BigInteger),
)

# Used tokens: a row from the claim until long after the token expired.
USED_TOKENS = sa.Table(
    "used_tokens",
    metadata,
    sa.Column("token", sa.LargeBinary, primary_key=True),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
sa.Index("used_tokens_expiry", USED_TOKENS.c.expires_at)

# Uses that have not come to their end: the few under way, and what a crash left behind.
OPEN_USES = sa.Table(
    "open_uses",
    metadata,
    sa.Column("token", sa.LargeBinary, primary_key=True),
    sa.Column("request", sa.LargeBinary, nullable=False),  # SHA-256 of what it is used for
    sa.Column("claimed_at", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

lease_table(metadata)


def upgrade() -> None:
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
