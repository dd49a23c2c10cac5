"""The type of each certificate and endpoint: X.509, or SSH of a user or a host."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for table in ("certificates", "endpoints"):
        op.add_column(table, sa.Column("type", sa.Text, nullable=False, server_default="x509"))


def downgrade() -> None:
    for table in ("endpoints", "certificates"):
        op.drop_column(table, "type")
