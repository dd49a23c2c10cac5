"""The names that the accounts of an external account key need not prove."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column(
        "acme_external_keys", sa.Column("approved", sa.Text)
    )  # JSON: lists as in policies


def downgrade() -> None:
    op.drop_column("acme_external_keys", "approved")
