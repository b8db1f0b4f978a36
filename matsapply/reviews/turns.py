"""Whose turn it is: a reading is put off, or a reader whose own queue is done takes one more.

Which one that is follows from what the plan still wants; it is not the reader's choice.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Application, TeamTask
from matsapply.people.models import Person
from matsapply.platform.db import fetch
from matsapply.reviews.models import ConflictOfInterest, ReaderTerms, ReviewAssignment, ReviewRound
from matsapply.reviews.queries import KEPT_STATEMENTS, READER, next_open
from matsapply.reviews.rounds import OCCUPIED, THIRD_READER, assign
from matsapply.reviews.visibility import in_conflict, within_grants
from matsapply.rules.access import Actor
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import ACTIVE_ASSIGNMENT, ApplicationState, ConflictState, Role, RoundKind

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Grant

AT_ONCE = 20  # candidates looked at before the reader is told that nothing is free


@lru_cache(maxsize=KEPT_STATEMENTS)
def _free(grants: frozenset[Grant]) -> sa.Select[Any]:
    """(round, application) that want a reader and may be given to ``READER``: a third reader that was asked for first,
    then what fewest have read or are to read, then what came in first."""
    mine, taken, asked = sa.orm.aliased(ReviewAssignment), sa.orm.aliased(ReviewAssignment), TeamTask
    readers = (
        sa.select(sa.func.count())
        .select_from(taken)
        .where(taken.round_id == ReviewRound.id, taken.application_id == Application.id, taken.state.in_(OCCUPIED))
        .scalar_subquery()
    )
    third = sa.exists().where(
        asked.application_id == Application.id, asked.kind == THIRD_READER, asked.done_at.is_(None)
    )
    had = sa.exists().where(
        mine.round_id == ReviewRound.id, mine.application_id == Application.id, mine.reviewer_id == READER
    )
    # A guess that waits for somebody to look at it keeps the application away, as from a plan.
    doubtful = sa.exists().where(
        ConflictOfInterest.person_id == READER,
        ConflictOfInterest.application_id == Application.id,
        ConflictOfInterest.state == ConflictState.PROPOSED,
    )
    left = sa.exists().where(
        ReaderTerms.person_id == READER,
        ReaderTerms.cohort_id == ReviewRound.cohort_id,
        sa.or_(ReaderTerms.left_at.is_not(None), ReaderTerms.most == 0),
    )
    return (
        sa.select(ReviewRound.id.label("round_id"), Application.id.label("application_id"))
        .join(Application, Application.cohort_id == ReviewRound.cohort_id)
        .where(
            ReviewRound.kind == RoundKind.CENTRAL_SCORE,
            ReviewRound.closed_at.is_(None),
            Application.state == ApplicationState.SUBMITTED,
            Application.person_id != READER,
            within_grants(Actor(0, grants), Role.REVIEWER),
            ~in_conflict(READER, Application.id),
            ~doubtful,
            ~left,
            ~had,
            readers < ReviewRound.readers + sa.case((third, 1), else_=0),
        )
        .order_by(sa.case((third, 0), else_=1), readers, Application.submitted_at, Application.id)
        .limit(AT_ONCE)
    )


def put_off(session: Session, assignment: ReviewAssignment, now: datetime) -> None:
    """Move an open reading behind the others of its reader. Its draft is not touched, so its version stays."""
    session.flush()
    session.execute(
        sa.update(ReviewAssignment)
        .where(ReviewAssignment.id == assignment.id, ReviewAssignment.state.in_(ACTIVE_ASSIGNMENT))
        .values(skipped_at=now, updated_at=ReviewAssignment.updated_at)
        .execution_options(synchronize_session=False)
    )


def waits(session: Session, actor: Actor) -> bool:
    """Whether there is an application that wants one more reader and could be this one's. One query."""
    return bool(fetch(session, _free(actor.grants), reader=actor.person_id or 0))


def claim(session: Session, actor: Actor, now: datetime) -> str | None:
    """Give the reader the application that wants a reader most (D1).

    Returns the public id of the reading, None where no application wants one. Whoever still has an open reading gets
    that one: two presses of the button are one claim. Two readers who ask at one instant never get the same place: the
    application's row is locked, and one that somebody else holds is passed over.
    Refuses CAP_REACHED.
    """
    reader = actor.person_id
    if reader is None:
        raise refuse(Code.WRONG_ROLE)
    session.execute(sa.select(Person.id).where(Person.id == reader).with_for_update())
    if (present := next_open(session, actor)) is not None:
        return present
    for row in fetch(session, _free(actor.grants), reader=reader):
        held = session.scalars(
            sa.select(Application)
            .where(Application.id == row.application_id)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).one_or_none()
        # Somebody may have taken the place between the look and the lock.
        if held is not None and _still(session, actor, row):
            round_ = session.get_one(ReviewRound, row.round_id)
            return assign(session, actor, round_, held, reader, now, role=Role.SYSTEM).public_id
    return None


def _still(session: Session, actor: Actor, row: Any) -> bool:
    statement = _free(actor.grants).where(Application.id == row.application_id, ReviewRound.id == row.round_id)
    return bool(fetch(session, statement, reader=actor.person_id))
