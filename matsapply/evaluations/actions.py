"""What applicants do with a task: they are invited, begin, write, hand in (V1 to V3).

Every action locks the application first, so that two tabs, a job and a withdrawal follow one another.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.facts import facts_of, letter_to, place_of
from matsapply.applications.locks import lock_application
from matsapply.applications.models import Application, StreamApplication
from matsapply.cohorts.models import Evaluation, StreamEvaluation
from matsapply.evaluations.models import EvaluationInvite, InviteStream, Submission, SubmissionVersion
from matsapply.evaluations.upkeep import FINISHED, finish_task_if_done
from matsapply.evaluations.windows import clock_end, window_of
from matsapply.files.models import StoredFile
from matsapply.rules.access import SYSTEM
from matsapply.rules.counting import within_limit
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import EvaluationState, Role
from matsapply.tracking.actions import advance, begin

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

WRITABLE = frozenset({EvaluationState.STARTED, EvaluationState.SUBMITTED})


# --- invitation -----------------------------------------------------------------------------------------------------


def invite(
    session: Session, actor: Actor, role: Role, entry: StreamApplication, evaluation: Evaluation, now: datetime
) -> tuple[EvaluationInvite, bool]:
    """V1 where the application has no invitation to the task yet, and the link by which the stream waits for it.

    The application must be locked. Returns the invitation and whether the person is asked for something new.
    """
    found = session.scalar(
        sa.select(EvaluationInvite).where(
            EvaluationInvite.application_id == entry.application_id, EvaluationInvite.evaluation_id == evaluation.id
        )
    )
    asked = found is None
    if found is None:
        application = session.get_one(Application, entry.application_id)
        facts = facts_of(session, actor, role, now, cohort_id=application.cohort_id)
        found = EvaluationInvite(application_id=entry.application_id, evaluation_id=evaluation.id)
        begin(session, found, "V1", facts, actor, place_of(application))
    elif found.state is EvaluationState.WITHDRAWN:
        application = session.get_one(Application, entry.application_id)
        facts = facts_of(session, SYSTEM, Role.SYSTEM, now, cohort_id=application.cohort_id)
        advance(session, found, "V7u", facts, SYSTEM, place_of(application))
        asked = True
    linked = session.scalar(
        sa.select(InviteStream.id).where(
            InviteStream.invite_id == found.id, InviteStream.stream_application_id == entry.id
        )
    )
    if linked is None:
        session.add(InviteStream(invite_id=found.id, stream_application_id=entry.id))
        session.flush()
    return found, asked


def in_plan(session: Session, stream_id: int, evaluation_id: int) -> bool:
    """Whether the stream uses the task."""
    query = sa.select(StreamEvaluation.id).where(
        StreamEvaluation.stream_id == stream_id, StreamEvaluation.evaluation_id == evaluation_id
    )
    return session.scalar(query) is not None


# --- the applicant's work -------------------------------------------------------------------------------------------


def start_task(session: Session, actor: Actor, task: EvaluationInvite, now: datetime, *, ai_rule: bool) -> None:
    """V2: the applicant accepts the task's rule about AI and the personal clock, if there is one, begins to run.

    Asked twice, nothing happens twice. A task that was withdrawn and came back keeps the clock it had.
    """
    application = _own(session, actor, task)
    if task.state is EvaluationState.STARTED:
        return
    window = window_of(session, task)
    facts = facts_of(
        session,
        actor,
        Role.APPLICANT,
        now,
        cohort_id=application.cohort_id,
        opens_at=window.opens_at,
        closes_at=window.ends_at,
        ai_rule_accepted=ai_rule,
    )
    with session.no_autoflush:
        advance(session, task, "V2", facts, actor, place_of(application))
        if task.started_at is None:
            minutes = task.evaluation.personal_clock_minutes
            task.ai_rule_accepted_at = now
            task.started_at = now
            task.ends_at = clock_end(now, timedelta(minutes=minutes) if minutes else None, window.due_at)
    session.flush()


@dataclass(frozen=True, slots=True)
class DraftSaved:
    """What became of a draft. ``conflict`` is the text another tab saved meanwhile; then nothing was stored."""

    version: int
    saved_at: datetime
    conflict: str | None = None


def save_task_draft(
    session: Session, actor: Actor, task: EvaluationInvite, answer: str, version: int, now: datetime
) -> DraftSaved:
    """Keep the text while the task runs. ``version`` is the draft the text was written on.

    Raises ``Refused`` (CLOSED) once the time is over: the caller gives the text back, it is not stored.
    """
    _own(session, actor, task)
    if task.state not in WRITABLE:
        raise refuse(Code.CLOSED if task.state in FINISHED else Code.WRONG_STATE)
    if window_of(session, task).over(now):
        raise refuse(Code.CLOSED)
    answer = stored_form(answer)
    if version != task.draft_version and answer != task.draft_answer:
        return DraftSaved(task.draft_version, now, conflict=task.draft_answer)
    if answer != task.draft_answer:
        task.draft_answer = answer
        task.draft_version += 1
        session.flush()
    return DraftSaved(task.draft_version, now)


def attach(session: Session, actor: Actor, task: EvaluationInvite, file: StoredFile | None, now: datetime) -> None:
    """Put a stored file beside the draft (None takes it away); it counts once it is handed in."""
    _own(session, actor, task)
    if task.state not in WRITABLE:
        raise refuse(Code.WRONG_STATE)
    if window_of(session, task).over(now):
        raise refuse(Code.CLOSED)
    if file is not None and file.owner_id != actor.person_id:
        raise refuse(Code.NOT_YOURS)
    _let_go(session, task, now)
    task.draft_file_id = None if file is None else file.id
    task.draft_version += 1
    session.flush()


def submit_task(session: Session, actor: Actor, task: EvaluationInvite, answer: str, now: datetime) -> Submission:
    """V3, or V3e for a further version before the end: hand in the text and the attached file.

    ``now`` is when the request arrived: exactly at the end it is refused, a millisecond before it counts. Handing in
    the same content again changes nothing and writes nothing (a double click, a retry). Raises ``Refused``: CLOSED,
    INCOMPLETE (neither text nor file, or too long), WRONG_STATE.
    """
    application = _own(session, actor, task)
    answer = stored_form(answer)
    digest = _digest(session, answer, task.draft_file_id)
    submission = session.scalar(sa.select(Submission).where(Submission.invite_id == task.id))
    if submission is not None and _current_digest(session, submission) == digest:
        return submission
    window = window_of(session, task)
    facts = facts_of(
        session,
        actor,
        Role.APPLICANT,
        now,
        cohort_id=application.cohort_id,
        opens_at=window.opens_at,
        closes_at=window.ends_at,
    )
    if window.over(now) or task.state is EvaluationState.EXPIRED:
        raise refuse(Code.CLOSED)
    if (not answer and task.draft_file_id is None) or not within_limit(answer, task.evaluation.answer_limit):
        raise refuse(Code.INCOMPLETE)
    letter = letter_to(session, application.person_id, **received_context(task, now))
    code = "V3" if submission is None else "V3e"
    advance(session, task, code, facts, actor, place_of(application), letter=letter)
    if submission is None:
        submission = Submission(invite_id=task.id, current_number=1, submitted_at=now)
        session.add(submission)
        session.flush()
    else:
        submission.current_number += 1
        submission.submitted_at = now
    session.add(
        SubmissionVersion(
            submission_id=submission.id,
            number=submission.current_number,
            answer=answer,
            file_id=task.draft_file_id,
            received_at=now,
            digest=digest,
        )
    )
    if task.draft_answer != answer:
        task.draft_answer = answer
        task.draft_version += 1
    session.flush()
    finish_task_if_done(session, task, now)
    return submission


def stored_form(text: str) -> str:
    """Text as it is kept: line ends of one kind, without what databases cannot hold, without space around it."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return unified.encode("utf-8", "replace").decode("utf-8").strip()


def received_context(task: EvaluationInvite, now: datetime) -> dict[str, object]:
    return {"task": task.evaluation.title, "received_at": now, "href": f"/tasks/{task.public_id}"}


# --- helpers --------------------------------------------------------------------------------------------------------


def _own(session: Session, actor: Actor, task: EvaluationInvite) -> Application:
    """The locked application of the actor's own task, with the task as it stands now."""
    application = lock_application(session, task.application_id)
    if application.person_id != actor.person_id:
        raise refuse(Code.NOT_YOURS)
    session.refresh(task)
    return application


def _let_go(session: Session, task: EvaluationInvite, now: datetime) -> None:
    """The file beside the draft is taken away or replaced: it goes, unless it was handed in."""
    handed_in = sa.exists().where(SubmissionVersion.file_id == StoredFile.id)
    found = session.scalar(sa.select(StoredFile).where(StoredFile.id == task.draft_file_id, ~handed_in))
    if found is not None:
        found.removed_at = now


def _digest(session: Session, answer: str, file_id: int | None) -> str:
    content = hashlib.sha256(answer.encode())
    if file_id is not None:
        content.update(b"\x00" + session.get_one(StoredFile, file_id).sha256.encode())
    return content.hexdigest()


def _current_digest(session: Session, submission: Submission) -> str | None:
    return session.scalar(
        sa.select(SubmissionVersion.digest).where(
            SubmissionVersion.submission_id == submission.id, SubmissionVersion.number == submission.current_number
        )
    )
