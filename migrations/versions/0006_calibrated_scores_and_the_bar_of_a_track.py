"""Calibrated scores beside the raw ones, the bar of a track, what is known of its readers.

Revision: 0006, after 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reader_standing",
        sa.Column("cohort_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reviewer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("readings", sa.Integer(), nullable=False),
        sa.Column("severity", sa.Float(), nullable=False),
        sa.Column("severity_margin", sa.Float(), nullable=False),
        sa.Column("apart", sa.Float(), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_reader_standing_cohort_id_cohort")),
        sa.ForeignKeyConstraint(["reviewer_id"], ["person.id"], name=op.f("fk_reader_standing_reviewer_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reader_standing")),
        sa.UniqueConstraint("cohort_id", "reviewer_id", name=op.f("uq_reader_standing_cohort_id_reviewer_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_reader_standing_public_id")),
    )
    op.create_index(op.f("ix_reader_standing_reviewer_id"), "reader_standing", ["reviewer_id"], unique=False)
    op.create_table(
        "track_standing",
        sa.Column("track_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("places", sa.Integer(), nullable=True),
        sa.Column("bar", sa.Float(), nullable=True),
        sa.Column("mean", sa.Float(), nullable=True),
        sa.Column("quality_variance", sa.Float(), nullable=True),
        sa.Column("severity_variance", sa.Float(), nullable=True),
        sa.Column("noise_variance", sa.Float(), nullable=True),
        sa.Column("readings", sa.Integer(), nullable=False),
        sa.Column("calibrated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("places IS NULL OR places >= 0", name=op.f("ck_track_standing_places_not_negative")),
        sa.ForeignKeyConstraint(["track_id"], ["track.id"], name=op.f("fk_track_standing_track_id_track")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_track_standing")),
        sa.UniqueConstraint("public_id", name=op.f("uq_track_standing_public_id")),
        sa.UniqueConstraint("track_id", name=op.f("uq_track_standing_track_id")),
    )
    op.add_column("application", sa.Column("criterion_means", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("track_choice", sa.Column("calibrated", sa.Float(), nullable=True))
    op.add_column("track_choice", sa.Column("calibrated_margin", sa.Float(), nullable=True))
    op.add_column("track_choice", sa.Column("chance", sa.Float(), nullable=True))
    op.add_column("track_choice", sa.Column("doubt", sa.Float(), nullable=True))
    op.add_column("track_choice", sa.Column("reading_worth", sa.Float(), nullable=True))
    op.create_index(
        "ix_track_choice_track_id_state_calibrated",
        "track_choice",
        ["track_id", "state", "calibrated", "id"],
        unique=False,
    )
    op.create_index(
        "ix_track_choice_track_id_state_doubt", "track_choice", ["track_id", "state", "doubt", "id"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_track_choice_track_id_state_doubt", table_name="track_choice")
    op.drop_index("ix_track_choice_track_id_state_calibrated", table_name="track_choice")
    op.drop_column("track_choice", "reading_worth")
    op.drop_column("track_choice", "doubt")
    op.drop_column("track_choice", "chance")
    op.drop_column("track_choice", "calibrated_margin")
    op.drop_column("track_choice", "calibrated")
    op.drop_column("application", "criterion_means")
    op.drop_table("track_standing")
    op.drop_index(op.f("ix_reader_standing_reviewer_id"), table_name="reader_standing")
    op.drop_table("reader_standing")
