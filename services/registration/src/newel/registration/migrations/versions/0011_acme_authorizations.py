"""Authorizations without an order of their own: made in advance, or for a domain and those below it.

The row that such an order has in their place is *linked*: what it is worth is read from its source.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_WHERE = sa.text("preauthorized = 1")
_ADDED = (
    sa.Column("preauthorized", sa.BigInteger),  # 1: asked for in advance, of use to later orders
    sa.Column("subdomains", sa.BigInteger),  # 1: of the domains below the identifier too
    sa.Column("source", sa.LargeBinary),  # of a linked row: the id of the authorization that counts
)


def upgrade() -> None:
    for column in _ADDED:
        op.add_column("acme_authorizations", column)
    op.create_index(
        "acme_preauthorizations",
        "acme_authorizations",
        ["account", "expires_at"],
        sqlite_where=_WHERE,
        postgresql_where=_WHERE,
    )
    # JSON: the names of the order's authorizations, where one is not of the order alone
    op.add_column("acme_orders", sa.Column("authorizations", sa.Text))


def downgrade() -> None:
    op.drop_column("acme_orders", "authorizations")
    op.drop_index("acme_preauthorizations", "acme_authorizations")
    for column in _ADDED:
        op.drop_column("acme_authorizations", column.name)
