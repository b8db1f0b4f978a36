"""Reads about tasks: the applicant's own, and a stream's plan, progress and submissions.

The applicant's reads never tell that somebody has marked: a marked task reads as handed in. A stream's reads hold
only what it asked for itself, and no longer than the person is in the stream (invariant 47).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Application, StreamApplication
from matsapply.cohorts.models import Evaluation, Stream, StreamEvaluation
from matsapply.evaluations.models import EvaluationInvite, InviteStream, Submission, SubmissionVersion
from matsapply.evaluations.windows import DUE, END
from matsapply.files.models import StoredFile
from matsapply.platform.db import fetch
from matsapply.rules.stages import (
    LIVE_STREAM_APPLICATION,
    AiPolicy,
    EvaluationKind,
    EvaluationState,
    StreamApplicationState,
)

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

OPEN = (EvaluationState.INVITED, EvaluationState.STARTED)
READABLE = LIVE_STREAM_APPLICATION | {
    StreamApplicationState.ACCEPTED,
    StreamApplicationState.NOT_SELECTED,
    StreamApplicationState.DECLINED,
    StreamApplicationState.LAPSED,
    StreamApplicationState.RELEASED_BY_PLACEMENT,
    StreamApplicationState.RESCINDED,
}


@dataclass(frozen=True, slots=True)
class TaskLine:
    """One task of one's own. ``due_at`` includes an extension, ``ends_at`` a running personal clock; both exclusive."""

    public_id: str
    title: str
    kind: EvaluationKind
    hours: float
    clock_minutes: int | None
    ai_policy: AiPolicy
    state: EvaluationState
    opens_at: datetime | None
    due_at: datetime | None
    ends_at: datetime | None
    extended: bool
    submitted_at: datetime | None
    streams: tuple[str, ...]

    def open(self, now: datetime) -> bool:
        return self.state in OPEN and (self.ends_at is None or now < self.ends_at)


def task_lines(session: Session, application_id: int, now: datetime) -> list[TaskLine]:
    """The application's tasks: open ones first, by when they end, then those that are over. One query.

    ``now`` turns a task whose time is over into "expired" before the next tick records it.
    """
    rows: dict[int, Any] = {}
    names: dict[int, list[str]] = defaultdict(list)
    for row in fetch(session, _TASK_LINES, application_id=application_id):
        rows[row.id] = row
        if row.stream is not None:
            names[row.id].append(row.stream)
    lines = [
        TaskLine(
            public_id=row.public_id,
            title=row.title,
            kind=row.kind,
            hours=row.effort_hours,
            clock_minutes=row.personal_clock_minutes,
            ai_policy=row.ai_policy,
            state=seen_state(row.state, row.ends_at, now),
            opens_at=row.opens_at,
            due_at=row.due,
            ends_at=row.ends_at,
            extended=row.due is not None and row.due != row.due_at,
            submitted_at=row.submitted_at,
            streams=tuple(names[row.id]),
        )
        for row in rows.values()
    ]
    return sorted(lines, key=lambda line: (not line.open(now), line.ends_at is None, line.ends_at or now))


_WAITING = sa.and_(
    StreamApplication.id == InviteStream.stream_application_id,
    StreamApplication.state != StreamApplicationState.WITHDRAWN,
)
_TASK_LINES = (
    sa.select(
        EvaluationInvite.id,
        EvaluationInvite.public_id,
        Evaluation.title,
        Evaluation.kind,
        Evaluation.effort_hours,
        Evaluation.personal_clock_minutes,
        Evaluation.ai_policy,
        EvaluationInvite.state,
        Evaluation.opens_at,
        Evaluation.due_at,
        DUE.label("due"),
        END.label("ends_at"),
        Submission.submitted_at,
        Stream.name.label("stream"),
    )
    .join(Evaluation, Evaluation.id == EvaluationInvite.evaluation_id)
    .outerjoin(Submission, Submission.invite_id == EvaluationInvite.id)
    .outerjoin(InviteStream, InviteStream.invite_id == EvaluationInvite.id)
    .outerjoin(StreamApplication, _WAITING)
    .outerjoin(Stream, Stream.id == StreamApplication.stream_id)
    .where(EvaluationInvite.application_id == sa.bindparam("application_id"))
    .order_by(EvaluationInvite.id, Stream.position, Stream.id)
)


def seen_state(state: EvaluationState, ends_at: datetime | None, now: datetime) -> EvaluationState:
    """The state as its applicant may know it: marks are not told, and what is over is over."""
    if state is EvaluationState.MARKED:
        return EvaluationState.SUBMITTED
    if state in OPEN and ends_at is not None and now >= ends_at:
        return EvaluationState.EXPIRED
    return state


def own_task(session: Session, person_id: int | None, public_id: str) -> EvaluationInvite | None:
    """The person's own task of that id; None where there is none, or it is somebody else's."""
    return session.scalar(
        sa.select(EvaluationInvite)
        .join(Application, Application.id == EvaluationInvite.application_id)
        .where(EvaluationInvite.public_id == public_id, Application.person_id == person_id)
    )


def own_application(session: Session, person_id: int | None) -> Application | None:
    """The person's newest application that reached the streams, for the pages of tasks and interviews."""
    return session.scalar(
        sa.select(Application)
        .where(Application.person_id == person_id, Application.submitted_at.is_not(None))
        .order_by(Application.id.desc())
        .limit(1)
    )


@dataclass(frozen=True, slots=True)
class HandedIn:
    """The version in force of one submission."""

    number: int
    received_at: datetime
    answer: str
    digest: str
    file_public_id: str | None
    file_name: str | None


def handed_in(session: Session, invite_id: int) -> HandedIn | None:
    """What counts now, for its own applicant and for whoever marks it."""
    row = session.execute(
        sa.select(SubmissionVersion, StoredFile.public_id, StoredFile.name)
        .join(Submission, Submission.id == SubmissionVersion.submission_id)
        .outerjoin(StoredFile, StoredFile.id == SubmissionVersion.file_id)
        .where(Submission.invite_id == invite_id, SubmissionVersion.number == Submission.current_number)
    ).one_or_none()
    if row is None:
        return None
    version = row[0]
    return HandedIn(version.number, version.received_at, version.answer, version.digest, row[1], row[2])


# --- a stream's view ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One task of a stream's plan and how far its candidates are. Counts leave out whom the reader may not see."""

    evaluation_id: int
    key: str
    title: str
    kind: EvaluationKind
    shared: bool
    required: bool
    weight: float
    hours: float
    clock_minutes: int | None
    ai_policy: AiPolicy
    opens_at: datetime | None
    due_at: datetime | None
    invited: int
    started: int
    submitted: int
    missed: int

    def open(self, now: datetime) -> bool:
        return (self.opens_at is None or now >= self.opens_at) and (self.due_at is None or now < self.due_at)


def plan_lines(session: Session, stream_id: int, seen: sa.ColumnElement[bool]) -> list[PlanLine]:
    """The stream's plan in its order. ``seen`` is the reader's filter on stream applications. Two queries."""
    counts: dict[int, dict[EvaluationState, int]] = defaultdict(dict)
    for evaluation_id, state, number in session.execute(
        sa.select(EvaluationInvite.evaluation_id, EvaluationInvite.state, sa.func.count())
        .join(InviteStream, InviteStream.invite_id == EvaluationInvite.id)
        .join(StreamApplication, StreamApplication.id == InviteStream.stream_application_id)
        .join(Application, Application.id == StreamApplication.application_id)
        .where(StreamApplication.stream_id == stream_id, seen)
        .group_by(EvaluationInvite.evaluation_id, EvaluationInvite.state)
    ):
        counts[evaluation_id][state] = number
    rows = session.execute(
        sa.select(StreamEvaluation, Evaluation)
        .join(Evaluation, Evaluation.id == StreamEvaluation.evaluation_id)
        .where(StreamEvaluation.stream_id == stream_id)
        .order_by(StreamEvaluation.position, StreamEvaluation.id)
    )
    return [
        PlanLine(
            evaluation_id=evaluation.id,
            key=evaluation.key,
            title=evaluation.title,
            kind=evaluation.kind,
            shared=evaluation.shared,
            required=use.required,
            weight=use.weight,
            hours=evaluation.effort_hours,
            clock_minutes=evaluation.personal_clock_minutes,
            ai_policy=evaluation.ai_policy,
            opens_at=evaluation.opens_at,
            due_at=evaluation.due_at,
            invited=sum(counts[evaluation.id].values()),
            started=counts[evaluation.id].get(EvaluationState.STARTED, 0),
            submitted=sum(
                counts[evaluation.id].get(state, 0) for state in (EvaluationState.SUBMITTED, EvaluationState.MARKED)
            ),
            missed=counts[evaluation.id].get(EvaluationState.EXPIRED, 0),
        )
        for use, evaluation in rows
    ]


@dataclass(frozen=True, slots=True)
class ToMark:
    """A submission as markers see it: no name, no application, an order that carries nothing."""

    submission_id: int
    public_id: str
    code: str
    task: str
    task_key: str
    mark_count: int


def submissions(
    session: Session, stream_id: int, seen: sa.ColumnElement[bool], now: datetime, *, public_id: str | None = None
) -> list[ToMark]:
    """What the stream may mark: handed in for it, final (the applicant's time is over), the person still in it."""
    query = (
        sa.select(Submission.id, Submission.public_id, Evaluation.title, Evaluation.key, Submission.mark_count)
        .join(EvaluationInvite, EvaluationInvite.id == Submission.invite_id)
        .join(Evaluation, Evaluation.id == EvaluationInvite.evaluation_id)
        .join(InviteStream, InviteStream.invite_id == EvaluationInvite.id)
        .join(StreamApplication, StreamApplication.id == InviteStream.stream_application_id)
        .join(Application, Application.id == StreamApplication.application_id)
        .join(
            StreamEvaluation,
            sa.and_(StreamEvaluation.stream_id == stream_id, StreamEvaluation.evaluation_id == Evaluation.id),
        )
        .where(
            StreamApplication.stream_id == stream_id,
            StreamApplication.state.in_(READABLE),
            EvaluationInvite.state.in_([EvaluationState.SUBMITTED, EvaluationState.MARKED]),
            sa.or_(END.is_(None), now >= END),
            seen,
        )
        .order_by(StreamEvaluation.position, Evaluation.id, Submission.public_id)
    )
    if public_id is not None:
        query = query.where(Submission.public_id == public_id)
    return [
        ToMark(key, public, public[:6].upper(), title, task_key, marks)
        for key, public, title, task_key, marks in session.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class CandidateTask:
    """One task of one candidate, as the stream that asked for it sees it."""

    invite_public_id: str
    submission_public_id: str | None
    title: str
    key: str
    shared: bool
    state: EvaluationState
    due_at: datetime | None
    submitted_at: datetime | None
    mark_mean: float | None
    mark_count: int
    final: bool


def candidate_tasks(session: Session, stream_application_id: int, now: datetime) -> list[CandidateTask]:
    """The tasks the stream asked this candidate to do. One query."""
    rows = session.execute(
        sa.select(EvaluationInvite, Evaluation, END, Submission)
        .join(InviteStream, InviteStream.invite_id == EvaluationInvite.id)
        .join(Evaluation, Evaluation.id == EvaluationInvite.evaluation_id)
        .outerjoin(Submission, Submission.invite_id == EvaluationInvite.id)
        .where(InviteStream.stream_application_id == stream_application_id)
        .order_by(EvaluationInvite.id)
    )
    return [
        CandidateTask(
            invite_public_id=invite.public_id,
            submission_public_id=submission.public_id if submission else None,
            title=evaluation.title,
            key=evaluation.key,
            shared=evaluation.shared,
            state=invite.state,
            # An extension is not a marker's business (E3): the task's own due instant is shown.
            due_at=evaluation.due_at,
            submitted_at=submission.submitted_at if submission else None,
            mark_mean=submission.mark_mean if submission else None,
            mark_count=submission.mark_count if submission else 0,
            final=end is None or now >= end,
        )
        for invite, evaluation, end, submission in rows
    ]
