"""The parts of a cohort that have a form: how a stored track, stream or task becomes a form, and a form becomes one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from matsapply.cohorts.editing import seen, with_evaluation, with_stream, with_track
from matsapply.cohorts.file_types import (
    CohortFile,
    EvaluationEntry,
    Moment,
    Seats,
    StreamEntry,
    TaskUse,
    TrackEntry,
)
from matsapply.pages.admin.setup_forms import (
    TaskForm,
    TrackForm,
    lines_of,
    number,
    rule_of,
    stream_form,
)
from matsapply.rules.stages import AiPolicy, EvaluationKind, InterviewPlan, SelectionMode, StreamState

if TYPE_CHECKING:
    from collections.abc import Callable

    from matsapply.pages.admin.setup_forms import MomentField, SetupForm, StreamForm


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of thing in a cohort's set-up.

    ``template`` is its page and ``section`` its place in a cohort file; ``entries`` reads it from the file; ``form``
    makes the form (``formdata`` and ``data`` as WTForms takes them) and ``data`` fills it from an entry; ``entry``
    makes the entry of a valid form from the stored one, if any; ``put`` gives the file with it.
    """

    noun: str
    template: str
    section: str
    entries: Callable[[CohortFile], tuple[Any, ...]]
    form: Callable[..., SetupForm]
    data: Callable[[CohortFile, Any], dict[str, Any]]
    entry: Callable[[Any, CohortFile, Any], Any]
    put: Callable[[CohortFile, Any], CohortFile]

    def form_of(self, file: CohortFile, entry: Any, **options: Any) -> SetupForm:
        """The form for a stored entry as it stands now."""
        return self.form(file, data=self.data(file, entry) | {"seen": seen(entry)}, **options)

    def change(self, form: SetupForm, key: str) -> Callable[[CohortFile], CohortFile]:
        """The edit a valid form asks for."""

        def changed(file: CohortFile) -> CohortFile:
            stored = next((one for one in self.entries(file) if one.key == key), None)
            return self.put(file, self.entry(form, file, stored))

        return changed


# --- tracks -------------------------------------------------------------------------------------------------------


def _track_form(file: CohortFile, **options: Any) -> TrackForm:
    return TrackForm(**options)


def _track_data(file: CohortFile, entry: TrackEntry) -> dict[str, Any]:
    return {"key": entry.key, "name": entry.name, "order": str(entry.order), "description": entry.description}


def _track_entry(form: TrackForm, file: CohortFile, stored: TrackEntry | None) -> TrackEntry:
    key = stored.key if stored else form.key.data
    return TrackEntry(key, form.name.data, int(form.order.data), form.description.data)


# --- streams ------------------------------------------------------------------------------------------------------


def _stream_form(file: CohortFile, **options: Any) -> StreamForm:
    return stream_form(file.evaluations, [(track.key, track.name) for track in file.tracks], **options)


def _stream_data(file: CohortFile, entry: StreamEntry) -> dict[str, Any]:
    seats = (entry.seats.min, entry.seats.target, entry.seats.max) if entry.seats else ("", "", "")
    found: dict[str, Any] = {
        "key": entry.key,
        "name": entry.name,
        "description": entry.description,
        "areas": "\n".join(entry.areas),
        "locations": "\n".join(entry.locations),
        "note": entry.note,
        "track": entry.track,
        "also_tracks": list(entry.also_tracks),
        "opens": rule_of(entry.opens_at),
        "closes": rule_of(entry.closes.at, entry.closes.rule) if entry.closes else "",
        "own_calendar": entry.own_calendar,
        "mode": entry.mode.value,
        "interview": entry.interview.value,
        "ai_policy": entry.ai_policy.value if entry.ai_policy else "",
    }
    found |= dict(zip(("seats_min", "seats_target", "seats_max"), map(str, seats), strict=True))
    uses = {use.key: use for use in entry.evaluations}
    for index, task in enumerate(file.evaluations):
        use = uses.get(task.key)
        found[f"use_{index}"] = "" if use is None else "required" if use.required else "optional"
        found[f"weight_{index}"] = "" if use is None else f"{use.weight:g}"
    return found


def _stream_entry(form: StreamForm, file: CohortFile, stored: StreamEntry | None) -> StreamEntry:
    numbers = [number(field.data) for field in (form.seats_min, form.seats_target, form.seats_max)]
    least, wanted, most = numbers
    seats = None if least is None or wanted is None or most is None else Seats(least, wanted, most)
    base = stored or StreamEntry(form.key.data, "", "", state=StreamState.DRAFT)
    return replace(
        base,
        name=form.name.data,
        track=form.track.data,
        also_tracks=tuple(form.also_tracks.data or ()),
        seats=seats,
        evaluations=_uses(form, file, base),
        interview=InterviewPlan(form.interview.data),
        mode=SelectionMode(form.mode.data),
        ai_policy=AiPolicy(form.ai_policy.data) if form.ai_policy.data else None,
        own_calendar=bool(form.own_calendar.data),
        opens_at=form.opens.at,
        closes=_moment(form.closes),
        description=form.description.data,
        areas=lines_of(form.areas.data),
        locations=lines_of(form.locations.data),
        note=form.note.data,
    )


def _uses(form: StreamForm, file: CohortFile, base: StreamEntry) -> tuple[TaskUse, ...]:
    """The tasks in use, in the order they had; a newly used one comes last."""
    chosen = {
        file.evaluations[index].key: TaskUse(
            file.evaluations[index].key, use.data == "required", float(weight.data or 1)
        )
        for index, use, weight in form.uses()
        if use.data
    }
    before = [use.key for use in base.evaluations if use.key in chosen]
    return tuple(chosen[key] for key in (*before, *(key for key in chosen if key not in before)))


def _moment(field: MomentField) -> Moment | None:
    return None if field.at is None else Moment(field.at, " ".join(field.data.split()))


# --- tasks --------------------------------------------------------------------------------------------------------


def _task_form(file: CohortFile, **options: Any) -> TaskForm:
    return TaskForm(**options)


def _task_data(file: CohortFile, entry: EvaluationEntry) -> dict[str, Any]:
    return {
        "key": entry.key,
        "title": entry.title,
        "kind": entry.kind.value,
        "effort": f"{entry.effort_h:g}",
        "shared": entry.shared,
        "opens": rule_of(entry.opens_at),
        "due": rule_of(entry.due.at, entry.due.rule) if entry.due else "",
        "clock": str(entry.personal_clock_min or ""),
        "ai_policy": entry.ai_policy.value,
        "attempts": str(entry.attempts),
        "dry_run": entry.dry_run,
        "answer_limit": str(entry.answer_limit or ""),
        "brief": entry.brief,
    }


def _task_entry(form: TaskForm, file: CohortFile, stored: EvaluationEntry | None) -> EvaluationEntry:
    return EvaluationEntry(
        key=stored.key if stored else form.key.data,
        title=form.title.data,
        kind=EvaluationKind(form.kind.data),
        effort_h=float(form.effort.data),
        ai_policy=AiPolicy(form.ai_policy.data),
        shared=bool(form.shared.data),
        opens_at=form.opens.at,
        due=_moment(form.due),
        personal_clock_min=number(form.clock.data),
        dry_run=bool(form.dry_run.data),
        attempts=int(form.attempts.data),
        brief=form.brief.data,
        answer_limit=number(form.answer_limit.data),
    )


TRACK = Part(
    "track",
    "admin/setup_track.html",
    "tracks",
    lambda file: file.tracks,
    _track_form,
    _track_data,
    _track_entry,
    with_track,
)
STREAM = Part(
    "stream",
    "admin/setup_stream.html",
    "streams",
    lambda file: file.streams,
    _stream_form,
    _stream_data,
    _stream_entry,
    with_stream,
)
TASK = Part(
    "task",
    "admin/setup_task.html",
    "evaluations",
    lambda file: file.evaluations,
    _task_form,
    _task_data,
    _task_entry,
    with_evaluation,
)
PARTS = {part.noun: part for part in (TRACK, STREAM, TASK)}


def new_data(noun: str, file: CohortFile) -> dict[str, Any]:
    """What the form of something new says at first."""
    match noun:
        case "track":
            return {"order": str(max((one.order for one in file.tracks), default=0) + 1)}
        case "stream":
            return {"mode": SelectionMode.SINGLE.value, "interview": InterviewPlan.ONE.value, "ai_policy": ""}
    return {"attempts": "1", "kind": EvaluationKind.WORK_TEST.value, "ai_policy": AiPolicy.FORBIDDEN.value}
