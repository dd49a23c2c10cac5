"""The tables of ACME. Migration 0002 makes them; no query uses these objects.

Ids and nonces start with time, so that their indexes grow at one end. An order is *ready* when all of
its authorizations are valid: that is read, never stored, so no crash can leave the two apart.
"""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, Table, Text, text

METADATA = MetaData()

SECRETS = Table(
    "acme_secrets",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

# Used nonces: one row per request until the nonce would have expired anyway.
NONCES = Table(
    "acme_nonces",
    METADATA,
    Column("nonce", LargeBinary, primary_key=True),
    sqlite_with_rowid=False,
)

ACCOUNTS = Table(
    "acme_accounts",
    METADATA,
    Column("id", LargeBinary, primary_key=True),
    Column("provisioner", Text, nullable=False),
    Column("thumbprint", LargeBinary, nullable=False),  # RFC 7638
    Column("jwk", Text, nullable=False),
    Column("contact", Text, nullable=False),  # JSON list of URLs
    Column("status", Text, nullable=False),  # valid, deactivated, revoked
    Column("terms_agreed", Text, nullable=False),  # the URL agreed to, or ""
    Column("external_key", Text),
    Column("created_at", BigInteger, nullable=False),
)
Index("acme_accounts_key", ACCOUNTS.c.thumbprint, ACCOUNTS.c.provisioner, unique=True)

EXTERNAL_KEYS = Table(
    "acme_external_keys",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("provisioner", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("mac_key", LargeBinary, nullable=False),
    Column("account", LargeBinary),  # null until bound, once
    Column("created_at", BigInteger, nullable=False),
    Column("bound_at", BigInteger),
)

ORDERS = Table(
    "acme_orders",
    METADATA,
    Column("id", LargeBinary, primary_key=True),
    Column("account", LargeBinary, nullable=False),
    Column("identifiers", Text, nullable=False),  # JSON, canonical, in the order of positions
    Column("status", Text, nullable=False),  # pending, processing, valid, invalid
    Column("not_before", BigInteger),
    Column("not_after", BigInteger),
    Column("expires_at", BigInteger, nullable=False),
    Column("claim", LargeBinary),  # who finalizes: the nonce of that request, or of a resumption
    Column("claimed_at", BigInteger),
    Column("csr", LargeBinary),
    Column("certificate", LargeBinary),  # DER
    Column("issuer", Text),
    Column("error", Text),  # problem document
)
Index("acme_orders_account", ORDERS.c.account, ORDERS.c.id)
Index(
    "acme_orders_processing",
    ORDERS.c.claimed_at,
    sqlite_where=text("status = 'processing'"),
    postgresql_where=text("status = 'processing'"),
)

# A client answers one challenge of an authorization; that attempt decides it (RFC 8555 §7.1.6), so the
# attempt stands in the authorization's own row. Tokens are derived from the seed and the type.
AUTHORIZATIONS = Table(
    "acme_authorizations",
    METADATA,
    Column("order_id", LargeBinary, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("account", LargeBinary, nullable=False),
    Column("type", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("wildcard", BigInteger, nullable=False),
    Column("status", Text, nullable=False),  # pending, valid, invalid, deactivated
    Column("expires_at", BigInteger, nullable=False),
    Column("seed", LargeBinary, nullable=False),
    Column("challenge", Text),  # the type attempted
    Column("claim", LargeBinary),  # who validates
    Column("claimed_at", BigInteger),
    Column("validated_at", BigInteger),
    Column("error", Text),  # problem document
    sqlite_with_rowid=False,
)
Index(
    "acme_authorizations_processing",
    AUTHORIZATIONS.c.claimed_at,
    sqlite_where=text("status = 'pending' AND claimed_at IS NOT NULL"),
    postgresql_where=text("status = 'pending' AND claimed_at IS NOT NULL"),
)
