"""Several alerts about one certificate, and until when each revocation list is valid."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

metadata = sa.MetaData()

CRLS = sa.Table(
    "crls",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),  # the issuer's id, with "/16-3" for a shard
    sa.Column("this_update", sa.BigInteger, nullable=False),
    sa.Column("due_at", sa.BigInteger, nullable=False),  # when it is to be followed at the latest
    sa.Column("next_update", sa.BigInteger, nullable=False),
)


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    op.add_column("notices", sa.Column("followed_by", sa.Text, nullable=False, server_default=""))
    op.create_index("notices_serial", "notices", ["serial"])


def downgrade() -> None:
    op.drop_index("notices_serial", "notices")
    op.drop_column("notices", "followed_by")
    metadata.drop_all(op.get_bind())
