"""Messages about many alerts at once."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

metadata = sa.MetaData()

DIGESTS = sa.Table(
    "digests",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),  # what receivers know the message by
    sa.Column("id", sa.Text, nullable=False),  # of the group, of which the end is told too
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("phase", sa.Text, nullable=False),  # opened, escalated, resolved
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),  # how many alerts it is about
    sa.Column("state", sa.Text, nullable=False),  # pending, delivered, failed, cancelled
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", sa.BigInteger, nullable=False),  # milliseconds
    sa.Column("created_at", sa.BigInteger, nullable=False),
    # when the last of its alerts was found to be over; null: some are open
    sa.Column("ended_at", sa.BigInteger),
    sa.Column("error", sa.Text, nullable=False),
)
sa.Index("digests_channel", DIGESTS.c.channel, DIGESTS.c.state, DIGESTS.c.created_at)


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    # the id of the group that a delivery is told in; "": by itself
    op.add_column("deliveries", sa.Column("digest", sa.Text, nullable=False, server_default=""))
    some = sa.text("digest <> ''")
    op.create_index(
        "deliveries_digest", "deliveries", ["digest"], sqlite_where=some, postgresql_where=some
    )
    # of those that were tried alone: SQLite takes an index with every delivery of a channel before that of
    # the few that wait
    tried = sa.text("attempted_at IS NOT NULL")
    op.create_index(
        "deliveries_attempted", "deliveries", ["channel", "attempted_at"],
        sqlite_where=tried, postgresql_where=tried,
    )  # fmt: skip # an index and its condition


def downgrade() -> None:
    op.drop_index("deliveries_attempted", "deliveries")
    op.drop_index("deliveries_digest", "deliveries")
    op.drop_column("deliveries", "digest")
    metadata.drop_all(op.get_bind())
