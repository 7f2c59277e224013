"""Adds the lineage of a version: which one it was made from, and by which step."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("versions", sa.Column("parent", sa.String(64), nullable=True))
    op.add_column("versions", sa.Column("step", sa.String(128), nullable=True))


def downgrade() -> None:
    op.drop_column("versions", "step")
    op.drop_column("versions", "parent")
