"""The inventory's tables. Alembic's autogeneration compares against them; no query uses them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

from newel.runtime.tables import lease_table, outbox_table

METADATA = MetaData()

# SQLite makes a column the rowid only when it is called INTEGER
_POSITION = BigInteger().with_variant(Integer, "sqlite")

CERTIFICATES = Table(
    "certificates",
    METADATA,
    Column("position", _POSITION, primary_key=True, autoincrement=True),
    Column("serial", LargeBinary, nullable=False, unique=True),
    Column("issuer", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("common_name", Text, nullable=False),
    Column("names", Text, nullable=False),  # "dns:a.example", "ip:192.0.2.1" …, one a line
    Column("provisioner", Text, nullable=False),
    Column("provisioner_type", Text, nullable=False),
    Column("proof", Text, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("not_after", BigInteger, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    Column("renewed_from", LargeBinary),
    Column("fingerprint", LargeBinary, nullable=False),  # SHA-256 of the DER
    Column("warn_at", BigInteger),  # late without a successor from here on; null: nobody is told
    Column("said_at", BigInteger),  # when it was said to be expiring: once, never again
    Column("revoked_at", BigInteger),
    Column("reason", SmallInteger),
    Column("revoked_actively", Boolean),
)
Index("certificates_endpoint", CERTIFICATES.c.endpoint, CERTIFICATES.c.not_after)
# in the order of a list by expiry; with the state at its end, counting needs no table
Index(
    "certificates_not_after",
    CERTIFICATES.c.not_after,
    CERTIFICATES.c.position,
    CERTIFICATES.c.revoked_at,
)

ENDPOINTS = Table(
    "endpoints",
    METADATA,
    Column("position", _POSITION, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("common_name", Text, nullable=False),
    Column("names", Text, nullable=False),
    Column("provisioner", Text, nullable=False),
    Column("provisioner_type", Text, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("last_serial", LargeBinary),  # the certificate that ends last of those not revoked
    Column("last_not_after", BigInteger),  # 0: every certificate is revoked
    Column("due", BigInteger),  # when expiry looks at it next; null: never
    Column("warned", LargeBinary),  # the serial that was said to be expiring, until renewed is said
)
Index(
    "endpoints_due",
    ENDPOINTS.c.due,
    sqlite_where=text("due IS NOT NULL"),
    postgresql_where=text("due IS NOT NULL"),
)
Index("endpoints_last_not_after", ENDPOINTS.c.last_not_after, ENDPOINTS.c.position)
Index(
    "endpoints_warned",
    ENDPOINTS.c.last_not_after,
    sqlite_where=text("warned IS NOT NULL"),
    postgresql_where=text("warned IS NOT NULL"),
)

METADATA_RECORDS = Table(
    "metadata",
    METADATA,
    Column("kind", Text, primary_key=True),  # "subject" or "name"
    Column("key", Text, primary_key=True),  # whom the provisioner proved, or "dns:a.example"
    Column("provisioner", Text, primary_key=True),  # "" for every provisioner
    Column("entries", Text, nullable=False),  # JSON object of strings
    Column("updated_at", BigInteger, nullable=False),
)

CURSORS = Table(
    "cursors",
    METADATA,
    Column("name", Text, primary_key=True),  # "issued", "revoked"
    Column("position", BigInteger, nullable=False),
)

OUTBOX = outbox_table(METADATA)
LEASES = lease_table(METADATA)
