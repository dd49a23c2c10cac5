"""External account keys for several accounts, and the index by which the accounts of one are found."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_WHERE = sa.text("external_key IS NOT NULL")


def upgrade() -> None:
    # Without a number it is one account, as before.
    op.add_column("acme_external_keys", sa.Column("most_accounts", sa.BigInteger))
    op.create_index(
        "acme_accounts_external_key",
        "acme_accounts",
        ["external_key"],
        sqlite_where=_WHERE,
        postgresql_where=_WHERE,
    )


def downgrade() -> None:
    op.drop_index("acme_accounts_external_key", "acme_accounts")
    op.drop_column("acme_external_keys", "most_accounts")
