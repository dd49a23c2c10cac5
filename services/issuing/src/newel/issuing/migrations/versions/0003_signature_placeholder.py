"""The octets reserved for a signature have a name that says so."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE certificates RENAME COLUMN room TO signature_placeholder")


def downgrade() -> None:
    op.execute("ALTER TABLE certificates RENAME COLUMN signature_placeholder TO room")
