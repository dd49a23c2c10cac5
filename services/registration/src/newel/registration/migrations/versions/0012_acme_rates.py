"""Rates of ACME orders, and the index by which the failed validations of an account are found."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "acme_rates",
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column(
            "full_at", sa.BigInteger, nullable=False
        ),  # in milliseconds, when nothing is used
    )
    op.create_index("acme_rates_full_at", "acme_rates", ["full_at"])
    op.create_index(
        "acme_authorizations_failed",
        "acme_authorizations",
        ["account", "claimed_at"],
        sqlite_where=sa.text("status = 'invalid'"),
        postgresql_where=sa.text("status = 'invalid'"),
    )


def downgrade() -> None:
    op.drop_index("acme_authorizations_failed", "acme_authorizations")
    op.drop_table("acme_rates")
