"""ACME: accounts, orders, authorizations, used nonces, external account keys.

Ids and nonces start with time, so that their indexes grow at one end. An order is *ready* when all of
its authorizations are valid: that is read, never stored, so no crash can leave the two apart.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

metadata = sa.MetaData()

SECRETS = sa.Table(
    "acme_secrets",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
)

# Used nonces: one row per request until the nonce would have expired anyway.
NONCES = sa.Table(
    "acme_nonces",
    metadata,
    sa.Column("nonce", sa.LargeBinary, primary_key=True),
    sqlite_with_rowid=False,
)

ACCOUNTS = sa.Table(
    "acme_accounts",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True),
    sa.Column("provisioner", sa.Text, nullable=False),
    sa.Column("thumbprint", sa.LargeBinary, nullable=False),  # RFC 7638
    sa.Column("jwk", sa.Text, nullable=False),
    sa.Column("contact", sa.Text, nullable=False),  # JSON list of URLs
    sa.Column("status", sa.Text, nullable=False),  # valid, deactivated, revoked
    sa.Column("terms_agreed", sa.Text, nullable=False),  # the URL agreed to, or ""
    sa.Column("external_key", sa.Text),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)
sa.Index("acme_accounts_key", ACCOUNTS.c.thumbprint, ACCOUNTS.c.provisioner, unique=True)

EXTERNAL_KEYS = sa.Table(
    "acme_external_keys",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("provisioner", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("mac_key", sa.LargeBinary, nullable=False),
    sa.Column("account", sa.LargeBinary),  # null until bound, once
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("bound_at", sa.BigInteger),
)

ORDERS = sa.Table(
    "acme_orders",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True),
    sa.Column("account", sa.LargeBinary, nullable=False),
    sa.Column("identifiers", sa.Text, nullable=False),  # JSON, canonical, in the order of positions
    sa.Column("status", sa.Text, nullable=False),  # pending, processing, valid, invalid
    sa.Column("not_before", sa.BigInteger),
    sa.Column("not_after", sa.BigInteger),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    # who finalizes: the nonce of that request, or of a resumption
    sa.Column("claim", sa.LargeBinary),
    sa.Column("claimed_at", sa.BigInteger),
    sa.Column("csr", sa.LargeBinary),
    sa.Column("certificate", sa.LargeBinary),  # DER
    sa.Column("issuer", sa.Text),
    sa.Column("error", sa.Text),  # problem document
)
sa.Index("acme_orders_account", ORDERS.c.account, ORDERS.c.id)
sa.Index(
    "acme_orders_processing",
    ORDERS.c.claimed_at,
    sqlite_where=sa.text("status = 'processing'"),
    postgresql_where=sa.text("status = 'processing'"),
)

# A client answers one challenge of an authorization; that attempt decides it (RFC 8555 §7.1.6), so the
# attempt stands in the authorization's own row. Tokens are derived from the seed and the type.
AUTHORIZATIONS = sa.Table(
    "acme_authorizations",
    metadata,
    sa.Column("order_id", sa.LargeBinary, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("account", sa.LargeBinary, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("wildcard", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Text, nullable=False),  # pending, valid, invalid, deactivated
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("seed", sa.LargeBinary, nullable=False),
    sa.Column("challenge", sa.Text),  # the type attempted
    sa.Column("claim", sa.LargeBinary),  # who validates
    sa.Column("claimed_at", sa.BigInteger),
    sa.Column("validated_at", sa.BigInteger),
    sa.Column("error", sa.Text),  # problem document
    sqlite_with_rowid=False,
)
sa.Index(
    "acme_authorizations_processing",
    AUTHORIZATIONS.c.claimed_at,
    sqlite_where=sa.text("status = 'pending' AND claimed_at IS NOT NULL"),
    postgresql_where=sa.text("status = 'pending' AND claimed_at IS NOT NULL"),
)


def upgrade() -> None:
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
