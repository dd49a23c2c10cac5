"""CRLs may be divided into shards, and may have delta CRLs."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_TABLE = "certificate_status"
# The last octet of a serial number, as newel.crypto.crl_shards.bucket has it.
_BUCKET = {
    "postgresql": "get_byte(serial, length(serial) - 1)",
    "sqlite": (
        "16 * (instr('0123456789ABCDEF', substr(hex(substr(serial, -1)), 1, 1)) - 1)"
        " + instr('0123456789ABCDEF', substr(hex(substr(serial, -1)), 2, 1)) - 1"
    ),
}


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    op.add_column(_TABLE, sa.Column("bucket", sa.SmallInteger))
    op.execute(
        f"UPDATE {_TABLE} SET bucket = CASE WHEN length(serial) = 0 THEN 0"  # noqa: S608 - constants
        f" ELSE {_BUCKET[dialect]} END WHERE revoked_at IS NOT NULL"
    )
    op.drop_index("certificate_status_revoked", table_name=_TABLE)
    revoked = sa.text("revoked_at IS NOT NULL")
    op.create_index(
        "certificate_status_revoked",
        _TABLE,
        ["issuer", "bucket", "serial"],
        sqlite_where=revoked,
        postgresql_where=revoked,
    )
    op.execute("ALTER TABLE crls RENAME COLUMN issuer TO scope")
    op.add_column("crls", sa.Column("base", sa.BigInteger))
    op.add_column("crls", sa.Column("delta", sa.LargeBinary))


def downgrade() -> None:
    op.drop_column("crls", "delta")
    op.drop_column("crls", "base")
    op.execute("DELETE FROM crls WHERE scope LIKE '%/%'")
    op.execute("ALTER TABLE crls RENAME COLUMN scope TO issuer")
    op.drop_index("certificate_status_revoked", table_name=_TABLE)
    revoked = sa.text("revoked_at IS NOT NULL")
    op.create_index(
        "certificate_status_revoked",
        _TABLE,
        ["issuer", "serial"],
        sqlite_where=revoked,
        postgresql_where=revoked,
    )
    op.drop_column(_TABLE, "bucket")
