"""Streams arrange the papers beside them, and links wait to be checked.

Revision: 0005, after 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("paper_stream") as table:
        table.add_column(sa.Column("place", sa.Integer(), server_default="0", nullable=False))
        table.add_column(sa.Column("featured", sa.Boolean(), server_default=sa.false(), nullable=False))
        table.add_column(sa.Column("hidden", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("link_check") as table:
        table.add_column(sa.Column("moved_to", sa.String(length=500), server_default="", nullable=False))
        table.alter_column("checked_at", existing_type=sa.DateTime(timezone=True), nullable=True)
        table.create_index("ix_link_check_checked_at", ["checked_at"], unique=False)


def downgrade() -> None:
    # What waits to be looked at is looked at next after long ago.
    op.execute("UPDATE link_check SET checked_at = '2000-01-01 00:00:00.000000' WHERE checked_at IS NULL")
    with op.batch_alter_table("link_check") as table:
        table.drop_index("ix_link_check_checked_at")
        table.alter_column("checked_at", existing_type=sa.DateTime(timezone=True), nullable=False)
        table.drop_column("moved_to")
    with op.batch_alter_table("paper_stream") as table:
        table.drop_column("hidden")
        table.drop_column("featured")
        table.drop_column("place")
