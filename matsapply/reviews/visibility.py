"""What a reader may see, as conditions for queries: nothing in conflict, nothing outside the reader's grants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from matsapply.applications.models import Application, TrackChoice
from matsapply.cohorts.models import Stream, Track
from matsapply.people.models import Person, RoleGrant
from matsapply.people.queries import Sight
from matsapply.reviews.models import ConflictOfInterest
from matsapply.rules.access import POLICY, Act
from matsapply.rules.stages import ApplicationState, ConflictState, Role, Scope

if TYPE_CHECKING:
    from matsapply.rules.access import Actor


# A name of its own: the statement around may list conflicts.
_STANDING = aliased(ConflictOfInterest, name="standing_conflict")


def in_conflict(person_id: Any, application_id: Any) -> sa.Exists:
    """Whether the person has an active conflict of interest with the application (columns or values)."""
    return sa.exists().where(
        _STANDING.person_id == person_id,
        _STANDING.application_id == application_id,
        _STANDING.state == ConflictState.ACTIVE,
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


def people_seen(actor: Actor) -> Sight:
    """The people an actor may see by name, and which of their roles.

    Who reads the people of the whole programme sees everybody. Who reads those of a cohort sees whoever applies there
    (a draft is nobody's to see), whoever has or had a role in it or in the whole programme, and of everybody's roles
    only those. Everybody sees themselves.
    """
    readers = POLICY[Act.PEOPLE_READ]
    if any(grant.scope is Scope.PROGRAM and grant.role in readers for grant in actor.grants):
        return Sight(sa.true(), sa.true())
    oneself = Person.id == (actor.person_id or 0)
    cohorts = sorted(actor.scope_ids(Scope.COHORT, *readers))
    if not cohorts:
        return Sight(oneself, RoleGrant.person_id == (actor.person_id or 0))
    grants = sa.or_(
        RoleGrant.scope == Scope.PROGRAM,
        *(
            sa.and_(RoleGrant.scope == scope, RoleGrant.scope_id.in_(keys))
            for scope, keys in (
                (Scope.COHORT, cohorts),
                (Scope.TRACK, sa.select(Track.id).where(Track.cohort_id.in_(cohorts))),
                (Scope.STREAM, sa.select(Stream.id).where(Stream.cohort_id.in_(cohorts))),
            )
        ),
    )
    applicants = sa.select(Application.person_id).where(
        Application.cohort_id.in_(cohorts), Application.state != ApplicationState.DRAFT
    )
    staff = sa.select(RoleGrant.person_id).where(grants)
    return Sight(sa.or_(oneself, Person.id.in_(applicants), Person.id.in_(staff)), grants)
