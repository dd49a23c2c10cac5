"""A complete CRL is read in the order in which its certificates were issued, as they are stored."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_INDEX = "certificate_status_revoked_serial"


def upgrade() -> None:
    revoked = sa.text("revoked_at IS NOT NULL")
    op.create_index(
        _INDEX,
        "certificate_status",
        ["issuer", "serial"],
        sqlite_where=revoked,
        postgresql_where=revoked,
    )


def downgrade() -> None:
    op.drop_index(_INDEX, table_name="certificate_status")
