"""Saving the streams of a cohort file with their tracks, mentors and tasks."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.cohorts.load_parts import Changes, LoadRefused, refuse_missing
from matsapply.cohorts.models import Cohort, Evaluation, Mentor, Stream, StreamEvaluation, StreamTrack, Track
from matsapply.cohorts.states import move_state
from matsapply.rules.stages import Machine

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.cohorts.file_types import StreamEntry
    from matsapply.rules.access import Actor


def save_streams(
    session: Session,
    cohort: Cohort,
    entries: tuple[StreamEntry, ...],
    named: tuple[dict[str, Track], dict[str, Evaluation]],
    now: datetime,
    actor: Actor,
    changes: Changes,
) -> None:
    """Create and update the streams; ``named`` are the cohort's tracks and evaluations by key."""
    tracks, evaluations = named
    rows = {row.key: row for row in session.scalars(sa.select(Stream).where(Stream.cohort_id == cohort.id))}
    refuse_missing(cohort, "stream", rows, [entry.key for entry in entries])
    for position, entry in enumerate(entries, 1):
        _save_stream(session, cohort, rows, entry, position, changes)
    session.flush()
    parts = _Parts(session, cohort.id, tracks, evaluations)
    for entry in entries:
        stream = rows[entry.key]
        if stream.state is not entry.state:
            changes.lines.append(f"stream {stream.key}: state {stream.state} → {entry.state}")
            move_state(session, Machine.STREAM, stream, entry.state, now, actor, cohort.id)
        parts.save_tracks(stream, entry, changes)
        parts.save_mentors(stream, entry, now, changes)
        parts.save_tasks(stream, entry, changes)
    session.flush()


def _save_stream(
    session: Session, cohort: Cohort, rows: dict[str, Stream], entry: StreamEntry, position: int, changes: Changes
) -> None:
    values: dict[str, Any] = {
        "name": entry.name,
        "description": entry.description,
        "areas": list(entry.areas),
        "locations": list(entry.locations),
        "seats_min": entry.seats.min if entry.seats else None,
        "seats_target": entry.seats.target if entry.seats else None,
        "seats_max": entry.seats.max if entry.seats else None,
        "opens_at": entry.opens_at,
        "closes_at": entry.closes.at if entry.closes else None,
        "closes_rule": entry.closes.rule if entry.closes else "",
        "own_calendar": entry.own_calendar,
        "ai_policy": entry.ai_policy,
        "mode": entry.mode,
        "interview": entry.interview,
        "note": entry.note,
        "position": position,
    }
    if entry.key in rows:
        held, most = rows[entry.key].seats_held, values["seats_max"] or 0
        if held > most and most != (rows[entry.key].seats_max or 0):
            raise LoadRefused(f"the stream {entry.key!r} has {held} seats held by offers; it cannot have fewer")
        changes.assign(rows[entry.key], f"stream {entry.key}", **values)
    else:
        rows[entry.key] = Stream(cohort_id=cohort.id, key=entry.key, state=entry.state, **values)
        session.add(rows[entry.key])
        changes.created(f"stream {entry.key}")


class _Parts:
    """The rows that hang on the streams of one cohort, read once for all of them."""

    def __init__(
        self, session: Session, cohort_id: int, tracks: dict[str, Track], evaluations: dict[str, Evaluation]
    ) -> None:
        self.session = session
        self.tracks = tracks
        self.evaluations = evaluations
        own = sa.select(Stream.id).where(Stream.cohort_id == cohort_id)
        self.links: dict[int, list[StreamTrack]] = defaultdict(list)
        for link in session.scalars(
            sa.select(StreamTrack).where(StreamTrack.stream_id.in_(own)).order_by(StreamTrack.id)
        ):
            self.links[link.stream_id].append(link)
        self.mentors: dict[int, list[Mentor]] = defaultdict(list)
        for mentor in session.scalars(sa.select(Mentor).where(Mentor.stream_id.in_(own)).order_by(Mentor.position)):
            self.mentors[mentor.stream_id].append(mentor)
        self.uses: dict[int, list[StreamEvaluation]] = defaultdict(list)
        for use in session.scalars(
            sa.select(StreamEvaluation)
            .where(StreamEvaluation.stream_id.in_(own))
            .order_by(StreamEvaluation.position, StreamEvaluation.id)
        ):
            self.uses[use.stream_id].append(use)

    def save_tracks(self, stream: Stream, entry: StreamEntry, changes: Changes) -> None:
        wanted = [(self.tracks[key].id, key == entry.track) for key in (entry.track, *entry.also_tracks)]
        stored = sorted(self.links[stream.id], key=lambda link: not link.is_main)
        if wanted == [(link.track_id, link.is_main) for link in stored]:
            return
        if stored:
            changes.lines.append(f"stream {stream.key}: tracks → {', '.join((entry.track, *entry.also_tracks))}")
            self.session.execute(sa.delete(StreamTrack).where(StreamTrack.stream_id == stream.id))
        for track_id, is_main in wanted:
            self.session.add(StreamTrack(stream_id=stream.id, track_id=track_id, is_main=is_main))
            self.session.flush()  # one at a time: their order is the order of their keys

    def save_mentors(self, stream: Stream, entry: StreamEntry, now: datetime, changes: Changes) -> None:
        """By position among the mentors of today; one who leaves ends, so that past rights stay explained."""
        everyone = self.mentors[stream.id]
        present = [mentor for mentor in everyone if mentor.ends_at is None]
        for mentor, wanted in zip(present, entry.mentors, strict=False):
            what = f"stream {stream.key}: mentor {mentor.position}"
            changes.assign(mentor, what, name=wanted.name, kind=wanted.kind)
        for mentor in present[len(entry.mentors) :]:
            changes.lines.append(f"stream {stream.key}: mentor {mentor.name} ends")
            mentor.ends_at = now
        last = max((mentor.position for mentor in everyone), default=0)
        for number, wanted in enumerate(entry.mentors[len(present) :], last + 1):
            self.session.add(Mentor(stream_id=stream.id, name=wanted.name, kind=wanted.kind, position=number))
            if everyone:
                changes.lines.append(f"stream {stream.key}: mentor {wanted.name} added")

    def save_tasks(self, stream: Stream, entry: StreamEntry, changes: Changes) -> None:
        wanted = [(self.evaluations[use.key].id, use.required, use.weight) for use in entry.evaluations]
        stored = self.uses[stream.id]
        if wanted == [(use.evaluation_id, use.required, use.weight) for use in stored]:
            return
        if stored:
            names = ", ".join(use.key for use in entry.evaluations) or "none"
            changes.lines.append(f"stream {stream.key}: evaluations → {names}")
            self.session.execute(sa.delete(StreamEvaluation).where(StreamEvaluation.stream_id == stream.id))
        self.session.add_all(
            StreamEvaluation(
                stream_id=stream.id, evaluation_id=evaluation_id, required=required, weight=weight, position=position
            )
            for position, (evaluation_id, required, weight) in enumerate(wanted, 1)
        )
