"""The status page's words: the rounds of the road, where one stands, what happens next and who acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matsapply.platform import instants
from matsapply.platform.languages import gettext as _, lazy_gettext as _l, pgettext as _p
from matsapply.rules.journey import Round, has_ended, present_round, round_of_end, rounds_of
from matsapply.rules.stages import CloseReason
from matsapply.rules.visibility import Stage, StreamLine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from matsapply.applications.editing import Editing
    from matsapply.applications.queries import TaskFrame
    from matsapply.cohorts.views import KeyDateView

YOU, STREAMS, NOBODY = _l("You"), _l("The streams"), _l("Nothing for you to do")
# label, who acts, what happens; the dates are in BEGINS and ENDS.
ROUNDS: dict[Round, tuple[str, str, str]] = {
    Round.APPLY: (
        _l("Your application"),
        YOU,
        _l("One form for all tracks and streams. You can change it until the close."),
    ),
    Round.REVIEW: (_l("Review and first result"), NOBODY, _l("Two people read each application without its name.")),
    Round.CHOICE: (_l("Stream choice"), YOU, _l("If you advance: choose streams and put them in your order.")),
    Round.TASKS: (_l("Tasks"), YOU, _l("Streams that want to see more invite you to a task.")),
    Round.INTERVIEWS: (_l("Interviews"), YOU, _l("By invitation: you pick a time that suits you.")),
    Round.DECISIONS: (_l("Decisions"), NOBODY, _l("The streams rank, and everybody hears at the same instant.")),
    Round.ANSWER: (_l("Your answer"), YOU, _l("If you get an offer: accept or decline it.")),
    Round.PROGRAMME: (_l("Programme"), YOU, _l("You begin.")),
}
BEGINS = {
    Round.APPLY: "T1",
    Round.REVIEW: "T2",
    Round.CHOICE: "T6",
    Round.INTERVIEWS: "T10",
    Round.DECISIONS: "T12",
    Round.ANSWER: "T13",
    Round.PROGRAMME: "T17",
}
ENDS = {
    Round.APPLY: "T2",
    Round.REVIEW: "T5",
    Round.CHOICE: "T7",
    Round.INTERVIEWS: "T11",
    Round.DECISIONS: "T13",
    Round.ANSWER: "T14",
    Round.PROGRAMME: "T18",
}
# Where the one instant that matters is the end: results and decisions come out then.
AT_END = frozenset({Round.REVIEW, Round.DECISIONS, Round.ANSWER})

# A round that may still run when the next one has begun.
OVERLAP = frozenset({Round.TASKS, Round.INTERVIEWS})


@dataclass(frozen=True, slots=True)
class RoadRound:
    """One round on the road, as the component wants it: plain words, so that it is drawn once for all who stand there.

    ``until`` is None where one instant says it all; ``away`` is how far off ``at`` is, to the hour or the day.
    """

    label: str
    at: datetime | None
    until: datetime | None
    state: str
    estimate: bool
    note: str
    who: str
    hours: str
    instant_word: str
    away: str


def road(
    held: Editing, stage: Stage, dates: Sequence[KeyDateView], tasks: TaskFrame, stated_minutes: int, now: datetime
) -> tuple[RoadRound, ...]:
    """Every round with its dates, hours and who acts; the present place is marked."""
    by_code = {date.code: date for date in dates}

    def at(code: str | None) -> datetime | None:
        return by_code[code].at if code in by_code else None

    begins = {each: at(BEGINS.get(each)) for each in Round} | {Round.TASKS: tasks.opens_at}
    ends = {each: at(ENDS.get(each)) for each in Round} | {Round.TASKS: tasks.due_at}
    if held.closes_at is not None:
        ends[Round.APPLY] = held.closes_at
    rounds = rounds_of(held.stream_choice)
    here = present_round(stage, now, rounds, begins)
    over = here is None and has_ended(stage)
    reached = rounds.index(here or round_of_end(stage, held.close_reason, held.closed_at or now, rounds, begins))
    shown = []
    for number, each in enumerate(rounds):
        label, who, note = ROUNDS[each]
        code = ENDS.get(each) if each in AT_END else BEGINS.get(each)
        at_or_by = ends[each] if each in AT_END else begins[each]
        shown.append(
            RoadRound(
                label=str(label),
                at=at_or_by,
                until=None if each in AT_END else ends[each],
                state=_state(number, reached, over=over, open_until=ends[each] if each in OVERLAP else None, now=now),
                estimate=bool(code in by_code and by_code[code].estimate),
                note=str(note),
                who=str(who),
                hours=_hours(each, tasks, stated_minutes),
                instant_word=_p("before a date", "by") if each in AT_END else "",
                away=instants.relative(at_or_by, now) if at_or_by is not None else "",
            )
        )
    return tuple(shown)


def _state(number: int, reached: int, *, over: bool, open_until: datetime | None, now: datetime) -> str:
    if number < reached:
        return "current" if open_until is not None and now < open_until and not over else "done"
    if number == reached:
        return "ended" if over else "current"
    return "off" if over else "todo"


def _hours(each: Round, tasks: TaskFrame, stated_minutes: int) -> str:
    match each:
        case Round.APPLY:
            return _("about %(work)s", work=instants.duration(stated_minutes))
        case Round.TASKS if tasks.hours is not None:
            return _("about %(work)s for the streams you chose", work=instants.duration(tasks.hours * 60))
        case _:
            return ""


STAGES = {
    Stage.DRAFT: _l("You are writing your application. Nothing has been submitted yet."),
    Stage.SUBMITTED: _l("Your application is submitted. You can still change it until applications close."),
    Stage.UNDER_REVIEW: _l("Your application is being read."),
    Stage.IN_STREAMS: _l("You have advanced: your application is with the streams you chose."),
    Stage.OFFER_PENDING: _l("You have an offer."),
    Stage.WAITLISTED: _l("You are on a waitlist. If a seat comes free, you get an offer here and by mail."),
    Stage.PLACED: _l("You have accepted a place. Welcome."),
    Stage.WITHDRAWN: _l("You have withdrawn from all streams."),
    Stage.NOT_SELECTED: _l("No stream could offer you a place this time."),
    Stage.OFFERS_DECLINED: _l("You have no open offer any more."),
    Stage.CLOSED: _l("This application is closed."),
}
CLOSED = {
    CloseReason.NEVER_SUBMITTED: _l(
        "Applications closed before you submitted. What you wrote is kept, and you can use it again for another cohort."
    ),
    CloseReason.WITHDRAWN: _l("You withdrew this application."),
    CloseReason.INELIGIBLE: _l(
        "The team found that a formal condition is not met. If that is wrong, write to the team."
    ),
    CloseReason.NOT_ADVANCED: _l(
        "Your application did not advance beyond the review. Thank you for the work you put in."
    ),
    CloseReason.NOT_SELECTED: _l("No stream could offer you a place this time. Thank you for the work you put in."),
    CloseReason.OFFERS_DECLINED: _l("You have no open offer any more, so this application has ended."),
    CloseReason.PLACED: _l("You have accepted a place. Welcome."),
    CloseReason.DEFERRED: _l("Your place was moved to a later cohort."),
    CloseReason.RESCINDED: _l("Your offer was taken back. The message in your inbox says why."),
    CloseReason.MERGED: _l("This application was joined with another one of yours, which counts."),
    CloseReason.COHORT_CANCELLED: _l("This cohort does not take place."),
}


def headline(stage: Stage, reason: CloseReason | None) -> str:
    """Where the application stands, in one sentence."""
    return CLOSED[reason] if reason is not None else STAGES[stage]


@dataclass(frozen=True, slots=True)
class Turn:
    """What happens next: a sentence, who acts, and until when."""

    who: str
    text: str
    at: datetime | None = None
    estimate: bool = False


def next_turn(stage: Stage, dates: Sequence[KeyDateView], to_do: int, closes_at: datetime | None) -> Turn:
    """The next thing that happens to this application. ``to_do`` counts what waits for the applicant."""
    by_code = {date.code: date for date in dates}

    def turn(who: str, text: str, code: str) -> Turn:
        date = by_code.get(code)
        return Turn(who, text, date.at if date else None, bool(date and date.estimate))

    match stage:
        case Stage.DRAFT:
            return Turn(YOU, _("Finish your application and submit it before the close."), closes_at)
        case Stage.SUBMITTED:
            return Turn(NOBODY, _("Applications close; then two people read yours."), closes_at)
        case Stage.UNDER_REVIEW:
            return turn(NOBODY, _("The first result comes here and by mail, to everybody at the same instant."), "T5")
        case Stage.IN_STREAMS if to_do:
            return turn(YOU, _("Do what is listed below. The decisions come to everybody at the same instant."), "T13")
        case Stage.IN_STREAMS:
            text = _(
                "The streams read and may still ask you for a task or an interview. Decisions come at one instant."
            )
            return turn(STREAMS, text, "T13")
        case Stage.OFFER_PENDING:
            return Turn(YOU, _("Answer your offer. Without an answer it ends by itself."))
        case Stage.WAITLISTED:
            return turn(NOBODY, _("If a seat comes free, you hear at once. The waitlist closes then."), "T15")
        case Stage.PLACED:
            return turn(YOU, _("The programme begins."), "T17")
        case _:
            return Turn(NOBODY, "")


# The word on the pill, its tone, and the sentence beside it. ``{by}`` is when the decisions come.
STREAM_WORDS: dict[StreamLine, tuple[str, str, str]] = {
    StreamLine.CHOSEN: (
        "chosen",
        "neutral",
        _l("You chose this stream. It reads your application if you advance, once the choice of streams closes."),
    ),
    StreamLine.APPLIED: ("with the stream", "info", _l("Your application has reached the stream.")),
    StreamLine.UNDER_REVIEW: (
        "with the stream",
        "info",
        _l("The stream is considering you. Its decision comes with all others."),
    ),
    StreamLine.TASK: ("your turn", "violet", _l("A task waits for you.")),
    StreamLine.INTERVIEW: ("your turn", "violet", _l("An interview is open for you.")),
    StreamLine.OFFER: ("offer", "good", _l("The stream offers you a place. Answer it in time.")),
    StreamLine.ACCEPTED: ("accepted", "good", _l("You have accepted this place.")),
    StreamLine.WAITLISTED: ("waitlist", "warn", _l("No seat is free now. If one comes free, you hear at once.")),
    StreamLine.NOT_SELECTED: ("no offer", "neutral", _l("The stream could not offer you a place this time.")),
    StreamLine.DECLINED: ("declined", "neutral", _l("You declined the offer.")),
    StreamLine.LAPSED: ("expired", "neutral", _l("The offer expired without an answer.")),
    StreamLine.WITHDRAWN: ("left", "neutral", _l("You left this stream.")),
    StreamLine.CANCELLED: ("cancelled", "warn", _l("This stream does not take place.")),
    StreamLine.RELEASED: ("ended", "neutral", _l("It ended when you accepted another place.")),
    StreamLine.RESCINDED: ("taken back", "bad", _l("The offer was taken back. The message in your inbox says why.")),
}


# What the applicant reads about a letter; never what it says.
LETTERS = {
    "named": "not asked yet",
    "requested": "asked",
    "opened": "asked",
    "received": "received",
    "declined": "declined",
    "bounced": "address not reached",
    "overdue": "not received",
    "waived": "not needed",
}


TASKS = {
    "invited": "to do",
    "started": "begun",
    "expired": "not handed in",
    "waived": "not needed any more",
    "withdrawn": "ended",
}
INTERVIEWS = {
    "offered": "pick a time",
    "held": "took place",
    "no_show_applicant": "missed",
    "no_show_interviewer": "nobody came",
}


@dataclass(frozen=True, slots=True)
class StreamRow:
    """One stream on the status page. ``undo`` and ``leave`` say which button stands beside it."""

    public_id: str
    name: str
    rank: int | None
    word: str
    tone: str
    text: str
    leave: bool
    undo: bool


# Closed for these, an application never was with its streams: they neither said no nor were left.
BEFORE_STREAMS = frozenset({CloseReason.NEVER_SUBMITTED, CloseReason.NOT_ADVANCED})


def stream_row(
    pick: Any, line: StreamLine, reason: CloseReason | None, *, undo: bool, booked_at: datetime | None
) -> StreamRow:
    """``reason`` is why the application is closed; None while it lives."""
    live = reason is None
    word, tone, text = STREAM_WORDS[line]
    if reason in BEFORE_STREAMS:
        word, tone, text = "not reached", "neutral", _("Your application did not reach this stream.")
    if line is StreamLine.INTERVIEW and booked_at is not None:
        word, tone, text = "interview booked", "info", _("Your interview is booked; it stands below.")
    return StreamRow(pick.public_id, pick.name, pick.rank, word, tone, text, live and pick.live, live and undo)
