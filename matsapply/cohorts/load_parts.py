"""Saving the parts of a cohort file that stand on their own: tracks, evaluations, the form, the rubrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.cohorts.models import (
    Cohort,
    Criterion,
    Evaluation,
    FormVersion,
    Mentor,
    Question,
    Rubric,
    Stream,
    StreamEvaluation,
    StreamTrack,
    Track,
)
from matsapply.cohorts.stored import latest_form, latest_rubrics
from matsapply.rules.stages import CohortState

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.cohorts.file_types import (
        CohortFile,
        EvaluationEntry,
        FormEntry,
        QuestionEntry,
        RubricEntry,
        TrackEntry,
    )


class LoadRefused(Exception):
    """Something in the file that may not change in the database, in one line that says what to do."""


class Changes:
    """What a load did so far, in words."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def created(self, what: str) -> None:
        self.lines.append(f"{what}: created")

    def assign(self, row: Any, what: str, **values: Any) -> bool:
        """Set those ``values`` that differ from ``row``'s and note them; whether anything did."""
        differing = {name: value for name, value in values.items() if getattr(row, name) != value}
        for name, value in differing.items():
            self.lines.append(f"{what}: {name} {_short(getattr(row, name))} → {_short(value)}")
            setattr(row, name, value)
        return bool(differing)


def _short(value: Any) -> str:
    text = "unset" if value is None else str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def refuse_missing(cohort: Cohort, kind: str, stored: Collection[str], named: Collection[str]) -> None:
    """Raise ``LoadRefused`` where the file no longer names what people may rely on; a draft may lose anything."""
    missing = sorted(set(stored) - set(named))
    if missing and cohort.state is not CohortState.DRAFT:
        raise LoadRefused(
            f"the cohort {cohort.key} is {cohort.state} and the file no longer names the {kind} {missing[0]!r}: "
            f"put it back, or end it in the web interface"
        )


def remove_missing(session: Session, cohort: Cohort, file: CohortFile, changes: Changes) -> None:
    """Delete from a draft cohort what its file no longer names."""
    if cohort.state is not CohortState.DRAFT:
        return
    kinds: tuple[tuple[type[Stream] | type[Evaluation] | type[Track], str, set[str]], ...] = (
        (Stream, "stream", {entry.key for entry in file.streams}),
        (Evaluation, "evaluation", {entry.key for entry in file.evaluations}),
        (Track, "track", {entry.key for entry in file.tracks}),
    )
    for model, kind, named in kinds:
        gone = sa.select(model.id).where(model.cohort_id == cohort.id, model.key.not_in(named))
        keys = session.scalars(
            sa.select(model.key).where(model.cohort_id == cohort.id, model.key.not_in(named)).order_by(model.key)
        ).all()
        if not keys:
            continue
        try:
            with session.begin_nested():
                if model is Stream:
                    for part in (StreamTrack, Mentor, StreamEvaluation):
                        session.execute(sa.delete(part).where(part.stream_id.in_(gone)))
                session.execute(sa.delete(model).where(model.cohort_id == cohort.id, model.key.not_in(named)))
        except sa.exc.IntegrityError:
            raise LoadRefused(f"the {kind} {keys[0]!r} is in use; put it back into the file") from None
        changes.lines += [f"{kind} {key}: removed" for key in keys]


def save_tracks(
    session: Session, cohort: Cohort, entries: tuple[TrackEntry, ...], changes: Changes
) -> dict[str, Track]:
    """The tracks by key, including dropped ones that questions of earlier forms may name."""
    rows = {row.key: row for row in session.scalars(sa.select(Track).where(Track.cohort_id == cohort.id))}
    live = [key for key, row in rows.items() if row.dropped_at is None]
    refuse_missing(cohort, "track", live, [entry.key for entry in entries])
    for entry in entries:
        values = {"name": entry.name, "description": entry.description, "position": entry.order, "dropped_at": None}
        if entry.key in rows:
            changes.assign(rows[entry.key], f"track {entry.key}", **values)
        else:
            rows[entry.key] = Track(cohort_id=cohort.id, key=entry.key, **values)
            session.add(rows[entry.key])
            changes.created(f"track {entry.key}")
    session.flush()
    return rows


def save_evaluations(
    session: Session, cohort: Cohort, entries: tuple[EvaluationEntry, ...], changes: Changes
) -> dict[str, Evaluation]:
    rows = {row.key: row for row in session.scalars(sa.select(Evaluation).where(Evaluation.cohort_id == cohort.id))}
    refuse_missing(cohort, "evaluation", rows, [entry.key for entry in entries])
    for position, entry in enumerate(entries, 1):
        values: dict[str, Any] = {
            "title": entry.title,
            "kind": entry.kind,
            "shared": entry.shared,
            "effort_hours": entry.effort_h,
            "opens_at": entry.opens_at,
            "due_at": entry.due.at if entry.due else None,
            "due_rule": entry.due.rule if entry.due else "",
            "personal_clock_minutes": entry.personal_clock_min,
            "dry_run": entry.dry_run,
            "attempts": entry.attempts,
            "ai_policy": entry.ai_policy,
            "brief": entry.brief,
            "answer_limit": entry.answer_limit,
            "position": position,
        }
        if entry.key in rows:
            changes.assign(rows[entry.key], f"evaluation {entry.key}", **values)
        else:
            rows[entry.key] = Evaluation(cohort_id=cohort.id, key=entry.key, **values)
            session.add(rows[entry.key])
            changes.created(f"evaluation {entry.key}")
    session.flush()
    return rows


def save_form(
    session: Session,
    cohort: Cohort,
    stored: FormEntry | None,
    entry: FormEntry,
    tracks: dict[str, Track],
    now: datetime,
    changes: Changes,
) -> None:
    """Keep an equal form; rewrite one that nobody has seen; follow a published one by a new version."""
    if stored == entry:
        return
    published = None if cohort.state is CohortState.DRAFT else now
    latest = latest_form(session, cohort.id)
    if latest is None or latest.published_at is not None:
        number = latest.number + 1 if latest else 1
        latest = FormVersion(cohort_id=cohort.id, number=number)
        session.add(latest)
        changes.created(f"form version {number}")
    else:
        session.execute(sa.delete(Question).where(Question.form_version_id == latest.id))
        changes.lines.append(f"form version {latest.number}: questions rewritten before it is published")
    latest.stated_minutes = entry.stated_minutes
    latest.ai_policy = entry.ai_policy
    latest.published_at = published
    session.flush()
    session.add_all(
        _question(latest.id, position, question, tracks) for position, question in enumerate(entry.questions, 1)
    )
    session.flush()


def _question(form_id: int, position: int, entry: QuestionEntry, tracks: dict[str, Track]) -> Question:
    settings: dict[str, Any] = {"options": list(entry.options), "accept": list(entry.accept)}
    settings |= {"max_mb": entry.max_mb, "min": entry.min, "max": entry.max}
    return Question(
        form_version_id=form_id,
        key=entry.key,
        section=entry.section,
        position=position,
        type=entry.type,
        label=entry.label,
        hint=entry.hint,
        required=entry.required,
        blind=entry.blind,
        limit=entry.limit,
        when_track_id=tracks[entry.when_track].id if entry.when_track else None,
        settings={key: value for key, value in settings.items() if value not in (None, [])},
    )


def save_rubrics(
    session: Session,
    cohort: Cohort,
    stored: tuple[RubricEntry, ...],
    entries: tuple[RubricEntry, ...],
    changes: Changes,
) -> None:
    """Keep equal rubrics; a changed one becomes the next number, so that finished reviews keep the one they used."""
    before = {entry.kind: entry for entry in stored}
    if gone := sorted(set(before) - {entry.kind for entry in entries}):
        raise LoadRefused(f"the file no longer has the rubric {gone[0]}: put it back, rounds may use it")
    latest = latest_rubrics(session, cohort.id)
    for entry in entries:
        if before.get(entry.kind) == entry:
            continue
        number = latest[entry.kind].number + 1 if entry.kind in latest else 1
        rubric = _rubric(cohort.id, number, entry)
        session.add(rubric)
        session.flush()
        session.add_all(
            Criterion(
                rubric_id=rubric.id,
                key=criterion.key,
                label=criterion.label,
                position=position,
                anchors=dict(criterion.anchors),
                src=criterion.src,
            )
            for position, criterion in enumerate(entry.criteria, 1)
        )
        changes.created(f"rubric {entry.kind} number {number}")
    session.flush()


def _rubric(cohort_id: int, number: int, entry: RubricEntry) -> Rubric:
    settings: dict[str, Any] = {
        "negative_needs": entry.negative_needs,
        "by_question": entry.by_question,
        "structured": entry.structured,
        "integrity_flag": entry.integrity_flag,
        "free_text_limit": entry.free_text_limit,
        "exception_paths": [{"key": path.key, "needs": path.needs} for path in entry.exception_paths],
    }
    return Rubric(
        cohort_id=cohort_id,
        kind=entry.kind,
        number=number,
        scale=list(entry.scale),
        readers=entry.readers,
        third_reader_spread=entry.third_reader_if_spread_at_least,
        blind=list(entry.blind),
        settings={key: value for key, value in settings.items() if value not in (None, [], "", False)},
        weights={track: dict(weights) for track, weights in entry.weights},
    )
