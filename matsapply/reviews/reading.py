"""One application as its reader sees it.

In a blind round the answers that tell who wrote them are left out, and what the others say about their author is hidden
(``reviews.redactions``) before anything leaves this module.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Application, Snapshot, TrackChoice
from matsapply.cohorts.forms import QuestionView, RubricView, form_version, rubric as rubric_view
from matsapply.cohorts.models import Criterion, Question, Rubric, Track
from matsapply.people.models import Person
from matsapply.platform.db import fetch
from matsapply.reviews import discussion
from matsapply.reviews.aggregates import OUT_OF_PLAY, counts
from matsapply.reviews.models import Review, ReviewAssignment, ReviewRound
from matsapply.reviews.queries import KEPT_STATEMENTS, assignments, readable, short_code
from matsapply.reviews.redactions import Blinding, blinding, known, rows_of, sift
from matsapply.rules.scoring import weights_for
from matsapply.rules.stages import ApplicationState, AssignmentState, QuestionType, RoundKind, TrackChoiceState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.reviews.discussion import Comment
    from matsapply.rules.access import Actor, Grant


@dataclass(frozen=True, slots=True)
class Answer:
    question: QuestionView
    value: Any


@dataclass(frozen=True, slots=True)
class Chosen:
    key: str
    name: str
    in_play: bool


@dataclass(frozen=True, slots=True)
class OwnReview:
    """The reader's own last word on a submitted reading; ``reader`` is the number the others know them by."""

    reader: int
    number: int
    scores: dict[str, int]
    total: float
    confidence: int | None
    note: str
    feedback: str
    minutes: float | None
    submitted_at: datetime
    snapshot_number: int | None


@dataclass(frozen=True, slots=True)
class OtherReview:
    """Somebody else's reading of the same application in the same round; read only after one's own."""

    reader: int
    scores: dict[str, int]
    total: float
    confidence: int | None
    note: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One application as its reader sees it. ``name`` is None in a blind round."""

    id: int
    public_id: str
    code: str
    state: AssignmentState
    version: int
    saved_at: datetime
    due_at: datetime | None
    round_id: int
    kind: RoundKind
    blind: bool
    closed_at: datetime | None
    application_id: int
    snapshot_number: int
    name: str | None
    rubric: RubricView
    weights: dict[str, float]
    tracks: tuple[Chosen, ...]
    answers: tuple[Answer, ...]
    hidden: tuple[str, ...]
    draft: dict[str, Any]
    own: OwnReview | None
    others: tuple[OtherReview, ...]
    said: tuple[Comment, ...]
    may_speak: bool

    @property
    def first_track(self) -> Chosen | None:
        return next((track for track in self.tracks if track.in_play), None)


def reading(session: Session, actor: Actor, public_id: str) -> Reading | None:
    """One application to read: three queries, and three more where the reader's own review is in."""
    found = fetch(session, _reading_of(actor.grants), reader=actor.person_id or 0, public_id=public_id)
    if not found:
        return None
    row = own = found[0]
    rubric = _cached(
        _rubrics,
        (row.rubric_public_id, row.rubric_version, row.rubric_stamp),
        lambda: rubric_view(session, row.rubric_id),
    )
    form = _cached(
        _forms,
        (row.rubric_public_id, row.form_version_id, row.form_stamp),
        lambda: form_version(session, row.form_version_id),
    )
    tracks, naming_rows = _beside(session, row)
    sifted = sift(form.questions, rubric.blind, {track.key for track in tracks}, blind=row.blind)
    given = _answers(session, row.snapshot_id, (*sifted.shown, *sifted.naming))
    answers, naming = given[: len(sifted.shown)], given[len(sifted.shown) :]
    around = None
    if row.blind:
        called = [(each.question, each.value) for each in naming]
        around = blinding(naming_rows, called)
        answers = tuple(Answer(each.question, around.of(each.question.key, each.value)) for each in answers)
    first = next((track.key for track in tracks if track.in_play), None)
    mine_now, others, said = None, (), ()
    if own.state is AssignmentState.SUBMITTED:
        mine_now, others, said = _reviews(session, own, around)
    return Reading(
        id=own.id,
        public_id=own.public_id,
        code=short_code(row.application),
        state=own.state,
        version=own.version,
        saved_at=own.updated_at,
        due_at=own.due_at,
        round_id=own.round_id,
        kind=row.kind,
        blind=row.blind,
        closed_at=row.closed_at,
        application_id=own.application_id,
        snapshot_number=row.snapshot_number,
        name=None if row.blind else naming_rows[0].text,
        rubric=rubric,
        weights=weights_for(rubric.weights, first, [criterion.key for criterion in rubric.criteria]),
        tracks=tracks,
        answers=answers,
        hidden=tuple(question.label for question in sifted.left_out),
        draft={
            "scores": own.draft_scores,
            "note": own.draft_note,
            "feedback": own.draft_feedback,
            "confidence": own.draft_confidence,
            "minutes": own.draft_minutes,
        },
        own=mine_now,
        others=others,
        said=said,
        may_speak=mine_now is not None and row.application_state is ApplicationState.SUBMITTED,
    )


@lru_cache(maxsize=KEPT_STATEMENTS)
def _reading_of(grants: frozenset[Grant]) -> sa.Select[Any]:
    return (
        assignments(
            ReviewAssignment.id,
            ReviewAssignment.public_id,
            ReviewAssignment.state,
            ReviewAssignment.version,
            ReviewAssignment.updated_at,
            ReviewAssignment.due_at,
            ReviewAssignment.round_id,
            ReviewAssignment.application_id,
            ReviewAssignment.draft_scores,
            ReviewAssignment.draft_note,
            ReviewAssignment.draft_feedback,
            ReviewAssignment.draft_confidence,
            ReviewAssignment.draft_minutes,
            ReviewRound.kind,
            ReviewRound.blind,
            ReviewRound.closed_at,
            ReviewRound.rubric_id,
            Application.public_id.label("application"),
            Application.snapshot_number,
            Application.person_id,
            Application.state.label("application_state"),
            Snapshot.id.label("snapshot_id"),
            Snapshot.form_version_id,
            _stamp(Question, Question.form_version_id == Snapshot.form_version_id).label("form_stamp"),
            _stamp(Criterion, Criterion.rubric_id == ReviewRound.rubric_id).label("rubric_stamp"),
            Rubric.version.label("rubric_version"),
            Rubric.public_id.label("rubric_public_id"),
        )
        .join(
            Snapshot,
            (Snapshot.application_id == Application.id) & (Snapshot.number == Application.snapshot_number),
        )
        .join(Rubric, Rubric.id == ReviewRound.rubric_id)
        .where(*readable(grants))
    )


# Forms and rubrics hardly ever change, so each process keeps the last few; the stamp tells when they did.
_forms: dict[Any, Any] = {}
_rubrics: dict[Any, Any] = {}
_MOST_CACHED = 32


def _cached(kept: dict[Any, Any], key: tuple[Any, ...], load: Any) -> Any:
    found = kept.get(key)
    if found is None:
        if len(kept) >= _MOST_CACHED:
            kept.clear()
        found = kept[key] = load()
    return found


def _stamp(model: type[Question] | type[Criterion], of: sa.ColumnElement[bool]) -> Any:
    """A number that changes when a row of a set is added, removed or changed."""
    return sa.select(sa.func.sum(model.id * 1009 + model.version)).where(of).scalar_subquery()


# Beside the answers: the tracks and whom the texts are searched for, or in an open round the name alone.
_TRACKS = (
    rows_of("track", Track.key, Track.name, TrackChoice.rank)
    .add_columns(sa.cast(TrackChoice.state, sa.String).label("state"))
    .join(TrackChoice, TrackChoice.track_id == Track.id)
    .where(
        TrackChoice.application_id == sa.bindparam("application_id"), TrackChoice.state != TrackChoiceState.WITHDRAWN
    )
)
_NAME = rows_of("name", Person.display_name).where(Person.id == sa.bindparam("person_id"))
_NO_STATE = sa.literal_column("''", sa.String)
_BESIDE_BLIND, _BESIDE_OPEN = (
    sa.union_all(_TRACKS, *(part.add_columns(_NO_STATE) for part in parts)).order_by("number")
    for parts in (known(), (_NAME,))
)


def _beside(session: Session, row: Any) -> tuple[tuple[Chosen, ...], list[Any]]:
    """The tracks in the applicant's order, and the rows that tell names: one query."""
    statement = _BESIDE_BLIND if row.blind else _BESIDE_OPEN
    found = fetch(session, statement, application_id=row.application_id, person_id=row.person_id)
    tracks = tuple(
        Chosen(each.text, each.more, TrackChoiceState(each.state) not in OUT_OF_PLAY)
        for each in found
        if each.what == "track"
    )
    return tracks, [each for each in found if each.what != "track"]


def _answers(session: Session, snapshot_id: int, questions: tuple[QuestionView, ...]) -> tuple[Answer, ...]:
    """The answers to exactly these questions: the database takes them out of the snapshot one by one."""
    if not questions:
        return ()
    (row,) = fetch(session, _answers_to(tuple(question.key for question in questions)), snapshot_id=snapshot_id)
    return tuple(Answer(question, _whole(question, value)) for question, value in zip(questions, row, strict=True))


def _whole(question: QuestionView, value: Any) -> Any:
    """SQLite takes a true or false out of a document as 1 or 0."""
    return bool(value) if question.type is QuestionType.BOOL and value in (0, 1) else value


@lru_cache(maxsize=KEPT_STATEMENTS)
def _answers_to(keys: tuple[str, ...]) -> sa.Select[Any]:
    columns = [Snapshot.content["answers", key].label(f"a{n}") for n, key in enumerate(keys)]
    return sa.select(*columns).where(Snapshot.id == sa.bindparam("snapshot_id"))


def _reviews(
    session: Session, own: Any, around: Blinding | None
) -> tuple[OwnReview | None, tuple[OtherReview, ...], tuple[Comment, ...]]:
    """The reader's own review and, because it is in, the others' of the same round and what was said about them
    (invariant 22)."""
    rows = session.scalars(
        sa.select(Review)
        .join(ReviewAssignment, ReviewAssignment.id == Review.assignment_id)
        .where(Review.application_id == own.application_id, Review.round_id == own.round_id, counts())
        .order_by(Review.submitted_at, Review.id)
    ).all()
    mine_now = next((review for review in rows if review.assignment_id == own.id), None)
    if mine_now is None:
        return None, (), ()
    known = discussion.numbers(session, own.application_id, own.round_id)
    hide = around.text if around else str
    others = [
        OtherReview(known[review.assignment_id], review.scores, review.total, review.confidence, hide(review.note))
        for review in rows
        if review.assignment_id != own.id
    ]
    own_review = OwnReview(
        reader=known[own.id],
        number=mine_now.number,
        scores=mine_now.scores,
        total=mine_now.total,
        confidence=mine_now.confidence,
        note=mine_now.note,
        feedback=mine_now.feedback,
        minutes=mine_now.minutes,
        submitted_at=mine_now.submitted_at,
        snapshot_number=mine_now.snapshot_number,
    )
    said = discussion.said(session, own.application_id, own.round_id, own.id, known)
    blind = tuple(replace(comment, text=hide(comment.text)) for comment in said)
    return own_review, tuple(sorted(others, key=lambda each: each.reader)), blind
