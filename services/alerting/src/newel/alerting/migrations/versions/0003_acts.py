"""What people do about alerts, and alerts about other things than one certificate."""

import sqlalchemy as sa
from alembic import op

from newel.runtime.database.tables import RowId

revision = "0003"
down_revision = "0002"

metadata = sa.MetaData()

SILENCES = sa.Table(
    "silences",
    metadata,
    sa.Column("position", RowId, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("matchers", sa.Text, nullable=False),  # JSON object
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("starts_at", sa.BigInteger, nullable=False),
    sa.Column("ends_at", sa.BigInteger, nullable=False, index=True),
    # null: not ended by a person before its time
    sa.Column("ended_at", sa.BigInteger),
    sa.Column("ended_by", sa.Text, nullable=False, server_default=""),
)

_WAITING = sa.text("state IN ('pending', 'planned', 'silenced')")
_PENDING = sa.text("state = 'pending'")
_COLUMNS = ["channel", "next_at"]


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    for name, default in (("kind", "expiring"), ("owner", ""), ("detail", ""), ("topic", "")):
        op.add_column("notices", sa.Column(name, sa.Text, nullable=False, server_default=default))
    op.add_column("notices", sa.Column("acknowledged_at", sa.BigInteger))
    for name in ("acknowledged_by", "note"):
        op.add_column("notices", sa.Column(name, sa.Text, nullable=False, server_default=""))
    # of what is reported again and again while it lasts, one notice is open at a time
    only = sa.text("resolved_at IS NULL AND topic <> ''")
    op.create_index(
        "notices_topic", "notices", ["topic"], unique=True, sqlite_where=only, postgresql_where=only
    )
    # which silence holds a delivery back, and the milliseconds after the alert that it is planned for
    op.add_column("deliveries", sa.Column("silence", sa.Text, nullable=False, server_default=""))
    op.add_column(
        "deliveries", sa.Column("delay", sa.BigInteger, nullable=False, server_default="0")
    )
    op.create_index(
        "deliveries_waiting",
        "deliveries",
        _COLUMNS,
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
    op.drop_index("deliveries_pending", "deliveries")


def downgrade() -> None:
    op.create_index(
        "deliveries_pending",
        "deliveries",
        _COLUMNS,
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    )
    op.drop_index("deliveries_waiting", "deliveries")
    for name in ("delay", "silence"):
        op.drop_column("deliveries", name)
    op.drop_index("notices_topic", "notices")
    for name in ("note", "acknowledged_by", "acknowledged_at", "topic", "detail", "owner", "kind"):
        op.drop_column("notices", name)
    metadata.drop_all(op.get_bind())
