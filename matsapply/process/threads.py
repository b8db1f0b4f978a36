"""What an applicant and the team write to each other: threads, and requests for accommodation with their decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.facts import extensions_of, letter_to
from matsapply.applications.locks import lock_application
from matsapply.applications.models import (
    AccommodationRequest,
    Application,
    Extension,
    Message,
    MessageFile,
    Thread,
)
from matsapply.applications.threads import MOST_SHOWN
from matsapply.audit import actions as audit
from matsapply.cohorts.gates import gates_of
from matsapply.cohorts.models import Cohort
from matsapply.evaluations.upkeep import extend
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.people.models import Account, Person, RoleGrant
from matsapply.people.queries import in_force
from matsapply.reviews.visibility import in_conflict
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import ApplicationState, ExtensionReason, Role, Scope

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.evaluations.models import EvaluationInvite
    from matsapply.files.models import StoredFile
    from matsapply.rules.access import Actor

MOST_WAITING = 10  # threads and requests of one application that may wait for the team at a time
MOST_FILES = 20  # documents in one thread


def open_thread(
    session: Session,
    actor: Actor,
    application: Application,
    *,
    subject: str,
    text: str,
    file: StoredFile | None,
    now: datetime,
) -> Thread:
    """A new question to the team. Refused (REPEATED) while ten of this application wait for an answer."""
    lock_application(session, application.id)
    waiting = session.scalar(
        sa.select(sa.func.count())
        .select_from(Thread)
        .where(Thread.application_id == application.id, Thread.waits_since.is_not(None))
    )
    if (waiting or 0) >= MOST_WAITING:
        raise refuse(Code.REPEATED)
    thread = Thread(application_id=application.id, subject=subject)
    session.add(thread)
    session.flush()
    write(session, actor, thread, text=text, file=file, now=now)
    return thread


def write(session: Session, actor: Actor, thread: Thread, *, text: str, file: StoredFile | None, now: datetime) -> None:
    """The applicant writes on; a closed thread is open again. The team is told once for each time it owes an answer.

    Refused (CAP_REACHED), as ``answer`` is: the thread holds as many messages, or documents, as it takes.
    """
    session.refresh(thread, with_for_update=True)
    _add(session, actor, thread, text, file, now)
    thread.closed_at = None
    if thread.waits_since is not None:
        return
    thread.waits_since = now
    session.flush()
    application = session.get_one(Application, thread.application_id)
    tell_team(
        session,
        application,
        cause=f"thread:{thread.id}:{now.isoformat()}",
        about="question",
        path=f"threads/{thread.public_id}",
        now=now,
    )


def answer(
    session: Session, actor: Actor, thread: Thread, *, text: str, file: StoredFile | None, now: datetime
) -> None:
    """The team answers; the applicant reads it in the thread and by mail."""
    session.refresh(thread, with_for_update=True)
    message = _add(session, actor, thread, text, file, now)
    thread.waits_since = thread.closed_at = None
    application = session.get_one(Application, thread.application_id)
    _tell_applicant(
        session,
        application,
        Mail.TEAM_ANSWER,
        cause=f"thread:{thread.id}:answer:{message.id}",
        now=now,
        subject=thread.subject,
        text=text,
        href=f"/threads/{thread.public_id}",
    )
    _record(session, actor, "thread.answered", now, application)


def close(session: Session, actor: Actor, thread: Thread, now: datetime) -> None:
    """The team has nothing to add. Nobody is told; a new message opens the thread again."""
    session.refresh(thread, with_for_update=True)
    if thread.closed_at is not None:
        raise refuse(Code.NO_CHANGE)
    thread.waits_since, thread.closed_at = None, now
    _record(session, actor, "thread.closed", now, session.get_one(Application, thread.application_id))


def _add(session: Session, actor: Actor, thread: Thread, text: str, file: StoredFile | None, now: datetime) -> Message:
    held = sa.select(sa.func.count(Message.id), sa.func.count(MessageFile.id)).outerjoin(
        MessageFile, MessageFile.message_id == Message.id
    )
    messages, files = session.execute(held.where(Message.thread_id == thread.id)).one()
    if messages >= MOST_SHOWN or (file is not None and files >= MOST_FILES):
        raise refuse(Code.CAP_REACHED)
    message = Message(thread_id=thread.id, author_id=actor.person_id or 0, text=text, sent_at=now)
    session.add(message)
    session.flush()
    if file is not None:
        session.add(MessageFile(message_id=message.id, file_id=file.id))
        session.flush()
    return message


# --- accommodation ------------------------------------------------------------------------------------------------


def request_accommodation(
    session: Session, actor: Actor, application: Application, text: str, now: datetime
) -> AccommodationRequest:
    """Ask for what one needs. Refused: CLOSED once the application has ended, REPEATED while ten wait."""
    application = lock_application(session, application.id)
    if application.person_id != actor.person_id:
        raise refuse(Code.NOT_YOURS)
    if application.state is ApplicationState.CLOSED:
        raise refuse(Code.WRONG_STATE)
    waiting = session.scalar(
        sa.select(sa.func.count())
        .select_from(AccommodationRequest)
        .where(
            AccommodationRequest.application_id == application.id,
            AccommodationRequest.answered_at.is_(None),
        )
    )
    if (waiting or 0) >= MOST_WAITING:
        raise refuse(Code.REPEATED)
    made = AccommodationRequest(application_id=application.id, text=text, created_at=now)
    session.add(made)
    session.flush()
    tell_team(
        session,
        application,
        cause=f"accommodation:{made.public_id}",  # SQLite gives the key of one taken back to the next
        about="accommodation",
        path=f"accommodation/{made.public_id}",
        now=now,
    )
    return made


def take_back(session: Session, request: AccommodationRequest) -> None:
    """A request that nobody has answered is gone as if it had not been made. Refused (NO_CHANGE): too late."""
    lock_application(session, request.application_id)
    gone = sa.delete(AccommodationRequest).where(
        AccommodationRequest.id == request.id, AccommodationRequest.answered_at.is_(None)
    )
    if session.scalar(gone.returning(AccommodationRequest.id)) is None:
        raise refuse(Code.NO_CHANGE)


def decide_accommodation(
    session: Session,
    actor: Actor,
    request: AccommodationRequest,
    *,
    role: Role,
    granted: bool,
    answer: str,
    now: datetime,
    more_time_for: EvaluationInvite | str | None = None,
    until: datetime | None = None,
) -> None:
    """Decide a request. ``more_time_for``: a task, or ``T2`` for the application itself; ``until`` is then its new end.

    Refused: NO_CHANGE where it is decided already or the new end is not later than the present one, WRONG_STATE where
    the application or the task takes no more time.
    """
    application = lock_application(session, request.application_id)
    present = sa.select(AccommodationRequest).where(AccommodationRequest.id == request.id)
    if session.scalar(present.execution_options(populate_existing=True)) is None:
        raise refuse(Code.NO_CHANGE, "The applicant has taken this request back.")
    if request.answered_at is not None:
        raise refuse(Code.NO_CHANGE, "Somebody of the team has decided this request already.")
    if granted and more_time_for is not None and until is not None:
        if isinstance(more_time_for, str):
            _extend_application(session, actor, application, until, now)
            request.extends = "your application"
        else:
            reason = ExtensionReason.ACCOMMODATION
            # Track leads read the reason in the application's history: what the time was for is not theirs to know.
            extend(session, actor, role, more_time_for, until, reason, now, reason="more time was given")
            request.extends = f"the task “{more_time_for.evaluation.title}”"[:200]
        request.extended_until = until
    request.granted, request.answer, request.answered_at = granted, answer, now
    request.answered_by_id = actor.person_id
    session.flush()
    _tell_applicant(
        session,
        application,
        Mail.ACCOMMODATION_ANSWER,
        cause=f"accommodation:{request.id}:answer",
        now=now,
        granted=granted,
        text=answer,
        extends=request.extends,
        until=request.extended_until,
    )
    _record(session, actor, "accommodation.granted" if granted else "accommodation.refused", now, application)


def _extend_application(
    session: Session, actor: Actor, application: Application, until: datetime, now: datetime
) -> None:
    if application.state not in {ApplicationState.DRAFT, ApplicationState.SUBMITTED}:
        raise refuse(Code.WRONG_STATE)
    present = extensions_of(session, application.person_id, application.cohort_id).get("T2")
    closes = gates_of(session, application.cohort_id).at("T2")
    if until <= max(each for each in (now, present, closes) if each is not None):
        raise refuse(Code.NO_CHANGE, "The new end has to be later than the present one.")
    session.add(
        Extension(
            person_id=application.person_id,
            cohort_id=application.cohort_id,
            gate="T2",
            until=until,
            reason_class=ExtensionReason.ACCOMMODATION,
            granted_by_id=actor.person_id or 0,
        )
    )


# --- who is told --------------------------------------------------------------------------------------------------


def tell_team(session: Session, application: Application, *, cause: str, about: str, path: str, now: datetime) -> None:
    """A mail without the words themselves to each coordinator of the cohort who may see the application."""
    key, label = session.execute(sa.select(Cohort.key, Cohort.label).where(Cohort.id == application.cohort_id)).one()
    for person_id, name, zone, address in _coordinators(session, application, now):
        outbox.queue(
            session,
            Mail.TEAM_ASKED,
            cause=cause,
            now=now,
            person_id=person_id,
            recipient=address,
            context={
                "name": name,
                "zone": zone,
                "cohort_label": label,
                "about": about,
                "href": f"/admin/{key}/{path}",
            },
        )


def _coordinators(
    session: Session, application: Application, now: datetime
) -> Sequence[sa.Row[tuple[int, str, str, str]]]:
    here = sa.or_(
        RoleGrant.scope == Scope.PROGRAM,
        sa.and_(RoleGrant.scope == Scope.COHORT, RoleGrant.scope_id == application.cohort_id),
    )
    holders = sa.select(RoleGrant.person_id).where(RoleGrant.role == Role.COORDINATOR, here, in_force(now))
    return session.execute(
        sa.select(Person.id, Person.display_name, Person.time_zone, Account.email)
        .join(Account, Account.person_id == Person.id)
        .where(Person.id.in_(holders), Account.active, ~in_conflict(Person.id, application.id))
        .order_by(Person.id)
    ).all()


def _tell_applicant(
    session: Session, application: Application, kind: Mail, *, cause: str, now: datetime, **facts: object
) -> None:
    letter = letter_to(session, application.person_id, **facts)
    outbox.queue(
        session,
        kind,
        cause=cause,
        now=now,
        person_id=letter.person_id,
        recipient=letter.recipient,
        context=letter.context,
    )


def _record(session: Session, actor: Actor, action: str, now: datetime, application: Application) -> None:
    audit.record(
        session,
        actor,
        action,
        now,
        subject_type="application",
        subject_id=application.id,
        cohort_id=application.cohort_id,
    )
