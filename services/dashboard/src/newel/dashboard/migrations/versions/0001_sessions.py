"""One-time links and sessions, each under the digest of its secret."""

import sqlalchemy as sa
from alembic import op

from newel.runtime.database.tables import lease_table

revision = "0001"
down_revision = None

metadata = sa.MetaData()
lease_table(metadata)  # readiness looks whether it can be written

for _name in ("links", "sessions"):
    sa.Table(
        _name,
        metadata,
        sa.Column("digest", sa.LargeBinary, primary_key=True),  # SHA-256 of the secret
        sa.Column("certificate", sa.LargeBinary, nullable=False),  # DER, whose key was proved
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Index(f"{_name}_expires_at", "expires_at"),
    )


def upgrade() -> None:
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
