"""Recording decisions and gathering them in release batches. Nothing here is visible to an applicant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.facts import facts_of, place_of
from matsapply.applications.models import Application, StreamApplication, TrackChoice
from matsapply.audit import actions as audit
from matsapply.cohorts.models import Rubric
from matsapply.decisions.models import BatchExclusion, Decision, ReleaseBatch
from matsapply.reviews.models import ConflictOfInterest
from matsapply.rules.access import Actor
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import (
    LIVE_STREAM_APPLICATION,
    NEGATIVE_OUTCOMES,
    ApplicationState,
    BatchScope,
    BatchState,
    ConflictState,
    DecisionPath,
    Outcome,
    Role,
    RubricKind,
    StreamApplicationState,
    TrackChoiceState,
)
from matsapply.rules.standing import clearly_below
from matsapply.tracking.actions import Place, advance, begin

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

# Somebody on the waitlist is promoted, or refused when it closes (S12, S13): no decision moves them.
DECIDABLE = LIVE_STREAM_APPLICATION - {
    StreamApplicationState.CHOSEN,
    StreamApplicationState.OFFERED,
    StreamApplicationState.WAITLISTED,
}


def record_decision(
    session: Session,
    actor: Actor,
    *,
    role: Role,
    application: Application,
    outcome: Outcome,
    now: datetime,
    track_choice: TrackChoice | None = None,
    stream_application: StreamApplication | None = None,
    path: DecisionPath = DecisionPath.STANDARD,
    reason_code: str = "",
    second_actor_id: int | None = None,
    feedback: str = "",
) -> Decision:
    """Record (or replace, while unreleased) the decision on a track choice, a stream application or an application.

    Raises ``Refused``: CONFLICT, WRONG_STATE (already released or sealed), SECOND_PERSON_NEEDED, RANKING_NOT_LOCKED;
    and, unless by the exception path, NOT_FINISHED (a negative decision on a track before enough people have read) and
    BELOW_BAR (advancing somebody who stands clearly below the track's bar).
    """
    if actor.person_id is None:
        raise refuse(Code.WRONG_ROLE)
    if application.person_id == actor.person_id or has_conflict(session, actor.person_id, application.id):
        raise refuse(Code.CONFLICT)
    if path is DecisionPath.EXCEPTION:
        if not reason_code:
            raise refuse(Code.REASON_NEEDED)
        if second_actor_id in {None, actor.person_id}:
            raise refuse(Code.SECOND_PERSON_NEEDED)
    _check_subject(session, application, track_choice, stream_application, outcome, path)
    former = _current(session, application, track_choice, stream_application)
    if former is not None:
        _supersede(session, former, now)
    decision = Decision(
        cohort_id=application.cohort_id,
        application_id=application.id,
        track_choice_id=track_choice.id if track_choice else None,
        stream_application_id=stream_application.id if stream_application else None,
        outcome=outcome,
        path=path,
        reason_code=reason_code,
        feedback=feedback,
        actor_id=actor.person_id,
        second_actor_id=second_actor_id,
        recorded_at=now,
    )
    session.add(decision)
    session.flush()
    audit.record(
        session,
        actor,
        "decision.recorded",
        now,
        subject_type="decision",
        subject_id=decision.id,
        actor_role=role.value,
        second_actor_id=second_actor_id,
        cohort_id=application.cohort_id,
        before=former.outcome.value if former else "",
        after=outcome.value,
        reason=reason_code,
    )
    if stream_application is not None and stream_application.state in {
        StreamApplicationState.IN_REVIEW,
        StreamApplicationState.INTERVIEWING,
    }:
        facts = facts_of(session, actor, Role.SYSTEM, now, cohort_id=application.cohort_id, decision_recorded=True)
        advance(session, stream_application, "S8", facts, actor, place_of(application))
    return decision


def has_conflict(session: Session, person_id: int, application_id: int) -> bool:
    """Whether an active conflict of interest stands between the person and the application."""
    found = sa.select(ConflictOfInterest.id).where(
        ConflictOfInterest.person_id == person_id,
        ConflictOfInterest.application_id == application_id,
        ConflictOfInterest.state == ConflictState.ACTIVE,
    )
    return session.scalar(found.limit(1)) is not None


def required_readers(session: Session, cohort_id: int) -> int:
    """How many people must have read before a negative decision: the readers of the central scoring rubric."""
    query = sa.select(sa.func.max(Rubric.readers)).where(
        Rubric.cohort_id == cohort_id, Rubric.kind == RubricKind.CENTRAL_SCORE
    )
    return session.scalar(query) or 1


def _check_subject(
    session: Session,
    application: Application,
    track_choice: TrackChoice | None,
    stream_application: StreamApplication | None,
    outcome: Outcome,
    path: DecisionPath,
) -> None:
    if stream_application is not None:
        if stream_application.state not in DECIDABLE:
            raise refuse(Code.WRONG_STATE)
        positive = outcome in {Outcome.OFFER, Outcome.WAITLIST}
        if positive and stream_application.state is not StreamApplicationState.ASSESSED:
            raise refuse(Code.RANKING_NOT_LOCKED)
        return
    if application.state is not ApplicationState.SUBMITTED:
        raise refuse(Code.WRONG_STATE)
    if track_choice is None:
        return
    if track_choice.state is not TrackChoiceState.CHOSEN:
        raise refuse(Code.WRONG_STATE)
    enough = application.score_count >= required_readers(session, application.cohort_id)
    if path is DecisionPath.EXCEPTION:
        return
    if outcome in NEGATIVE_OUTCOMES and not enough:
        raise refuse(Code.NOT_FINISHED, f"{application.score_count} of the needed readings are in.")
    if outcome is Outcome.ADVANCE and track_choice.chance is not None and clearly_below(track_choice.chance):
        raise refuse(Code.BELOW_BAR)


def _current(
    session: Session,
    application: Application,
    track_choice: TrackChoice | None,
    stream_application: StreamApplication | None,
) -> Decision | None:
    query = sa.select(Decision).where(Decision.superseded_at.is_(None))
    if track_choice is not None:
        query = query.where(Decision.track_choice_id == track_choice.id)
    elif stream_application is not None:
        query = query.where(Decision.stream_application_id == stream_application.id)
    else:
        query = query.where(Decision.application_id == application.id, Decision.outcome == Outcome.INELIGIBLE)
    return session.scalar(query)


def _supersede(session: Session, former: Decision, now: datetime) -> None:
    if former.batch_id is not None:
        batch = session.get_one(ReleaseBatch, former.batch_id)
        if batch.state in {BatchState.SEALED, BatchState.RELEASED}:
            raise refuse(Code.WRONG_STATE)
        batch.member_count -= 1
    former.superseded_at = now
    session.flush()


# --- batches --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Missing:
    """Somebody in a batch's scope without a decision and without an exclusion."""

    application_id: int
    public_id: str
    subject: str


def open_batch(
    session: Session,
    actor: Actor,
    role: Role,
    cohort_id: int,
    scope: BatchScope,
    label: str,
    now: datetime,
    *,
    corrects_id: int | None = None,
) -> ReleaseBatch:
    """An empty batch, to which ``gather`` adds what is decided; a correction names the batch it corrects."""
    batch = ReleaseBatch(cohort_id=cohort_id, scope=scope, label=label, corrects_id=corrects_id)
    begin(session, batch, "RB1", facts_of(session, actor, role, now, cohort_id=cohort_id), actor, Place(cohort_id))
    return batch


def gather(session: Session, batch: ReleaseBatch) -> int:
    """Put every current, unreleased decision of the batch's scope into the open batch; returns how many it holds."""
    if batch.state is not BatchState.OPEN:
        raise refuse(Code.WRONG_STATE)
    excluded = sa.select(BatchExclusion.application_id).where(BatchExclusion.batch_id == batch.id)
    free = sa.select(Decision.id).where(
        Decision.cohort_id == batch.cohort_id,
        Decision.superseded_at.is_(None),
        Decision.batch_id.is_(None),
        Decision.application_id.not_in(excluded),
    )
    match batch.scope:
        case BatchScope.FIRST_RESULT:
            free = free.where(Decision.outcome.in_([Outcome.ADVANCE, Outcome.NOT_ADVANCE, Outcome.INELIGIBLE]))
        case BatchScope.OFFERS:
            free = free.where(Decision.stream_application_id.is_not(None))
        case BatchScope.EARLY:
            free = free.where(Decision.outcome == Outcome.NOT_SELECT)
        case BatchScope.CORRECTION:
            free = free.where(sa.false())
    session.execute(
        sa.update(Decision).where(Decision.id.in_(free)).values(batch_id=batch.id),
        execution_options={"synchronize_session": "fetch"},
    )
    batch.member_count = _members(session, batch)
    return batch.member_count


def _members(session: Session, batch: ReleaseBatch) -> int:
    held = sa.select(sa.func.count()).where(Decision.batch_id == batch.id, Decision.superseded_at.is_(None))
    return session.scalar(held) or 0


def missing(session: Session, batch: ReleaseBatch, limit: int = 500) -> list[Missing]:
    """The completeness check: who is in scope, undecided and not excluded. Empty means nobody is forgotten."""
    excluded = sa.select(BatchExclusion.application_id).where(BatchExclusion.batch_id == batch.id)
    decided = sa.and_(Decision.batch_id == batch.id, Decision.superseded_at.is_(None))
    match batch.scope:
        case BatchScope.FIRST_RESULT:
            ineligible = sa.select(Decision.application_id).where(decided, Decision.outcome == Outcome.INELIGIBLE)
            query = (
                sa.select(Application.id, Application.public_id, TrackChoice.track_id)
                .join(TrackChoice, TrackChoice.application_id == Application.id)
                .outerjoin(Decision, sa.and_(Decision.track_choice_id == TrackChoice.id, decided))
                .where(
                    Application.cohort_id == batch.cohort_id,
                    Application.state == ApplicationState.SUBMITTED,
                    TrackChoice.state == TrackChoiceState.CHOSEN,
                    Decision.id.is_(None),
                    Application.id.not_in(excluded),
                    Application.id.not_in(ineligible),
                )
            )
        case BatchScope.OFFERS:
            query = (
                sa.select(Application.id, Application.public_id, StreamApplication.stream_id)
                .join(StreamApplication, StreamApplication.application_id == Application.id)
                .outerjoin(Decision, sa.and_(Decision.stream_application_id == StreamApplication.id, decided))
                .where(
                    Application.cohort_id == batch.cohort_id,
                    Application.state == ApplicationState.IN_STREAMS,
                    StreamApplication.state.in_(DECIDABLE | {StreamApplicationState.CHOSEN}),
                    Decision.id.is_(None),
                    Application.id.not_in(excluded),
                )
            )
        case _:
            return []
    rows = session.execute(query.order_by(Application.id).limit(limit)).all()
    return [Missing(row[0], row[1], str(row[2])) for row in rows]


def exclude(
    session: Session, actor: Actor, batch: ReleaseBatch, application_id: int, reason: str, now: datetime
) -> None:
    """Leave an application out of a batch on purpose: what was gathered of it goes back, recorded and unreleased."""
    if batch.state is not BatchState.OPEN:
        raise refuse(Code.WRONG_STATE)
    if not reason.strip() or actor.person_id is None:
        raise refuse(Code.REASON_NEEDED)
    session.add(
        BatchExclusion(batch_id=batch.id, application_id=application_id, reason=reason, actor_id=actor.person_id)
    )
    session.flush()
    session.execute(
        sa.update(Decision)
        .where(Decision.batch_id == batch.id, Decision.application_id == application_id)
        .values(batch_id=None),
        execution_options={"synchronize_session": "fetch"},
    )
    batch.member_count = _members(session, batch)
    audit.record(
        session,
        actor,
        "batch.excluded",
        now,
        subject_type="batch",
        subject_id=batch.id,
        cohort_id=batch.cohort_id,
        reason=reason,
        detail={"application": application_id},
    )


def open_conflicts(session: Session, batch: ReleaseBatch) -> int:
    """Decisions of the batch taken by somebody who has a conflict of interest with the applicant."""
    query = (
        sa.select(sa.func.count(sa.distinct(Decision.id)))
        .join(
            ConflictOfInterest,
            sa.and_(
                ConflictOfInterest.application_id == Decision.application_id,
                ConflictOfInterest.person_id.in_([Decision.actor_id, Decision.second_actor_id]),
                ConflictOfInterest.state == ConflictState.ACTIVE,
            ),
        )
        .where(Decision.batch_id == batch.id, Decision.superseded_at.is_(None))
    )
    return session.scalar(query) or 0


def doubted(session: Session, batch: ReleaseBatch) -> int:
    """Decisions of the batch that have to be taken again: a conflict of interest came to light after them."""
    query = sa.select(sa.func.count()).where(
        Decision.batch_id == batch.id, Decision.superseded_at.is_(None), Decision.doubted_at.is_not(None)
    )
    return session.scalar(query) or 0


def take_again(session: Session, actor: Actor, role: Role, decision: Decision, now: datetime) -> Decision:
    """Record a doubted decision once more as it was, by somebody without a conflict and by the rules as of now.

    Refuses NO_CHANGE where it is not in doubt, WRONG_STATE while its batch is sealed, and what ``record_decision`` may.
    """
    if decision.doubted_at is None or decision.superseded_at is not None:
        raise refuse(Code.NO_CHANGE)
    second = decision.second_actor_id
    if second is not None and (second == actor.person_id or has_conflict(session, second, decision.application_id)):
        raise refuse(Code.SECOND_PERSON_NEEDED)
    return record_decision(
        session, actor, role=role, application=decision.application, outcome=decision.outcome, now=now,
        track_choice=decision.track_choice, stream_application=decision.stream_application, path=decision.path,
        reason_code=decision.reason_code, second_actor_id=second, feedback=decision.feedback,
    )  # fmt: skip


def unseal(session: Session, actor: Actor, role: Role, batch: ReleaseBatch, now: datetime) -> None:
    """Open a sealed batch again, so that a decision can be changed before the release."""
    facts = facts_of(session, actor, role, now, cohort_id=batch.cohort_id)
    advance(session, batch, "RB5", facts, actor, Place(batch.cohort_id))
    batch.sealed_at = None
    batch.sealed_by_id = None


def cancel_batch(session: Session, actor: Actor, role: Role, batch: ReleaseBatch, reason: str, now: datetime) -> None:
    """Dissolve a batch; its decisions stay recorded and can be gathered by another one."""
    facts = facts_of(session, actor, role, now, cohort_id=batch.cohort_id, reason=reason)
    advance(session, batch, "RB4", facts, actor, Place(batch.cohort_id))
    session.execute(
        sa.update(Decision).where(Decision.batch_id == batch.id).values(batch_id=None),
        execution_options={"synchronize_session": "fetch"},
    )
    batch.member_count = 0
