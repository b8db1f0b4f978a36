"""conflicts are proposed, readings have terms and plans

Revision: 0010, after 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("conflict_of_interest") as batch:
        batch.drop_constraint(op.f("ck_conflict_of_interest_state"), type_="check")
        batch.create_check_constraint(
            op.f("ck_conflict_of_interest_state"), "state IN ('proposed', 'active', 'dismissed')"
        )
    op.create_table(
        "conflict_check",
        sa.Column("cohort_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_conflict_check_cohort_id_cohort")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflict_check")),
        sa.UniqueConstraint("cohort_id", name=op.f("uq_conflict_check_cohort_id")),
    )
    op.create_table(
        "reader_terms",
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("cohort_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tracks", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("languages", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("near_zone", sa.Boolean(), nullable=False),
        sa.Column("least", sa.Integer(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(least = 0 AND most IS NULL) OR reason <> ''", name=op.f("ck_reader_terms_an_own_load_has_its_reason")
        ),
        sa.CheckConstraint("least >= 0", name=op.f("ck_reader_terms_least_not_negative")),
        sa.CheckConstraint("most IS NULL OR most >= least", name=op.f("ck_reader_terms_most_not_below_least")),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_reader_terms_cohort_id_cohort")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_reader_terms_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reader_terms")),
        sa.UniqueConstraint("person_id", "cohort_id", name=op.f("uq_reader_terms_person_id_cohort_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_reader_terms_public_id")),
    )
    op.create_index(op.f("ix_reader_terms_cohort_id"), "reader_terms", ["cohort_id"], unique=False)
    op.create_table(
        "reading_plan",
        sa.Column("cohort_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("options", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("inputs", sa.String(length=64), nullable=False),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("made_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(applied_at IS NULL) = (applied_by_id IS NULL)", name=op.f("ck_reading_plan_applied_by_somebody")
        ),
        sa.ForeignKeyConstraint(["applied_by_id"], ["person.id"], name=op.f("fk_reading_plan_applied_by_id_person")),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_reading_plan_cohort_id_cohort")),
        sa.ForeignKeyConstraint(["made_by_id"], ["person.id"], name=op.f("fk_reading_plan_made_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reading_plan")),
        sa.UniqueConstraint("public_id", name=op.f("uq_reading_plan_public_id")),
    )
    op.create_index("ix_reading_plan_cohort_id_made_at", "reading_plan", ["cohort_id", "made_at"], unique=False)
    op.add_column("conflict_of_interest", sa.Column("basis", sa.Text(), server_default="", nullable=False))
    op.add_column("conflict_of_interest", sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("decision", sa.Column("doubted_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.execute("UPDATE conflict_of_interest SET state = 'dismissed' WHERE state = 'proposed'")
    op.drop_column("decision", "doubted_at")
    op.drop_column("conflict_of_interest", "decided_at")
    op.drop_column("conflict_of_interest", "basis")
    op.drop_index("ix_reading_plan_cohort_id_made_at", table_name="reading_plan")
    op.drop_table("reading_plan")
    op.drop_index(op.f("ix_reader_terms_cohort_id"), table_name="reader_terms")
    op.drop_table("reader_terms")
    op.drop_table("conflict_check")
    with op.batch_alter_table("conflict_of_interest") as batch:
        batch.drop_constraint(op.f("ck_conflict_of_interest_state"), type_="check")
        batch.create_check_constraint(op.f("ck_conflict_of_interest_state"), "state IN ('active', 'dismissed')")
