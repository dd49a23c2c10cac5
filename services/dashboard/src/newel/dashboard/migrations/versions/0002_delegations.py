"""What an administrator delegated to a dashboard that is a process of its own, sealed by the secret."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TABLES = ("links", "sessions")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("sealed", sa.LargeBinary))  # AES-256-GCM; null: none


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_column(table, "sealed")
