"""A loaded cohort as the demo's makers need it: keys, dates, people."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.cohorts.gates import gates_of
from matsapply.cohorts.models import (
    Cohort,
    Criterion,
    Evaluation,
    Question,
    Rubric,
    Stream,
    StreamEvaluation,
    StreamTrack,
    Track,
)
from matsapply.cohorts.stored import latest_form
from matsapply.reviews.models import ReviewRound
from matsapply.rules.stages import InterviewPlan, RoundKind, RubricKind

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from matsapply.demo.cohort_files import DemoCohort


@dataclass(frozen=True, slots=True)
class FrameRubric:
    id: int
    criteria: tuple[str, ...]
    steps: int
    weights: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class FrameStream:
    id: int
    key: str
    name: str
    track_ids: frozenset[int]
    evaluation_ids: tuple[int, ...]
    interview: InterviewPlan
    seats_max: int | None


@dataclass(slots=True)
class Frame:
    """One cohort. ``lead_of`` maps streams to the person who leads them; reviewers read centrally."""

    demo: DemoCohort
    cohort: Cohort
    form_id: int
    questions: list[Question]
    tracks: dict[str, Track]
    streams: list[FrameStream]
    evaluations: dict[int, Evaluation]
    rubrics: dict[RubricKind, FrameRubric]
    dates: dict[str, datetime]
    central_round: int = 0
    stream_rounds: dict[tuple[RoundKind, int], int] = field(default_factory=dict)
    reviewers: list[int] = field(default_factory=list)
    lead_of: dict[int, int] = field(default_factory=dict)
    coordinators: tuple[int, int] = (0, 0)

    @property
    def id(self) -> int:
        return self.cohort.id

    def at(self, code: str, **later: float) -> datetime:
        """A key date, or so much later."""
        return self.dates[code] + timedelta(**later)

    def track_key(self, track_id: int) -> str:
        return next(key for key, track in self.tracks.items() if track.id == track_id)


def frame_of(session: Session, demo: DemoCohort) -> Frame:
    """Read a loaded cohort and open its rounds of reading."""
    cohort = session.scalars(sa.select(Cohort).where(Cohort.key == demo.key)).one()
    form = latest_form(session, cohort.id)
    if form is None:
        raise ValueError("the demo's cohort needs a form")
    in_order = sa.select(Track).where(Track.cohort_id == cohort.id).order_by(Track.position)
    tracks = {track.key: track for track in session.scalars(in_order)}
    asked = sa.select(Question).where(Question.form_version_id == form.id).order_by(Question.position)
    tasks = sa.select(Evaluation).where(Evaluation.cohort_id == cohort.id).order_by(Evaluation.position)
    frame = Frame(
        demo=demo,
        cohort=cohort,
        form_id=form.id,
        questions=list(session.scalars(asked)),
        tracks=tracks,
        streams=_streams(session, cohort.id),
        evaluations={task.id: task for task in session.scalars(tasks)},
        rubrics=_rubrics(session, cohort.id),
        dates={code: at for code, at in gates_of(session, cohort.id).dates.items() if at is not None},
    )
    _open_rounds(session, frame)
    return frame


def _streams(session: Session, cohort_id: int) -> list[FrameStream]:
    tracks: dict[int, set[int]] = {}
    for stream_id, track_id in session.execute(sa.select(StreamTrack.stream_id, StreamTrack.track_id)):
        tracks.setdefault(stream_id, set()).add(track_id)
    tasks: dict[int, list[int]] = {}
    for use in session.scalars(sa.select(StreamEvaluation).order_by(StreamEvaluation.position)):
        tasks.setdefault(use.stream_id, []).append(use.evaluation_id)
    rows = session.scalars(sa.select(Stream).where(Stream.cohort_id == cohort_id).order_by(Stream.position, Stream.id))
    return [
        FrameStream(
            row.id,
            row.key,
            row.name,
            frozenset(tracks.get(row.id, ())),
            tuple(tasks.get(row.id, ())),
            row.interview,
            row.seats_max,
        )
        for row in rows
    ]


def _rubrics(session: Session, cohort_id: int) -> dict[RubricKind, FrameRubric]:
    found: dict[RubricKind, FrameRubric] = {}
    for row in session.scalars(sa.select(Rubric).where(Rubric.cohort_id == cohort_id).order_by(Rubric.number)):
        keys = session.scalars(
            sa.select(Criterion.key).where(Criterion.rubric_id == row.id).order_by(Criterion.position)
        )
        found[row.kind] = FrameRubric(row.id, tuple(keys), len(row.scale), row.weights)
    return found


def _open_rounds(session: Session, frame: Frame) -> None:
    central = ReviewRound(
        cohort_id=frame.id,
        kind=RoundKind.CENTRAL_SCORE,
        rubric_id=frame.rubrics[RubricKind.CENTRAL_SCORE].id,
        readers=2,
        blind=True,
        due_at=frame.dates.get("T4"),
    )
    session.add(central)
    made: dict[tuple[RoundKind, int], ReviewRound] = {}
    for stream in frame.streams:
        for kind in (RoundKind.STREAM_REVIEW, RoundKind.TASK_MARKING, RoundKind.INTERVIEW):
            made[kind, stream.id] = ReviewRound(
                cohort_id=frame.id,
                kind=kind,
                stream_id=stream.id,
                rubric_id=frame.rubrics[RubricKind(kind.value)].id,
                readers=1,
                blind=kind is RoundKind.TASK_MARKING,
            )
    session.add_all(made.values())
    session.flush()
    frame.central_round = central.id
    frame.stream_rounds = {key: row.id for key, row in made.items()}
