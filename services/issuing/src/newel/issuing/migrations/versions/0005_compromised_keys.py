"""Certificates are found by their key, and a blocked key says what is left to do about it.

A key that was blocked before is one whose other certificates are still to be revoked.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# Only what was revoked passively keeps the other certificates on the key from being published.
_PASSIVE = """
    UPDATE blocked_keys SET active = {false} WHERE EXISTS (
        SELECT 1 FROM certificates c JOIN revocations r ON r.serial = c.serial
        WHERE c.key_digest = blocked_keys.key_digest AND r.reason = 1 AND NOT r.active)
    AND NOT EXISTS (
        SELECT 1 FROM certificates c JOIN revocations r ON r.serial = c.serial
        WHERE c.key_digest = blocked_keys.key_digest AND r.reason = 1 AND r.active)"""


def _build_columns() -> tuple[sa.Column[object], ...]:
    return (
        # whether the other certificates on the key are revoked actively, as the one that was declared
        sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("actor", sa.Text, nullable=False, server_default=""),  # who declared it
        sa.Column("declared_at", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("settled_at", sa.BigInteger),  # when no certificate on it was left; null: not yet
    )


def upgrade() -> None:
    for table in ("certificates", "ssh_certificates"):
        op.create_index(f"{table}_key_digest", table, ["key_digest"])
    for column in _build_columns():
        op.add_column("blocked_keys", column)
    unsettled = sa.text("settled_at IS NULL")
    op.create_index(
        "blocked_keys_unsettled",
        "blocked_keys",
        ["declared_at"],
        sqlite_where=unsettled,
        postgresql_where=unsettled,
    )
    op.execute("UPDATE blocked_keys SET declared_at = blocked_at")
    false = "0" if op.get_bind().dialect.name == "sqlite" else "false"
    op.execute(_PASSIVE.format(false=false))


def downgrade() -> None:
    op.drop_index("blocked_keys_unsettled", "blocked_keys")
    for column in reversed(_build_columns()):
        op.drop_column("blocked_keys", column.name)
    for table in ("ssh_certificates", "certificates"):
        op.drop_index(f"{table}_key_digest", table)
