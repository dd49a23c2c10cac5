"""When a revocation was recorded, which is later than its date when its reason was raised since."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("revocations", sa.Column("recorded_at", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("revocations", "recorded_at")
