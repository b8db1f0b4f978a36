"""Answers count the seconds that were written at them, and sections of a form have a pace.

Revision: 0011, after 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "section_pace",
        sa.Column("form_version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("section", sa.String(length=60), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("low_seconds", sa.Integer(), nullable=False),
        sa.Column("high_seconds", sa.Integer(), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "0 <= low_seconds AND low_seconds <= high_seconds", name=op.f("ck_section_pace_low_before_high")
        ),
        sa.ForeignKeyConstraint(
            ["form_version_id"], ["form_version.id"], name=op.f("fk_section_pace_form_version_id_form_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_section_pace")),
        sa.UniqueConstraint("form_version_id", "section", name=op.f("uq_section_pace_form_version_id_section")),
    )
    op.add_column("answer_draft", sa.Column("seconds", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("answer_draft", "seconds")
    op.drop_table("section_pace")
