"""ACME: profiles of orders, the certificates that orders replace, and replacements that were ordered."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_ADDED = ("replaces", "profile")  # an identifier of RFC 9773 §4.1; a name that the directory lists


def upgrade() -> None:
    for name in _ADDED:
        op.add_column("acme_orders", sa.Column(name, sa.Text))
    # which order has the one successor of a certificate
    op.create_table(
        "acme_successors",
        sa.Column("serial", sa.LargeBinary, primary_key=True),  # of the predecessor
        sa.Column("order_id", sa.LargeBinary, nullable=False, index=True),
    )
    # a null scope: every certificate that was issued before that time
    op.create_table(
        "acme_replacements",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("issued_before", sa.BigInteger, nullable=False),
        sa.Column("explanation", sa.Text, nullable=False),  # a URL, or ""
        sa.Column("ordered_by", sa.Text, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
    )


def downgrade() -> None:
    op.drop_table("acme_replacements")
    op.drop_table("acme_successors")
    for name in _ADDED:
        op.drop_column("acme_orders", name)
