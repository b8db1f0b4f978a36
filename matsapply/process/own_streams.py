"""The streams a person reads for, and the people of a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.cohorts.models import Cohort, Mentor, Stream, StreamTrack, Track
from matsapply.people.models import Person, RoleGrant
from matsapply.people.queries import in_force
from matsapply.rules.access import POLICY, Act, Reach
from matsapply.rules.stages import CohortState, InterviewPlan, Role, Scope, StreamState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor


@dataclass(frozen=True, slots=True)
class OwnStream:
    """A stream the actor may read, with what its pages need. ``ref`` is its name in addresses: the key, with the cohort
    behind it (``oversight@2027-06``) where a newer cohort of the actor's has a stream of that key too."""

    id: int
    ref: str
    key: str
    name: str
    description: str
    state: StreamState
    cohort_id: int
    cohort_key: str
    cohort_label: str
    seats_target: int | None
    seats_max: int | None
    interview: InterviewPlan
    track_ids: frozenset[int]
    track_keys: frozenset[str]
    main_track_id: int | None

    @property
    def reach(self) -> Reach:
        return Reach(self.cohort_id, self.track_ids, self.id)


def mentor_streams(session: Session, actor: Actor) -> list[OwnStream]:
    """The streams a grant of the actor covers for reading, newest cohort first. Two queries."""
    roles = POLICY[Act.STREAM_READ]
    covered: list[sa.ColumnElement[bool]] = []
    for grant in actor.grants:
        if grant.role not in roles:
            continue
        match grant.scope:
            case Scope.PROGRAM:
                covered.append(sa.true())
            case Scope.COHORT:
                covered.append(Stream.cohort_id == grant.scope_id)
            case Scope.TRACK:
                covered.append(
                    sa.exists().where(StreamTrack.stream_id == Stream.id, StreamTrack.track_id == grant.scope_id)
                )
            case Scope.STREAM:
                covered.append(Stream.id == grant.scope_id)
    if not covered:
        return []
    rows = session.execute(
        sa.select(Stream, Cohort.key, Cohort.label)
        .join(Cohort, Cohort.id == Stream.cohort_id)
        .where(sa.or_(*covered), Cohort.state != CohortState.ARCHIVED)
        .order_by(Cohort.key.desc(), Stream.position, Stream.id)
    ).all()
    tracks: dict[int, list[tuple[int, str, bool]]] = {}
    for stream_id, track_id, key, is_main in session.execute(
        sa.select(StreamTrack.stream_id, StreamTrack.track_id, Track.key, StreamTrack.is_main)
        .join(Track, Track.id == StreamTrack.track_id)
        .where(StreamTrack.stream_id.in_([row[0].id for row in rows]))
    ):
        tracks.setdefault(stream_id, []).append((track_id, key, is_main))
    newest: dict[str, str] = {}
    for stream, cohort_key, _ in rows:
        newest.setdefault(stream.key, cohort_key)
    return [
        _own_stream(stream, key, label, tracks.get(stream.id, []), newest[stream.key]) for stream, key, label in rows
    ]


def named(streams: Iterable[OwnStream], ref: str) -> OwnStream | None:
    """The stream an address speaks of: by ``ref``, or by key and cohort."""
    return next((stream for stream in streams if ref in {stream.ref, f"{stream.key}@{stream.cohort_key}"}), None)


def _own_stream(
    stream: Stream, cohort_key: str, label: str, tracks: list[tuple[int, str, bool]], newest: str
) -> OwnStream:
    return OwnStream(
        id=stream.id,
        ref=stream.key if cohort_key == newest else f"{stream.key}@{cohort_key}",
        key=stream.key,
        name=stream.name,
        description=stream.description,
        state=stream.state,
        cohort_id=stream.cohort_id,
        cohort_key=cohort_key,
        cohort_label=label,
        seats_target=stream.seats_target,
        seats_max=stream.seats_max,
        interview=stream.interview,
        track_ids=frozenset(track_id for track_id, _, _ in tracks),
        track_keys=frozenset(key for _, key, _ in tracks),
        main_track_id=next((track_id for track_id, _, is_main in tracks if is_main), None),
    )


def stream_people(session: Session, stream_id: int, now: datetime) -> list[tuple[int, str]]:
    """Who may interview for the stream: its listed mentors who are known as people, and whoever holds a role in it."""
    holders = sa.select(RoleGrant.person_id).where(
        RoleGrant.scope == Scope.STREAM,
        RoleGrant.scope_id == stream_id,
        RoleGrant.role.in_([Role.MENTOR, Role.STREAM_LEAD]),
        in_force(now),
    )
    listed = sa.select(Mentor.person_id).where(
        Mentor.stream_id == stream_id,
        Mentor.person_id.is_not(None),
        sa.or_(Mentor.ends_at.is_(None), Mentor.ends_at > now),
    )
    rows = session.execute(
        sa.select(Person.id, Person.display_name)
        .where(sa.or_(Person.id.in_(holders), Person.id.in_(listed)))
        .order_by(Person.display_name, Person.id)
    )
    return [(row[0], row[1]) for row in rows]
