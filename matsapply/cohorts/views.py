"""What pages are told about a cohort: frozen values that can be cached and hold no connection."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from matsapply.rules.stages import (
    AiPolicy,
    CohortState,
    EvaluationKind,
    InterviewPlan,
    KeyDateKind,
    MentorKind,
    ReferenceTiming,
    SelectionMode,
    StreamChoiceMoment,
    StreamState,
)


@dataclass(frozen=True, slots=True)
class CohortView:
    """A cohort as pages show it."""

    id: int
    public_id: str
    version: int
    key: str
    label: str
    state: CohortState
    program: str
    member_term: str
    length_weeks: int
    locations: tuple[str, ...]
    capacity: int
    over_offer_allowance: int
    stipend_text: str
    compute_text: str
    eligibility: tuple[dict[str, Any], ...]
    silent_grace_minutes: int
    min_notice_hours: int
    stream_choice: StreamChoiceMoment
    reference_timing: ReferenceTiming
    policies: dict[str, Any]


@dataclass(frozen=True, slots=True)
class KeyDateView:
    """A key date with its last move: ``moved_from`` on ``moved_on``, where it was ever moved."""

    id: int
    public_id: str
    version: int
    code: str
    label: str
    kind: KeyDateKind
    audience: str
    at: datetime | None
    wall_rule: str
    estimate: bool
    note: str
    bound: str
    moved_from: datetime | None = None
    moved_on: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TrackView:
    id: int
    public_id: str
    version: int
    key: str
    name: str
    description: str
    position: int
    dropped_at: datetime | None


@dataclass(frozen=True, slots=True)
class TrackName:
    id: int
    key: str
    name: str
    is_main: bool


@dataclass(frozen=True, slots=True)
class MentorView:
    id: int
    name: str
    kind: MentorKind
    person_id: int | None


@dataclass(frozen=True, slots=True)
class TaskView:
    """An evaluation; ``required`` and ``weight`` say how a stream uses it."""

    id: int
    public_id: str
    key: str
    title: str
    kind: EvaluationKind
    shared: bool
    effort_hours: float
    opens_at: datetime | None
    due_at: datetime | None
    due_rule: str
    personal_clock_minutes: int | None
    ai_policy: AiPolicy
    dry_run: bool
    attempts: int
    brief: str
    answer_limit: int | None
    required: bool = True
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class StreamView:
    """A stream with everything that hangs on it."""

    id: int
    public_id: str
    version: int
    key: str
    name: str
    description: str
    areas: tuple[str, ...]
    locations: tuple[str, ...]
    state: StreamState
    seats_min: int | None
    seats_target: int | None
    seats_max: int | None
    opens_at: datetime | None
    closes_at: datetime | None
    own_calendar: bool
    ai_policy: AiPolicy | None
    mode: SelectionMode
    interview: InterviewPlan
    note: str
    tracks: tuple[TrackName, ...]
    mentors: tuple[MentorView, ...]
    tasks: tuple[TaskView, ...]

    @property
    def main_track(self) -> TrackName | None:
        return next((track for track in self.tracks if track.is_main), None)


@dataclass(frozen=True, slots=True)
class RevisionView:
    """One move of a key date, for the admin's history."""

    code: str
    old: datetime | None
    new: datetime | None
    actor_id: int | None
    reason: str
    announced_at: datetime
    reopens: bool
