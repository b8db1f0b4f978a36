"""Tracks and streams in the applicant's own order.

Until the first submission the rows of choices follow every save. After it they stand as they were submitted, and what
is changed waits among the drafts until the next submission succeeds: the last snapshot stays in force (E4).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.models import AnswerDraft, StreamApplication, TrackChoice
from matsapply.cohorts.gates import takes_applications
from matsapply.cohorts.models import Stream, StreamTrack, Track
from matsapply.platform.db import fetch
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import (
    LIVE_STREAM_APPLICATION,
    ApplicationState,
    StreamApplicationOrigin,
    StreamApplicationState,
    StreamChoiceMoment,
    TrackChoiceState,
)
from matsapply.tracking.actions import advance, begin, check

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.orm import Session

    from matsapply.applications.editing import Editing
    from matsapply.rules.access import Actor
    from matsapply.rules.workflow import Facts

CHOSEN = StreamApplicationState.CHOSEN
WITHDRAWN = StreamApplicationState.WITHDRAWN


_TRACK_KEYS = sa.select(Track.key, Track.id).where(
    Track.cohort_id == sa.bindparam("cohort_id"),
    Track.dropped_at.is_(None),
    Track.key.in_(sa.bindparam("keys", expanding=True)),
)
_CHOICES = sa.select(TrackChoice).where(TrackChoice.application_id == sa.bindparam("application_id"))


def sync_tracks(session: Session, actor: Actor, application: Editing, keys: Sequence[str]) -> None:
    """Make the track choices equal ``keys``, in that order (K3 and K5); unknown and dropped tracks are passed over."""
    ids = dict(map(tuple, fetch(session, _TRACK_KEYS, cohort_id=application.cohort_id, keys=list(keys))))
    wanted = [ids[key] for key in keys if key in ids]
    rows = {choice.track_id: choice for choice in session.scalars(_CHOICES, {"application_id": application.id})}
    for track_id, row in rows.items():
        if row.state is TrackChoiceState.CHOSEN and track_id not in wanted:
            advance(session, row, "K3", application.facts, actor, application.place)
    for rank, track_id in enumerate(wanted, start=1):
        choice = rows.get(track_id)
        if choice is None:
            session.add(TrackChoice(application_id=application.id, track_id=track_id, rank=rank))
            continue
        if choice.state is TrackChoiceState.WITHDRAWN:
            advance(session, choice, "K5", application.facts, actor, application.place)
        if choice.rank != rank:
            choice.rank = rank
    session.flush()


def chosen_tracks(session: Session, application_id: int, *states: TrackChoiceState) -> list[str]:
    """The keys of the tracks in the applicant's order; those chosen, unless other states are named."""
    return list(
        session.scalars(
            sa.select(Track.key)
            .join(TrackChoice, TrackChoice.track_id == Track.id)
            .where(
                TrackChoice.application_id == application_id,
                TrackChoice.state.in_(states or (TrackChoiceState.CHOSEN,)),
            )
            .order_by(TrackChoice.rank, TrackChoice.id)
        )
    )


def stream_wish(session: Session, application_id: int, question_key: str) -> list[str]:
    """The streams as they are written down in the draft, in order, whatever has become of their tracks."""
    value = session.scalar(
        sa.select(AnswerDraft.value).where(
            AnswerDraft.application_id == application_id, AnswerDraft.question_key == question_key
        )
    )
    return list(value or [])


_LIVE_STREAMS = (
    sa.select(Stream.key)
    .join(StreamApplication, StreamApplication.stream_id == Stream.id)
    .where(
        StreamApplication.application_id == sa.bindparam("application_id"),
        StreamApplication.state.in_(LIVE_STREAM_APPLICATION),
    )
    .order_by(StreamApplication.rank, StreamApplication.id)
)


def live_streams(session: Session, application_id: int) -> list[str]:
    """The keys of the streams in which the application lives, in the applicant's order."""
    return [key for (key,) in fetch(session, _LIVE_STREAMS, application_id=application_id)]


_FITTING = (
    sa.select(Stream.key)
    .join(StreamTrack, StreamTrack.stream_id == Stream.id)
    .join(Track, Track.id == StreamTrack.track_id)
    .where(
        Stream.cohort_id == sa.bindparam("cohort_id"),
        Stream.key.in_(sa.bindparam("keys", expanding=True)),
        Track.key.in_(sa.bindparam("tracks", expanding=True)),
    )
)


def within_tracks(session: Session, cohort_id: int, keys: Sequence[str], tracks: Sequence[str]) -> list[str]:
    """Those of the streams that belong to one of the tracks, in the order given."""
    if not keys:
        return []
    found = fetch(session, _FITTING, cohort_id=cohort_id, keys=list(keys), tracks=list(tracks))
    fitting = {key for (key,) in found}
    return [key for key in keys if key in fitting]


@dataclass(frozen=True, slots=True)
class Window:
    """When a stream may be chosen by this applicant now: [opens, closes)."""

    opens: datetime | None
    closes: datetime | None


def window_for(application: Editing, opens_at: datetime | None, closes_at: datetime | None) -> Window:
    """The stream's own instants where it has them, else the cohort's, an extension included (no grace)."""
    dates, extensions = application.facts.dates, application.facts.extensions
    if application.state is ApplicationState.IN_STREAMS:
        closing = dates.get("T7")
        extended = extensions.get("T7")
        cohort_close = max(closing, extended) if closing and extended else closing
        return Window(opens_at or dates.get("T6"), closes_at or cohort_close)
    return Window(opens_at or dates.get("T1"), closes_at or application.closes_at)


def may_choose_streams(application: Editing) -> bool:
    """Whether this is a moment of the cohort at which streams are chosen at all."""
    if application.state is ApplicationState.IN_STREAMS:
        return application.stream_choice is not StreamChoiceMoment.AT_GENERAL
    return application.stream_choice is not StreamChoiceMoment.AFTER_ADVANCE and application.refusal is None


def set_streams(
    session: Session,
    actor: Actor,
    application: Editing,
    keys: Sequence[str],
    tracks: Sequence[str],
    *,
    most: int | None,
) -> bool:
    """Let the applicant's streams be ``keys`` in that order (S1, S3, S21b). ``tracks``: those picked, or advanced.

    Returns whether the rows were changed; False means that the wish must be kept among the drafts until the next
    submission. Raises ``Refused``: STREAM_CLOSED, STREAM_LIMIT, TRACK_NOT_CHOSEN, TRACK_NOT_ADVANCED, CLOSED.
    """
    if not may_choose_streams(application):
        raise refuse(application.refusal or Code.CLOSED)
    if most is not None and len(keys) > most:
        raise refuse(Code.STREAM_LIMIT, f"It allows {most}.")
    entries = _entries(session, application.id)
    waiting = application.snapshot_number is not None and application.state is not ApplicationState.IN_STREAMS
    if waiting:
        held = {stream.key for stream, entry in entries.values() if entry.state in LIVE_STREAM_APPLICATION}
        for stream in _streams(session, application, [key for key in keys if key not in held]):
            check("S1", _facts(session, application, stream, tracks))
        return False
    apply_streams(session, actor, application, keys, tracks)
    return True


def apply_streams(
    session: Session,
    actor: Actor,
    application: Editing,
    keys: Sequence[str],
    tracks: Sequence[str],
    *,
    picked_in_time: bool = False,
) -> None:
    """Write the wish into the rows. ``picked_in_time``: each was checked against its closing when it was picked."""
    entries = _entries(session, application.id)
    by_key = {stream.key: entry for stream, entry in entries.values()}
    keys = list(dict.fromkeys(keys))
    for key, entry in by_key.items():
        if entry.state is CHOSEN and key not in keys:
            _remove(session, actor, application, entry)
    missing = [key for key in keys if key not in by_key or by_key[key].state not in LIVE_STREAM_APPLICATION]
    for stream in _streams(session, application, missing):
        facts = _facts(session, application, stream, tracks)
        if picked_in_time:
            facts = replace(facts, stream_closes_at=None)
        by_key[stream.key] = _add(session, actor, application, stream, by_key.get(stream.key), facts)
    session.flush()
    _number(by_key, keys)
    session.flush()


def _remove(session: Session, actor: Actor, application: Editing, entry: StreamApplication) -> None:
    entry.state_before_exit = entry.state
    entry.exited_at = application.facts.now
    entry.rank = None
    advance(session, entry, "S3", application.facts, actor, application.place)


def _add(
    session: Session,
    actor: Actor,
    application: Editing,
    stream: Stream,
    entry: StreamApplication | None,
    facts: Facts,
) -> StreamApplication:
    if entry is None:
        entry = StreamApplication(
            application_id=application.id, stream_id=stream.id, origin=StreamApplicationOrigin.OWN
        )
        begin(session, entry, "S1", facts, actor, application.place)
    else:  # for all time one row for each stream: what was withdrawn comes back, what was decided does not
        advance(session, entry, "S21b", facts, actor, application.place)
        entry.state_before_exit = None
        entry.exited_at = None
    return entry


def _number(by_key: dict[str, StreamApplication], keys: Sequence[str]) -> None:
    """Ranks 1…n over the live ones: first as wished, then what the wish does not name."""
    wished = [by_key[key] for key in keys if key in by_key]
    rest = sorted(
        (entry for key, entry in by_key.items() if key not in keys), key=lambda each: (each.rank or 0, each.id)
    )
    live = [entry for entry in (*wished, *rest) if entry.state in LIVE_STREAM_APPLICATION]
    for rank, entry in enumerate(live, start=1):
        if entry.rank != rank:
            entry.rank = rank


_ENTRIES = (
    sa.select(Stream, StreamApplication)
    .join(StreamApplication, StreamApplication.stream_id == Stream.id)
    .where(StreamApplication.application_id == sa.bindparam("application_id"))
    .order_by(StreamApplication.rank, StreamApplication.id)
)


def _entries(session: Session, application_id: int) -> dict[int, tuple[Stream, StreamApplication]]:
    return {
        stream.id: (stream, entry) for stream, entry in session.execute(_ENTRIES, {"application_id": application_id})
    }


def _streams(session: Session, application: Editing, keys: Iterable[str]) -> list[Stream]:
    """The streams of these keys, in that order; one that does not exist is refused as closed."""
    keys = list(dict.fromkeys(keys))
    if not keys:
        return []
    found = {
        stream.key: stream
        for stream in session.scalars(
            sa.select(Stream).where(Stream.cohort_id == application.cohort_id, Stream.key.in_(keys))
        )
    }
    if len(found) < len(keys):
        raise refuse(Code.STREAM_CLOSED)
    return [found[key] for key in keys]


def _facts(session: Session, application: Editing, stream: Stream, tracks: Sequence[str]) -> Facts:
    own = set(
        session.scalars(
            sa.select(Track.key)
            .join(StreamTrack, StreamTrack.track_id == Track.id)
            .where(StreamTrack.stream_id == stream.id)
        )
    )
    window = window_for(application, stream.opens_at, stream.closes_at)
    fits = bool(own & set(tracks))
    if application.state is ApplicationState.IN_STREAMS and not fits:
        raise refuse(Code.TRACK_NOT_ADVANCED, stream.name)
    return replace(
        application.facts,
        stream_open=takes_applications(stream),
        stream_opens_at=window.opens,
        stream_closes_at=window.closes,
        within_stream_limit=True,  # counted over the whole wish, before any of it is written
        track_chosen=fits,
        eligible=True,  # eligibility is confirmed with an acceptance, not before a review (E31)
    )
