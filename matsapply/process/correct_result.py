"""A wrong first result that people have read already: put right by two admins, released as a batch of its own (E38).

Nothing is taken back: the wrong decision, its batch and its message stay in the log, and a correction adds to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.locks import lock_application
from matsapply.applications.models import Application, TrackChoice
from matsapply.decisions.actions import open_batch, record_decision
from matsapply.decisions.models import Decision, ReleaseBatch
from matsapply.process.corrections import correct_closing
from matsapply.process.release import release, seal
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import (
    ApplicationState,
    BatchScope,
    BatchState,
    CloseReason,
    DecisionPath,
    Outcome,
    Role,
    TrackChoiceState,
)
from matsapply.tracking.actions import BY_BATCH

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

REASON = "correction of a released result"
CORRECTED = frozenset({CloseReason.NOT_ADVANCED, CloseReason.INELIGIBLE})


def correctable(session: Session, application_id: int) -> list[tuple[int, int]]:
    """The track choices (with their tracks) that a correction could advance: of an application that a released first
    result has closed. One query."""
    rows = session.execute(
        sa.select(TrackChoice.id, TrackChoice.track_id)
        .join(Application, Application.id == TrackChoice.application_id)
        .where(
            Application.id == application_id,
            Application.state == ApplicationState.CLOSED,
            Application.close_reason.in_(CORRECTED),
            TrackChoice.state == TrackChoiceState.NOT_ADVANCED,
        )
        .order_by(TrackChoice.rank)
    )
    return [(row.id, row.track_id) for row in rows]


def advance_after_all(
    session: Session, actor: Actor, choice: TrackChoice, *, second_actor_id: int, apology: str, now: datetime
) -> ReleaseBatch:
    """Advance a track choice whose refusal was an error, and tell its applicant at once, with the apology.

    The application stands again as before (A13), its other tracks are refused as they were, and a correction batch
    of one is sealed and released. Raises ``Refused``: WRONG_STATE (nothing of it was released), REASON_NEEDED (no
    apology), SECOND_PERSON_NEEDED, CONFLICT, and what ``correct_closing`` and ``release`` refuse.
    """
    if not apology.strip():
        raise refuse(Code.REASON_NEEDED)
    if actor.person_id is None or second_actor_id == actor.person_id:
        raise refuse(Code.SECOND_PERSON_NEEDED)
    application = lock_application(session, choice.application_id)
    session.refresh(choice)
    wrong = _wrong_batch(session, application)
    if wrong is None or choice.state is not TrackChoiceState.NOT_ADVANCED:
        raise refuse(Code.WRONG_STATE)
    told = _feedback(session, application)
    correct_closing(
        session, actor, application, second_actor_id=second_actor_id, reason=apology, now=now, letter=BY_BATCH
    )
    batch = open_batch(
        session,
        actor,
        Role.ADMIN,
        application.cohort_id,
        BatchScope.CORRECTION,
        f"Correction of {wrong.label}"[:120],
        now,
        corrects_id=wrong.id,
    )
    for own in session.scalars(
        sa.select(TrackChoice)
        .where(TrackChoice.application_id == application.id, TrackChoice.state == TrackChoiceState.CHOSEN)
        .order_by(TrackChoice.rank)
    ).all():
        decision = record_decision(
            session,
            actor,
            role=Role.ADMIN,
            application=application,
            track_choice=own,
            outcome=Outcome.ADVANCE if own.id == choice.id else Outcome.NOT_ADVANCE,
            now=now,
            path=DecisionPath.EXCEPTION,
            reason_code=REASON,
            second_actor_id=second_actor_id,
            feedback="" if own.id == choice.id else told.get(own.id, ""),
        )
        decision.batch_id = batch.id
        batch.member_count += 1
    session.flush()
    seal(session, actor, batch, role=Role.ADMIN, now=now)
    release(session, actor, batch, role=Role.ADMIN, now=now, apology=apology)
    return batch


def _feedback(session: Session, application: Application) -> dict[int, str]:
    """What was written with the released refusals, by track choice: it stays with those that are refused again."""
    rows = session.execute(
        sa.select(Decision.track_choice_id, Decision.feedback).where(
            Decision.application_id == application.id,
            Decision.superseded_at.is_(None),
            Decision.track_choice_id.is_not(None),
        )
    )
    return dict(rows.all())


def _wrong_batch(session: Session, application: Application) -> ReleaseBatch | None:
    """The newest released batch with a result of the application."""
    return session.scalars(
        sa.select(ReleaseBatch)
        .join(Decision, Decision.batch_id == ReleaseBatch.id)
        .where(Decision.application_id == application.id, ReleaseBatch.state == BatchState.RELEASED)
        .order_by(ReleaseBatch.released_at.desc(), ReleaseBatch.id.desc())
        .limit(1)
    ).one_or_none()
