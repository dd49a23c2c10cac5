"""The tables of provisioners and used tokens. Migration 0001 makes them; no query uses these objects."""

from newel.runtime.tables import lease_table
from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, Table, Text

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
    Column("request", LargeBinary, nullable=False),  # SHA-256 of what it is used for
    Column("claimed_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("finished", BigInteger, nullable=False),  # 1: no take-over any more
    sqlite_with_rowid=False,
)
Index("used_tokens_expiry", USED_TOKENS.c.expires_at)

LEASES = lease_table(METADATA)
