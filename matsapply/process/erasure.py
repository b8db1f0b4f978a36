"""Erasing a person: their name, their addresses and every word of and about them go; that something was stays.

What hangs on an application is found by the foreign keys, and there every text goes that is not in ``KEPT``: a column
that is added later is emptied without anybody having to think of it here. What stays is needed to show that the
selection was fair and complete: that there was an application, when, what came of it, and the fingerprints of what was
submitted, which prove nothing to anybody who does not have the text.
"""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

from matsapply.applications.locks import lock_applications
from matsapply.applications.models import (
    ERASED_CONTENT,
    AnswerDraft,
    AnswerFile,
    Application,
    DemographicAnswers,
    Extension,
    MessageFile,
    Reference,
    Snapshot,
)
from matsapply.audit import actions as audit
from matsapply.audit.models import AuditEvent
from matsapply.evaluations.models import EvaluationInvite, SubmissionVersion
from matsapply.files.models import DataExport, StoredFile
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.mail.models import CalendarFeed, Notification
from matsapply.people.models import (
    Account,
    Consent,
    DataRequest,
    Device,
    EmailAddress,
    Person,
    PersonMerge,
    RoleGrant,
    WebAuthn,
)
from matsapply.people.queries import in_force
from matsapply.platform.db import Base
from matsapply.reviews.models import ConflictOfInterest
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import ApplicationState, CloseReason, MailState
from matsapply.tracking.models import StateChange

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

CONFIRM_WITHIN = timedelta(days=7)
NOBODY = "Erased person"
GONE = "erased"
ABOUT_NOBODY = "This message was about somebody whose data has been erased."
# Texts that say nothing of a person: keys of questions, fingerprints, kinds, numbers that make up a score.
KEPT = frozenset(
    {
        "public_id",
        "question_key",
        "target_key",
        "post_key",
        "submit_key",
        "digest",
        "kind",
        "extends",
        "criterion_means",
        "review.scores",
        "review_assignment.draft_scores",
        "snapshot.content",  # emptied by itself: the database lets nothing else be done to it
        "submission_version.answer",  # likewise
        "reference.email",  # needs an address of its own for each row
    }
)
# Rows without meaning once their text is gone.
DELETED = (AnswerDraft, AnswerFile, DemographicAnswers)
DELETED_TABLES = ("name_check", "answer_redaction", "message_file")
# Everything of some applications that has a state: by machine, then by key, the codes of its steps.
Subjects = dict[str, dict[int, set[str]]]
# What the log names by its table; whatever has a state it names by its machine.
LOGGED_BY_TABLE = ("application", "decision", "team_task")


def obstacle(session: Session, person_id: int, now: datetime) -> Code | None:
    """Why a person cannot be erased now: an application that runs, a place that was accepted, or a role in the team."""
    states = session.execute(
        sa.select(Application.state, Application.close_reason).where(Application.person_id == person_id)
    ).all()
    if any(state is not ApplicationState.CLOSED for state, _ in states):
        return Code.WRONG_STATE
    if any(reason is CloseReason.PLACED for _, reason in states):
        return Code.OTHER_ACCEPTED
    grants = sa.select(RoleGrant.id).where(RoleGrant.person_id == person_id, in_force(now))
    return Code.WRONG_ROLE if session.scalars(grants.limit(1)).first() is not None else None


def open_request(session: Session, person_id: int, now: datetime) -> DataRequest | None:
    """The person's request that waits for its confirmation."""
    return session.scalar(
        sa.select(DataRequest)
        .where(
            DataRequest.person_id == person_id,
            DataRequest.kind == "erasure",
            DataRequest.done_at.is_(None),
            DataRequest.created_at > now - CONFIRM_WITHIN,
        )
        .order_by(DataRequest.id.desc())
        .limit(1)
    )


def ask(session: Session, actor: Actor, now: datetime) -> None:
    """The first step: nothing is erased, and the person is told by mail. Refused where something stands against it."""
    person_id = actor.person_id or 0
    session.execute(sa.select(Person.id).where(Person.id == person_id).with_for_update())
    if (code := obstacle(session, person_id, now)) is not None:
        raise refuse(code)
    if open_request(session, person_id, now) is not None:
        raise refuse(Code.NO_CHANGE)
    request = DataRequest(person_id=person_id, kind="erasure", created_at=now)
    session.add(request)
    session.flush()
    account = session.scalars(sa.select(Account).where(Account.person_id == person_id)).one()
    outbox.queue(
        session,
        Mail.ERASURE_ASKED,
        cause=f"erasure:{request.id}",
        now=now,
        person_id=person_id,
        recipient=account.email,
        context={
            "name": account.person.display_name,
            "zone": account.person.time_zone,
            "language": account.person.language,
            "until": now + CONFIRM_WITHIN,
        },
    )
    audit.record(session, actor, "erasure.asked", now, subject_type="person", subject_id=person_id)


def take_back(session: Session, actor: Actor, now: datetime) -> None:
    """The request ends, and nothing is erased."""
    request = open_request(session, actor.person_id or 0, now)
    if request is None:
        raise refuse(Code.NO_CHANGE)
    request.done_at, request.outcome = now, "taken back"
    audit.record(session, actor, "erasure.taken_back", now, subject_type="person", subject_id=actor.person_id)


def erase(session: Session, actor: Actor, now: datetime) -> None:
    """The second step, which nobody can undo. Refused without an open request, or where something stands against it."""
    person_id = actor.person_id or 0
    own = sa.select(Application.id).where(Application.person_id == person_id)
    lock_applications(session, session.scalars(own))
    who = session.get_one(Person, person_id, with_for_update=True)
    request = open_request(session, person_id, now)
    if request is None:
        raise refuse(Code.EXPIRED)
    if (code := obstacle(session, person_id, now)) is not None:
        raise refuse(code)
    account = session.scalars(sa.select(Account).where(Account.person_id == person_id)).one()
    name, zone, language, address = who.display_name, who.time_zone, who.language, account.email
    applications = list(session.scalars(own))
    subjects = _subjects(session, applications)
    _messages(session, who, account, subjects)
    _files(session, person_id, applications, now)
    _texts(session, applications)
    _log(session, person_id, applications, subjects)
    _person(session, who, account, now)
    # Also of a copy that is being made: whoever makes it finds this out when it is to be kept.
    waiting = sa.update(DataRequest).where(DataRequest.person_id == person_id, DataRequest.done_at.is_(None))
    session.execute(waiting.values(done_at=now, outcome="erased"))
    audit.record(session, actor, "person.erased", now, subject_type="person", subject_id=person_id)
    session.flush()
    outbox.queue(
        session,
        Mail.ERASED,
        cause=f"erasure:{request.id}:done",
        now=now,
        person_id=None,
        recipient=address,
        context={"name": name, "zone": zone, "language": language},
        in_portal=False,
    )


def forget_farewells(session: Session, _now: datetime) -> int:
    """The last message to somebody who was erased goes once it is sent or given up."""
    over = sa.delete(Notification).where(
        Notification.kind == Mail.ERASED, Notification.state.not_in([MailState.QUEUED, MailState.SENDING])
    )
    return cast("sa.CursorResult[Any]", session.execute(over)).rowcount


# --- the parts ----------------------------------------------------------------------------------------------------


def _subjects(session: Session, applications: list[int]) -> Subjects:
    found: Subjects = {}
    steps = sa.select(StateChange.machine, StateChange.subject_id, StateChange.code).distinct()
    for machine, key, code in session.execute(steps.where(StateChange.application_id.in_(applications))):
        found.setdefault(machine.value, {}).setdefault(key, set()).add(code)
    return found


def _messages(session: Session, who: Person, account: Account, subjects: Subjects) -> None:
    """Mails to the person and requests to their referees go; those to others that name them lose their words.

    A name is looked for only in messages that their own applications caused: people may call themselves anything, and
    must empty nobody else's. An address of theirs that has answered is theirs alone and is looked for everywhere.
    """
    proven = sa.select(EmailAddress.address).where(
        EmailAddress.person_id == who.id, EmailAddress.verified_at.is_not(None)
    )
    addresses = {account.email, *session.scalars(proven)}
    to_referees = Notification.kind.in_([Mail.REFERENCE_REQUEST, Mail.REFERENCE_REMINDER])
    theirs = sa.or_(
        Notification.person_id == who.id,
        sa.and_(Notification.person_id.is_(None), Notification.recipient.in_(addresses), ~to_referees),
    )
    session.execute(sa.delete(Notification).where(theirs))
    causes = [f"{machine}:{key}:" for machine, keys in subjects.items() for key in keys]
    caused = sa.or_(sa.false(), *(Notification.cause.startswith(cause, autoescape=True) for cause in sorted(causes)))
    named = [
        column.contains(name, autoescape=True)
        for name in sorted({who.display_name, *who.aliases, *addresses})
        for column in (Notification.subject, Notification.body_text, Notification.calendar)
    ]
    session.execute(sa.delete(Notification).where(to_referees, caused))
    empty = {"subject": GONE, "body_text": ABOUT_NOBODY, "body_html": ABOUT_NOBODY, "calendar": "", "last_error": ""}
    session.execute(sa.update(Notification).where(caused, sa.or_(*named)).values(**empty))
    if holding := _holding(session, addresses):
        session.execute(sa.update(Notification).where(Notification.id.in_(holding)).values(**empty))


def _holding(session: Session, addresses: set[str]) -> list[int]:
    """The messages in which one of the addresses stands as a whole, not as a part of somebody else's."""
    holds = [Notification.body_text.contains(address, autoescape=True) for address in sorted(addresses)]
    whole = re.compile(
        "|".join(rf"(?<![\w.+-]){re.escape(address)}(?![\w-]|\.\w)" for address in addresses), re.IGNORECASE
    )
    rows = session.execute(sa.select(Notification.id, Notification.body_text).where(sa.or_(*holds)))
    return [key for key, text in rows if whole.search(text)]


def _files(session: Session, person_id: int, applications: list[int], now: datetime) -> None:
    """Every document: nothing points at it any more, so that the sweep removes its bytes and its row."""
    invites = sa.select(EvaluationInvite.id).where(EvaluationInvite.application_id.in_(applications))
    session.execute(sa.update(EvaluationInvite).where(EvaluationInvite.id.in_(invites)).values(draft_file_id=None))
    owned = sa.select(StoredFile.id).where(StoredFile.owner_id == person_id)
    answered = sa.select(MessageFile.file_id).where(_below("message_file", applications))  # by the team, among them
    session.execute(
        sa.update(StoredFile)
        .where(sa.or_(StoredFile.owner_id == person_id, StoredFile.id.in_(answered)))
        .values(name=f"{GONE}.pdf", removed_at=now)
    )
    session.execute(sa.update(DataExport).where(DataExport.file_id.in_(owned)).values(file_id=None))
    session.execute(sa.delete(MessageFile).where(MessageFile.file_id.in_(owned)))


def _texts(session: Session, applications: list[int]) -> None:
    """Everything below the applications."""
    session.execute(sa.update(Snapshot).where(Snapshot.application_id.in_(applications)).values(content=ERASED_CONTENT))
    versions = _below("submission_version", applications)
    session.execute(sa.update(SubmissionVersion).where(versions).values(answer="", file_id=None))
    for model in DELETED:
        session.execute(sa.delete(model).where(model.application_id.in_(applications)))
    for name in DELETED_TABLES:
        session.execute(sa.delete(Base.metadata.tables[name]).where(_below(name, applications)))
    no_address = sa.literal(f"{GONE}-") + sa.cast(Reference.id, sa.String) + "@erased.invalid"
    session.execute(sa.update(Reference).where(Reference.application_id.in_(applications)).values(email=no_address))
    for name, columns in erased_columns().items():
        table = Base.metadata.tables[name]
        values = {column.name: _empty(column) for column in columns}
        session.execute(sa.update(table).where(_below(name, applications)).values(values))


def _log(session: Session, person_id: int, applications: list[int], subjects: dict[str, dict[int, set[str]]]) -> None:
    """The reasons people wrote down; who did what and when stays."""
    session.execute(
        sa.update(StateChange)
        .where(StateChange.application_id.in_(applications), StateChange.reason != "")
        .values(reason="")
    )
    theirs = sa.or_(
        AuditEvent.actor_id == person_id,
        sa.and_(AuditEvent.subject_type == "person", AuditEvent.subject_id == person_id),
        *(
            sa.and_(AuditEvent.subject_type == name, AuditEvent.subject_id.in_(_keys_below(name, applications)))
            for name in LOGGED_BY_TABLE
        ),
        *(
            sa.and_(
                AuditEvent.subject_type == machine,
                AuditEvent.subject_id.in_(list(keys)),
                AuditEvent.action.in_([f"{machine}.{code}" for code in sorted(set().union(*keys.values()))]),
            )
            for machine, keys in subjects.items()
        ),
    )
    session.execute(sa.update(AuditEvent).where(theirs, AuditEvent.reason != "").values(reason=""))
    merges = sa.or_(PersonMerge.survivor_id == person_id, PersonMerge.merged_id == person_id)
    session.execute(sa.update(PersonMerge).where(merges).values(reason="", undo_data={}))


def _person(session: Session, who: Person, account: Account, now: datetime) -> None:
    """A person without a name, and an account nobody can sign in with."""
    for model in (EmailAddress, CalendarFeed, Consent):
        session.execute(sa.delete(model).where(model.person_id == who.id))
    for of_account in (Device, WebAuthn):
        session.execute(sa.delete(of_account).where(of_account.account_id == account.id))
    session.execute(sa.update(Extension).where(Extension.person_id == who.id).values(reason=""))
    conflicts = sa.update(ConflictOfInterest).where(ConflictOfInterest.person_id == who.id)
    session.execute(conflicts.values(basis="", note=""))
    account.email = f"{GONE}-{who.public_id}@erased.invalid"
    account.active, account.fs_uniquifier = False, uuid.uuid4().hex
    account.password = account.confirmed_at = account.fs_webauthn_user_handle = None
    account.tf_primary_method = account.tf_totp_secret = account.mf_recovery_codes = None
    account.last_login_ip = account.current_login_ip = None
    who.display_name, who.aliases, who.time_zone, who.language = NOBODY, [], "UTC", None
    who.erased_at = now
    session.flush()
    session.expire_all()


# --- what hangs on an application ---------------------------------------------------------------------------------


@cache
def _tables_below() -> frozenset[str]:
    """The tables that lead to an application by their foreign keys."""
    found = {Application.__tablename__}
    while True:
        more = {
            table.name
            for table in Base.metadata.tables.values()
            if table.name not in found and any(key.column.table.name in found for key in table.foreign_keys)
        }
        if not more:
            return frozenset(found)
        found |= more


def _below(name: str, applications: list[int]) -> sa.ColumnElement[bool]:
    """The rows of a table that hang on one of the applications."""
    if name == Application.__tablename__:
        return Application.id.in_(applications)
    table = Base.metadata.tables[name]
    ways = [
        key.parent.in_(sa.select(key.column).where(_below(key.column.table.name, applications)))
        for key in table.foreign_keys
        if key.column.table.name in _tables_below() and key.column.table.name != name
    ]
    return sa.or_(*ways)


def _keys_below(name: str, applications: list[int]) -> sa.Select[int]:
    return sa.select(Base.metadata.tables[name].c.id).where(_below(name, applications))


def erased_columns() -> dict[str, list[sa.Column[Any]]]:
    """Every text and structure below an application that goes, by table."""
    found: dict[str, list[sa.Column[Any]]] = {}
    gone = {*DELETED_TABLES, *(model.__tablename__ for model in DELETED)}
    for name in sorted(_tables_below() - gone):
        columns = [
            column
            for column in Base.metadata.tables[name].columns
            if isinstance(column.type, (sa.String, sa.JSON))
            and not isinstance(column.type, sa.Enum)
            and not {column.name, f"{name}.{column.name}"} & KEPT
        ]
        if columns:
            found[name] = columns
    return found


def _empty(column: sa.Column[Any]) -> Any:
    """Nothing, as far as the column can hold nothing; a word where an empty text might be refused."""
    if column.nullable:
        return None
    if isinstance(column.type, sa.JSON):
        return {}
    if isinstance(column.type, sa.Text):
        return ""
    return sa.case((column == "", ""), else_=GONE)
