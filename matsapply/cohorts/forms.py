"""Reads about what is asked and how it is scored: form versions with their questions, rubrics with their criteria."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.cohorts.models import Criterion, FormVersion, Question, Rubric, Track
from matsapply.rules.stages import QuestionType, RubricKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class QuestionView:
    """One question. ``when_track`` is the key of the track it is asked for, or empty for everybody."""

    id: int
    key: str
    section: str
    type: QuestionType
    label: str
    hint: str
    required: bool
    blind: bool
    limit: int | None
    when_track: str
    options: tuple[str, ...]
    accept: tuple[str, ...]
    max_mb: int | None
    min: int | None
    max: int | None


@dataclass(frozen=True, slots=True)
class FormView:
    id: int
    number: int
    published_at: datetime | None
    stated_minutes: int
    ai_policy: str
    questions: tuple[QuestionView, ...]

    @property
    def sections(self) -> tuple[str, ...]:
        """The names of the sections in their order."""
        return tuple(dict.fromkeys(question.section for question in self.questions))

    def in_section(self, section: str) -> tuple[QuestionView, ...]:
        return tuple(question for question in self.questions if question.section == section)


@dataclass(frozen=True, slots=True)
class CriterionView:
    """``anchors`` are keyed by the step's text, in the order of the scale."""

    id: int
    key: str
    label: str
    anchors: dict[str, str]


@dataclass(frozen=True, slots=True)
class RubricView:
    """``weights`` is {track key: {criterion key: weight}}; empty where all criteria count the same."""

    id: int
    kind: RubricKind
    number: int
    scale: tuple[str, ...]
    readers: int
    third_reader_spread: int | None
    blind: tuple[str, ...]
    weights: dict[str, dict[str, float]]
    settings: dict[str, Any]
    criteria: tuple[CriterionView, ...]


def published_form(session: Session, cohort_id: int) -> FormView | None:
    """The published version with the highest number: what a new application is begun on."""
    form = session.scalars(
        sa.select(FormVersion)
        .where(FormVersion.cohort_id == cohort_id, FormVersion.published_at.is_not(None))
        .order_by(FormVersion.number.desc())
        .limit(1)
    ).one_or_none()
    return _form(session, form) if form else None


def form_version(session: Session, form_version_id: int) -> FormView | None:
    """One version, whether published or not."""
    form = session.get(FormVersion, form_version_id)
    return _form(session, form) if form else None


def _form(session: Session, form: FormVersion) -> FormView:
    rows = session.execute(
        sa.select(Question, Track.key)
        .outerjoin(Track, Track.id == Question.when_track_id)
        .where(Question.form_version_id == form.id)
        .order_by(Question.position, Question.id)
    )
    questions = tuple(
        QuestionView(
            id=row.id,
            key=row.key,
            section=row.section,
            type=row.type,
            label=row.label,
            hint=row.hint,
            required=row.required,
            blind=row.blind,
            limit=row.limit,
            when_track=track or "",
            options=tuple(row.settings.get("options", ())),
            accept=tuple(row.settings.get("accept", ())),
            max_mb=row.settings.get("max_mb"),
            min=row.settings.get("min"),
            max=row.settings.get("max"),
        )
        for row, track in rows
    )
    return FormView(form.id, form.number, form.published_at, form.stated_minutes, form.ai_policy, questions)


_RUBRIC = (
    sa.select(Rubric, Criterion.id, Criterion.key, Criterion.label, Criterion.anchors)
    .outerjoin(Criterion, Criterion.rubric_id == Rubric.id)
    .order_by(Criterion.position, Criterion.id)
)
_RUBRIC_BY_ID = _RUBRIC.where(Rubric.id == sa.bindparam("rubric_id"))


def rubric_in_force(session: Session, cohort_id: int, kind: RubricKind) -> RubricView | None:
    """The rubric of that kind with the highest number."""
    newest = sa.select(Rubric.id).where(Rubric.cohort_id == cohort_id, Rubric.kind == kind)
    newest = newest.order_by(Rubric.number.desc()).limit(1)
    return _rubric(session.execute(_RUBRIC.where(Rubric.id == newest.scalar_subquery())).all())


def rubric(session: Session, rubric_id: int) -> RubricView | None:
    """One rubric by its key: the one a round was opened with."""
    return _rubric(session.execute(_RUBRIC_BY_ID, {"rubric_id": rubric_id}).all())


def _rubric(rows: Sequence[Any]) -> RubricView | None:
    if not rows:
        return None
    row = rows[0][0]
    return RubricView(
        id=row.id,
        kind=row.kind,
        number=row.number,
        scale=tuple(str(step) for step in row.scale),
        readers=row.readers,
        third_reader_spread=row.third_reader_spread,
        blind=tuple(row.blind),
        weights=dict(row.weights),
        settings=dict(row.settings),
        criteria=tuple(CriterionView(*criterion) for _, *criterion in rows if criterion[0] is not None),
    )
