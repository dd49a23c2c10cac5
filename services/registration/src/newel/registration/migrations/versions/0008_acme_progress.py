"""When the certificates of orders were issued and end, so that those to be replaced can be counted."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_ADDED = ("issued_at", "ends_at")


def upgrade() -> None:
    for name in _ADDED:
        op.add_column("acme_orders", sa.Column(name, sa.BigInteger))


def downgrade() -> None:
    for name in _ADDED:
        op.drop_column("acme_orders", name)
