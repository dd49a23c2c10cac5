"""Revocations of SSH certificates, and the key revocation lists made of them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

metadata = sa.MetaData()
ssh_issuers = sa.Table(
    "ssh_issuers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("public_key", sa.LargeBinary, nullable=False),
)
ssh_revoked = sa.Table(
    "ssh_revoked",
    metadata,
    sa.Column("serial", sa.LargeBinary, nullable=False),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("not_after", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("serial", "issuer", name="ssh_revoked_key"),
)
sa.Index("ssh_revoked_expiry", ssh_revoked.c.not_after)
krls = sa.Table(
    "krls",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Column("change", sa.BigInteger, nullable=False),
    sa.Column("octets", sa.LargeBinary, nullable=False),
)

COUNTERS = ("ssh-change", "ssh-revoked-read")


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    for name in COUNTERS:
        op.execute(f"INSERT INTO counters (name, value) VALUES ('{name}', 0)")  # noqa: S608 - a constant


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
    op.execute("DELETE FROM counters WHERE name IN ('ssh-change', 'ssh-revoked-read')")
