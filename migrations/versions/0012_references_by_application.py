"""References are found by their application: whoever reads blind is kept from the names of replaced ones too, which no
index held

Revision: 0012, after 0011
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_reference_application_id"), "reference", ["application_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_reference_application_id"), table_name="reference")
