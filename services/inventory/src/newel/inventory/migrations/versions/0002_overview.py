"""Indexes: certificates by the time of issuance and by fingerprint."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_index("certificates_issued_at", "certificates", ["issued_at"])
    op.create_index("certificates_fingerprint", "certificates", ["fingerprint"])


def downgrade() -> None:
    op.drop_index("certificates_fingerprint", "certificates")
    op.drop_index("certificates_issued_at", "certificates")
