"""Alerting's tables. Alembic's autogeneration compares against them; no query uses them."""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

from newel.runtime.tables import lease_table

METADATA = MetaData()

# SQLite makes a column the rowid only when it is called INTEGER
_POSITION = BigInteger().with_variant(Integer, "sqlite")

NOTICES = Table(
    "notices",
    METADATA,
    Column("position", _POSITION, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("endpoint", Text, nullable=False),
    Column("serial", LargeBinary, nullable=False),
    Column("subject", Text, nullable=False),
    Column("names", Text, nullable=False),  # JSON list
    Column("provisioner", Text, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("not_after", BigInteger, nullable=False),
    Column("life_passed", Float, nullable=False),
    Column("severity", Text, nullable=False),
    Column("opened_at", BigInteger),  # null: resolved before it was opened, and never to be opened
    Column("resolved_at", BigInteger),
    Column("successor", LargeBinary),
)
Index(
    "notices_open",
    NOTICES.c.opened_at,
    sqlite_where=text("resolved_at IS NULL"),
    postgresql_where=text("resolved_at IS NULL"),
)
Index("notices_resolved", NOTICES.c.resolved_at)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("position", _POSITION, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True),  # what receivers know it by
    Column("notice", Text, nullable=False, index=True),
    Column("phase", Text, nullable=False),  # opened, resolved
    Column("channel", Text, nullable=False),
    Column("fallback", Text, nullable=False),  # "": none
    Column("state", Text, nullable=False),  # pending, delivered, failed, cancelled
    Column("attempts", Integer, nullable=False),
    Column("next_at", BigInteger, nullable=False),  # milliseconds: retries may be close together
    Column("error", Text, nullable=False),
)
Index(
    "deliveries_pending",
    DELIVERIES.c.channel,
    DELIVERIES.c.next_at,
    sqlite_where=text("state = 'pending'"),
    postgresql_where=text("state = 'pending'"),
)

LEASES = lease_table(METADATA)
