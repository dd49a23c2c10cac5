"""Statuses of certificates, CRLs, marks, outbox, leases."""

from alembic import op

from newel.validation.schema import MARKS, marks, metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    op.bulk_insert(marks, [{"name": name, "value": 0} for name in MARKS])


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
