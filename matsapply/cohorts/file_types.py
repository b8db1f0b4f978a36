"""What a cohort file says, as frozen values: equal files are equal values, and each can be written back as a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from matsapply.rules.deadlines import Audience
from matsapply.rules.stages import (
    AiPolicy,
    CohortState,
    EvaluationKind,
    InterviewPlan,
    MentorKind,
    QuestionType,
    ReferenceTiming,
    RubricKind,
    SelectionMode,
    StreamChoiceMoment,
    StreamState,
)


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant with the wall rule it came from, such as ``2027-01-17 EOD AoE`` or ``2027-02-12 18:00 UTC``."""

    at: datetime
    rule: str


@dataclass(frozen=True, slots=True)
class ProgramEntry:
    name: str
    member_term: str = "fellow"
    older_term: str = ""


@dataclass(frozen=True, slots=True)
class MarkedKey:
    """A key with an optional note and the mark of where it comes from (S stated, F found, P placeholder)."""

    key: str
    note: str = ""
    src: str = ""


@dataclass(frozen=True, slots=True)
class CohortEntry:
    key: str
    label: str
    length_weeks: int = 12
    locations: tuple[MarkedKey, ...] = ()
    capacity: int = 0
    over_offer_allowance: int = 0
    stipend_text: str = ""
    compute_text: str = ""
    eligibility: tuple[MarkedKey, ...] = ()
    prior_safety_experience: str = ""
    state: CohortState = CohortState.DRAFT


@dataclass(frozen=True, slots=True)
class TimePolicy:
    default_deadline_zone: str = "AoE"
    silent_grace_minutes: int = 15
    min_notice_hours_for_earlier_move: int = 72
    show: tuple[str, ...] = ("viewer_zone", "AoE", "UTC")


STAGE_NAMES = ("general_application", "central_review", "stream_evaluations", "final_interviews", "offers")


@dataclass(frozen=True, slots=True)
class Stages:
    stream_choice: StreamChoiceMoment = StreamChoiceMoment.AT_GENERAL
    reference_timing: ReferenceTiming = ReferenceTiming.AFTER_ADVANCE
    rolling_review: bool = False
    order: tuple[str, ...] = STAGE_NAMES


@dataclass(frozen=True, slots=True)
class KeyDateEntry:
    """One key date; ``moment`` None means "to be announced"."""

    code: str
    label: str
    moment: Moment | None = None
    audience: Audience = Audience.ALL
    note: str = ""
    bound: str = ""
    estimate: bool = False
    src: str = ""


@dataclass(frozen=True, slots=True)
class TrackEntry:
    key: str
    name: str
    order: int
    description: str = ""


@dataclass(frozen=True, slots=True)
class Seats:
    """Seats of a stream, least ≤ wanted ≤ most; a stream without seats has None instead."""

    min: int
    target: int
    max: int


@dataclass(frozen=True, slots=True)
class MentorEntry:
    name: str
    kind: MentorKind = MentorKind.LEAD


def unnamed_mentors(number: int) -> tuple[MentorEntry, ...]:
    """``number`` places for mentors whose names are not known yet; the first is the lead."""
    return tuple(
        MentorEntry(f"Mentor {n}", MentorKind.LEAD if n == 1 else MentorKind.CO_MENTOR) for n in range(1, number + 1)
    )


@dataclass(frozen=True, slots=True)
class TaskUse:
    """That a stream uses an evaluation."""

    key: str
    required: bool = True
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class StreamEntry:
    key: str
    name: str
    track: str
    also_tracks: tuple[str, ...] = ()
    mentors: tuple[MentorEntry, ...] = ()
    seats: Seats | None = None
    evaluations: tuple[TaskUse, ...] = ()
    interview: InterviewPlan = InterviewPlan.ONE
    mode: SelectionMode = SelectionMode.SINGLE
    ai_policy: AiPolicy | None = None
    own_calendar: bool = False
    opens_at: datetime | None = None
    closes: Moment | None = None
    state: StreamState = StreamState.LISTED
    description: str = ""
    areas: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class EvaluationEntry:
    key: str
    title: str
    kind: EvaluationKind
    effort_h: float
    ai_policy: AiPolicy
    shared: bool = False
    opens_at: datetime | None = None
    due: Moment | None = None
    personal_clock_min: int | None = None
    dry_run: bool = False
    attempts: int = 1
    brief: str = ""
    answer_limit: int | None = None


@dataclass(frozen=True, slots=True)
class QuestionEntry:
    """One question. Options are texts, also where they look like numbers."""

    key: str
    section: str
    type: QuestionType
    label: str
    required: bool = False
    blind: bool = False
    hint: str = ""
    limit: int | None = None
    when_track: str = ""
    options: tuple[str, ...] = ()
    accept: tuple[str, ...] = ()
    max_mb: int | None = None
    min: int | None = None
    max: int | None = None


@dataclass(frozen=True, slots=True)
class FormEntry:
    questions: tuple[QuestionEntry, ...]
    stated_minutes: int = 90
    ai_policy: str = ""


@dataclass(frozen=True, slots=True)
class CriterionEntry:
    """One criterion; ``anchors`` are pairs (step of the scale, what it looks like)."""

    key: str
    label: str
    anchors: tuple[tuple[str, str], ...] = ()
    src: str = ""


@dataclass(frozen=True, slots=True)
class ExceptionPath:
    """A way past the bar, and whose consent it needs."""

    key: str
    needs: str


@dataclass(frozen=True, slots=True)
class RubricEntry:
    """How one kind of reading is scored. ``weights`` are (track, ((criterion, weight), …)); a track's sum is 1."""

    kind: RubricKind
    scale: tuple[str, ...]
    criteria: tuple[CriterionEntry, ...]
    readers: int = 1
    negative_needs: str = ""
    third_reader_if_spread_at_least: int | None = None
    blind: tuple[str, ...] = ()
    by_question: bool = False
    structured: bool = False
    integrity_flag: str = ""
    free_text_limit: int | None = None
    weights: tuple[tuple[str, tuple[tuple[str, float], ...]], ...] = ()
    exception_paths: tuple[ExceptionPath, ...] = ()


@dataclass(frozen=True, slots=True)
class ReviewPolicy:
    max_active_per_reader: int = 60
    target_minutes_central: int = 8
    conflict_sources: tuple[str, ...] = ()
    automatic_scores: str = "advisory_only"
    cross_stream_material: bool = False
    applicant_rank_visible_to_streams: str = "never_before_T13"


@dataclass(frozen=True, slots=True)
class OfferPolicy:
    reply_days: int = 7
    several_pending: str = "allowed"
    accept_one: bool = True
    extend_until: str = "T15"
    waitlist_position_shown: bool = False
    stay_on_waitlist_after_accept: bool = False
    waitlist_reply_hours: int = 96


@dataclass(frozen=True, slots=True)
class StatusPolicy:
    heartbeat_days: int = 14
    silence_means_out: bool = False
    feedback: str = "optional_per_decision"
    min_weekends_per_window: int = 2


@dataclass(frozen=True, slots=True)
class CohortFile:
    program: ProgramEntry
    cohort: CohortEntry
    tracks: tuple[TrackEntry, ...]
    time_policy: TimePolicy = TimePolicy()
    stages: Stages = Stages()
    key_dates: tuple[KeyDateEntry, ...] = ()
    streams: tuple[StreamEntry, ...] = ()
    evaluations: tuple[EvaluationEntry, ...] = ()
    form: FormEntry | None = None
    rubrics: tuple[RubricEntry, ...] = ()
    review_policy: ReviewPolicy = ReviewPolicy()
    offer_policy: OfferPolicy = OfferPolicy()
    status_policy: StatusPolicy = StatusPolicy()
    notifications: tuple[str, ...] = field(default=())
