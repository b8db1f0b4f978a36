"""What the team hides of answers from blind readers, and which answers name their author.

Revision: 0004, after 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "answer_redaction",
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("question_key", sa.String(length=60), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("decision", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("decided_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_answer_redaction_application_id_application")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["person.id"], name=op.f("fk_answer_redaction_decided_by_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer_redaction")),
        sa.UniqueConstraint(
            "application_id",
            "question_key",
            "number",
            name=op.f("uq_answer_redaction_application_id_question_key_number"),
        ),
    )
    op.create_table(
        "name_check",
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("snapshot_number", sa.Integer(), nullable=False),
        sa.Column("mentions", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_name_check_application_id_application")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_name_check")),
        sa.UniqueConstraint("application_id", name=op.f("uq_name_check_application_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_name_check_public_id")),
    )
    # The decisions stay as they were written, by order of the database.
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER answer_redaction_no_{verb} BEFORE {verb.upper()} ON answer_redaction "
                "BEGIN SELECT RAISE(ABORT, 'answer_redaction is append-only'); END"
            )
    else:
        op.execute(
            "CREATE TRIGGER answer_redaction_no_change BEFORE UPDATE OR DELETE ON answer_redaction "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    op.drop_table("name_check")
    op.drop_table("answer_redaction")
