"""The public key of each certificate, by which those on the same key are found."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # SHA-256 of the SubjectPublicKeyInfo; null: not yet read; empty: it cannot be read
    op.add_column("certificates", sa.Column("key_digest", sa.LargeBinary))
    op.create_index("certificates_key_digest", "certificates", ["key_digest", "not_after"])
    unread = sa.text("key_digest IS NULL")
    op.create_index(
        "certificates_key_unread",
        "certificates",
        ["position"],
        sqlite_where=unread,
        postgresql_where=unread,
    )


def downgrade() -> None:
    op.drop_index("certificates_key_unread", "certificates")
    op.drop_index("certificates_key_digest", "certificates")
    op.drop_column("certificates", "key_digest")
