"""Every table of the whole process

Revision: 0001, the first
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


APPEND_ONLY = ("audit_event", "state_change", "snapshot", "submission_version")


def refuse_changes() -> None:
    """The database itself keeps the rows of these tables as they were written."""
    if op.get_bind().dialect.name == "sqlite":
        for table in APPEND_ONLY:
            for verb in ("update", "delete"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def upgrade() -> None:
    op.create_table(
        "paper",
        sa.Column("slug", sa.String(length=160), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("published", sa.Date(), nullable=False),
        sa.Column("arxiv_id", sa.String(length=20), nullable=True),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("topic", sa.String(length=60), nullable=False),
        sa.Column("track_key", sa.String(length=60), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("featured", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper")),
        sa.UniqueConstraint("arxiv_id", name=op.f("uq_paper_arxiv_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_paper_public_id")),
        sa.UniqueConstraint("slug", name=op.f("uq_paper_slug")),
    )
    op.create_index(op.f("ix_paper_topic"), "paper", ["topic"], unique=False)
    op.create_index(op.f("ix_paper_track_key"), "paper", ["track_key"], unique=False)
    op.create_table(
        "person",
        sa.Column("display_name", sa.String(length=200), nullable=False),
        sa.Column("time_zone", sa.String(length=60), nullable=False),
        sa.Column("aliases", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("merged_into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "merged_into_id IS NULL OR merged_into_id <> id", name=op.f("ck_person_not_merged_into_itself")
        ),
        sa.ForeignKeyConstraint(["merged_into_id"], ["person.id"], name=op.f("fk_person_merged_into_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("public_id", name=op.f("uq_person_public_id")),
    )
    op.create_index(op.f("ix_person_merged_into_id"), "person", ["merged_into_id"], unique=False)
    op.create_table(
        "program",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("member_term", sa.String(length=40), nullable=False),
        sa.Column("older_term", sa.String(length=40), nullable=False),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program")),
        sa.UniqueConstraint("name", name=op.f("uq_program_name")),
        sa.UniqueConstraint("public_id", name=op.f("uq_program_public_id")),
    )
    op.create_table(
        "account",
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("password", sa.String(length=255), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("fs_uniquifier", sa.String(length=64), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tf_primary_method", sa.String(length=64), nullable=True),
        sa.Column("tf_totp_secret", sa.String(length=255), nullable=True),
        sa.Column("fs_webauthn_user_handle", sa.String(length=64), nullable=True),
        sa.Column("mf_recovery_codes", sa.UnicodeText(), nullable=True),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("current_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_login_ip", sa.String(length=64), nullable=True),
        sa.Column("current_login_ip", sa.String(length=64), nullable=True),
        sa.Column("login_count", sa.Integer(), nullable=False),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("create_datetime", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_datetime", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_account_email_in_lower_case")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_account_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("email", name=op.f("uq_account_email")),
        sa.UniqueConstraint("fs_uniquifier", name=op.f("uq_account_fs_uniquifier")),
        sa.UniqueConstraint("fs_webauthn_user_handle", name=op.f("uq_account_fs_webauthn_user_handle")),
        sa.UniqueConstraint("person_id", name=op.f("uq_account_person_id")),
    )
    op.create_table(
        "audit_event",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("actor_role", sa.String(length=20), nullable=False),
        sa.Column("second_actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject_type", sa.String(length=60), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=True),
        sa.Column("cohort_id", sa.BigInteger(), nullable=True),
        sa.Column("before", sa.String(length=200), nullable=False),
        sa.Column("after", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("request_id", sa.String(length=40), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["person.id"], name=op.f("fk_audit_event_actor_id_person")),
        sa.ForeignKeyConstraint(["second_actor_id"], ["person.id"], name=op.f("fk_audit_event_second_actor_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index("ix_audit_event_actor_id_at", "audit_event", ["actor_id", "at"], unique=False)
    op.create_index(op.f("ix_audit_event_at"), "audit_event", ["at"], unique=False)
    op.create_index("ix_audit_event_subject", "audit_event", ["subject_type", "subject_id"], unique=False)
    op.create_table(
        "cohort",
        sa.Column("program_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "published",
                "running",
                "finished",
                "archived",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("length_weeks", sa.Integer(), nullable=False),
        sa.Column("locations", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("over_offer_allowance", sa.Integer(), nullable=False),
        sa.Column("stipend_text", sa.Text(), nullable=False),
        sa.Column("compute_text", sa.Text(), nullable=False),
        sa.Column("eligibility", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("prior_safety_experience", sa.String(length=60), nullable=False),
        sa.Column("silent_grace_minutes", sa.Integer(), nullable=False),
        sa.Column("min_notice_hours", sa.Integer(), nullable=False),
        sa.Column(
            "stream_choice",
            sa.Enum(
                "at_general",
                "after_advance",
                "both",
                name="stream_choice",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "reference_timing",
            sa.Enum(
                "at_submit",
                "after_advance",
                "on_demand",
                name="reference_timing",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("policies", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("capacity >= 0 AND over_offer_allowance >= 0", name=op.f("ck_cohort_seats_not_negative")),
        sa.CheckConstraint("silent_grace_minutes BETWEEN 0 AND 1440", name=op.f("ck_cohort_grace_within_a_day")),
        sa.ForeignKeyConstraint(["program_id"], ["program.id"], name=op.f("fk_cohort_program_id_program")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cohort")),
        sa.UniqueConstraint("key", name=op.f("uq_cohort_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_cohort_public_id")),
    )
    op.create_index(op.f("ix_cohort_program_id"), "cohort", ["program_id"], unique=False)
    op.create_table(
        "consent",
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("purpose", sa.String(length=60), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_consent_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
        sa.UniqueConstraint("public_id", name=op.f("uq_consent_public_id")),
    )
    op.create_index(op.f("ix_consent_person_id"), "consent", ["person_id"], unique=False)
    op.create_table(
        "data_request",
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("kind IN ('export', 'erasure')", name=op.f("ck_data_request_kind")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_data_request_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_request")),
        sa.UniqueConstraint("public_id", name=op.f("uq_data_request_public_id")),
    )
    op.create_index(op.f("ix_data_request_person_id"), "data_request", ["person_id"], unique=False)
    op.create_table(
        "email_address",
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("address", sa.String(length=255), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bounced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("address = lower(address)", name=op.f("ck_email_address_in_lower_case")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_email_address_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_address")),
        sa.UniqueConstraint("address", name=op.f("uq_email_address_address")),
        sa.UniqueConstraint("public_id", name=op.f("uq_email_address_public_id")),
    )
    op.create_index(op.f("ix_email_address_person_id"), "email_address", ["person_id"], unique=False)
    op.create_table(
        "fellow",
        sa.Column("slug", sa.String(length=160), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("aliases", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_fellow_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fellow")),
        sa.UniqueConstraint("person_id", name=op.f("uq_fellow_person_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_fellow_public_id")),
        sa.UniqueConstraint("slug", name=op.f("uq_fellow_slug")),
    )
    op.create_table(
        "import_run",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("counts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["person.id"], name=op.f("fk_import_run_actor_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_run")),
        sa.UniqueConstraint("public_id", name=op.f("uq_import_run_public_id")),
    )
    op.create_table(
        "notification",
        sa.Column(
            "kind",
            sa.Enum(
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
                "closed",
                "reopened",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("recipient", sa.String(length=255), nullable=False),
        sa.Column("cause", sa.String(length=120), nullable=False),
        sa.Column("dedupe_key", sa.String(length=440), nullable=False),
        sa.Column("subject", sa.String(length=400), nullable=False),
        sa.Column("body_text", sa.Text(), nullable=False),
        sa.Column("body_html", sa.Text(), nullable=False),
        sa.Column("calendar", sa.Text(), nullable=False),
        sa.Column("in_portal", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "sending",
                "sent",
                "failed",
                "bounced",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(state = 'sending') = (leased_until IS NOT NULL)", name=op.f("ck_notification_sending_has_its_lease")
        ),
        sa.CheckConstraint(
            "(state = 'sent') = (sent_at IS NOT NULL) OR state = 'bounced'",
            name=op.f("ck_notification_sent_has_its_instant"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_notification_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_notification_dedupe_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_notification_public_id")),
    )
    op.create_index("ix_notification_person_id_created_at", "notification", ["person_id", "created_at"], unique=False)
    op.create_index(
        "ix_notification_to_send",
        "notification",
        ["next_try_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'sending')"),
        sqlite_where=sa.text("state IN ('queued', 'sending')"),
    )
    op.create_table(
        "paper_stream",
        sa.Column("paper_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stream_key", sa.String(length=60), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["paper.id"], name=op.f("fk_paper_stream_paper_id_paper"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_stream")),
        sa.UniqueConstraint("paper_id", "stream_key", name=op.f("uq_paper_stream_paper_id_stream_key")),
    )
    op.create_index(op.f("ix_paper_stream_stream_key"), "paper_stream", ["stream_key"], unique=False)
    op.create_table(
        "person_merge",
        sa.Column("survivor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("merged_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("undo_data", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("survivor_id <> merged_id", name=op.f("ck_person_merge_of_two_records")),
        sa.ForeignKeyConstraint(["actor_id"], ["person.id"], name=op.f("fk_person_merge_actor_id_person")),
        sa.ForeignKeyConstraint(["merged_id"], ["person.id"], name=op.f("fk_person_merge_merged_id_person")),
        sa.ForeignKeyConstraint(["survivor_id"], ["person.id"], name=op.f("fk_person_merge_survivor_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_merge")),
        sa.UniqueConstraint("public_id", name=op.f("uq_person_merge_public_id")),
    )
    op.create_index(op.f("ix_person_merge_merged_id"), "person_merge", ["merged_id"], unique=False)
    op.create_index(op.f("ix_person_merge_survivor_id"), "person_merge", ["survivor_id"], unique=False)
    op.create_table(
        "role_grant",
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "applicant",
                "referee",
                "reviewer",
                "mentor",
                "stream_lead",
                "track_lead",
                "coordinator",
                "admin",
                "auditor",
                "system",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "scope",
            sa.Enum(
                "program",
                "cohort",
                "track",
                "stream",
                name="scope",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("scope_id", sa.BigInteger(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("granted_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(scope = 'program') = (scope_id IS NULL)", name=op.f("ck_role_grant_scope_has_its_subject")
        ),
        sa.CheckConstraint(
            "role NOT IN ('applicant', 'referee', 'system')", name=op.f("ck_role_grant_is_a_staff_role")
        ),
        sa.CheckConstraint("ends_at IS NULL OR ends_at > starts_at", name=op.f("ck_role_grant_ends_after_it_starts")),
        sa.ForeignKeyConstraint(["granted_by_id"], ["person.id"], name=op.f("fk_role_grant_granted_by_id_person")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_role_grant_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grant")),
        sa.UniqueConstraint("public_id", name=op.f("uq_role_grant_public_id")),
    )
    op.create_index("ix_role_grant_person_id_role", "role_grant", ["person_id", "role"], unique=False)
    op.create_table(
        "state_change",
        sa.Column(
            "machine",
            sa.Enum(
                "cohort",
                "stream",
                "application",
                "track_choice",
                "stream_application",
                "reference",
                "assignment",
                "evaluation",
                "interview",
                "batch",
                "offer",
                "waitlist",
                "fellowship",
                name="machine",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=True),
        sa.Column("cohort_id", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("before", sa.String(length=40), nullable=False),
        sa.Column("after", sa.String(length=40), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "applicant",
                "referee",
                "reviewer",
                "mentor",
                "stream_lead",
                "track_lead",
                "coordinator",
                "admin",
                "auditor",
                "system",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("second_actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "second_actor_id IS NULL OR second_actor_id <> actor_id", name=op.f("ck_state_change_two_people_are_two")
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["person.id"], name=op.f("fk_state_change_actor_id_person")),
        sa.ForeignKeyConstraint(
            ["second_actor_id"], ["person.id"], name=op.f("fk_state_change_second_actor_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_state_change")),
    )
    op.create_index(op.f("ix_state_change_application_id"), "state_change", ["application_id"], unique=False)
    op.create_index("ix_state_change_subject", "state_change", ["machine", "subject_id", "id"], unique=False)
    op.create_table(
        "stored_file",
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("content_type", sa.String(length=100), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("size >= 0", name=op.f("ck_stored_file_size_not_negative")),
        sa.ForeignKeyConstraint(["owner_id"], ["person.id"], name=op.f("fk_stored_file_owner_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_file")),
        sa.UniqueConstraint("key", name=op.f("uq_stored_file_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_stored_file_public_id")),
    )
    op.create_index(op.f("ix_stored_file_owner_id"), "stored_file", ["owner_id"], unique=False)
    op.create_table(
        "evaluation",
        sa.Column("cohort_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("title", sa.String(length=160), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "coding",
                "work_test",
                "take_home",
                "writing",
                "research_task",
                "questionnaire",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("effort_hours", sa.Float(), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_rule", sa.String(length=60), nullable=False),
        sa.Column("personal_clock_minutes", sa.Integer(), nullable=True),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column(
            "ai_policy",
            sa.Enum(
                "forbidden",
                "allowed_disclose",
                "allowed",
                name="ai_policy",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("brief", sa.Text(), nullable=False),
        sa.Column("answer_limit", sa.Integer(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("attempts >= 1", name=op.f("ck_evaluation_attempts_positive")),
        sa.CheckConstraint("effort_hours > 0", name=op.f("ck_evaluation_effort_positive")),
        sa.CheckConstraint(
            "opens_at IS NULL OR due_at IS NULL OR opens_at < due_at", name=op.f("ck_evaluation_opens_before_due")
        ),
        sa.CheckConstraint(
            "personal_clock_minutes IS NULL OR personal_clock_minutes > 0", name=op.f("ck_evaluation_clock_positive")
        ),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_evaluation_cohort_id_cohort")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation")),
        sa.UniqueConstraint("cohort_id", "key", name=op.f("uq_evaluation_cohort_id_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_evaluation_public_id")),
    )
    op.create_table(
        "extension",
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("cohort_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("gate", sa.String(length=4), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "reason_class",
            sa.Enum(
                "accommodation",
                "technical_fault",
                "other",
                name="reason_class",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("granted_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_extension_cohort_id_cohort")),
        sa.ForeignKeyConstraint(["granted_by_id"], ["person.id"], name=op.f("fk_extension_granted_by_id_person")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_extension_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_extension")),
        sa.UniqueConstraint("public_id", name=op.f("uq_extension_public_id")),
    )
    op.create_index("ix_extension_person_id_cohort_id", "extension", ["person_id", "cohort_id", "gate"], unique=False)
    op.create_table(
        "form_version",
        sa.Column("cohort_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stated_minutes", sa.Integer(), nullable=False),
        sa.Column("ai_policy", sa.String(length=60), nullable=False),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_form_version_from_one")),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_form_version_cohort_id_cohort")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_form_version")),
        sa.UniqueConstraint("cohort_id", "number", name=op.f("uq_form_version_cohort_id_number")),
        sa.UniqueConstraint("public_id", name=op.f("uq_form_version_public_id")),
    )
    op.create_table(
        "import_issue",
        sa.Column("import_run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("severity", sa.String(length=1), nullable=False),
        sa.Column("record", sa.String(length=200), nullable=False),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.Column("done", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("severity IN ('E', 'W', 'I')", name=op.f("ck_import_issue_severity")),
        sa.ForeignKeyConstraint(
            ["import_run_id"],
            ["import_run.id"],
            name=op.f("fk_import_issue_import_run_id_import_run"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_issue")),
    )
    op.create_index(op.f("ix_import_issue_import_run_id"), "import_issue", ["import_run_id"], unique=False)
    op.create_table(
        "key_date",
        sa.Column("cohort_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=4), nullable=False),
        sa.Column("label", sa.String(length=120), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("gate", "range", "display", name="kind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("audience", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wall_rule", sa.String(length=60), nullable=False),
        sa.Column("estimate", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("bound", sa.String(length=60), nullable=False),
        sa.Column("src", sa.String(length=1), nullable=False),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_key_date_cohort_id_cohort")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_date")),
        sa.UniqueConstraint("cohort_id", "code", name=op.f("uq_key_date_cohort_id_code")),
        sa.UniqueConstraint("public_id", name=op.f("uq_key_date_public_id")),
    )
    op.create_table(
        "paper_person",
        sa.Column("paper_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "role",
            sa.Enum("author", "fellow", name="role", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("folded_name", sa.String(length=200), nullable=False),
        sa.Column("fellow_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("linked_author", sa.String(length=200), nullable=False),
        sa.Column("link_basis", sa.String(length=120), nullable=False),
        sa.Column(
            "link_confidence",
            sa.Enum(
                "certain",
                "high",
                "to_confirm",
                name="link_confidence",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(role = 'fellow') = (fellow_id IS NOT NULL)", name=op.f("ck_paper_person_fellow_is_linked")
        ),
        sa.ForeignKeyConstraint(["fellow_id"], ["fellow.id"], name=op.f("fk_paper_person_fellow_id_fellow")),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["paper.id"], name=op.f("fk_paper_person_paper_id_paper"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_person")),
        sa.UniqueConstraint("paper_id", "role", "position", name=op.f("uq_paper_person_paper_id_role_position")),
    )
    op.create_index(op.f("ix_paper_person_fellow_id"), "paper_person", ["fellow_id"], unique=False)
    op.create_index("ix_paper_person_folded_name", "paper_person", ["folded_name"], unique=False)
    op.create_table(
        "release_batch",
        sa.Column("cohort_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "scope",
            sa.Enum(
                "first_result",
                "offers",
                "early",
                "correction",
                name="scope",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("label", sa.String(length=120), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "sealed",
                "released",
                "cancelled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("corrects_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("member_count", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(scope = 'correction') = (corrects_id IS NOT NULL)", name=op.f("ck_release_batch_a_correction_corrects")
        ),
        sa.CheckConstraint(
            "(state = 'released') = (released_at IS NOT NULL)", name=op.f("ck_release_batch_released_has_its_instant")
        ),
        sa.CheckConstraint(
            "(state = 'released') = (released_by_id IS NOT NULL)", name=op.f("ck_release_batch_released_by_someone")
        ),
        sa.CheckConstraint(
            "state <> 'sealed' OR sealed_at IS NOT NULL", name=op.f("ck_release_batch_sealed_has_its_instant")
        ),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_release_batch_cohort_id_cohort")),
        sa.ForeignKeyConstraint(
            ["corrects_id"], ["release_batch.id"], name=op.f("fk_release_batch_corrects_id_release_batch")
        ),
        sa.ForeignKeyConstraint(["released_by_id"], ["person.id"], name=op.f("fk_release_batch_released_by_id_person")),
        sa.ForeignKeyConstraint(["sealed_by_id"], ["person.id"], name=op.f("fk_release_batch_sealed_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_batch")),
        sa.UniqueConstraint("public_id", name=op.f("uq_release_batch_public_id")),
    )
    op.create_index("ix_release_batch_cohort_id_state", "release_batch", ["cohort_id", "state"], unique=False)
    op.create_table(
        "rubric",
        sa.Column("cohort_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "central_screen",
                "central_score",
                "stream_review",
                "task_marking",
                "interview",
                "reference",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("scale", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("readers", sa.Integer(), nullable=False),
        sa.Column("third_reader_spread", sa.Integer(), nullable=True),
        sa.Column("blind", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("settings", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("weights", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("readers >= 1", name=op.f("ck_rubric_readers_positive")),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_rubric_cohort_id_cohort")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rubric")),
        sa.UniqueConstraint("cohort_id", "kind", "number", name=op.f("uq_rubric_cohort_id_kind_number")),
        sa.UniqueConstraint("public_id", name=op.f("uq_rubric_public_id")),
    )
    op.create_table(
        "stream",
        sa.Column("cohort_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("areas", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("locations", sa.JSON(none_as_null=True), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "listed",
                "open",
                "closed",
                "cancelled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("seats_min", sa.Integer(), nullable=True),
        sa.Column("seats_target", sa.Integer(), nullable=True),
        sa.Column("seats_max", sa.Integer(), nullable=True),
        sa.Column("seats_held", sa.Integer(), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("own_calendar", sa.Boolean(), nullable=False),
        sa.Column(
            "ai_policy",
            sa.Enum(
                "forbidden",
                "allowed_disclose",
                "allowed",
                name="ai_policy",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column(
            "mode",
            sa.Enum("single", "pooled", name="mode", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column(
            "interview",
            sa.Enum("none", "one", "two", name="interview", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("closes_rule", sa.String(length=60), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(seats_min IS NULL AND seats_target IS NULL AND seats_max IS NULL) OR (0 <= seats_min AND seats_min <= seats_target AND seats_target <= seats_max)",
            name=op.f("ck_stream_seats_in_order"),
        ),
        sa.CheckConstraint(
            "closes_at IS NULL OR opens_at IS NULL OR opens_at < closes_at",
            name=op.f("ck_stream_opens_before_it_closes"),
        ),
        sa.CheckConstraint("seats_held >= 0", name=op.f("ck_stream_seats_held_not_negative")),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_stream_cohort_id_cohort")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stream")),
        sa.UniqueConstraint("cohort_id", "key", name=op.f("uq_stream_cohort_id_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_stream_public_id")),
    )
    op.create_table(
        "track",
        sa.Column("cohort_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_track_cohort_id_cohort")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_track")),
        sa.UniqueConstraint("cohort_id", "key", name=op.f("uq_track_cohort_id_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_track_public_id")),
    )
    op.create_table(
        "web_authn",
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(length=1024), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.Integer(), nullable=False),
        sa.Column("transports", sa.UnicodeText(), nullable=True),
        sa.Column("backup_state", sa.Boolean(), nullable=False),
        sa.Column("device_type", sa.String(length=64), nullable=False),
        sa.Column("extensions", sa.String(length=255), nullable=True),
        sa.Column("create_datetime", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lastuse_datetime", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("usage", sa.String(length=64), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_web_authn_account_id_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_web_authn")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_web_authn_credential_id")),
    )
    op.create_index(op.f("ix_web_authn_account_id"), "web_authn", ["account_id"], unique=False)
    op.create_table(
        "application",
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("cohort_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("form_version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "submitted",
                "in_streams",
                "closed",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "close_reason",
            sa.Enum(
                "never_submitted",
                "withdrawn",
                "ineligible",
                "not_advanced",
                "not_selected",
                "offers_declined",
                "placed",
                "deferred",
                "rescinded",
                "merged",
                "cohort_cancelled",
                name="close_reason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "state_before_close",
            sa.Enum(
                "draft",
                "submitted",
                "in_streams",
                "closed",
                name="state_before_close",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("snapshot_number", sa.Integer(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("draft_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("score_count", sa.Integer(), nullable=False),
        sa.Column("score_sum", sa.Float(), nullable=False),
        sa.Column("score_mean", sa.Float(), nullable=True),
        sa.Column("score_spread", sa.Float(), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(state = 'closed') = (close_reason IS NOT NULL)", name=op.f("ck_application_closed_has_one_reason")
        ),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_application_closed_has_its_instant")
        ),
        sa.CheckConstraint(
            "close_reason IS NULL OR close_reason <> 'never_submitted' OR snapshot_number IS NULL",
            name=op.f("ck_application_never_submitted_has_no_snapshot"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('submitted', 'in_streams') OR snapshot_number IS NOT NULL",
            name=op.f("ck_application_submitted_has_a_snapshot"),
        ),
        sa.CheckConstraint(
            "(snapshot_number IS NULL) = (submitted_at IS NULL)", name=op.f("ck_application_submitted_at_with_snapshot")
        ),
        sa.CheckConstraint("score_count >= 0", name=op.f("ck_application_score_count_not_negative")),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_application_cohort_id_cohort")),
        sa.ForeignKeyConstraint(
            ["form_version_id"], ["form_version.id"], name=op.f("fk_application_form_version_id_form_version")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_application_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application")),
        sa.UniqueConstraint("public_id", name=op.f("uq_application_public_id")),
    )
    op.create_index(
        "ix_application_cohort_id_score_mean", "application", ["cohort_id", "score_mean", "id"], unique=False
    )
    op.create_index(
        "ix_application_cohort_id_state_score_mean",
        "application",
        ["cohort_id", "state", "score_mean", "id"],
        unique=False,
    )
    op.create_index(
        "ix_application_cohort_id_submitted_at", "application", ["cohort_id", "submitted_at", "id"], unique=False
    )
    op.create_index(op.f("ix_application_person_id"), "application", ["person_id"], unique=False)
    op.create_index(
        "uq_application_one_live",
        "application",
        ["person_id", "cohort_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'closed'"),
        sqlite_where=sa.text("state <> 'closed'"),
    )
    op.create_table(
        "criterion",
        sa.Column("rubric_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("label", sa.String(length=160), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("anchors", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("src", sa.String(length=1), nullable=False),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["rubric_id"], ["rubric.id"], name=op.f("fk_criterion_rubric_id_rubric")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_criterion")),
        sa.UniqueConstraint("public_id", name=op.f("uq_criterion_public_id")),
        sa.UniqueConstraint("rubric_id", "key", name=op.f("uq_criterion_rubric_id_key")),
    )
    op.create_table(
        "interview_slot",
        sa.Column("stream_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("time_zone", sa.String(length=60), nullable=False),
        sa.Column("video_link", sa.String(length=500), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_interview_slot_ends_after_it_starts")),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"], name=op.f("fk_interview_slot_stream_id_stream")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interview_slot")),
        sa.UniqueConstraint("public_id", name=op.f("uq_interview_slot_public_id")),
    )
    op.create_index("ix_interview_slot_stream_id_starts_at", "interview_slot", ["stream_id", "starts_at"], unique=False)
    op.create_table(
        "key_date_revision",
        sa.Column("key_date_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("old_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("new_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reopens", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["person.id"], name=op.f("fk_key_date_revision_actor_id_person")),
        sa.ForeignKeyConstraint(
            ["key_date_id"], ["key_date.id"], name=op.f("fk_key_date_revision_key_date_id_key_date")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_date_revision")),
    )
    op.create_index(op.f("ix_key_date_revision_key_date_id"), "key_date_revision", ["key_date_id"], unique=False)
    op.create_table(
        "mentor",
        sa.Column("stream_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("lead", "co_mentor", "delegate", name="kind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("ends_at IS NULL OR ends_at > starts_at", name=op.f("ck_mentor_ends_after_it_starts")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_mentor_person_id_person")),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"], name=op.f("fk_mentor_stream_id_stream")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mentor")),
        sa.UniqueConstraint("public_id", name=op.f("uq_mentor_public_id")),
        sa.UniqueConstraint("stream_id", "position", name=op.f("uq_mentor_stream_id_position")),
    )
    op.create_index(op.f("ix_mentor_person_id"), "mentor", ["person_id"], unique=False)
    op.create_table(
        "question",
        sa.Column("form_version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("section", sa.String(length=60), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column(
            "type",
            sa.Enum(
                "text",
                "long",
                "email",
                "timezone",
                "choice",
                "multi",
                "bool",
                "file",
                "urls",
                "track_rank",
                "stream_interest",
                "referees",
                "separate_store",
                name="type",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("limit", sa.Integer(), nullable=True),
        sa.Column("when_track_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("settings", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint('"limit" IS NULL OR "limit" > 0', name=op.f("ck_question_limit_positive")),
        sa.ForeignKeyConstraint(
            ["form_version_id"], ["form_version.id"], name=op.f("fk_question_form_version_id_form_version")
        ),
        sa.ForeignKeyConstraint(["when_track_id"], ["track.id"], name=op.f("fk_question_when_track_id_track")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_question")),
        sa.UniqueConstraint("form_version_id", "key", name=op.f("uq_question_form_version_id_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_question_public_id")),
    )
    op.create_index(op.f("ix_question_when_track_id"), "question", ["when_track_id"], unique=False)
    op.create_table(
        "review_round",
        sa.Column("cohort_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "central_screen",
                "central_score",
                "stream_review",
                "task_marking",
                "interview",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("stream_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("rubric_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("readers", sa.Integer(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("readers >= 1", name=op.f("ck_review_round_readers_positive")),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_review_round_cohort_id_cohort")),
        sa.ForeignKeyConstraint(["rubric_id"], ["rubric.id"], name=op.f("fk_review_round_rubric_id_rubric")),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"], name=op.f("fk_review_round_stream_id_stream")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_round")),
        sa.UniqueConstraint("public_id", name=op.f("uq_review_round_public_id")),
    )
    op.create_index("ix_review_round_cohort_id_kind", "review_round", ["cohort_id", "kind"], unique=False)
    op.create_index(op.f("ix_review_round_stream_id"), "review_round", ["stream_id"], unique=False)
    op.create_table(
        "stream_evaluation",
        sa.Column("stream_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("evaluation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("weight >= 0", name=op.f("ck_stream_evaluation_weight_not_negative")),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.id"], name=op.f("fk_stream_evaluation_evaluation_id_evaluation")
        ),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"], name=op.f("fk_stream_evaluation_stream_id_stream")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stream_evaluation")),
        sa.UniqueConstraint("stream_id", "evaluation_id", name=op.f("uq_stream_evaluation_stream_id_evaluation_id")),
    )
    op.create_index(op.f("ix_stream_evaluation_evaluation_id"), "stream_evaluation", ["evaluation_id"], unique=False)
    op.create_table(
        "stream_ranking",
        sa.Column("stream_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["person.id"], name=op.f("fk_stream_ranking_actor_id_person")),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"], name=op.f("fk_stream_ranking_stream_id_stream")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stream_ranking")),
        sa.UniqueConstraint("public_id", name=op.f("uq_stream_ranking_public_id")),
        sa.UniqueConstraint("stream_id", "number", name=op.f("uq_stream_ranking_stream_id_number")),
    )
    op.create_table(
        "stream_track",
        sa.Column("stream_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("track_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("is_main", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"], name=op.f("fk_stream_track_stream_id_stream")),
        sa.ForeignKeyConstraint(["track_id"], ["track.id"], name=op.f("fk_stream_track_track_id_track")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stream_track")),
        sa.UniqueConstraint("stream_id", "track_id", name=op.f("uq_stream_track_stream_id_track_id")),
    )
    op.create_index(op.f("ix_stream_track_track_id"), "stream_track", ["track_id"], unique=False)
    op.create_index(
        "uq_stream_track_main",
        "stream_track",
        ["stream_id"],
        unique=True,
        postgresql_where=sa.text("is_main"),
        sqlite_where=sa.text("is_main"),
    )
    op.create_table(
        "accommodation_request",
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["answered_by_id"], ["person.id"], name=op.f("fk_accommodation_request_answered_by_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_accommodation_request_application_id_application")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accommodation_request")),
        sa.UniqueConstraint("public_id", name=op.f("uq_accommodation_request_public_id")),
    )
    op.create_index(
        op.f("ix_accommodation_request_application_id"), "accommodation_request", ["application_id"], unique=False
    )
    op.create_table(
        "answer_draft",
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("question_key", sa.String(length=60), nullable=False),
        sa.Column("value", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_answer_draft_application_id_application")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer_draft")),
        sa.UniqueConstraint("application_id", "question_key", name=op.f("uq_answer_draft_application_id_question_key")),
    )
    op.create_table(
        "answer_file",
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("question_key", sa.String(length=60), nullable=False),
        sa.Column("file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_answer_file_application_id_application")
        ),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_answer_file_file_id_stored_file")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer_file")),
        sa.UniqueConstraint(
            "application_id", "question_key", "file_id", name=op.f("uq_answer_file_application_id_question_key_file_id")
        ),
    )
    op.create_index(op.f("ix_answer_file_file_id"), "answer_file", ["file_id"], unique=False)
    op.create_table(
        "batch_exclusion",
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["person.id"], name=op.f("fk_batch_exclusion_actor_id_person")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_batch_exclusion_application_id_application")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["release_batch.id"], name=op.f("fk_batch_exclusion_batch_id_release_batch")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_exclusion")),
        sa.UniqueConstraint("batch_id", "application_id", name=op.f("uq_batch_exclusion_batch_id_application_id")),
    )
    op.create_index(op.f("ix_batch_exclusion_application_id"), "batch_exclusion", ["application_id"], unique=False)
    op.create_table(
        "conflict_of_interest",
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "family",
                "colleague",
                "advisor",
                "coauthor",
                "referee",
                "mail_domain",
                "earlier_mentor",
                "other",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "source",
            sa.Enum("declared", "detected", name="source", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum("active", "dismissed", name="state", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("decided_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_conflict_of_interest_application_id_application")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["person.id"], name=op.f("fk_conflict_of_interest_decided_by_id_person")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_conflict_of_interest_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflict_of_interest")),
        sa.UniqueConstraint(
            "person_id", "application_id", "kind", name=op.f("uq_conflict_of_interest_person_id_application_id_kind")
        ),
        sa.UniqueConstraint("public_id", name=op.f("uq_conflict_of_interest_public_id")),
    )
    op.create_index(
        "ix_conflict_of_interest_application_id_state",
        "conflict_of_interest",
        ["application_id", "state"],
        unique=False,
    )
    op.create_table(
        "deferral",
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("to_cohort_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "requested",
                "granted",
                "refused",
                "used",
                "expired",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_deferral_application_id_application")
        ),
        sa.ForeignKeyConstraint(["decided_by_id"], ["person.id"], name=op.f("fk_deferral_decided_by_id_person")),
        sa.ForeignKeyConstraint(["to_cohort_id"], ["cohort.id"], name=op.f("fk_deferral_to_cohort_id_cohort")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deferral")),
        sa.UniqueConstraint("application_id", name=op.f("uq_deferral_application_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_deferral_public_id")),
    )
    op.create_table(
        "demographic_answers",
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("answers", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_demographic_answers_application_id_application")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demographic_answers")),
        sa.UniqueConstraint("application_id", name=op.f("uq_demographic_answers_application_id")),
    )
    op.create_table(
        "evaluation_invite",
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("evaluation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "invited",
                "started",
                "submitted",
                "marked",
                "expired",
                "waived",
                "withdrawn",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("ai_rule_accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("draft_answer", sa.Text(), nullable=False),
        sa.Column("draft_version", sa.Integer(), nullable=False),
        sa.Column("draft_file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "state <> 'started' OR started_at IS NOT NULL", name=op.f("ck_evaluation_invite_started_has_its_instant")
        ),
        sa.CheckConstraint(
            "started_at IS NULL OR ai_rule_accepted_at IS NOT NULL",
            name=op.f("ck_evaluation_invite_ai_rule_before_the_start"),
        ),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_evaluation_invite_application_id_application")
        ),
        sa.ForeignKeyConstraint(
            ["draft_file_id"], ["stored_file.id"], name=op.f("fk_evaluation_invite_draft_file_id_stored_file")
        ),
        sa.ForeignKeyConstraint(
            ["evaluation_id"], ["evaluation.id"], name=op.f("fk_evaluation_invite_evaluation_id_evaluation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_invite")),
        sa.UniqueConstraint(
            "application_id", "evaluation_id", name=op.f("uq_evaluation_invite_application_id_evaluation_id")
        ),
        sa.UniqueConstraint("public_id", name=op.f("uq_evaluation_invite_public_id")),
    )
    op.create_index(op.f("ix_evaluation_invite_draft_file_id"), "evaluation_invite", ["draft_file_id"], unique=False)
    op.create_index(op.f("ix_evaluation_invite_evaluation_id"), "evaluation_invite", ["evaluation_id"], unique=False)
    op.create_table(
        "reference",
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("consent", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "named",
                "requested",
                "opened",
                "received",
                "declined",
                "bounced",
                "replaced",
                "overdue",
                "waived",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("token_digest", sa.String(length=64), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_reference_email_in_lower_case")),
        sa.CheckConstraint("reminders BETWEEN 0 AND 3", name=op.f("ck_reference_at_most_three_reminders")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_reference_application_id_application")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reference")),
        sa.UniqueConstraint("public_id", name=op.f("uq_reference_public_id")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_reference_token_digest")),
    )
    op.create_index(
        "uq_reference_one_live",
        "reference",
        ["application_id", "email"],
        unique=True,
        postgresql_where=sa.text("state <> 'replaced'"),
        sqlite_where=sa.text("state <> 'replaced'"),
    )
    op.create_table(
        "slot_interviewer",
        sa.Column("slot_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_slot_interviewer_person_id_person")),
        sa.ForeignKeyConstraint(
            ["slot_id"], ["interview_slot.id"], name=op.f("fk_slot_interviewer_slot_id_interview_slot")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slot_interviewer")),
        sa.UniqueConstraint("slot_id", "person_id", name=op.f("uq_slot_interviewer_slot_id_person_id")),
    )
    op.create_index(op.f("ix_slot_interviewer_person_id"), "slot_interviewer", ["person_id"], unique=False)
    op.create_table(
        "snapshot",
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("form_version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("submit_key", sa.String(length=60), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_snapshot_from_one")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_snapshot_application_id_application")
        ),
        sa.ForeignKeyConstraint(
            ["form_version_id"], ["form_version.id"], name=op.f("fk_snapshot_form_version_id_form_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshot")),
        sa.UniqueConstraint("application_id", "number", name=op.f("uq_snapshot_application_id_number")),
        sa.UniqueConstraint("submit_key", name=op.f("uq_snapshot_submit_key")),
    )
    op.create_table(
        "stream_application",
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stream_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "chosen",
                "applied",
                "in_review",
                "evaluating",
                "interviewing",
                "assessed",
                "waitlisted",
                "offered",
                "accepted",
                "not_selected",
                "withdrawn",
                "cancelled_by_stream",
                "declined",
                "lapsed",
                "released_by_placement",
                "rescinded",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "state_before_exit",
            sa.Enum(
                "chosen",
                "applied",
                "in_review",
                "evaluating",
                "interviewing",
                "assessed",
                "waitlisted",
                "offered",
                "accepted",
                "not_selected",
                "withdrawn",
                "cancelled_by_stream",
                "declined",
                "lapsed",
                "released_by_placement",
                "rescinded",
                name="state_before_exit",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("exited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "origin",
            sa.Enum("own", "suggested", "invited", name="origin", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("review_mean", sa.Float(), nullable=True),
        sa.Column("marks_mean", sa.Float(), nullable=True),
        sa.Column("interview_mean", sa.Float(), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("rank IS NULL OR rank >= 1", name=op.f("ck_stream_application_rank_from_one")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_stream_application_application_id_application")
        ),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"], name=op.f("fk_stream_application_stream_id_stream")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stream_application")),
        sa.UniqueConstraint("application_id", "stream_id", name=op.f("uq_stream_application_application_id_stream_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_stream_application_public_id")),
    )
    op.create_index(
        "ix_stream_application_stream_id_state", "stream_application", ["stream_id", "state", "id"], unique=False
    )
    op.create_table(
        "team_task",
        sa.Column("cohort_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("(done_at IS NULL) = (done_by_id IS NULL)", name=op.f("ck_team_task_done_by_someone")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_team_task_application_id_application")
        ),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_team_task_cohort_id_cohort")),
        sa.ForeignKeyConstraint(["done_by_id"], ["person.id"], name=op.f("fk_team_task_done_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team_task")),
        sa.UniqueConstraint("public_id", name=op.f("uq_team_task_public_id")),
    )
    op.create_index(op.f("ix_team_task_application_id"), "team_task", ["application_id"], unique=False)
    op.create_index(op.f("ix_team_task_cohort_id"), "team_task", ["cohort_id"], unique=False)
    op.create_table(
        "thread",
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_thread_application_id_application")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thread")),
        sa.UniqueConstraint("public_id", name=op.f("uq_thread_public_id")),
    )
    op.create_index(op.f("ix_thread_application_id"), "thread", ["application_id"], unique=False)
    op.create_table(
        "track_choice",
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("track_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "chosen",
                "advanced",
                "not_advanced",
                "withdrawn",
                "not_applicable",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("score_count", sa.Integer(), nullable=False),
        sa.Column("score_sum", sa.Float(), nullable=False),
        sa.Column("score_mean", sa.Float(), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("rank >= 1", name=op.f("ck_track_choice_rank_from_one")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_track_choice_application_id_application")
        ),
        sa.ForeignKeyConstraint(["track_id"], ["track.id"], name=op.f("fk_track_choice_track_id_track")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_track_choice")),
        sa.UniqueConstraint("application_id", "track_id", name=op.f("uq_track_choice_application_id_track_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_track_choice_public_id")),
    )
    op.create_index(
        "ix_track_choice_track_id_state_score_mean",
        "track_choice",
        ["track_id", "state", "score_mean", "id"],
        unique=False,
    )
    op.create_table(
        "decision",
        sa.Column("cohort_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("track_choice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("stream_application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "advance",
                "not_advance",
                "ineligible",
                "offer",
                "waitlist",
                "not_select",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "path",
            sa.Enum("standard", "exception", name="path", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("reason_code", sa.String(length=60), nullable=False),
        sa.Column("feedback", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("second_actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(outcome IN ('advance', 'not_advance') AND track_choice_id IS NOT NULL) OR (outcome IN ('offer', 'waitlist', 'not_select') AND stream_application_id IS NOT NULL) OR (outcome = 'ineligible' AND track_choice_id IS NULL AND stream_application_id IS NULL)",
            name=op.f("ck_decision_outcome_fits_its_subject"),
        ),
        sa.CheckConstraint(
            "path <> 'exception' OR (reason_code <> '' AND second_actor_id IS NOT NULL)",
            name=op.f("ck_decision_exception_is_signed_twice"),
        ),
        sa.CheckConstraint(
            "second_actor_id IS NULL OR second_actor_id <> actor_id", name=op.f("ck_decision_two_people_are_two")
        ),
        sa.CheckConstraint(
            "track_choice_id IS NULL OR stream_application_id IS NULL", name=op.f("ck_decision_one_subject")
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["person.id"], name=op.f("fk_decision_actor_id_person")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_decision_application_id_application")
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["release_batch.id"], name=op.f("fk_decision_batch_id_release_batch")),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_decision_cohort_id_cohort")),
        sa.ForeignKeyConstraint(["second_actor_id"], ["person.id"], name=op.f("fk_decision_second_actor_id_person")),
        sa.ForeignKeyConstraint(
            ["stream_application_id"],
            ["stream_application.id"],
            name=op.f("fk_decision_stream_application_id_stream_application"),
        ),
        sa.ForeignKeyConstraint(
            ["track_choice_id"], ["track_choice.id"], name=op.f("fk_decision_track_choice_id_track_choice")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
        sa.UniqueConstraint("public_id", name=op.f("uq_decision_public_id")),
    )
    op.create_index(op.f("ix_decision_application_id"), "decision", ["application_id"], unique=False)
    op.create_index(op.f("ix_decision_batch_id"), "decision", ["batch_id"], unique=False)
    op.create_index("ix_decision_cohort_id_recorded_at", "decision", ["cohort_id", "recorded_at"], unique=False)
    op.create_index(
        "uq_decision_current_ineligible",
        "decision",
        ["application_id"],
        unique=True,
        postgresql_where=sa.text("superseded_at IS NULL AND outcome = 'ineligible'"),
        sqlite_where=sa.text("superseded_at IS NULL AND outcome = 'ineligible'"),
    )
    op.create_index(
        "uq_decision_current_stream_application",
        "decision",
        ["stream_application_id"],
        unique=True,
        postgresql_where=sa.text("superseded_at IS NULL AND stream_application_id IS NOT NULL"),
        sqlite_where=sa.text("superseded_at IS NULL AND stream_application_id IS NOT NULL"),
    )
    op.create_index(
        "uq_decision_current_track_choice",
        "decision",
        ["track_choice_id"],
        unique=True,
        postgresql_where=sa.text("superseded_at IS NULL AND track_choice_id IS NOT NULL"),
        sqlite_where=sa.text("superseded_at IS NULL AND track_choice_id IS NOT NULL"),
    )
    op.create_table(
        "interview",
        sa.Column("stream_application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("slot_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "offered",
                "booked",
                "held",
                "no_show_applicant",
                "no_show_interviewer",
                "cancelled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("round_number", sa.Integer(), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rebookings", sa.Integer(), nullable=False),
        sa.Column("calendar_sequence", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(state IN ('offered', 'cancelled')) OR slot_id IS NOT NULL", name=op.f("ck_interview_booked_has_a_slot")
        ),
        sa.CheckConstraint("rebookings BETWEEN 0 AND 2", name=op.f("ck_interview_rebooked_at_most_twice")),
        sa.ForeignKeyConstraint(["slot_id"], ["interview_slot.id"], name=op.f("fk_interview_slot_id_interview_slot")),
        sa.ForeignKeyConstraint(
            ["stream_application_id"],
            ["stream_application.id"],
            name=op.f("fk_interview_stream_application_id_stream_application"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interview")),
        sa.UniqueConstraint("public_id", name=op.f("uq_interview_public_id")),
    )
    op.create_index(
        "uq_interview_one_open",
        "interview",
        ["stream_application_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('offered', 'booked')"),
        sqlite_where=sa.text("state IN ('offered', 'booked')"),
    )
    op.create_index(
        "uq_interview_slot_once",
        "interview",
        ["slot_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('booked', 'held')"),
        sqlite_where=sa.text("state IN ('booked', 'held')"),
    )
    op.create_table(
        "invite_stream",
        sa.Column("invite_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stream_application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["invite_id"], ["evaluation_invite.id"], name=op.f("fk_invite_stream_invite_id_evaluation_invite")
        ),
        sa.ForeignKeyConstraint(
            ["stream_application_id"],
            ["stream_application.id"],
            name=op.f("fk_invite_stream_stream_application_id_stream_application"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invite_stream")),
        sa.UniqueConstraint(
            "invite_id", "stream_application_id", name=op.f("uq_invite_stream_invite_id_stream_application_id")
        ),
    )
    op.create_index(
        op.f("ix_invite_stream_stream_application_id"), "invite_stream", ["stream_application_id"], unique=False
    )
    op.create_table(
        "message",
        sa.Column("thread_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["person.id"], name=op.f("fk_message_author_id_person")),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"], name=op.f("fk_message_thread_id_thread")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index(op.f("ix_message_thread_id"), "message", ["thread_id"], unique=False)
    op.create_table(
        "offer",
        sa.Column("cohort_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stream_application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stream_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "approved",
                "pending",
                "accepted",
                "confirmed",
                "declined",
                "lapsed",
                "superseded",
                "rescinded",
                "vacated",
                "deferred",
                "cancelled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("terms_version", sa.Integer(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("approved_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("second_approver_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("responded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decline_reason", sa.Text(), nullable=False),
        sa.Column("reminded_72h_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_24h_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("over_seats_reason", sa.Text(), nullable=False),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("state <> 'pending' OR expires_at IS NOT NULL", name=op.f("ck_offer_pending_expires")),
        sa.CheckConstraint(
            "state NOT IN ('accepted', 'declined', 'confirmed') OR responded_at IS NOT NULL",
            name=op.f("ck_offer_answered_at_an_instant"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'pending', 'accepted', 'confirmed') OR (approved_by_id IS NOT NULL AND second_approver_id IS NOT NULL)",
            name=op.f("ck_offer_approved_by_two"),
        ),
        sa.CheckConstraint(
            "approved_by_id IS NULL OR approved_by_id <> second_approver_id", name=op.f("ck_offer_two_people_are_two")
        ),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_offer_application_id_application")
        ),
        sa.ForeignKeyConstraint(["approved_by_id"], ["person.id"], name=op.f("fk_offer_approved_by_id_person")),
        sa.ForeignKeyConstraint(["batch_id"], ["release_batch.id"], name=op.f("fk_offer_batch_id_release_batch")),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_offer_cohort_id_cohort")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_offer_person_id_person")),
        sa.ForeignKeyConstraint(["second_approver_id"], ["person.id"], name=op.f("fk_offer_second_approver_id_person")),
        sa.ForeignKeyConstraint(
            ["stream_application_id"],
            ["stream_application.id"],
            name=op.f("fk_offer_stream_application_id_stream_application"),
        ),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"], name=op.f("fk_offer_stream_id_stream")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer")),
        sa.UniqueConstraint("public_id", name=op.f("uq_offer_public_id")),
    )
    op.create_index(op.f("ix_offer_application_id"), "offer", ["application_id"], unique=False)
    op.create_index(op.f("ix_offer_batch_id"), "offer", ["batch_id"], unique=False)
    op.create_index(op.f("ix_offer_cohort_id"), "offer", ["cohort_id"], unique=False)
    op.create_index("ix_offer_state_expires_at", "offer", ["state", "expires_at"], unique=False)
    op.create_index("ix_offer_stream_id_state", "offer", ["stream_id", "state"], unique=False)
    op.create_index(
        "uq_offer_one_accepted",
        "offer",
        ["person_id", "cohort_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('accepted', 'confirmed')"),
        sqlite_where=sa.text("state IN ('accepted', 'confirmed')"),
    )
    op.create_index(
        "uq_offer_one_live",
        "offer",
        ["stream_application_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('draft', 'approved', 'pending', 'accepted', 'confirmed')"),
        sqlite_where=sa.text("state IN ('draft', 'approved', 'pending', 'accepted', 'confirmed')"),
    )
    op.create_table(
        "ranking_entry",
        sa.Column("ranking_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stream_application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("position >= 1", name=op.f("ck_ranking_entry_position_from_one")),
        sa.ForeignKeyConstraint(
            ["ranking_id"], ["stream_ranking.id"], name=op.f("fk_ranking_entry_ranking_id_stream_ranking")
        ),
        sa.ForeignKeyConstraint(
            ["stream_application_id"],
            ["stream_application.id"],
            name=op.f("fk_ranking_entry_stream_application_id_stream_application"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ranking_entry")),
        sa.UniqueConstraint("ranking_id", "position", name=op.f("uq_ranking_entry_ranking_id_position")),
        sa.UniqueConstraint(
            "ranking_id", "stream_application_id", name=op.f("uq_ranking_entry_ranking_id_stream_application_id")
        ),
    )
    op.create_index(
        op.f("ix_ranking_entry_stream_application_id"), "ranking_entry", ["stream_application_id"], unique=False
    )
    op.create_table(
        "reference_letter",
        sa.Column("reference_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("scores", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["reference_id"], ["reference.id"], name=op.f("fk_reference_letter_reference_id_reference")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reference_letter")),
        sa.UniqueConstraint("reference_id", "number", name=op.f("uq_reference_letter_reference_id_number")),
    )
    op.create_table(
        "submission",
        sa.Column("invite_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("current_number", sa.Integer(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mark_count", sa.Integer(), nullable=False),
        sa.Column("mark_mean", sa.Float(), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["invite_id"], ["evaluation_invite.id"], name=op.f("fk_submission_invite_id_evaluation_invite")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
        sa.UniqueConstraint("invite_id", name=op.f("uq_submission_invite_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_submission_public_id")),
    )
    op.create_table(
        "task_extension",
        sa.Column("invite_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "reason_class",
            sa.Enum(
                "accommodation",
                "technical_fault",
                "other",
                name="reason_class",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("granted_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["granted_by_id"], ["person.id"], name=op.f("fk_task_extension_granted_by_id_person")),
        sa.ForeignKeyConstraint(
            ["invite_id"], ["evaluation_invite.id"], name=op.f("fk_task_extension_invite_id_evaluation_invite")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_extension")),
        sa.UniqueConstraint("public_id", name=op.f("uq_task_extension_public_id")),
    )
    op.create_index(op.f("ix_task_extension_invite_id"), "task_extension", ["invite_id"], unique=False)
    op.create_table(
        "waitlist_entry",
        sa.Column("stream_application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stream_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "active",
                "promoted",
                "skipped",
                "left",
                "closed",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("skip_reason", sa.Text(), nullable=False),
        sa.Column("decided_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "state <> 'skipped' OR skip_reason <> ''", name=op.f("ck_waitlist_entry_a_skip_has_a_reason")
        ),
        sa.ForeignKeyConstraint(["decided_by_id"], ["person.id"], name=op.f("fk_waitlist_entry_decided_by_id_person")),
        sa.ForeignKeyConstraint(
            ["stream_application_id"],
            ["stream_application.id"],
            name=op.f("fk_waitlist_entry_stream_application_id_stream_application"),
        ),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"], name=op.f("fk_waitlist_entry_stream_id_stream")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waitlist_entry")),
        sa.UniqueConstraint("public_id", name=op.f("uq_waitlist_entry_public_id")),
    )
    op.create_index(
        "ix_waitlist_entry_stream_id_state_position", "waitlist_entry", ["stream_id", "state", "position"], unique=False
    )
    op.create_index(
        "uq_waitlist_entry_active",
        "waitlist_entry",
        ["stream_application_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
        sqlite_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "fellowship",
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("cohort_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stream_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("offer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "phase",
            sa.Enum("main", "extension", name="phase", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "placed", "to_be_placed", "ended", name="state", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(state = 'placed') = (stream_id IS NOT NULL) OR state = 'ended'",
            name=op.f("ck_fellowship_placed_in_a_stream"),
        ),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_fellowship_cohort_id_cohort")),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_fellowship_offer_id_offer")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_fellowship_person_id_person")),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"], name=op.f("fk_fellowship_stream_id_stream")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fellowship")),
        sa.UniqueConstraint("person_id", "cohort_id", "phase", name=op.f("uq_fellowship_person_id_cohort_id_phase")),
        sa.UniqueConstraint("public_id", name=op.f("uq_fellowship_public_id")),
    )
    op.create_index(op.f("ix_fellowship_cohort_id"), "fellowship", ["cohort_id"], unique=False)
    op.create_index(op.f("ix_fellowship_offer_id"), "fellowship", ["offer_id"], unique=False)
    op.create_index(op.f("ix_fellowship_stream_id"), "fellowship", ["stream_id"], unique=False)
    op.create_table(
        "integrity_flag",
        sa.Column("submission_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("raised_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("upheld", sa.Boolean(), nullable=True),
        sa.Column("decided_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by_id IS NULL)", name=op.f("ck_integrity_flag_decided_by_someone")
        ),
        sa.CheckConstraint(
            "decided_at IS NULL OR heard_at IS NOT NULL", name=op.f("ck_integrity_flag_heard_before_decided")
        ),
        sa.ForeignKeyConstraint(["decided_by_id"], ["person.id"], name=op.f("fk_integrity_flag_decided_by_id_person")),
        sa.ForeignKeyConstraint(["raised_by_id"], ["person.id"], name=op.f("fk_integrity_flag_raised_by_id_person")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_integrity_flag_submission_id_submission")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_integrity_flag")),
        sa.UniqueConstraint("public_id", name=op.f("uq_integrity_flag_public_id")),
    )
    op.create_index(op.f("ix_integrity_flag_submission_id"), "integrity_flag", ["submission_id"], unique=False)
    op.create_table(
        "review_assignment",
        sa.Column("round_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reviewer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stream_application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("submission_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("interview_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("target_key", sa.String(length=60), nullable=False),
        sa.Column("question_key", sa.String(length=60), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "proposed",
                "assigned",
                "started",
                "submitted",
                "recused",
                "returned",
                "reassigned",
                "expired",
                "voided",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("override_reason", sa.Text(), nullable=False),
        sa.Column("draft_scores", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("draft_note", sa.Text(), nullable=False),
        sa.Column("draft_feedback", sa.Text(), nullable=False),
        sa.Column("draft_confidence", sa.Integer(), nullable=True),
        sa.Column("draft_minutes", sa.Float(), nullable=False),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(CASE WHEN stream_application_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN submission_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN interview_id IS NULL THEN 0 ELSE 1 END) <= 1",
            name=op.f("ck_review_assignment_one_target"),
        ),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_review_assignment_application_id_application")
        ),
        sa.ForeignKeyConstraint(
            ["interview_id"], ["interview.id"], name=op.f("fk_review_assignment_interview_id_interview")
        ),
        sa.ForeignKeyConstraint(["reviewer_id"], ["person.id"], name=op.f("fk_review_assignment_reviewer_id_person")),
        sa.ForeignKeyConstraint(
            ["round_id"], ["review_round.id"], name=op.f("fk_review_assignment_round_id_review_round")
        ),
        sa.ForeignKeyConstraint(
            ["stream_application_id"],
            ["stream_application.id"],
            name=op.f("fk_review_assignment_stream_application_id_stream_application"),
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_review_assignment_submission_id_submission")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_assignment")),
        sa.UniqueConstraint("public_id", name=op.f("uq_review_assignment_public_id")),
    )
    op.create_index(
        "ix_review_assignment_application_id_round_id",
        "review_assignment",
        ["application_id", "round_id"],
        unique=False,
    )
    op.create_index(op.f("ix_review_assignment_interview_id"), "review_assignment", ["interview_id"], unique=False)
    op.create_index(
        "ix_review_assignment_reviewer_id_state", "review_assignment", ["reviewer_id", "state", "id"], unique=False
    )
    op.create_index(op.f("ix_review_assignment_round_id"), "review_assignment", ["round_id"], unique=False)
    op.create_index(
        op.f("ix_review_assignment_stream_application_id"), "review_assignment", ["stream_application_id"], unique=False
    )
    op.create_index(op.f("ix_review_assignment_submission_id"), "review_assignment", ["submission_id"], unique=False)
    op.create_index(
        "uq_review_assignment_once",
        "review_assignment",
        ["round_id", "reviewer_id", "target_key"],
        unique=True,
        postgresql_where=sa.text("state IN ('proposed', 'assigned', 'started', 'submitted')"),
        sqlite_where=sa.text("state IN ('proposed', 'assigned', 'started', 'submitted')"),
    )
    op.create_table(
        "submission_version",
        sa.Column("submission_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["stored_file.id"], name=op.f("fk_submission_version_file_id_stored_file")
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_submission_version_submission_id_submission")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission_version")),
        sa.UniqueConstraint("submission_id", "number", name=op.f("uq_submission_version_submission_id_number")),
    )
    op.create_index(op.f("ix_submission_version_file_id"), "submission_version", ["file_id"], unique=False)
    op.create_table(
        "review",
        sa.Column("assignment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("application_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("round_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "reviewer_kind",
            sa.Enum("human", "automatic", name="reviewer_kind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("rubric_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("snapshot_number", sa.Integer(), nullable=True),
        sa.Column("scores", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("total", sa.Float(), nullable=False),
        sa.Column("confidence", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("feedback", sa.Text(), nullable=False),
        sa.Column("minutes", sa.Float(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=False),
        sa.Column("public_id", sa.String(length=13), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "confidence IS NULL OR confidence BETWEEN 1 AND 5", name=op.f("ck_review_confidence_from_1_to_5")
        ),
        sa.CheckConstraint("minutes IS NULL OR minutes >= 0", name=op.f("ck_review_minutes_not_negative")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_review_application_id_application")
        ),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["review_assignment.id"], name=op.f("fk_review_assignment_id_review_assignment")
        ),
        sa.ForeignKeyConstraint(["round_id"], ["review_round.id"], name=op.f("fk_review_round_id_review_round")),
        sa.ForeignKeyConstraint(["rubric_id"], ["rubric.id"], name=op.f("fk_review_rubric_id_rubric")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
        sa.UniqueConstraint("assignment_id", "number", name=op.f("uq_review_assignment_id_number")),
        sa.UniqueConstraint("public_id", name=op.f("uq_review_public_id")),
    )
    op.create_index("ix_review_application_id_round_id", "review", ["application_id", "round_id"], unique=False)
    refuse_changes()


def downgrade() -> None:
    op.drop_table("review")
    op.drop_table("submission_version")
    op.drop_table("review_assignment")
    op.drop_table("integrity_flag")
    op.drop_table("fellowship")
    op.drop_table("waitlist_entry")
    op.drop_table("task_extension")
    op.drop_table("submission")
    op.drop_table("reference_letter")
    op.drop_table("ranking_entry")
    op.drop_table("offer")
    op.drop_table("message")
    op.drop_table("invite_stream")
    op.drop_table("interview")
    op.drop_table("decision")
    op.drop_table("track_choice")
    op.drop_table("thread")
    op.drop_table("team_task")
    op.drop_table("stream_application")
    op.drop_table("snapshot")
    op.drop_table("slot_interviewer")
    op.drop_table("reference")
    op.drop_table("evaluation_invite")
    op.drop_table("demographic_answers")
    op.drop_table("deferral")
    op.drop_table("conflict_of_interest")
    op.drop_table("batch_exclusion")
    op.drop_table("answer_file")
    op.drop_table("answer_draft")
    op.drop_table("accommodation_request")
    op.drop_table("stream_track")
    op.drop_table("stream_ranking")
    op.drop_table("stream_evaluation")
    op.drop_table("review_round")
    op.drop_table("question")
    op.drop_table("mentor")
    op.drop_table("key_date_revision")
    op.drop_table("interview_slot")
    op.drop_table("criterion")
    op.drop_table("application")
    op.drop_table("web_authn")
    op.drop_table("track")
    op.drop_table("stream")
    op.drop_table("rubric")
    op.drop_table("release_batch")
    op.drop_table("paper_person")
    op.drop_table("key_date")
    op.drop_table("import_issue")
    op.drop_table("form_version")
    op.drop_table("extension")
    op.drop_table("evaluation")
    op.drop_table("stored_file")
    op.drop_table("state_change")
    op.drop_table("role_grant")
    op.drop_table("person_merge")
    op.drop_table("paper_stream")
    op.drop_table("notification")
    op.drop_table("import_run")
    op.drop_table("fellow")
    op.drop_table("email_address")
    op.drop_table("data_request")
    op.drop_table("consent")
    op.drop_table("cohort")
    op.drop_table("audit_event")
    op.drop_table("account")
    op.drop_table("program")
    op.drop_table("person")
    op.drop_table("paper")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change()")
