"""The hosts that have SSH certificates, each until its last certificate expires."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "ssh_hosts",
        sa.Column("name", sa.Text, primary_key=True),  # lower case
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("ssh_hosts")
