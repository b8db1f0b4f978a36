"""The showcase asks people, keeps old summaries and checks links.

Revision: 0002, after 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "search_word",
        sa.Column("word", sa.String(length=40), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_word")),
        sa.UniqueConstraint("word", name=op.f("uq_search_word_word")),
    )
    op.create_index("ix_search_word_length", "search_word", ["length"], unique=False)
    op.create_table(
        "link_check",
        sa.Column("paper_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("problem", sa.String(length=200), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["paper.id"], name=op.f("fk_link_check_paper_id_paper"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_check")),
        sa.UniqueConstraint("paper_id", "url", name=op.f("uq_link_check_paper_id_url")),
    )
    op.create_table(
        "showcase_question",
        sa.Column(
            "kind",
            sa.Enum(
                "split_name",
                "fellow_link",
                "same_person",
                "project_link",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("paper_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("proposal", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("basis", sa.String(length=120), nullable=False),
        sa.Column(
            "confidence",
            sa.Enum(
                "certain", "high", "to_confirm", name="confidence", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column(
            "answer",
            sa.Enum("open", "yes", "no", name="answer", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("answered_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("(answer = 'open') = (answered_at IS NULL)", name=op.f("ck_showcase_question_answered")),
        sa.ForeignKeyConstraint(
            ["answered_by_id"], ["person.id"], name=op.f("fk_showcase_question_answered_by_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["paper.id"], name=op.f("fk_showcase_question_paper_id_paper"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_showcase_question")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_showcase_question_fingerprint")),
        sa.UniqueConstraint("public_id", name=op.f("uq_showcase_question_public_id")),
    )
    op.create_index("ix_showcase_question_answer", "showcase_question", ["answer"], unique=False)
    op.create_index(op.f("ix_showcase_question_paper_id"), "showcase_question", ["paper_id"], unique=False)
    op.create_table(
        "summary_version",
        sa.Column("paper_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("replaced_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["paper.id"], name=op.f("fk_summary_version_paper_id_paper"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["replaced_by_id"], ["person.id"], name=op.f("fk_summary_version_replaced_by_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_summary_version")),
    )
    op.create_index(op.f("ix_summary_version_paper_id"), "summary_version", ["paper_id"], unique=False)
    op.add_column("import_issue", sa.Column("column", sa.Integer(), server_default="0", nullable=False))
    op.add_column("import_run", sa.Column("notes", sa.JSON(none_as_null=True), server_default="[]", nullable=False))
    op.add_column("paper", sa.Column("other_titles", sa.JSON(none_as_null=True), server_default="[]", nullable=False))
    op.add_column("paper", sa.Column("project_url", sa.String(length=500), server_default="", nullable=False))
    op.add_column("paper", sa.Column("cohort_key", sa.String(length=60), server_default="", nullable=False))
    op.add_column("paper", sa.Column("abstract_words", sa.Text(), server_default="", nullable=False))
    op.create_index(op.f("ix_paper_cohort_key"), "paper", ["cohort_key"], unique=False)
    op.create_index("ix_paper_published_id", "paper", ["published", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_paper_published_id", table_name="paper")
    op.drop_index(op.f("ix_paper_cohort_key"), table_name="paper")
    op.drop_column("paper", "abstract_words")
    op.drop_column("paper", "cohort_key")
    op.drop_column("paper", "project_url")
    op.drop_column("paper", "other_titles")
    op.drop_column("import_run", "notes")
    op.drop_column("import_issue", "column")
    op.drop_index(op.f("ix_summary_version_paper_id"), table_name="summary_version")
    op.drop_table("summary_version")
    op.drop_index(op.f("ix_showcase_question_paper_id"), table_name="showcase_question")
    op.drop_index("ix_showcase_question_answer", table_name="showcase_question")
    op.drop_table("showcase_question")
    op.drop_table("link_check")
    op.drop_index("ix_search_word_length", table_name="search_word")
    op.drop_table("search_word")
