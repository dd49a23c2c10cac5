"""The tables of provisioners and used tokens. Migration 0001 makes them; no query uses these objects."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, Table, Text

from newel.runtime.tables import lease_table

METADATA = MetaData()

PROVISIONERS = Table(
    "provisioners",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),  # the order they were added in
    Column("record", Text, nullable=False),  # JSON, as in ca.json
    Column("origin", Text, nullable=False),  # "config": named in the configuration
    Column("removed_at", BigInteger),
)

# Used tokens: a row from the claim until long after the token expired.
USED_TOKENS = Table(
    "used_tokens",
    METADATA,
    Column("token", LargeBinary, primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index("used_tokens_expiry", USED_TOKENS.c.expires_at)

# Uses that have not come to their end: the few under way, and what a crash left behind.
OPEN_USES = Table(
    "open_uses",
    METADATA,
    Column("token", LargeBinary, primary_key=True),
    Column("request", LargeBinary, nullable=False),  # SHA-256 of what it is used for
    Column("claimed_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

LEASES = lease_table(METADATA)
