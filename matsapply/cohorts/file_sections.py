"""The sections of a cohort file about the cohort itself: dates, tracks, streams, tasks and policies."""

from __future__ import annotations

import re
from typing import TypeVar

from matsapply.cohorts.file_errors import Rule, suggestion
from matsapply.cohorts.file_fields import WORD, Fields, kind_of
from matsapply.cohorts.file_types import (
    STAGE_NAMES,
    CohortEntry,
    EvaluationEntry,
    KeyDateEntry,
    MarkedKey,
    MentorEntry,
    OfferPolicy,
    ProgramEntry,
    ReviewPolicy,
    Seats,
    Stages,
    StatusPolicy,
    StreamEntry,
    TaskUse,
    TimePolicy,
    TrackEntry,
    unnamed_mentors,
)
from matsapply.cohorts.yaml_tree import Scalar
from matsapply.rules.deadlines import KEY_DATES, Audience
from matsapply.rules.stages import (
    AiPolicy,
    CohortState,
    EvaluationKind,
    InterviewPlan,
    MentorKind,
    ReferenceTiming,
    SelectionMode,
    StreamChoiceMoment,
    StreamState,
)
from matsapply.rules.wall_time import zone_named

MOST_STREAMS = 1_000
MOST_MENTORS = 40
MOST_SEATS = 1_000
MARKS = ("S", "F", "P")
# The messages a cohort can switch on; reminders carry their times at the end, as in offer_reminder_72h_24h.
NOTIFICATIONS = (
    "receipt",
    "draft_reminder",
    "deadline_moved",
    "reference_request",
    "reference_reminder",
    "first_result",
    "stream_choice_reminder",
    "task_invitation",
    "task_reminder",
    "task_received",
    "interview_slots",
    "interview_reminder",
    "heartbeat",
    "decision",
    "offer_reminder",
    "waitlist_promotion",
    "withdrawn_receipt",
    "stream_cancelled",
    "data_deleted",
)
_TIMES = re.compile(r"(_\d{1,3}[dh])+$")
COHORT_DATES = tuple(code for code in KEY_DATES if code not in {"T8", "T9"})

Entry = TypeVar("Entry", TrackEntry, StreamEntry, EvaluationEntry)


def words_of(key: str) -> str:
    """A title for something that has only a key: ``work-test-evals`` becomes ``Work test evals``."""
    text = key.replace("-", " ").replace("_", " ")
    return text[:1].upper() + text[1:]


def read_mark(fields: Fields) -> str:
    """The mark of origin, where one is given."""
    mark = fields.text("src", "", 1)
    if mark and mark not in MARKS:
        fields.findings.error(fields.place("src"), fields.at("src"), Rule.NOT_A_CHOICE, "the mark is S, F or P")
    return mark


def read_program(fields: Fields) -> ProgramEntry:
    return ProgramEntry(
        name=fields.text("name", most=100),
        member_term=fields.text("member_term", "fellow", 40),
        older_term=fields.text("older_term", "", 40),
    )


def read_cohort(fields: Fields) -> CohortEntry:
    fields.remember("cohort")
    return CohortEntry(
        key=fields.key("key", most=40),
        label=fields.text("label", most=100),
        length_weeks=fields.integer("length_weeks", 12, 1, 104),
        locations=_marked_keys(fields, "locations"),
        capacity=fields.integer("capacity", 0, 0, 100_000),
        over_offer_allowance=fields.integer("over_offer_allowance", 0, 0, 100_000),
        stipend_text=fields.prose("stipend_text", ""),
        compute_text=fields.prose("compute_text", ""),
        eligibility=_marked_keys(fields, "eligibility"),
        prior_safety_experience=fields.key("prior_safety_experience", "", WORD),
        state=fields.choice("state", CohortState, CohortState.DRAFT),
    )


def _marked_keys(fields: Fields, key: str) -> tuple[MarkedKey, ...]:
    found: list[MarkedKey] = []
    for item in fields.mappings(key, 50):
        entry = MarkedKey(item.key("key"), item.text("note", "", 300), read_mark(item))
        if entry.key and entry.key in {other.key for other in found}:
            item.findings.error(
                item.place("key"), item.at("key"), Rule.DUPLICATE_KEY, f"{entry.key!r} stands here twice"
            )
        found.append(entry)
        item.finish()
    return tuple(found)


def read_time_policy(fields: Fields) -> TimePolicy:
    usual = TimePolicy()
    zone = fields.text("default_deadline_zone", usual.default_deadline_zone, 60)
    show = fields.texts("show", 10, 60) if fields.has("show") else usual.show
    for key, name in [("default_deadline_zone", zone), *(("show", name) for name in show if name != "viewer_zone")]:
        if zone_named(name) is None:
            fields.findings.error(fields.place(key), fields.at(key), Rule.WALL_TIME, f"there is no time zone {name!r}")
    return TimePolicy(
        default_deadline_zone=zone,
        silent_grace_minutes=fields.integer("silent_grace_minutes", usual.silent_grace_minutes, 0, 1440),
        min_notice_hours_for_earlier_move=fields.integer(
            "min_notice_hours_for_earlier_move", usual.min_notice_hours_for_earlier_move, 0, 8760
        ),
        show=show,
    )


def read_stages(fields: Fields) -> Stages:
    usual = Stages()
    return Stages(
        stream_choice=fields.choice("stream_choice", StreamChoiceMoment, usual.stream_choice),
        reference_timing=fields.choice("reference_timing", ReferenceTiming, usual.reference_timing),
        rolling_review=fields.boolean("rolling_review", usual.rolling_review),
        order=fields.texts("order", known=STAGE_NAMES) if fields.has("order") else usual.order,
    )


def read_key_dates(fields: Fields | None) -> tuple[KeyDateEntry, ...]:
    """All codes of the cohort, in the table's order; those the file leaves out are to be announced."""
    entries = []
    for code in COHORT_DATES:
        row = KEY_DATES[code]
        item = fields.mapping(code) if fields else None
        if item is None:
            entries.append(KeyDateEntry(code, row.label, audience=row.audience))
            continue
        item.remember("date", code)
        entries.append(
            KeyDateEntry(
                code=code,
                label=item.text("label", row.label, 120) or row.label,
                moment=item.moment("at", "eod_aoe", "wall"),
                audience=item.choice("audience", Audience, row.audience),
                note=item.prose("note", ""),
                bound=item.text("bound", "", 60),
                estimate=item.boolean("estimate", False),
                src=read_mark(item),
            )
        )
        item.finish()
    for code in ("T8", "T9"):
        if fields and fields.has(code):
            fields.asked.add(code)
            message = f"{code} belongs to each evaluation: give open and due under evaluations"
            fields.findings.error(fields.place(code), fields.at(code), Rule.UNKNOWN_KEY, message)
    return tuple(entries)


def _once(found: list[Entry], entry: Entry, fields: Fields, kind: str) -> None:
    """Add ``entry``; a key that is already there is an error and the first one stays."""
    if entry.key and entry.key in {other.key for other in found}:
        message = f"there is already a {kind} with the key {entry.key!r}"
        fields.findings.error(fields.place("key"), fields.at("key"), Rule.DUPLICATE_KEY, message)
        return
    found.append(entry)


def read_tracks(top: Fields) -> tuple[TrackEntry, ...]:
    found: list[TrackEntry] = []
    for number, item in enumerate(top.mappings("tracks", 50), 1):
        entry = TrackEntry(
            key=item.key("key"),
            name=item.text("name", most=120),
            order=item.integer("order", number, 0, 1000),
            description=item.prose("description", ""),
        )
        item.remember("track", entry.key)
        _once(found, entry, item, "track")
        item.finish()
    if not found and top.node_of("tracks") is not None:
        top.findings.error(top.place("tracks"), "tracks", Rule.MISSING_KEY, "a cohort needs at least one track")
    return tuple(sorted(found, key=lambda track: track.order))


def read_streams(top: Fields) -> tuple[StreamEntry, ...]:
    found: list[StreamEntry] = []
    for item in top.mappings("streams", MOST_STREAMS):
        calendar = item.mapping("own_calendar")
        if calendar and (item.node_of("open") or item.node_of("close_eod_aoe") or item.node_of("close_at")):
            message = "open and close stand in own_calendar or beside it, not in both"
            item.findings.error(calendar.node, calendar.path, Rule.BAD_DATE, message)
        dates = calendar or item
        for key in ("open", "close_at", "close_eod_aoe", "close_wall"):
            item.asked.add(key)
        entry = StreamEntry(
            key=item.key("key"),
            name=item.text("name", most=160),
            track=item.key("track"),
            also_tracks=_also_tracks(item),
            mentors=_mentors(item),
            seats=_seats(item),
            evaluations=_task_uses(item),
            interview=item.choice("interview", InterviewPlan, InterviewPlan.ONE),
            mode=item.choice("mode", SelectionMode, SelectionMode.SINGLE),
            ai_policy=item.choice("ai_policy", AiPolicy, None),
            own_calendar=calendar is not None,
            opens_at=dates.instant("open"),
            closes=dates.moment("close_at", "close_eod_aoe", "close_wall"),
            state=item.choice("state", StreamState, StreamState.LISTED),
            description=item.prose("description", ""),
            areas=item.texts("areas", 20, 80),
            locations=item.texts("locations", 20, 60),
            note=item.prose("note", ""),
        )
        item.remember("stream", entry.key, track="track", also_track="also_track", evaluations="evaluations")
        item.remember("stream", entry.key, closes=("own_calendar", "close_at", "close_eod_aoe", "close_wall"))
        _once(found, entry, item, "stream")
        if calendar:
            calendar.finish()
        item.finish()
    return tuple(found)


def _also_tracks(fields: Fields) -> tuple[str, ...]:
    """One further track as a word, or several as a list."""
    if isinstance(fields.node_of("also_track"), Scalar):
        return (fields.key("also_track"),)
    return fields.texts("also_track", 20, 60)


def _mentors(fields: Fields) -> tuple[MentorEntry, ...]:
    """A number of mentors without names, or a list of names."""
    node = fields.node_of("mentors")
    if node is None or isinstance(node, Scalar):
        return unnamed_mentors(fields.integer("mentors", 0, 0, MOST_MENTORS))
    found = []
    for item in fields.mappings("mentors", MOST_MENTORS):
        found.append(MentorEntry(item.text("name", most=200), item.choice("kind", MentorKind, MentorKind.LEAD)))
        item.finish()
    return tuple(found)


def _seats(fields: Fields) -> Seats | None:
    """The three numbers of seats, or None where the seats are to be announced."""
    item = fields.mapping("seats")
    if item is None:
        return None
    before = len(item.findings.errors)
    seats = Seats(*(item.required_integer(key, 0, MOST_SEATS) for key in ("min", "target", "max")))
    if len(item.findings.errors) == before and not seats.min <= seats.target <= seats.max:
        message = f"min ≤ target ≤ max does not hold: {seats.min}, {seats.target}, {seats.max}"
        item.findings.error(item.node, item.path, Rule.SEATS, message)
    item.finish()
    return seats


def _task_uses(fields: Fields) -> tuple[TaskUse, ...]:
    found: list[TaskUse] = []
    for path, node in fields.items("evaluations", 50):
        if isinstance(node, Scalar) and node.text is not None:
            use = TaskUse(node.text)
        else:
            item = Fields(node, path, fields.findings)
            use = TaskUse(item.key("key"), item.boolean("required", True), item.number("weight", 0, 1000, 1.0))
            item.finish()
        if use.key in {other.key for other in found}:
            fields.findings.error(node, path, Rule.DUPLICATE_NAME, f"{use.key!r} stands here twice")
            continue
        found.append(use)
    return tuple(found)


def read_evaluations(top: Fields) -> tuple[EvaluationEntry, ...]:
    found: list[EvaluationEntry] = []
    for item in top.mappings("evaluations", 200):
        key = item.key("key")
        entry = EvaluationEntry(
            key=key,
            title=item.text("title", words_of(key), 160) or words_of(key),
            kind=item.required_choice("kind", EvaluationKind),
            effort_h=item.number("effort_h", 0.05, 400),
            ai_policy=item.required_choice("ai_policy", AiPolicy),
            shared=item.boolean("shared", False),
            opens_at=item.instant("open"),
            due=item.moment("due_at", "due_eod_aoe", "due_wall"),
            personal_clock_min=item.integer("personal_clock_min", None, 1, 10_080),
            dry_run=item.boolean("dry_run", False),
            attempts=item.integer("attempts", 1, 1, 100),
            brief=item.prose("brief", "", 20_000),
            answer_limit=item.integer("answer_limit", None, 1, 100_000),
        )
        item.remember("evaluation", key, open="open", due=("due_at", "due_eod_aoe", "due_wall"), shared="shared")
        _once(found, entry, item, "evaluation")
        item.finish()
    return tuple(found)


def read_review_policy(fields: Fields) -> ReviewPolicy:
    usual = ReviewPolicy()
    return ReviewPolicy(
        max_active_per_reader=fields.integer("max_active_per_reader", usual.max_active_per_reader, 1, 100_000),
        target_minutes_central=fields.integer("target_minutes_central", usual.target_minutes_central, 1, 1440),
        conflict_sources=fields.texts("conflict_sources", 20, 60),
        automatic_scores=fields.key("automatic_scores", usual.automatic_scores, WORD),
        cross_stream_material=fields.boolean("cross_stream_material", usual.cross_stream_material),
        applicant_rank_visible_to_streams=fields.key(
            "applicant_rank_visible_to_streams", usual.applicant_rank_visible_to_streams, WORD
        ),
    )


def read_offer_policy(fields: Fields) -> OfferPolicy:
    usual = OfferPolicy()
    until = fields.text("extend_until", usual.extend_until, 4)
    if until not in COHORT_DATES:
        message = f"{until!r} is no key date{suggestion(until, COHORT_DATES)}"
        fields.findings.error(fields.place("extend_until"), fields.at("extend_until"), Rule.REFERENCE, message)
    return OfferPolicy(
        reply_days=fields.integer("reply_days", usual.reply_days, 1, 365),
        several_pending=fields.key("several_pending", usual.several_pending, WORD),
        accept_one=fields.boolean("accept_one", usual.accept_one),
        extend_until=until,
        waitlist_position_shown=fields.boolean("waitlist_position_shown", usual.waitlist_position_shown),
        stay_on_waitlist_after_accept=fields.boolean(
            "stay_on_waitlist_after_accept", usual.stay_on_waitlist_after_accept
        ),
        waitlist_reply_hours=fields.integer("waitlist_reply_hours", usual.waitlist_reply_hours, 1, 8760),
    )


def read_status_policy(fields: Fields) -> StatusPolicy:
    usual = StatusPolicy()
    return StatusPolicy(
        heartbeat_days=fields.integer("heartbeat_days", usual.heartbeat_days, 1, 365),
        silence_means_out=fields.boolean("silence_means_out", usual.silence_means_out),
        feedback=fields.key("feedback", usual.feedback, WORD),
        min_weekends_per_window=fields.integer("min_weekends_per_window", usual.min_weekends_per_window, 0, 52),
    )


def read_notifications(top: Fields) -> tuple[str, ...]:
    found: list[str] = []
    for path, node in top.items("notifications", 100):
        if not isinstance(node, Scalar) or node.text is None:
            top.findings.error(node, path, Rule.WRONG_TYPE, f"the name of a message is needed, not {kind_of(node)}")
        elif _TIMES.sub("", node.text) not in NOTIFICATIONS:
            message = f"there is no message {node.text[:60]!r}{suggestion(_TIMES.sub('', node.text), NOTIFICATIONS)}"
            top.findings.error(node, path, Rule.NOT_A_CHOICE, message)
        elif _TIMES.sub("", node.text) in {_TIMES.sub("", other) for other in found}:
            top.findings.error(node, path, Rule.DUPLICATE_NAME, f"{node.text!r} stands here twice")
        else:
            found.append(node.text)
    return tuple(found)
