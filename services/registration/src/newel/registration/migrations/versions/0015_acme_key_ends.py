"""External account keys end: from then on they bind no account and approve no names."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0013"


def upgrade() -> None:
    # Without a time it never ends, as before.
    op.add_column("acme_external_keys", sa.Column("ends_at", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("acme_external_keys", "ends_at")
