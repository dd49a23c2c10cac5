"""The tables of this package in every service's own database, for that service's first migration.

Migrations are history: these tables never change here. A later change is a migration of its own.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

RowId = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""A primary key that counts up. SQLite only counts in columns declared INTEGER."""


class CurrentTransaction(FunctionElement[int]):
    """The number of the transaction that writes the row, on PostgreSQL; 0 on SQLite."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(CurrentTransaction, "postgresql")
def _compile_for_postgresql(_element: Any, _compiler: Any, **_named: Any) -> str:
    return "(pg_current_xact_id()::text::bigint)"


@compiles(CurrentTransaction)
def _compile_for_others(_element: Any, _compiler: Any, **_named: Any) -> str:
    return "0"


def outbox_table(metadata: sa.MetaData) -> sa.Table:
    """Define ``outbox``, the events as they were committed, with ``outbox_cursors`` and ``leases``.

    Rows are read in the order (transaction, id). Ids alone are no order on PostgreSQL, where a
    transaction may commit after one that drew a later id.
    """
    lease_table(metadata)
    sa.Table(
        "outbox_cursors",
        metadata,
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("transaction_id", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
    )
    return sa.Table(
        "outbox",
        metadata,
        sa.Column("id", RowId, primary_key=True),
        sa.Column(
            "transaction_id", sa.BigInteger, nullable=False, server_default=CurrentTransaction()
        ),
        sa.Column(
            "event", sa.Text, nullable=False
        ),  # unique, even after a restore: the message id on NATS
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Index("outbox_in_order", "transaction_id", "id").ddl_if(dialect="postgresql"),
    )


def lease_table(metadata: sa.MetaData) -> sa.Table:
    """Define ``leases``: who may do a piece of background work, until when."""
    existing = metadata.tables.get("leases")
    if existing is not None:
        return existing
    return sa.Table(
        "leases",
        metadata,
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
