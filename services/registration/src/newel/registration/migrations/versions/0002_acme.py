"""ACME: accounts, orders, authorizations, used nonces, external account keys."""

from alembic import op

from newel.registration.acme.schema import METADATA

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    METADATA.create_all(op.get_bind())


def downgrade() -> None:
    METADATA.drop_all(op.get_bind())
