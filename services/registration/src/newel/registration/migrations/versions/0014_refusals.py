"""Refusals by hour, what was told of them, and the events that tell it."""

import sqlalchemy as sa
from alembic import op

from newel.runtime.database.tables import outbox_table

revision = "0014"
down_revision = "0015"

metadata = sa.MetaData()

REFUSALS = sa.Table(
    "refusals",
    metadata,
    sa.Column("hour", sa.BigInteger, primary_key=True),  # since 1970
    sa.Column("provisioner", sa.Text, primary_key=True),  # "": none was found
    sa.Column("kind", sa.Text, primary_key=True),  # newel.registration.refusals
    sa.Column("count", sa.BigInteger, nullable=False),
)
TOLD = sa.Table(
    "refusals_told",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("provisioner", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.UniqueConstraint("provisioner", "kind"),
)
outbox_table(metadata)


def upgrade() -> None:
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    for name in ("outbox", "outbox_cursors", "refusals_told", "refusals"):
        op.drop_table(name)
