"""SSH certificates and their revocations, in tables like those of X.509 certificates.

``tbs`` is what is signed of an SSH certificate, ``signature`` its last field.
"""

import sqlalchemy as sa
from alembic import op

from newel.runtime.database.tables import RowId

revision = "0004"
down_revision = "0003"

metadata = sa.MetaData()

CERTIFICATES = sa.Table(
    "ssh_certificates",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("idempotency_key", sa.LargeBinary, unique=True),  # null once released by a refusal
    sa.Column("serial", sa.LargeBinary, nullable=False, unique=True),  # 8 octets
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("profile", sa.Text, nullable=False),  # user or host
    sa.Column("tbs", sa.LargeBinary, nullable=False),
    sa.Column("signature", sa.LargeBinary),
    sa.Column("signature_placeholder", sa.LargeBinary),
    sa.Column("not_after", sa.BigInteger, nullable=False),
    sa.Column("key_digest", sa.LargeBinary, nullable=False),  # SHA-256 of the SubjectPublicKeyInfo
    sa.Column("provisioner", sa.LargeBinary, nullable=False),  # newel.issuing.v1.Provisioner
    sa.Column("subject_of_proof", sa.Text, nullable=False),
    sa.Column("renewed_from", sa.LargeBinary),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("closed_at", sa.BigInteger),
)

sa.Index(
    "ssh_certificates_open",
    CERTIFICATES.c.id,
    sqlite_where=sa.text("signature IS NULL AND closed_at IS NULL"),
    postgresql_where=sa.text("signature IS NULL AND closed_at IS NULL"),
)

REVOCATIONS = sa.Table(
    "ssh_revocations",
    metadata,
    sa.Column("position", RowId, primary_key=True, autoincrement=True),
    sa.Column("serial", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("revoked_at", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.SmallInteger, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("not_after", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("provisioner", sa.Text, nullable=False),
    sa.Column("reason_text", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("recorded_at", sa.BigInteger),
    sqlite_autoincrement=True,  # an upgraded row leaves its position and must never get it back
)


def upgrade() -> None:
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
