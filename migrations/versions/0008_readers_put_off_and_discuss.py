"""Readers put applications off and talk about those they have read; a message tells who is spoken to.

Revision: 0008, after 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KINDS = (
    "confirm_address already_registered reset_password password_changed change_address account_notice invitation"
    " receipt never_submitted deadline_moved reference_request reference_reminder first_result task_invitation"
    " task_received interview_slots interview_booked interview_cancelled decision offer_reminder offer_lapsed"
    " offer_accepted offer_declined offer_rescinded waitlist_promotion withdrawn stream_cancelled stream_invitation"
).split()
LAST = ("closed", "reopened")


def allow_kinds(*kinds: str) -> None:
    """The kinds of message there are."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("notification") as table:
        table.drop_constraint(op.f("ck_notification_kind"), type_="check")
        table.create_check_constraint(op.f("ck_notification_kind"), f"kind IN ({listed})")


def upgrade() -> None:
    op.create_table(
        "review_comment",
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("round_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("assignment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("post_key", sa.String(length=40), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_review_comment_application_id_application")
        ),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["review_assignment.id"], name=op.f("fk_review_comment_assignment_id_review_assignment")
        ),
        sa.ForeignKeyConstraint(
            ["round_id"], ["review_round.id"], name=op.f("fk_review_comment_round_id_review_round")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_comment")),
        sa.UniqueConstraint("assignment_id", "post_key", name=op.f("uq_review_comment_assignment_id_post_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_review_comment_public_id")),
    )
    op.create_index(
        "ix_review_comment_application_id_round_id", "review_comment", ["application_id", "round_id"], unique=False
    )
    op.create_index(op.f("ix_review_comment_round_id"), "review_comment", ["round_id"], unique=False)
    op.add_column("review_assignment", sa.Column("skipped_at", sa.DateTime(timezone=True), nullable=True))
    allow_kinds(*KINDS, "mentioned", *LAST)


def downgrade() -> None:
    op.execute("DELETE FROM notification WHERE kind = 'mentioned'")
    allow_kinds(*KINDS, *LAST)
    op.drop_column("review_assignment", "skipped_at")
    op.drop_index(op.f("ix_review_comment_round_id"), table_name="review_comment")
    op.drop_index("ix_review_comment_application_id_round_id", table_name="review_comment")
    op.drop_table("review_comment")
