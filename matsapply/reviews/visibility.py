"""What a reader may see, as conditions for queries: nothing in conflict, nothing outside the reader's grants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from matsapply.applications.models import Application, TrackChoice
from matsapply.reviews.models import ConflictOfInterest
from matsapply.rules.stages import ConflictState, Role, Scope

if TYPE_CHECKING:
    from matsapply.rules.access import Actor


def in_conflict(person_id: Any, application_id: Any) -> sa.Exists:
    """Whether the person has an active conflict of interest with the application (columns or values)."""
    return sa.exists().where(
        ConflictOfInterest.person_id == person_id,
        ConflictOfInterest.application_id == application_id,
        ConflictOfInterest.state == ConflictState.ACTIVE,
    )


def within_grants(actor: Actor, *roles: Role) -> sa.ColumnElement[bool]:
    """The applications that a grant of one of ``roles`` covers: all, those of a cohort, or those with a track."""
    if any(grant.scope is Scope.PROGRAM and grant.role in roles for grant in actor.grants):
        return sa.true()
    covered: list[sa.ColumnElement[bool]] = []
    if cohorts := actor.scope_ids(Scope.COHORT, *roles):
        covered.append(Application.cohort_id.in_(sorted(cohorts)))
    if tracks := actor.scope_ids(Scope.TRACK, *roles):
        # An alias of its own: the statement around may speak of track choices too.
        choice = aliased(TrackChoice)
        covered.append(Application.id.in_(sa.select(choice.application_id).where(choice.track_id.in_(sorted(tracks)))))
    return sa.or_(*covered) if covered else sa.false()
