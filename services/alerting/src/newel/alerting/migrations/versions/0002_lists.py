"""What administrators ask for: indexes in the orders of the lists, and when a delivery was last tried."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_index("notices_opened", "notices", ["opened_at", "position"])
    op.create_index("notices_not_after", "notices", ["not_after", "position"])
    op.create_index("notices_endpoint", "notices", ["endpoint"])
    op.add_column("deliveries", sa.Column("attempted_at", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("deliveries", "attempted_at")
    for name in ("notices_endpoint", "notices_not_after", "notices_opened"):
        op.drop_index(name, "notices")
