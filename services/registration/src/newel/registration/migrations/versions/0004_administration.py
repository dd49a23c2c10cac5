"""Administration: administrators, policies, the revision of the configuration, and ids of provisioners.

Every change raises the revision, whose row is the gate of the change: changes happen one after the other,
and a worker sees by one number whether it has to read anything.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

metadata = sa.MetaData()

REVISIONS = sa.Table(
    "revisions",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
)

ADMINISTRATORS = sa.Table(
    "administrators",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("provisioner", sa.Text, nullable=False),  # its id
    sa.Column("type", sa.BigInteger, nullable=False),  # 1 administrator, 2 super administrator
    sa.Column("created_at", sa.BigInteger, nullable=False),
)
sa.Index(
    "administrators_subject", ADMINISTRATORS.c.provisioner, ADMINISTRATORS.c.subject, unique=True
)

POLICIES = sa.Table(
    "policies",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),  # "authority"
    sa.Column("policy", sa.Text, nullable=False),  # JSON, as in ca.json
    sa.Column("revision", sa.BigInteger, nullable=False),
)

# The revision of a record that an administrator's certificate has read: a change by the same
# certificate of a record that changed in between is refused.
READS = sa.Table(
    "administrators_reads",
    metadata,
    sa.Column("reader", sa.LargeBinary, primary_key=True),  # SHA-256 of the certificate
    sa.Column("record", sa.Text, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("read_at", sa.BigInteger, nullable=False),
)
sa.Index("administrators_reads_age", READS.c.read_at)

_ADDED = (
    ("provisioners", sa.Column("id", sa.Text)),  # a UUID, once administrators manage it
    ("provisioners", sa.Column("created_at", sa.BigInteger)),
    ("provisioners", sa.Column("revision", sa.BigInteger, nullable=False, server_default="0")),
    ("acme_external_keys", sa.Column("policy", sa.Text)),  # JSON, as in ca.json
    (
        "acme_external_keys",
        sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"),
    ),
    # a removed key binds no account any more; its policy goes on for the account it bound
    ("acme_external_keys", sa.Column("removed_at", sa.BigInteger)),
)


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    op.execute(sa.insert(REVISIONS).values(name="configuration", number=1))
    for table, column in _ADDED:
        op.add_column(table, column)
    of_one = sa.text("reference <> '' AND removed_at IS NULL")
    op.create_index(
        "acme_external_keys_reference",
        "acme_external_keys",
        ["provisioner", "reference"],
        unique=True,
        sqlite_where=of_one,
        postgresql_where=of_one,
    )
    op.create_index("acme_external_keys_page", "acme_external_keys", ["provisioner", "id"])
    op.create_index("provisioners_id", "provisioners", ["id"], unique=True)


def downgrade() -> None:
    op.drop_index("provisioners_id", "provisioners")
    op.drop_index("acme_external_keys_page", "acme_external_keys")
    op.drop_index("acme_external_keys_reference", "acme_external_keys")
    for table, column in reversed(_ADDED):
        op.drop_column(table, column.name)
    metadata.drop_all(op.get_bind())
