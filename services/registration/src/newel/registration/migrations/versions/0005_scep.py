"""SCEP: the keys that messages are encrypted to, and the transactions of the last hour.

A transaction's request digest decides whether a message is that transaction again or another one
under its name.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

metadata = sa.MetaData()

TRANSPORT_KEYS = sa.Table(
    "scep_transport_keys",
    metadata,
    sa.Column("slot", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("certificate", sa.LargeBinary, nullable=False),  # DER
    sa.Column("private_key", sa.LargeBinary, nullable=False),  # encrypted PKCS #8 in PEM
    sa.Column("expires_at", sa.BigInteger, nullable=False),
)

TRANSACTIONS = sa.Table(
    "scep_transactions",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True),
    sa.Column("request", sa.LargeBinary, nullable=False),  # SHA-256
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
sa.Index("scep_transactions_created_at", TRANSACTIONS.c.created_at)


def upgrade() -> None:
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
