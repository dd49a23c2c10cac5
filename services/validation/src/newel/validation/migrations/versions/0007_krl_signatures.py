"""The signature of each key revocation list; lists from before have none."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("krls", sa.Column("signature", sa.LargeBinary, nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("krls") as table:
        table.drop_column("signature")
