"""Threads with documents, answered requests for accommodation, devices, exports; what an erasure may empty.

Revision: 0009, after 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

OLD_KINDS = (
    "confirm_address",
    "already_registered",
    "reset_password",
    "password_changed",
    "change_address",
    "account_notice",
    "invitation",
    "receipt",
    "never_submitted",
    "deadline_moved",
    "reference_request",
    "reference_reminder",
    "first_result",
    "task_invitation",
    "task_received",
    "interview_slots",
    "interview_booked",
    "interview_cancelled",
    "decision",
    "offer_reminder",
    "offer_lapsed",
    "offer_accepted",
    "offer_declined",
    "offer_rescinded",
    "waitlist_promotion",
    "withdrawn",
    "stream_cancelled",
    "stream_invitation",
    "mentioned",
    "closed",
    "reopened",
)
NEW_KINDS = (
    "heartbeat",
    "team_answer",
    "team_asked",
    "accommodation_answer",
    "export_ready",
    "erasure_asked",
    "erased",
)
# Of each append-only table: the column an erasure may empty, what it then holds, and the columns that stay.
ERASABLE = (
    (
        "snapshot",
        "content",
        '{"answers": {}, "tracks": [], "streams": []}',
        ("application_id", "number", "form_version_id", "received_at", "digest", "submit_key", "id"),
    ),
    (
        "submission_version",
        "answer",
        "",
        ("submission_id", "number", "received_at", "digest", "id"),
    ),
    (
        "audit_event",
        "reason",
        "",
        (
            "at",
            "actor_id",
            "actor_role",
            "second_actor_id",
            "action",
            "subject_type",
            "subject_id",
            "cohort_id",
            "before",
            "after",
            "detail",
            "request_id",
            "id",
        ),
    ),
    (
        "state_change",
        "reason",
        "",
        (
            "machine",
            "subject_id",
            "application_id",
            "cohort_id",
            "code",
            "before",
            "after",
            "role",
            "actor_id",
            "second_actor_id",
            "at",
            "id",
        ),
    ),
)


def upgrade() -> None:
    op.create_table(
        "data_export",
        sa.Column("request_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("parts_done", sa.Integer(), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("parts_done BETWEEN 0 AND parts", name=op.f("ck_data_export_parts_done_of_parts")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_data_export_file_id_stored_file")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["data_request.id"], name=op.f("fk_data_export_request_id_data_request")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_export")),
        sa.UniqueConstraint("file_id", name=op.f("uq_data_export_file_id")),
        sa.UniqueConstraint("request_id", name=op.f("uq_data_export_request_id")),
    )
    op.create_table(
        "device",
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("mark_digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_device_account_id_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("mark_digest", name=op.f("uq_device_mark_digest")),
        sa.UniqueConstraint("public_id", name=op.f("uq_device_public_id")),
    )
    op.create_index(op.f("ix_device_account_id"), "device", ["account_id"], unique=False)
    op.create_table(
        "message_file",
        sa.Column("message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_message_file_file_id_stored_file")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_message_file_message_id_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_file")),
        sa.UniqueConstraint("file_id", name=op.f("uq_message_file_file_id")),
        sa.UniqueConstraint("message_id", name=op.f("uq_message_file_message_id")),
    )
    with op.batch_alter_table("accommodation_request") as batch:
        batch.add_column(sa.Column("granted", sa.Boolean(), nullable=True))
        batch.add_column(sa.Column("extends", sa.String(length=200), nullable=False, server_default=""))
        batch.add_column(sa.Column("extended_until", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE accommodation_request SET granted = true WHERE answered_at IS NOT NULL")
    with op.batch_alter_table("accommodation_request") as batch:
        batch.alter_column("extends", server_default=None, existing_type=sa.String(length=200))
        batch.create_check_constraint(
            op.f("ck_accommodation_request_answered_with_a_decision"), "(answered_at IS NULL) = (granted IS NULL)"
        )
        batch.create_check_constraint(
            op.f("ck_accommodation_request_extended_where_granted"), "extended_until IS NULL OR granted"
        )
    with op.batch_alter_table("thread") as batch:
        batch.add_column(sa.Column("waits_since", sa.DateTime(timezone=True), nullable=True))
        batch.create_check_constraint(
            op.f("ck_thread_closed_waits_for_nobody"), "closed_at IS NULL OR waits_since IS NULL"
        )
    set_kinds((*OLD_KINDS, *NEW_KINDS))
    guard(erasable=True)


def downgrade() -> None:
    guard(erasable=False)
    kinds = ", ".join(f"'{kind}'" for kind in NEW_KINDS)
    op.execute(f"DELETE FROM notification WHERE kind IN ({kinds})")  # noqa: S608 - our own words
    set_kinds(OLD_KINDS)
    with op.batch_alter_table("thread") as batch:
        batch.drop_constraint(op.f("ck_thread_closed_waits_for_nobody"), type_="check")
        batch.drop_column("waits_since")
    with op.batch_alter_table("accommodation_request") as batch:
        batch.drop_constraint(op.f("ck_accommodation_request_extended_where_granted"), type_="check")
        batch.drop_constraint(op.f("ck_accommodation_request_answered_with_a_decision"), type_="check")
        batch.drop_column("extended_until")
        batch.drop_column("extends")
        batch.drop_column("granted")
    op.drop_table("message_file")
    op.drop_index(op.f("ix_device_account_id"), table_name="device")
    op.drop_table("device")
    op.drop_table("data_export")


def set_kinds(kinds: tuple[str, ...]) -> None:
    """Say which kinds of message there are."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("notification") as batch:
        batch.drop_constraint(op.f("ck_notification_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_notification_kind"), f"kind IN ({listed})")


def guard(*, erasable: bool) -> None:
    """What the database lets nobody change in the append-only tables; ``erasable``: one column may be emptied."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table, column, text, kept in ERASABLE:
        for trigger in (f"{table}_no_update", *(() if sqlite else (f"{table}_no_change", f"{table}_no_delete"))):
            op.execute(f"DROP TRIGGER IF EXISTS {trigger}" + ("" if sqlite else f" ON {table}"))
        cast, same = ("", "IS") if sqlite else ("::text", "IS NOT DISTINCT FROM")
        emptied = " AND ".join(
            [
                f"NEW.{column}{cast} = '{text}'",
                *(["NEW.file_id IS NULL"] if table == "submission_version" else []),
                *(f"NEW.{name}{cast} {same} OLD.{name}{cast}" for name in kept),
            ]
        )
        if sqlite:
            unless = f"WHEN NOT ({emptied}) " if erasable else ""
            op.execute(
                sa.text(
                    f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {unless}"
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END".replace(":", "\\:")
                )
            )
        elif erasable:
            op.execute(
                sa.text(
                    f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} FOR EACH ROW "
                    f"WHEN (NOT ({emptied})) EXECUTE FUNCTION refuse_change()".replace(":", "\\:")
                )
            )
            op.execute(
                f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            )
        else:
            op.execute(
                f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            )
