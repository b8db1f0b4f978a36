"""Writing a cohort as a file: always the same text for the same cohort, and little that only repeats a default."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import yaml

from matsapply.cohorts.file_sections import words_of
from matsapply.cohorts.file_types import (
    CohortFile,
    EvaluationEntry,
    FormEntry,
    KeyDateEntry,
    MarkedKey,
    MentorEntry,
    Moment,
    RubricEntry,
    StreamEntry,
    TaskUse,
    TrackEntry,
    unnamed_mentors,
)
from matsapply.rules.deadlines import KEY_DATES
from matsapply.rules.stages import MentorKind

Table = dict[str, Any]
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")


def dump(file: CohortFile) -> str:
    """Canonical YAML of ``file``; ``parse`` of it gives an equal value."""
    program, cohort = _plain(file.program), _plain(file.cohort)
    cohort["locations"] = [_marked(entry) for entry in file.cohort.locations]
    cohort["eligibility"] = [_marked(entry) for entry in file.cohort.eligibility]
    content: Table = {
        "program": program,
        "cohort": cohort,
        "time_policy": _plain(file.time_policy),
        "stages": _plain(file.stages),
        "key_dates": {entry.code: _key_date(entry) for entry in file.key_dates if _says_something(entry)},
        "tracks": [_track(entry) for entry in file.tracks],
        "streams": [_stream(entry) for entry in file.streams],
        "evaluations": [_evaluation(entry) for entry in file.evaluations],
        "form": _form(file.form) if file.form else None,
        "rubrics": {entry.kind.value: _rubric(entry) for entry in file.rubrics},
        "review_policy": _plain(file.review_policy),
        "offer_policy": _plain(file.offer_policy),
        "status_policy": _plain(file.status_policy),
        "notifications": list(file.notifications),
    }
    content = {key: value for key, value in content.items() if value not in (None, [], {})}
    return "".join(
        yaml.dump(
            {key: value},
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            default_flow_style=None,
            width=118,
        )
        for key, value in content.items()
    )


class _Dumper(yaml.SafeDumper):
    """Without anchors: an equal value that occurs twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def analyze_scalar(self, scalar: str) -> Any:
        """Instants need no quotes, also inside braces: their colons are not followed by a blank."""
        analysis = super().analyze_scalar(scalar)
        if _INSTANT.fullmatch(scalar):
            analysis.allow_flow_plain = True
        return analysis


class _Instant(str):
    """The text of an instant, written without quotes."""

    __slots__ = ()


_Dumper.add_representer(
    _Instant, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:timestamp", str(text))
)


def _instant(at: datetime) -> _Instant:
    return _Instant(at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def _moment(moment: Moment | None, at: str, eod: str, wall: str) -> Table:
    """The moment under the key that says how it was meant."""
    if moment is None:
        return {}
    if moment.rule.endswith(" EOD AoE"):
        return {eod: date.fromisoformat(moment.rule.partition(" ")[0])}
    if moment.rule.endswith(" UTC"):
        return {at: _instant(moment.at)}
    return {wall: moment.rule}


def _word(text: str) -> str | int:
    """Numbers in lists of texts (a scale, hours a week) are written without quotes."""
    return int(text) if _NUMBER.fullmatch(text) else text


def _plain(entry: Any) -> Table:
    """All fields of a flat entry under their own names."""
    values = {field.name: getattr(entry, field.name) for field in fields(entry)}
    return {key: _value(value) for key, value in values.items() if value not in ("", ())}


def _value(value: Any) -> Any:
    match value:
        case StrEnum():
            return value.value
        case tuple():
            return [_value(part) for part in value]
        case datetime():
            return _instant(value)
    return value


def _without_defaults(entry: Any, *left_out: str) -> Table:
    """The fields of ``entry`` that differ from their defaults, save those that need another form."""
    found = {}
    for field in fields(entry):
        value = getattr(entry, field.name)
        if field.name not in left_out and value != field.default:
            found[field.name] = _value(value)
    return found


def _marked(entry: MarkedKey) -> Table:
    return _without_defaults(entry)


def _says_something(entry: KeyDateEntry) -> bool:
    row = KEY_DATES[entry.code]
    return entry != KeyDateEntry(entry.code, row.label, audience=row.audience)


def _key_date(entry: KeyDateEntry) -> Table:
    found: Table = {"label": entry.label, **_moment(entry.moment, "at", "eod_aoe", "wall")}
    if entry.audience is not KEY_DATES[entry.code].audience:
        found["audience"] = entry.audience.value
    return found | _without_defaults(entry, "code", "label", "moment", "audience")


def _track(entry: TrackEntry) -> Table:
    return _without_defaults(entry)


def _stream(entry: StreamEntry) -> Table:
    found: Table = {"key": entry.key, "name": entry.name, "track": entry.track}
    if entry.also_tracks:
        found["also_track"] = entry.also_tracks[0] if len(entry.also_tracks) == 1 else list(entry.also_tracks)
    found["mentors"] = _mentors(entry.mentors)
    found["seats"] = _plain(entry.seats) if entry.seats else None
    found["evaluations"] = [_task_use(use) for use in entry.evaluations]
    found["interview"] = entry.interview.value
    dates: Table = {"open": _instant(entry.opens_at)} if entry.opens_at else {}
    dates |= _moment(entry.closes, "close_at", "close_eod_aoe", "close_wall")
    found |= {"own_calendar": dates} if entry.own_calendar else dates
    named = {"key", "name", "track", "also_tracks", "mentors", "seats", "evaluations", "interview"}
    return found | _without_defaults(entry, *named, "own_calendar", "opens_at", "closes")


def _mentors(mentors: tuple[MentorEntry, ...]) -> int | list[Table]:
    if mentors == unnamed_mentors(len(mentors)):
        return len(mentors)
    return [
        {"name": mentor.name} | ({"kind": mentor.kind.value} if mentor.kind is not MentorKind.LEAD else {})
        for mentor in mentors
    ]


def _task_use(use: TaskUse) -> str | Table:
    return use.key if use == TaskUse(use.key) else {"key": use.key, "required": use.required, "weight": use.weight}


def _evaluation(entry: EvaluationEntry) -> Table:
    found: Table = {"key": entry.key}
    if entry.title != words_of(entry.key):
        found["title"] = entry.title
    hours = entry.effort_h
    found |= {
        "kind": entry.kind.value,
        "shared": entry.shared,
        "effort_h": int(hours) if hours == int(hours) else hours,
    }
    if entry.opens_at:
        found["open"] = _instant(entry.opens_at)
    found |= _moment(entry.due, "due_at", "due_eod_aoe", "due_wall")
    found["ai_policy"] = entry.ai_policy.value
    return found | _without_defaults(
        entry, "key", "title", "kind", "shared", "effort_h", "opens_at", "due", "ai_policy"
    )


def _form(form: FormEntry) -> Table:
    questions = []
    for question in form.questions:
        found = _without_defaults(question, "options")
        if question.options:
            found["options"] = [_word(option) for option in question.options]
        questions.append(found | {"required": question.required})
    return _without_defaults(form, "questions", "stated_minutes") | {
        "stated_minutes": form.stated_minutes,
        "questions": questions,
    }


def _rubric(entry: RubricEntry) -> Table:
    found: Table = {"scale": [_word(step) for step in entry.scale], "readers": entry.readers}
    found |= _without_defaults(entry, "kind", "scale", "criteria", "readers", "weights", "exception_paths")
    found["criteria"] = []
    for criterion in entry.criteria:
        row: Table = {"key": criterion.key}
        if criterion.label != words_of(criterion.key):
            row["label"] = criterion.label
        if criterion.src:
            row["src"] = criterion.src
        if criterion.anchors:
            row["anchors"] = {_word(step): text for step, text in criterion.anchors}
        found["criteria"].append(row)
    if entry.weights:
        found["weights"] = {track: dict(weights) for track, weights in entry.weights}
    if entry.exception_paths:
        found["exception_paths"] = [_plain(path) for path in entry.exception_paths]
    return found
