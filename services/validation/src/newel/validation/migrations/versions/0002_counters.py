"""The counters and cursors have a name that says so."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE marks RENAME TO counters")


def downgrade() -> None:
    op.execute("ALTER TABLE counters RENAME TO marks")
