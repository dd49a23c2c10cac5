"""When an endpoint is usually renewed, what was said of each certificate, and which key was compromised."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # 0: nothing was said; else the number of the last stage (`newel.inventory.stages`)
    op.add_column(
        "certificates", sa.Column("said", sa.SmallInteger, nullable=False, server_default="0")
    )
    op.execute("UPDATE certificates SET said = 2 WHERE said_at IS NOT NULL")
    op.add_column("endpoints", sa.Column("last_not_before", sa.BigInteger))
    # the part of the lifetime after which the endpoint was renewed, at the latest, and how often it was
    op.add_column("endpoints", sa.Column("usual", sa.Float))
    op.add_column(
        "endpoints", sa.Column("renewals", sa.Integer, nullable=False, server_default="0")
    )
    # the digest of the key that was compromised, until another one is in use
    op.add_column("endpoints", sa.Column("compromised", sa.LargeBinary))
    # what was said to be expiring is looked at once more when it expires
    op.execute(
        "UPDATE endpoints SET due = last_not_after WHERE warned = last_serial AND due IS NULL"
    )


def downgrade() -> None:
    for name in ("compromised", "renewals", "usual", "last_not_before"):
        op.drop_column("endpoints", name)
    op.drop_column("certificates", "said")
