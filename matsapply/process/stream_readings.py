"""A stream's own readings: of a file, of a submission, of an interview. The last mark closes a task (V4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matsapply.evaluations.models import EvaluationInvite, Submission
from matsapply.evaluations.upkeep import mark_task
from matsapply.reviews.actions import Entered, submit_review
from matsapply.reviews.rounds import ensure_own_assignment, ensure_round
from matsapply.rules.stages import RoundKind

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.applications.models import StreamApplication
    from matsapply.interviews.models import Interview
    from matsapply.reviews.models import Review
    from matsapply.rules.access import Actor
    from matsapply.rules.stages import Role


def review_candidate(
    session: Session,
    actor: Actor,
    role: Role,
    cohort_id: int,
    entry: StreamApplication,
    entered: Entered,
    now: datetime,
) -> Review:
    """The actor's own reading of a candidate by the stream rubric; a second one corrects the first."""
    round_ = ensure_round(session, cohort_id, RoundKind.STREAM_REVIEW)
    own = ensure_own_assignment(
        session, actor, round_, application_id=entry.application_id, stream_application_id=entry.id, now=now
    )
    return submit_review(session, actor, own, entered, now, role)


def mark_submission(
    session: Session, actor: Actor, role: Role, cohort_id: int, submission: Submission, entered: Entered, now: datetime
) -> Review:
    """The actor's own mark of a submission. With as many marks as the rubric wants, the task is marked (V4)."""
    task = session.get_one(EvaluationInvite, submission.invite_id)
    round_ = ensure_round(session, cohort_id, RoundKind.TASK_MARKING)
    own = ensure_own_assignment(
        session, actor, round_, application_id=task.application_id, submission_id=submission.id, now=now
    )
    review = submit_review(session, actor, own, entered, now, role)
    session.refresh(submission)
    if submission.mark_count >= round_.readers:
        mark_task(session, task, now)
    return review


def card_interview(
    session: Session,
    actor: Actor,
    role: Role,
    cohort_id: int,
    application_id: int,
    interview: Interview,
    entered: Entered,
    now: datetime,
) -> Review:
    """The actor's own scorecard of an interview that was held."""
    round_ = ensure_round(session, cohort_id, RoundKind.INTERVIEW)
    own = ensure_own_assignment(
        session, actor, round_, application_id=application_id, interview_id=interview.id, now=now
    )
    return submit_review(session, actor, own, entered, now, role)
