"""The form an application answers, as the rules want it. Published versions never change, so they stay in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.cohorts.forms import form_version
from matsapply.cohorts.models import Track
from matsapply.platform.db import fetch
from matsapply.rules.answers import Asked
from matsapply.rules.stages import QuestionType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from matsapply.cohorts.forms import QuestionView

MOST_KEPT = 64
_kept: dict[str, Form] = {}


@dataclass(frozen=True, slots=True)
class Form:
    """One version of the questions, in their order."""

    id: int
    stated_minutes: int
    ai_policy: str
    questions: tuple[Asked, ...]

    @property
    def sections(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(question.section for question in self.questions))

    def in_section(self, section: str) -> tuple[Asked, ...]:
        return tuple(question for question in self.questions if question.section == section)

    @property
    def declared_in(self) -> str:
        """The section of the form's last required yes or no, in which the applicant stands by the answers."""
        asked = [each for each in self.questions if each.type is QuestionType.BOOL and each.required]
        return asked[-1].section if asked else ""

    def named(self, key: str) -> Asked | None:
        return next((question for question in self.questions if question.key == key), None)

    def of_type(self, kind: QuestionType) -> Asked | None:
        """The first question of a type: a form has at most one place for tracks, for streams and for referees."""
        return next((question for question in self.questions if question.type is kind), None)

    def with_tracks(self, keys: Sequence[str]) -> Form:
        """The same form, whose track question takes these keys: tracks may be dropped while a form stands."""
        return replace(
            self,
            questions=tuple(
                replace(question, options=tuple(keys)) if question.type is QuestionType.TRACK_RANK else question
                for question in self.questions
            ),
        )


def load(session: Session, form_version_id: int, public_id: str, *, published: bool) -> Form:
    """The form by its key; from memory where it is published and was read before in this process."""
    if (kept := _kept.get(public_id)) is not None:
        return kept
    form = form_by_key(session, form_version_id)
    if published:
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[public_id] = form
    return form


def form_by_key(session: Session, form_version_id: int) -> Form:
    """The form by its key, from the database."""
    view = form_version(session, form_version_id)
    if view is None:
        raise LookupError(f"no form version {form_version_id}")
    return Form(view.id, view.stated_minutes, view.ai_policy, tuple(asked(question) for question in view.questions))


def asked(question: QuestionView) -> Asked:
    return Asked(
        key=question.key,
        section=question.section,
        type=question.type,
        label=question.label,
        required=question.required,
        limit=question.limit,
        when_track=question.when_track,
        options=tuple(str(option) for option in question.options),
        minimum=question.min,
        maximum=question.max,
        max_mb=question.max_mb,
        blind=question.blind,
        hint=question.hint,
    )


@dataclass(frozen=True, slots=True)
class TrackOption:
    id: int
    key: str
    name: str
    description: str


_TRACKS = (
    sa.select(Track.id, Track.key, Track.name, Track.description)
    .where(Track.cohort_id == sa.bindparam("cohort_id"), Track.dropped_at.is_(None))
    .order_by(Track.position, Track.id)
)


def track_options(session: Session, cohort_id: int) -> list[TrackOption]:
    """The tracks one can choose now, in their order."""
    return [TrackOption(*row) for row in fetch(session, _TRACKS, cohort_id=cohort_id)]
