"""A reviewer's own terms in a cohort: how much they read, what they read well, and that they have left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.audit import actions as audit
from matsapply.reviews.actions import reassign
from matsapply.reviews.models import ReaderTerms, ReviewAssignment, ReviewRound
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import ACTIVE_ASSIGNMENT, Role, RoundKind

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor


def terms_of(session: Session, cohort_id: int, person_id: int) -> ReaderTerms:
    """The reviewer's terms in the cohort, made where there are none."""
    found = session.scalars(
        sa.select(ReaderTerms).where(ReaderTerms.cohort_id == cohort_id, ReaderTerms.person_id == person_id)
    ).one_or_none()
    if found is None:
        found = ReaderTerms(cohort_id=cohort_id, person_id=person_id, tracks=[], languages=[])
        session.add(found)
    return found


def reader_leaves(
    session: Session, actor: Actor, cohort_id: int, person_id: int, reason: str, now: datetime, *, role: Role
) -> int:
    """E43: a reviewer reads no more. Their open readings are taken back (D7), with their drafts kept and not counted;
    what they finished counts. Returns how many were taken back; the next plan gives them to others."""
    if not reason.strip():
        raise refuse(Code.REASON_NEEDED)
    terms = terms_of(session, cohort_id, person_id)
    if terms.left_at is not None:
        raise refuse(Code.NO_CHANGE)
    terms.left_at = now
    session.flush()
    rows = session.scalars(
        sa.select(ReviewAssignment)
        .join(ReviewRound, ReviewRound.id == ReviewAssignment.round_id)
        .where(
            ReviewRound.cohort_id == cohort_id,
            ReviewRound.kind == RoundKind.CENTRAL_SCORE,
            ReviewAssignment.reviewer_id == person_id,
            ReviewAssignment.state.in_(ACTIVE_ASSIGNMENT),
        )
        .order_by(ReviewAssignment.application_id, ReviewAssignment.id)
    ).all()
    for one in rows:
        reassign(session, actor, one, now, role=role)
    audit.record(
        session, actor, "reader.left", now, subject_type="person", subject_id=person_id, actor_role=role.value,
        cohort_id=cohort_id, reason=reason, detail={"taken": len(rows)},
    )  # fmt: skip
    return len(rows)


def reader_returns(
    session: Session, actor: Actor, cohort_id: int, person_id: int, now: datetime, *, role: Role
) -> None:
    """Whoever left is given readings again by the next plan."""
    terms = terms_of(session, cohort_id, person_id)
    if terms.left_at is None:
        raise refuse(Code.NO_CHANGE)
    terms.left_at = None
    audit.record(
        session, actor, "reader.returned", now, subject_type="person", subject_id=person_id, actor_role=role.value,
        cohort_id=cohort_id,
    )  # fmt: skip
    session.flush()
