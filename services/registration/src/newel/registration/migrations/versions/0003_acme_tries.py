"""How often an interrupted validation or finalization was taken up, and an order's times as asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ADDED = (
    ("acme_orders", "requested", sa.Text, None),  # notBefore and notAfter, a JSON pair of texts
    ("acme_orders", "tries", sa.Integer, "0"),
    ("acme_authorizations", "tries", sa.Integer, "0"),
)


def upgrade() -> None:
    for table, name, kind, default in _ADDED:
        column = sa.Column(name, kind, nullable=default is None, server_default=default)
        op.add_column(table, column)


def downgrade() -> None:
    for table, name, _, _ in _ADDED:
        op.drop_column(table, name)
