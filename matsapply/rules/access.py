"""Who may do what, on one screen.

``POLICY`` names for each act the roles whose grant allows it. How far a grant reaches (cohort, track, stream) is
checked by ``may`` against the subject's ``Reach``; which single subjects an actor sees at all (own application,
assigned files, no conflict of interest) is decided where subjects are loaded, by each concept's
``queries.visible_to``: what may not be seen is absent, so "not yours" and "not there" answer alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum, auto

from matsapply.rules.stages import STAFF, Role, Scope


class Act(StrEnum):
    """Everything a route can ask for. ``PUBLIC`` needs nobody, ``SIGNED_IN`` any person, ``BY_TOKEN`` a valid token."""

    PUBLIC = auto()
    BY_TOKEN = auto()
    SIGNED_IN = auto()
    APPLY = auto()
    APPLICATION_OWN = auto()
    REVIEW_READ = auto()
    REVIEW_WRITE = auto()
    STREAM_READ = auto()
    STREAM_WRITE = auto()
    STREAM_DECIDE = auto()
    COHORT_READ = auto()
    COHORT_CONFIGURE = auto()
    KEY_DATES_SET = auto()
    PEOPLE_READ = auto()
    PEOPLE_GRANT = auto()
    APPLICATIONS_READ = auto()
    APPLICATIONS_ACT = auto()
    THREADS_READ = auto()
    THREADS_ANSWER = auto()
    ASSIGNMENTS_WRITE = auto()
    DECISIONS_READ = auto()
    DECISIONS_WRITE = auto()
    BATCH_RELEASE = auto()
    OFFERS_READ = auto()
    OFFERS_WRITE = auto()
    EXPORT = auto()
    AUDIT_READ = auto()
    SHOWCASE_CURATE = auto()
    DEMO = auto()


EVERYONE = frozenset({Act.PUBLIC, Act.BY_TOKEN})
ANY_PERSON = frozenset({Act.SIGNED_IN, Act.APPLY, Act.APPLICATION_OWN, Act.DEMO})

_STREAM = frozenset({Role.MENTOR, Role.STREAM_LEAD, Role.COORDINATOR, Role.ADMIN})
_TEAM = frozenset({Role.COORDINATOR, Role.ADMIN})
_OVERSIGHT = _TEAM | {Role.AUDITOR}
# Roles whose acts change or show a cohort as a whole: a grant of one reaches a cohort or the programme, never less.
WHOLE_COHORTS = _OVERSIGHT

POLICY: dict[Act, frozenset[Role]] = {
    Act.PUBLIC: frozenset(Role),
    Act.BY_TOKEN: frozenset(Role),
    Act.SIGNED_IN: frozenset(Role),
    Act.APPLY: frozenset(Role),
    Act.APPLICATION_OWN: frozenset(Role),
    Act.DEMO: frozenset(Role),
    Act.REVIEW_READ: frozenset({Role.REVIEWER}),
    Act.REVIEW_WRITE: frozenset({Role.REVIEWER}),
    Act.STREAM_READ: _STREAM | {Role.AUDITOR},
    Act.STREAM_WRITE: _STREAM,
    Act.STREAM_DECIDE: frozenset({Role.STREAM_LEAD, Role.COORDINATOR, Role.ADMIN}),
    Act.COHORT_READ: _OVERSIGHT | {Role.TRACK_LEAD},
    Act.COHORT_CONFIGURE: frozenset({Role.ADMIN}),
    Act.KEY_DATES_SET: _TEAM,
    Act.PEOPLE_READ: _OVERSIGHT,
    Act.PEOPLE_GRANT: frozenset({Role.ADMIN}),
    Act.APPLICATIONS_READ: _OVERSIGHT | {Role.TRACK_LEAD},
    Act.APPLICATIONS_ACT: _TEAM,
    # Threads and requests for accommodation: track leads decide about applications, so they read none.
    Act.THREADS_READ: _OVERSIGHT,
    Act.THREADS_ANSWER: _TEAM,
    Act.ASSIGNMENTS_WRITE: _TEAM,
    Act.DECISIONS_READ: _OVERSIGHT | {Role.TRACK_LEAD},
    Act.DECISIONS_WRITE: frozenset({Role.TRACK_LEAD, Role.COORDINATOR, Role.ADMIN}),
    Act.BATCH_RELEASE: _TEAM,
    Act.OFFERS_READ: _OVERSIGHT,
    Act.OFFERS_WRITE: _TEAM,
    Act.EXPORT: _OVERSIGHT,
    Act.AUDIT_READ: frozenset({Role.ADMIN, Role.AUDITOR}),
    Act.SHOWCASE_CURATE: _TEAM,
}


@dataclass(frozen=True, slots=True)
class Grant:
    """One role in force now. ``scope_id`` is the internal key of the cohort, track or stream; None for the program."""

    role: Role
    scope: Scope
    scope_id: int | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a subject lies: the keys a grant's scope is compared with. An unset key matches only wider grants."""

    cohort_id: int | None = None
    track_ids: frozenset[int] = frozenset()
    stream_id: int | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking: a person (None when anonymous) and the grants in force at this instant."""

    person_id: int | None = None
    grants: frozenset[Grant] = field(default_factory=frozenset)

    @property
    def anonymous(self) -> bool:
        return self.person_id is None

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(grant.role for grant in self.grants)

    @property
    def is_staff(self) -> bool:
        return bool(self.roles & STAFF)

    def holds(self, role: Role, reach: Reach | None = None) -> bool:
        """Whether a grant of ``role`` covers ``reach`` (any grant of it, where no reach is given)."""
        return any(grant.role is role and (reach is None or covers(grant, reach)) for grant in self.grants)

    def scope_ids(self, scope: Scope, *roles: Role) -> frozenset[int]:
        """The keys of the cohorts, tracks or streams for which the actor holds one of ``roles``."""
        return frozenset(
            grant.scope_id
            for grant in self.grants
            if grant.scope is scope and grant.role in roles and grant.scope_id is not None
        )


ANONYMOUS = Actor()
# Whoever does what follows from a rule or a date, without being asked.
SYSTEM = Actor()


def covers(grant: Grant, reach: Reach) -> bool:
    """Whether the grant's scope contains the subject."""
    match grant.scope:
        case Scope.PROGRAM:
            return True
        case Scope.COHORT:
            return grant.scope_id == reach.cohort_id
        case Scope.TRACK:
            return grant.scope_id in reach.track_ids
        case Scope.STREAM:
            return grant.scope_id == reach.stream_id


def may(actor: Actor, act: Act, reach: Reach | None = None) -> bool:
    """Whether ``actor`` may do ``act`` on something that lies at ``reach`` (anywhere, where none is given)."""
    if act in EVERYONE:
        return True
    if actor.anonymous:
        return False
    if act in ANY_PERSON:
        return True
    return any(grant.role in POLICY[act] and (reach is None or covers(grant, reach)) for grant in actor.grants)


def role_for(actor: Actor, allowed: frozenset[Role], reach: Reach) -> Role | None:
    """The role in which an actor makes a move: the first of ``allowed`` (by name) that one of the grants gives here."""
    held = {grant.role for grant in actor.grants if grant.role in allowed and covers(grant, reach)}
    return min(held, default=None, key=lambda role: list(Role).index(role))
