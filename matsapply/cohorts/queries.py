"""Reads for the pages about a cohort: small frozen rows, a fixed number of queries whatever the number of streams."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from matsapply.cohorts.gates import PUBLIC_STATES
from matsapply.cohorts.models import (
    Cohort,
    Evaluation,
    KeyDate,
    KeyDateRevision,
    Mentor,
    Program,
    Stream,
    StreamEvaluation,
    StreamTrack,
    Track,
)
from matsapply.cohorts.views import (
    CohortView,
    KeyDateView,
    MentorView,
    RevisionView,
    StreamView,
    TaskView,
    TrackName,
    TrackView,
)
from matsapply.platform.db import fetch
from matsapply.rules.stages import CohortState, StreamState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

_CODE_ORDER = {f"T{number}": number for number in range(22)}
SHOWN_STREAMS = (StreamState.LISTED, StreamState.OPEN, StreamState.CLOSED)


def cohorts(session: Session, states: frozenset[CohortState] | None = None) -> list[CohortView]:
    """All cohorts (or those in ``states``), the newest key first."""
    query = sa.select(Cohort, Program).join(Program, Program.id == Cohort.program_id).order_by(Cohort.key.desc())
    if states is not None:
        query = query.where(Cohort.state.in_(states))
    return [_cohort(cohort, program) for cohort, program in session.execute(query)]


def cohort_by_key(session: Session, key: str) -> CohortView | None:
    row = session.execute(
        sa.select(Cohort, Program).join(Program, Program.id == Cohort.program_id).where(Cohort.key == key)
    ).one_or_none()
    return _cohort(*row) if row else None


def cohort_in_force(session: Session, now: datetime) -> CohortView | None:
    """The cohort that public pages speak of: one that takes applications now, else the next one to, else the newest."""
    opening, closing = aliased(KeyDate), aliased(KeyDate)
    rows = session.execute(
        sa.select(Cohort, Program, opening.at, closing.at)
        .join(Program, Program.id == Cohort.program_id)
        .outerjoin(opening, sa.and_(opening.cohort_id == Cohort.id, opening.code == "T1"))
        .outerjoin(closing, sa.and_(closing.cohort_id == Cohort.id, closing.code == "T2"))
        .where(Cohort.state.in_(PUBLIC_STATES))
        .order_by(Cohort.key.desc())
    ).all()
    if not rows:
        return None
    cohort, program, _, _ = min(rows, key=lambda row: _rank(row[0], row[2], row[3], now))
    return _cohort(cohort, program)


def _rank(cohort: Cohort, opens: datetime | None, closes: datetime | None, now: datetime) -> tuple[int, float]:
    """The smaller, the more the cohort matters to a visitor at ``now``; cohorts come newest first, ties keep that."""
    if cohort.state is CohortState.FINISHED:
        return (3, 0)
    if opens is not None and opens <= now and (closes is None or now < closes):
        return (0, 0)
    if opens is not None and now < opens:
        return (1, opens.timestamp())
    return (2, 0)


def _cohort(cohort: Cohort, program: Program) -> CohortView:
    return CohortView(
        id=cohort.id,
        public_id=cohort.public_id,
        version=cohort.version,
        key=cohort.key,
        label=cohort.label,
        state=cohort.state,
        program=program.name,
        member_term=program.member_term,
        length_weeks=cohort.length_weeks,
        locations=tuple(place["key"] for place in cohort.locations),
        capacity=cohort.capacity,
        over_offer_allowance=cohort.over_offer_allowance,
        stipend_text=cohort.stipend_text,
        compute_text=cohort.compute_text,
        eligibility=tuple(cohort.eligibility),
        silent_grace_minutes=cohort.silent_grace_minutes,
        min_notice_hours=cohort.min_notice_hours,
        stream_choice=cohort.stream_choice,
        reference_timing=cohort.reference_timing,
        policies=dict(cohort.policies),
    )


_LAST_MOVE = aliased(KeyDateRevision)
_KEY_DATES = (
    sa.select(
        KeyDate.id,
        KeyDate.public_id,
        KeyDate.version,
        KeyDate.code,
        KeyDate.label,
        KeyDate.kind,
        KeyDate.audience,
        KeyDate.at,
        KeyDate.wall_rule,
        KeyDate.estimate,
        KeyDate.note,
        KeyDate.bound,
        _LAST_MOVE.old_at,
        _LAST_MOVE.announced_at,
        _LAST_MOVE.reason,
    )
    .outerjoin(
        _LAST_MOVE,
        _LAST_MOVE.id
        == sa.select(sa.func.max(KeyDateRevision.id))
        .where(KeyDateRevision.key_date_id == KeyDate.id)
        .correlate(KeyDate)
        .scalar_subquery(),
    )
    .where(KeyDate.cohort_id == sa.bindparam("cohort_id"))
)


def key_dates(session: Session, cohort_id: int, *, staff: bool = False) -> list[KeyDateView]:
    """The cohort's dates in the order of their codes; those for staff only where ``staff``. One query."""
    rows = fetch(session, _KEY_DATES, cohort_id=cohort_id)
    told = [(*row[:14], (row.reason or "") if staff else "") for row in rows if staff or row.audience == "all"]
    views = [KeyDateView(*values) for values in told]
    return sorted(views, key=lambda view: _CODE_ORDER.get(view.code, 99))


def key_date_history(session: Session, cohort_id: int, limit: int = 200) -> list[RevisionView]:
    """The moves of a cohort's dates, the newest first."""
    rows = session.execute(
        sa.select(
            KeyDate.code,
            KeyDateRevision.old_at,
            KeyDateRevision.new_at,
            KeyDateRevision.actor_id,
            KeyDateRevision.reason,
            KeyDateRevision.announced_at,
            KeyDateRevision.reopens,
        )
        .join(KeyDate, KeyDate.id == KeyDateRevision.key_date_id)
        .where(KeyDate.cohort_id == cohort_id)
        .order_by(KeyDateRevision.id.desc())
        .limit(limit)
    )
    return [RevisionView(*row) for row in rows]


def tracks(session: Session, cohort_id: int, *, dropped: bool = False) -> list[TrackView]:
    """The tracks in their order, without dropped ones unless asked for."""
    query = sa.select(
        Track.id,
        Track.public_id,
        Track.version,
        Track.key,
        Track.name,
        Track.description,
        Track.position,
        Track.dropped_at,
    ).where(Track.cohort_id == cohort_id)
    if not dropped:
        query = query.where(Track.dropped_at.is_(None))
    return [TrackView(*row) for row in session.execute(query.order_by(Track.position, Track.id))]


def streams(
    session: Session,
    cohort_id: int,
    *,
    states: Sequence[StreamState] | None = SHOWN_STREAMS,
    keys: Sequence[str] | None = None,
) -> list[StreamView]:
    """The streams in their order with tracks, mentors and tasks: four queries. ``states`` None means all of them."""
    query = sa.select(Stream).where(Stream.cohort_id == cohort_id)
    if states is not None:
        query = query.where(Stream.state.in_(states))
    if keys is not None:
        query = query.where(Stream.key.in_(keys))
    rows = session.scalars(query.order_by(Stream.position, Stream.id)).all()
    ids = [row.id for row in rows]
    hanging = (_track_names(session, ids), _mentors(session, ids), _tasks(session, ids))
    return [_stream(row, *(part[row.id] for part in hanging)) for row in rows]  # type: ignore[arg-type]


def stream_by_key(session: Session, cohort_id: int, key: str, *, all_states: bool = False) -> StreamView | None:
    """One stream; a draft or cancelled one only where ``all_states``."""
    found = streams(session, cohort_id, states=None if all_states else SHOWN_STREAMS, keys=[key])
    return found[0] if found else None


def _stream(
    row: Stream, tracks_of: list[TrackName], mentors_of: list[MentorView], tasks_of: list[TaskView]
) -> StreamView:
    return StreamView(
        id=row.id,
        public_id=row.public_id,
        version=row.version,
        key=row.key,
        name=row.name,
        description=row.description,
        areas=tuple(row.areas),
        locations=tuple(row.locations),
        state=row.state,
        seats_min=row.seats_min,
        seats_target=row.seats_target,
        seats_max=row.seats_max,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        own_calendar=row.own_calendar,
        ai_policy=row.ai_policy,
        mode=row.mode,
        interview=row.interview,
        note=row.note,
        tracks=tuple(tracks_of),
        mentors=tuple(mentors_of),
        tasks=tuple(tasks_of),
    )


def _track_names(session: Session, stream_ids: list[int]) -> dict[int, list[TrackName]]:
    """The main track first."""
    found: dict[int, list[TrackName]] = defaultdict(list)
    rows: Iterable[Any] = session.execute(
        sa.select(StreamTrack.stream_id, Track.id, Track.key, Track.name, StreamTrack.is_main)
        .join(Track, Track.id == StreamTrack.track_id)
        .where(StreamTrack.stream_id.in_(stream_ids))
        .order_by(StreamTrack.is_main.desc(), StreamTrack.id)
    )
    for stream_id, *row in rows:
        found[stream_id].append(TrackName(*row))
    return found


def _mentors(session: Session, stream_ids: list[int]) -> dict[int, list[MentorView]]:
    found: dict[int, list[MentorView]] = defaultdict(list)
    rows: Iterable[Any] = session.execute(
        sa.select(Mentor.stream_id, Mentor.id, Mentor.name, Mentor.kind, Mentor.person_id)
        .where(Mentor.stream_id.in_(stream_ids), Mentor.ends_at.is_(None))
        .order_by(Mentor.position)
    )
    for stream_id, *row in rows:
        found[stream_id].append(MentorView(*row))
    return found


def _tasks(session: Session, stream_ids: list[int]) -> dict[int, list[TaskView]]:
    found: dict[int, list[TaskView]] = defaultdict(list)
    for stream_id, *row in session.execute(
        sa.select(StreamEvaluation.stream_id, *_TASK_COLUMNS, StreamEvaluation.required, StreamEvaluation.weight)
        .join(Evaluation, Evaluation.id == StreamEvaluation.evaluation_id)
        .where(StreamEvaluation.stream_id.in_(stream_ids))
        .order_by(StreamEvaluation.position, StreamEvaluation.id)
    ):
        found[stream_id].append(TaskView(*row))
    return found


_TASK_COLUMNS: tuple[Any, ...] = (
    Evaluation.id,
    Evaluation.public_id,
    Evaluation.key,
    Evaluation.title,
    Evaluation.kind,
    Evaluation.shared,
    Evaluation.effort_hours,
    Evaluation.opens_at,
    Evaluation.due_at,
    Evaluation.due_rule,
    Evaluation.personal_clock_minutes,
    Evaluation.ai_policy,
    Evaluation.dry_run,
    Evaluation.attempts,
    Evaluation.brief,
    Evaluation.answer_limit,
)


def tasks(session: Session, cohort_id: int) -> list[TaskView]:
    """All evaluations of the cohort in their order."""
    return [
        TaskView(*row)
        for row in session.execute(
            sa.select(*_TASK_COLUMNS)
            .where(Evaluation.cohort_id == cohort_id)
            .order_by(Evaluation.position, Evaluation.id)
        )
    ]


def stream_mentors(session: Session, cohort_id: int, keys: Sequence[str]) -> list[tuple[str, str, list[str]]]:
    """Key, name and mentors of the shown streams among ``keys``, in their order. One query."""
    found: dict[str, tuple[str, str, list[str]]] = {}
    rows = session.execute(
        sa.select(Stream.key, Stream.name, Mentor.name)
        .outerjoin(Mentor, Mentor.stream_id == Stream.id)
        .where(Stream.cohort_id == cohort_id, Stream.key.in_(keys), Stream.state.in_(SHOWN_STREAMS))
        .order_by(Mentor.id)
    )
    for key, name, mentor in rows:
        found.setdefault(key, (key, name, []))[2].extend([mentor] if mentor else [])
    return [found[key] for key in keys if key in found]


def stream_names(session: Session, cohort_id: int) -> dict[str, str]:
    """Names by key, for links from papers to streams."""
    rows = session.execute(
        sa.select(Stream.key, Stream.name)
        .where(Stream.cohort_id == cohort_id, Stream.state.in_(SHOWN_STREAMS))
        .order_by(Stream.position, Stream.id)
    )
    return {row.key: row.name for row in rows}
