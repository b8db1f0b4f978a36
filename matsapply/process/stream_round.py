"""A stream's work with its candidates, from taking them in to a locked ranking (S4 to S8), and what ends with them.

Each action locks the application first and makes every move of a stream application through ``tracking``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.facts import facts_of, letter_to, place_of
from matsapply.applications.locks import lock_application
from matsapply.applications.models import Application, StreamApplication, TeamTask
from matsapply.cohorts.gates import gates_of
from matsapply.cohorts.models import Evaluation, Stream, StreamEvaluation
from matsapply.decisions.actions import has_conflict
from matsapply.evaluations.actions import in_plan, invite
from matsapply.evaluations.models import EvaluationInvite, InviteStream
from matsapply.evaluations.upkeep import (
    OPEN,
    expire_tasks,
    finish_task_if_done,
)
from matsapply.evaluations.windows import window_of
from matsapply.interviews.actions import back_in_review, cancel, open_interview
from matsapply.interviews.models import Interview
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.offers.models import StreamRanking
from matsapply.offers.ranking import Ranking, current_ranking, lock_version
from matsapply.process.stream_ends import cancel_children, cancel_stream_children, restore_stream_children
from matsapply.reviews.visibility import in_conflict
from matsapply.rules.access import SYSTEM
from matsapply.rules.refusals import Code, Refused, refuse
from matsapply.rules.stages import (
    ApplicationState,
    InterviewState,
    Role,
    StreamApplicationState,
    StreamState,
)
from matsapply.tracking.actions import BY_BATCH, advance

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

ASKABLE = frozenset({StreamApplicationState.IN_REVIEW, StreamApplicationState.EVALUATING})
TO_ASSESS = frozenset({StreamApplicationState.IN_REVIEW, StreamApplicationState.INTERVIEWING})


# --- taking in ------------------------------------------------------------------------------------------------------


def take_in(session: Session, cohort_id: int, now: datetime, limit: int = 200) -> int:
    """S4: a stream begins to look at whoever applied, once its window for choosing is over (its own, or T7).

    Where neither end is set, from T6 on. Returns how many moved; call until it is 0.
    """
    gates = gates_of(session, cohort_id)
    closed = Stream.closes_at <= now
    if gates.passed("T7", now) or (gates.at("T7") is None and gates.passed("T6", now)):
        closed = sa.or_(closed, Stream.closes_at.is_(None))
    waiting = session.execute(
        sa.select(StreamApplication.id, StreamApplication.application_id)
        .join(Stream, Stream.id == StreamApplication.stream_id)
        .join(Application, Application.id == StreamApplication.application_id)
        .where(
            Stream.cohort_id == cohort_id,
            Stream.state != StreamState.CANCELLED,
            Application.state == ApplicationState.IN_STREAMS,
            StreamApplication.state == StreamApplicationState.APPLIED,
            closed,
        )
        .order_by(StreamApplication.application_id, StreamApplication.id)
        .limit(limit)
    ).all()
    facts = facts_of(session, SYSTEM, Role.SYSTEM, now, cohort_id=cohort_id, gates=gates)
    done = 0
    for entry_id, application_id in waiting:
        application = lock_application(session, application_id)
        entry = session.get_one(StreamApplication, entry_id, populate_existing=True)
        if entry.state is StreamApplicationState.APPLIED and application.state is ApplicationState.IN_STREAMS:
            advance(session, entry, "S4", facts, SYSTEM, place_of(application))
            done += 1
    session.flush()
    return done


# --- tasks ----------------------------------------------------------------------------------------------------------


def invite_to_task(
    session: Session, actor: Actor, entry: StreamApplication, evaluation: Evaluation, role: Role, now: datetime
) -> EvaluationInvite:
    """Ask a candidate to do one of the stream's tasks: V1 unless another stream has asked already, the link, and S5.

    A shared task is taken once: where its result is in, the stream simply gains it and nothing is asked. The first who
    asks sends the message. Raises ``Refused``: CONFLICT, NOT_OPEN_YET or CLOSED (the task's window), WRONG_STATE.
    """
    application = lock_application(session, entry.application_id)
    session.refresh(entry)
    if entry.state not in ASKABLE or not in_plan(session, entry.stream_id, evaluation.id):
        raise refuse(Code.WRONG_STATE)
    if actor.person_id is not None and has_conflict(session, actor.person_id, application.id):
        raise refuse(Code.CONFLICT)
    if evaluation.opens_at is not None and now < evaluation.opens_at:
        raise refuse(Code.NOT_OPEN_YET)
    task, asked = invite(session, actor, role, entry, evaluation, now)
    window = window_of(session, task)
    if task.state in OPEN and window.over(now):
        raise refuse(Code.CLOSED)
    context = _task_context(session, entry, task, window.due_at)
    if entry.state is StreamApplicationState.IN_REVIEW and task.state in OPEN:
        facts = facts_of(
            session,
            actor,
            role,
            now,
            cohort_id=application.cohort_id,
            task_released=True,
            no_open_conflict=True,
        )
        letter = letter_to(session, application.person_id, **context) if asked else BY_BATCH
        advance(session, entry, "S5", facts, actor, place_of(application), letter=letter)
    elif asked:
        letter = letter_to(session, application.person_id, **context)
        outbox.queue(
            session,
            Mail.TASK_INVITATION,
            cause=f"evaluation_invite:{task.id}:{now.isoformat()}",
            now=now,
            person_id=letter.person_id,
            recipient=letter.recipient,
            context=letter.context,
        )
    session.flush()
    return task


@dataclass(frozen=True, slots=True)
class InvitedAll:
    """How many people were asked, how many invitations that made, and how many tasks could not be sent (closed)."""

    people: int
    invitations: int
    closed: int


def to_invite(session: Session, actor: Actor, stream_id: int, now: datetime) -> tuple[list[int], list[Evaluation]]:
    """Whom "invite everybody" would ask, and for which tasks: the plan's required ones that are open now."""
    plan = list(
        session.scalars(
            sa.select(Evaluation)
            .join(StreamEvaluation, StreamEvaluation.evaluation_id == Evaluation.id)
            .where(
                StreamEvaluation.stream_id == stream_id,
                StreamEvaluation.required,
                sa.or_(Evaluation.opens_at.is_(None), Evaluation.opens_at <= now),
                sa.or_(Evaluation.due_at.is_(None), Evaluation.due_at > now),
            )
            .order_by(StreamEvaluation.position, Evaluation.id)
        )
    )
    free = sa.select(StreamApplication.id).where(
        StreamApplication.stream_id == stream_id, StreamApplication.state == StreamApplicationState.IN_REVIEW
    )
    if actor.person_id is not None:
        free = free.where(~in_conflict(actor.person_id, StreamApplication.application_id))
    return list(session.scalars(free.order_by(StreamApplication.application_id))), plan


def invite_all(session: Session, actor: Actor, stream: Stream, now: datetime, role: Role) -> InvitedAll:
    """Ask everybody the stream has in review for each required task of its plan that is open and not asked yet."""
    people, plan = to_invite(session, actor, stream.id, now)
    asked, invitations, closed = 0, 0, 0
    for entry_id in people:
        entry = session.get_one(StreamApplication, entry_id)
        before = invitations
        for evaluation in plan:
            if _has_link(session, entry_id, evaluation.id):
                continue
            try:
                with session.begin_nested():
                    invite_to_task(session, actor, entry, evaluation, role, now)
            except Refused:
                closed += 1
                continue
            invitations += 1
        asked += invitations > before
    return InvitedAll(asked, invitations, closed)


# --- interviews -----------------------------------------------------------------------------------------------------


def offer_interview(session: Session, actor: Actor, entry: StreamApplication, role: Role, now: datetime) -> Interview:
    """S7 and I1: the candidate may pick a slot; from interviewing only I1 (a second round, or after a no-show).

    Raises ``Refused``: CONFLICT, WRONG_STATE (a task still runs), NOT_OPEN_YET and CLOSED (T10, T11), REPEATED.
    """
    application = lock_application(session, entry.application_id)
    session.refresh(entry)
    if actor.person_id is not None and has_conflict(session, actor.person_id, application.id):
        raise refuse(Code.CONFLICT)
    stream = session.get_one(Stream, entry.stream_id)
    first = entry.state is not StreamApplicationState.INTERVIEWING
    if first:
        facts = facts_of(session, actor, role, now, cohort_id=application.cohort_id, no_open_conflict=True)
        # The interview's own address goes into the message, so the message follows it.
        advance(session, entry, "S7", facts, actor, place_of(application), letter=BY_BATCH)
    interview = open_interview(session, actor, role, entry, application, now)
    session.flush()
    letter = letter_to(
        session,
        application.person_id,
        stream=stream.name,
        href=f"/interviews/{interview.public_id}",
    )
    outbox.queue(
        session,
        Mail.INTERVIEW_SLOTS,
        cause=f"interview:{interview.id}:offered",
        now=now,
        person_id=letter.person_id,
        recipient=letter.recipient,
        context=letter.context,
    )
    return interview


def take_back_interview(
    session: Session, actor: Actor, interview: Interview, role: Role, now: datetime, *, reason: str = ""
) -> None:
    """I7 by the stream, and S7b where no other interview is left."""
    entry = session.get_one(StreamApplication, interview.stream_application_id)
    application = lock_application(session, entry.application_id)
    session.refresh(interview)
    cancel(session, actor, role, interview, now, reason=reason)
    back_in_review(session, actor, application, entry.id, now)


def close_interviews(session: Session, cohort_id: int, now: datetime, limit: int = 200) -> int:
    """After T11, interviews nobody booked are cancelled (I7), and who has none held goes back to review (S7b).

    Returns how many; call until it is 0.
    """
    if not gates_of(session, cohort_id).passed("T11", now):
        return 0
    unbooked = session.execute(
        sa.select(Interview.id, StreamApplication.application_id)
        .join(StreamApplication, StreamApplication.id == Interview.stream_application_id)
        .join(Stream, Stream.id == StreamApplication.stream_id)
        .where(Stream.cohort_id == cohort_id, Interview.state == InterviewState.OFFERED)
        .order_by(StreamApplication.application_id, Interview.id)
        .limit(limit)
    ).all()
    for interview_id, application_id in unbooked:
        application = lock_application(session, application_id)
        interview = session.get_one(Interview, interview_id, populate_existing=True)
        if interview.state is InterviewState.OFFERED:
            cancel(session, SYSTEM, Role.SYSTEM, interview, now)
            back_in_review(session, SYSTEM, application, interview.stream_application_id, now)
    return len(unbooked)


# --- ranking --------------------------------------------------------------------------------------------------------


def lock_ranking(session: Session, actor: Actor, stream: Stream, role: Role, now: datetime) -> Ranking:
    """Lock the stream's ranking; whoever stands in it and is in review or interviewing is assessed (S8).

    Those who are not ranked stay where they are, for a decision of their own.
    """
    waiting = session.execute(
        sa.select(StreamApplication.id, StreamApplication.application_id)
        .where(
            StreamApplication.id.in_(current_ranking(session, stream.id).order),
            StreamApplication.state.in_(TO_ASSESS),
        )
        .order_by(StreamApplication.application_id)
    ).all()
    # Applications before the stream: the order of locks every action keeps.
    applications = {key: lock_application(session, key) for _, key in waiting}
    locked = lock_version(session, actor, stream.id, now=now, by_system=role is Role.SYSTEM)
    ranked = set(locked.order)
    for entry_id, application_id in waiting:
        entry = session.get_one(StreamApplication, entry_id, populate_existing=True)
        if entry_id in ranked and entry.state in TO_ASSESS:
            facts = facts_of(session, actor, role, now, cohort_id=stream.cohort_id, ranking_locked=True)
            advance(session, entry, "S8", facts, actor, place_of(applications[application_id]))
    session.flush()
    return locked


def lock_due_rankings(session: Session, cohort_id: int, now: datetime) -> int:
    """At T12, lock every saved ranking that is strict; one with ties becomes a task for the team, once."""
    if not gates_of(session, cohort_id).passed("T12", now):
        return 0
    newest = (
        sa.select(StreamRanking.stream_id, sa.func.max(StreamRanking.number).label("number"))
        .group_by(StreamRanking.stream_id)
        .subquery()
    )
    streams = session.scalars(
        sa.select(Stream)
        .join(newest, newest.c.stream_id == Stream.id)
        .join(
            StreamRanking,
            sa.and_(StreamRanking.stream_id == Stream.id, StreamRanking.number == newest.c.number),
        )
        .where(Stream.cohort_id == cohort_id, StreamRanking.locked_at.is_(None))
        .order_by(Stream.id)
    ).all()
    done = 0
    for stream in streams:
        try:
            with session.begin_nested():
                lock_ranking(session, SYSTEM, stream, Role.SYSTEM, now)
            done += 1
        except Refused as refused:
            _ask_team(session, stream, refused.refusal.code, now)
    return done


# --- helpers --------------------------------------------------------------------------------------------------------


def _has_link(session: Session, entry_id: int, evaluation_id: int) -> bool:
    query = (
        sa.select(InviteStream.id)
        .join(EvaluationInvite, EvaluationInvite.id == InviteStream.invite_id)
        .where(InviteStream.stream_application_id == entry_id, EvaluationInvite.evaluation_id == evaluation_id)
    )
    return session.scalar(query.limit(1)) is not None


def _task_context(
    session: Session, entry: StreamApplication, task: EvaluationInvite, due_at: datetime | None
) -> dict[str, Any]:
    return {
        "task": task.evaluation.title,
        "streams": list(session.scalars(sa.select(Stream.name).where(Stream.id == entry.stream_id))),
        "due_at": due_at,
        "href": f"/tasks/{task.public_id}",
    }


def _ask_team(session: Session, stream: Stream, code: Code, now: datetime) -> None:
    kind = f"ranking_not_locked:{stream.key}"
    known = sa.select(TeamTask.id).where(TeamTask.cohort_id == stream.cohort_id, TeamTask.kind == kind)
    if session.scalar(known.limit(1)) is None:
        reason = {Code.TIES: "it has ties", Code.NO_DECISION: "it is empty"}.get(code, code.value.replace("_", " "))
        text = f"The ranking of {stream.name} could not be locked at its date: {reason}."
        session.add(TeamTask(cohort_id=stream.cohort_id, kind=kind, text=text, due_at=now))
        session.flush()


__all__ = [
    "InvitedAll",
    "cancel_children",
    "cancel_stream_children",
    "close_interviews",
    "expire_tasks",
    "finish_task_if_done",
    "invite_all",
    "invite_to_task",
    "lock_due_rankings",
    "lock_ranking",
    "offer_interview",
    "restore_stream_children",
    "take_back_interview",
    "take_in",
    "to_invite",
]
