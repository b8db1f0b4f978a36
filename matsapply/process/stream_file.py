"""One candidate's file as the stream may read it: the answers that concern it, and readings of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.answer_files import submitted_files
from matsapply.applications.models import Application, Snapshot
from matsapply.cohorts.forms import form_version
from matsapply.people.models import Person
from matsapply.reviews.models import Review, ReviewAssignment
from matsapply.reviews.visibility import in_conflict
from matsapply.rules.stages import AssignmentState, QuestionType

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.process.own_streams import OwnStream

_NOT_FOR_STREAMS = frozenset(
    {
        QuestionType.TRACK_RANK,
        QuestionType.STREAM_INTEREST,
        QuestionType.REFEREES,
        QuestionType.SEPARATE_STORE,
        QuestionType.EMAIL,
    }
)
_SECTIONS_NOT_FOR_STREAMS = frozenset({"references", "consent", "separate"})


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the snapshot in force. ``files`` are (public id, name); ``value`` is text otherwise."""

    section: str
    label: str
    value: str
    long: bool
    links: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()


def answers(session: Session, stream: OwnStream, application_id: int) -> list[Answer]:
    """What the applicant wrote, as far as it concerns this stream: other tracks' questions, the choice and order of
    tracks and streams, referees, addresses and consents are left out. At most four queries."""
    row = session.execute(
        sa.select(Snapshot.content, Snapshot.form_version_id)
        .join(
            Application,
            sa.and_(Application.id == Snapshot.application_id, Application.snapshot_number == Snapshot.number),
        )
        .where(Application.id == application_id)
    ).one_or_none()
    form = form_version(session, row.form_version_id) if row else None
    if row is None or form is None:
        return []
    given: dict[str, Any] = row.content.get("answers", {})
    wanted = [
        question
        for question in form.questions
        if question.type not in _NOT_FOR_STREAMS
        and question.section not in _SECTIONS_NOT_FOR_STREAMS
        and (not question.when_track or question.when_track in stream.track_keys)
        and given.get(question.key) not in (None, "", [], {})
    ]
    files = {key: (key, file.name) for key, file in submitted_files(session, row.content).items()}
    return [_answer(question, given[question.key], files) for question in wanted]


def _answer(question: Any, value: Any, files: dict[str, tuple[str, str]]) -> Answer:
    if question.type is QuestionType.FILE:
        found = tuple(files[one["file"]] for one in _list(value) if one["file"] in files)
        return Answer(question.section, question.label, "", False, files=found)
    if question.type is QuestionType.URLS:
        links = tuple(str(link) for link in _list(value) if str(link).startswith(("https://", "http://")))
        return Answer(question.section, question.label, "", False, links=links)
    words = ("Yes" if part is True else "No" if part is False else str(part) for part in _list(value))
    return Answer(question.section, question.label, ", ".join(words), question.type is QuestionType.LONG)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True, slots=True)
class OwnReading:
    """The reader's own reading of one target, as handed in."""

    scores: dict[str, Any]
    note: str
    feedback: str
    submitted_at: datetime
    total: float


def own_reading(session: Session, person_id: int, *where: sa.ColumnElement[bool]) -> OwnReading | None:
    """The reader's present reading of the target that ``where`` names by columns of ``ReviewAssignment``."""
    review = session.scalars(
        sa.select(Review)
        .join(ReviewAssignment, ReviewAssignment.id == Review.assignment_id)
        .where(
            ReviewAssignment.reviewer_id == person_id,
            ReviewAssignment.state == AssignmentState.SUBMITTED,
            Review.superseded_at.is_(None),
            *where,
        )
        .limit(1)
    ).one_or_none()
    if review is None:
        return None
    return OwnReading(dict(review.scores), review.note, review.feedback, review.submitted_at, review.total)


@dataclass(frozen=True, slots=True)
class OtherReading:
    """Somebody else's reading, for one who has handed in an own one or decides."""

    reader: str
    scores: dict[str, Any]
    note: str
    total: float
    submitted_at: datetime


def other_readings(session: Session, person_id: int, *where: sa.ColumnElement[bool]) -> list[OtherReading]:
    """The readings of others that count, of the target that ``where`` names; for whoever may see them."""
    rows = session.execute(
        sa.select(Person.display_name, Review.scores, Review.note, Review.total, Review.submitted_at)
        .join(ReviewAssignment, ReviewAssignment.id == Review.assignment_id)
        .join(Person, Person.id == ReviewAssignment.reviewer_id)
        .where(
            ReviewAssignment.reviewer_id != person_id,
            Review.superseded_at.is_(None),
            Review.voided_at.is_(None),
            ~in_conflict(ReviewAssignment.reviewer_id, Review.application_id),
            *where,
        )
        .order_by(Review.submitted_at, Review.id)
    )
    return [OtherReading(*row) for row in rows]


def marked_by(session: Session, person_id: int, submission_ids: Iterable[int]) -> set[int]:
    """Which of the submissions the person has marked."""
    keys = list(submission_ids)
    if not keys:
        return set()
    return {
        key
        for key in session.scalars(
            sa.select(ReviewAssignment.submission_id).where(
                ReviewAssignment.reviewer_id == person_id,
                ReviewAssignment.state == AssignmentState.SUBMITTED,
                ReviewAssignment.submission_id.in_(keys),
            )
        )
        if key is not None
    }
