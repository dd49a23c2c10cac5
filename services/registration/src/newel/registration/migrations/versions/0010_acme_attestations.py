"""What answered device-attest-01, and the key it attests."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_ADDED = (
    "payload",  # the JSON of the answer, where that carries the proof
    "attested_key",  # its thumbprint (RFC 7638), once it is proved
)


def upgrade() -> None:
    for name in _ADDED:
        op.add_column("acme_authorizations", sa.Column(name, sa.LargeBinary))


def downgrade() -> None:
    for name in _ADDED:
        op.drop_column("acme_authorizations", name)
