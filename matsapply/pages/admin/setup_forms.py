"""Forms about a cohort's set-up: the cohort, a track, a stream, a task. The rules behind them are those of the file.

``PLACES`` says which field answers for which part of a cohort file, so that a finding stands beside what was typed.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, ClassVar

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    HiddenField,
    RadioField,
    SelectChoice,
    SelectMultipleField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import InputRequired

from matsapply.cohorts.file_fields import LONG
from matsapply.rules.stages import AiPolicy, EvaluationKind, InterviewPlan, MentorKind, SelectionMode
from matsapply.rules.wall_time import Unresolved, WallProblem, resolve_rule, rule_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from wtforms import Field

    from matsapply.cohorts.file_types import EvaluationEntry

WALL_PROBLEMS = {
    WallProblem.UNREADABLE: "Write it as 2027-01-17 EOD AoE, 2027-02-12 18:00 UTC or 2027-03-12 17:00 Europe/London.",
    WallProblem.UNKNOWN_ZONE: "There is no such time zone. Use AoE, UTC or a name such as Europe/London.",
    WallProblem.NONEXISTENT: "The clocks are put forward over that time there: it does not exist. Choose another.",
    WallProblem.AMBIGUOUS: "The clocks show that time twice there. Add the word first or second at the end.",
}
WHEN = "For example 2027-01-17 EOD AoE or 2027-02-12 18:00 UTC."
LONGEST_BRIEF = 20_000
AI_WORDS = {
    AiPolicy.FORBIDDEN: "No AI tools",
    AiPolicy.ALLOWED_DISCLOSE: "Allowed, to be disclosed",
    AiPolicy.ALLOWED: "Allowed",
}
AI_CHOICES = [SelectChoice(one.value, text) for one, text in AI_WORDS.items()]
USES = [SelectChoice("", "Not used"), SelectChoice("required", "Required"), SelectChoice("optional", "Optional")]
MENTOR_PREFIX = "mentor"  # its form stands beside the stream's, and both have a name
MENTOR_WORDS = {MentorKind.LEAD: "Lead", MentorKind.CO_MENTOR: "Co-mentor", MentorKind.DELEGATE: "Delegate"}


def tidy(text: Any) -> str:
    """What was typed, without spaces around it and with plain line ends."""
    return str(text or "").replace("\r\n", "\n").replace("\r", "\n").strip()


def storable(form: FlaskForm, field: Field) -> None:
    """No letters that no database or file can keep."""
    if any(unicodedata.category(letter) in {"Cc", "Cs"} and letter not in "\n\t" for letter in str(field.data or "")):
        raise ValidationError("This contains a character that cannot be stored. Remove it.")


def whole(form: FlaskForm, field: Field) -> None:
    """A whole number from 0, or nothing."""
    if field.data and not re.fullmatch(r"[0-9]{1,9}", field.data):
        raise ValidationError("Write a whole number.")


def decimal(form: FlaskForm, field: Field) -> None:
    if field.data and not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", field.data):
        raise ValidationError("Write a number, such as 1 or 0.5.")


def a_use(form: FlaskForm, field: Field) -> None:
    """One of the uses; a task that was not sent at all is not used."""
    if field.data not in {None, *(choice.value for choice in USES)}:
        raise ValidationError("Choose one of the three.")


def one_line(label: str, *checks: Any, hint: str = "", required: bool = False) -> StringField:
    """A text input; ``checks`` come after the usual ones."""
    first = [InputRequired(f"{label}: fill this in.")] if required else []
    return StringField(label, [*first, storable, *checks], filters=[tidy], description=hint)


def prose(label: str, hint: str = "", most: int = LONG) -> TextAreaField:
    """A longer text of at most ``most`` characters, as in a cohort file."""

    def within(form: FlaskForm, field: Field) -> None:
        if len(field.data or "") > most:
            raise ValidationError(f"This has {len(field.data)} characters; at most {most} are kept.")

    return TextAreaField(label, [storable, within], filters=[tidy], description=hint)


class MomentField(StringField):  # type: ignore[misc]
    """A wall rule, or nothing; ``at`` is its instant once the form has been validated."""

    at: datetime | None = None

    def pre_validate(self, form: Any) -> None:
        self.at = None
        if not (self.data or "").strip():
            return
        found = resolve_rule(self.data)
        if isinstance(found, Unresolved):
            raise ValidationError(WALL_PROBLEMS[found.problem])
        self.at = found


def rule_of(at: datetime | None, rule: str = "") -> str:
    """What a moment's field shows for a stored instant."""
    return "" if at is None else rule or rule_for(at)


def lines_of(text: str) -> tuple[str, ...]:
    """A list written one entry a line; doubled entries count once."""
    return tuple(dict.fromkeys(line.strip() for line in text.split("\n") if line.strip()))


def number(text: str) -> int | None:
    return int(text) if text else None


class SetupForm(FlaskForm):  # type: ignore[misc]
    """``GROUPS``: (legend, names of fields) in the page's order, names in brackets side by side; ``SHORT`` and ``HALF``
    are narrow fields."""

    PLACES: ClassVar[dict[str, str]] = {}
    GROUPS: ClassVar[tuple[tuple[str, tuple[str | tuple[str, ...], ...]], ...]] = ()
    SHORT: ClassVar[frozenset[str]] = frozenset()
    HALF: ClassVar[frozenset[str]] = frozenset()

    seen = HiddenField()  # the mark of the stored value the form was made from

    def width(self, name: str) -> str:
        return "short" if name in self.SHORT else "half" if name in self.HALF else "full"

    def field_at(self, path: str) -> Field | None:
        """The field that answers for a place inside this form's part of a cohort file."""
        name = self.PLACES.get(path) or self.PLACES.get(re.split(r"[.\[]", path)[0])
        return self[name] if name else None


class MovingForm(SetupForm):
    """A form with dates: a move that takes time away needs a reason and a confirmation."""

    reason = one_line("Reason for moved dates", hint="Kept in the log; needed where a date moves earlier.")
    confirmed = BooleanField("I confirm that a date moves earlier, is taken back or opens again")


class CohortForm(SetupForm):
    PLACES: ClassVar = {
        "label": "label",
        "length_weeks": "length_weeks",
        "capacity": "capacity",
        "over_offer_allowance": "allowance",
        "stipend_text": "stipend",
        "compute_text": "compute",
    }
    SHORT: ClassVar = frozenset({"length_weeks", "capacity", "allowance"})
    HALF: ClassVar = frozenset({"label"})
    GROUPS: ClassVar = (("", ("label", ("length_weeks", "capacity", "allowance"), ("stipend", "compute"))),)

    label = one_line("Label", required=True, hint="What everybody reads, such as June–August 2027.")
    length_weeks = one_line("Length in weeks", whole, required=True)
    capacity = one_line("Capacity", whole, required=True, hint="How many people the cohort takes.")
    allowance = one_line("Over-offer allowance", whole, required=True, hint="How many offers more may be open at once.")
    stipend = prose("Stipend")
    compute = prose("Compute")


class TrackForm(SetupForm):
    PLACES: ClassVar = {"key": "key", "name": "name", "description": "description", "order": "order"}
    SHORT: ClassVar = frozenset({"order"})
    HALF: ClassVar = frozenset({"key", "name"})
    GROUPS: ClassVar = (("", ("key", "name", "order", "description")),)

    key = one_line("Key", required=True, hint="Small letters, digits and -; used in addresses, and never changed.")
    name = one_line("Name", required=True)
    order = one_line("Place among the tracks", whole, required=True)
    description = prose("Description", "Markdown, shown on the public page of the tracks.")


class StreamForm(MovingForm):
    """Made for a cohort by ``stream_form``, which adds its tasks and fills the choices."""

    PLACES: ClassVar = {
        **{name: name for name in ("key", "name", "track", "description", "areas", "locations", "note")},
        **{name: name for name in ("own_calendar", "interview", "mode", "ai_policy")},
        "also_track": "also_tracks",
        "seats": "seats_min",
        "seats.min": "seats_min",
        "seats.target": "seats_target",
        "seats.max": "seats_max",
        "open": "opens",
        "own_calendar.open": "opens",
        "own_calendar.close_at": "closes",
        "own_calendar.close_eod_aoe": "closes",
        "own_calendar.close_wall": "closes",
        "close_at": "closes",
        "close_eod_aoe": "closes",
        "close_wall": "closes",
    }
    SHORT: ClassVar = frozenset({"seats_min", "seats_target", "seats_max"})
    HALF: ClassVar = frozenset({"key"})
    GROUPS: ClassVar = (
        ("What it is", ("key", "name", "description", ("areas", "locations"), "note")),
        ("Tracks", (("track", "also_tracks"),)),
        ("Seats", (("seats_min", "seats_target", "seats_max"),)),
        ("Dates of its own", (("opens", "closes"), "own_calendar", "reason", "confirmed")),
        ("How it selects", (("mode", "interview"), "ai_policy")),
    )

    key = one_line("Key", required=True, hint="Small letters, digits and -; used in addresses, and never changed.")
    name = one_line("Name", required=True)
    description = prose("Description", "Markdown, shown on the stream's public page.")
    areas = prose("Areas", "One a line.")
    locations = prose("Locations", "One a line.")
    note = prose("Note", "For the team; not public.")
    track = RadioField("Main track", validators=[InputRequired("Choose the main track.")])
    also_tracks = SelectMultipleField("Also in")
    seats_min = one_line("Least", whole, hint="All three empty: to be announced.")
    seats_target = one_line("Wanted", whole, hint="What you aim for.")
    seats_max = one_line("Most", whole, hint="With 0 there is only a waitlist.")
    opens = MomentField("Opens", description=f"Empty: with the cohort. {WHEN}")
    closes = MomentField("Closes", description=f"Empty: with the cohort. {WHEN}")
    own_calendar = BooleanField(
        "Runs by its own calendar",
        description="Its dates are then held only against the locking of rankings and the decisions.",
    )
    mode = RadioField("Selection", choices=[SelectChoice(one.value, one.value.capitalize()) for one in SelectionMode])
    interview = RadioField(
        "Interviews", choices=[SelectChoice(one.value, one.value.capitalize()) for one in InterviewPlan]
    )
    ai_policy = RadioField("Use of AI", choices=[SelectChoice("", "As each task says"), *AI_CHOICES])

    def validate_seats_min(self, field: Field) -> None:
        texts = [one.data for one in (self.seats_min, self.seats_target, self.seats_max)]
        if any(texts) and not all(texts):
            raise ValidationError("Give all three numbers of seats, or none.")

    def uses(self) -> list[tuple[int, Any, Any]]:
        """(index of the task, its choice, its weight) in the order of the cohort's tasks."""
        count = sum(1 for field in self if field.name.startswith("use_"))
        return [(index, self[f"use_{index}"], self[f"weight_{index}"]) for index in range(count)]


def stream_form(tasks: Sequence[EvaluationEntry], tracks: Sequence[tuple[str, str]], **options: Any) -> StreamForm:
    """The form for one stream of a cohort with these tasks and (key, name) tracks."""
    fields: dict[str, Any] = {}
    for index, task in enumerate(tasks):
        fields[f"use_{index}"] = RadioField(task.title, [a_use], choices=USES, default="", validate_choice=False)
        fields[f"weight_{index}"] = one_line(f"Weight of {task.title}", decimal)
    form: StreamForm = type("CohortStreamForm", (StreamForm,), fields)(**options)
    form.track.choices = [SelectChoice(key, name) for key, name in tracks]
    form.also_tracks.choices = [SelectChoice(key, name) for key, name in tracks]
    return form


class TaskForm(MovingForm):
    PLACES: ClassVar = {
        **{name: name for name in ("key", "title", "kind", "shared", "ai_policy", "attempts", "brief", "dry_run")},
        "effort_h": "effort",
        "open": "opens",
        "due_at": "due",
        "due_eod_aoe": "due",
        "due_wall": "due",
        "personal_clock_min": "clock",
        "answer_limit": "answer_limit",
    }
    SHORT: ClassVar = frozenset({"effort", "clock", "attempts", "answer_limit"})
    HALF: ClassVar = frozenset({"key", "title"})
    GROUPS: ClassVar = (
        ("What it is", ("key", "title", "kind", "effort", "shared")),
        ("When", (("opens", "due"), "clock", "reason", "confirmed")),
        ("How it is taken", ("ai_policy", ("attempts", "answer_limit"), "dry_run", "brief")),
    )

    key = one_line("Key", required=True, hint="Small letters, digits and -; used in addresses, and never changed.")
    title = one_line("Title", required=True)
    kind = RadioField(
        "Kind", choices=[SelectChoice(one.value, one.value.replace("_", " ").capitalize()) for one in EvaluationKind]
    )
    effort = one_line("Hours of work", decimal, required=True)
    shared = BooleanField("Shared", description="Taken once, and read by every stream that uses it.")
    opens = MomentField("Opens", description=f"Empty: to be announced. {WHEN}")
    due = MomentField("Due", description=f"Empty: to be announced. {WHEN}")
    clock = one_line("Minutes from the start", whole, hint="Empty: until it is due.")
    ai_policy = RadioField("Use of AI", choices=AI_CHOICES)
    attempts = one_line("Attempts", whole, required=True)
    dry_run = BooleanField("With a dry run", description="People can try the page before their clock starts.")
    answer_limit = one_line("Letters of the answer", whole, hint="Empty: no written answer is limited.")
    brief = prose("The task", "Markdown, shown to those who are invited.", LONGEST_BRIEF)


class MentorForm(SetupForm):
    SHORT: ClassVar = frozenset()
    HALF: ClassVar = frozenset({"name", "account"})

    name = one_line("Name", required=True, hint="As the public page shows it.")
    kind = RadioField("Kind", choices=[SelectChoice(one.value, text) for one, text in MENTOR_WORDS.items()])
    account = one_line("Address of the account", hint="Links the mentor to a person; the right to read is a role.")
