"""The form that offers interview slots: wall times by the line, in one zone, turned into instants."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError

from matsapply.interviews.slots import MOST_AT_ONCE
from matsapply.rules.wall_time import Unresolved, WallProblem, resolve, zone_named

_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_TIME = re.compile(r"(\d{1,2})[:.](\d{2})")
_SEPARATORS = re.compile(r"[\s,;]+")
_WORDS = {
    WallProblem.NONEXISTENT: "this time does not exist there: the clocks go forward over it.",
    WallProblem.AMBIGUOUS: "this time happens twice there: write “first” or “second” behind it.",
    WallProblem.UNKNOWN_ZONE: "the time zone is not known.",
    WallProblem.UNREADABLE: "this is not a date and a time.",
}


@dataclass(frozen=True, slots=True)
class Read:
    """What a pasted text says: instants, and one sentence for each part that says none."""

    starts: tuple[datetime, ...]
    problems: tuple[str, ...]


def read_times(text: str, zone: str) -> Read:
    """Each line is a date with one or more times: ``2027-03-12 17:00 17:30``, or ``2027-10-31 02:30 first``.

    Parts are separated by spaces, commas or semicolons; empty lines and the ``T`` between date and time do not matter.
    """
    starts: list[datetime] = []
    problems: list[str] = []
    for number, line in enumerate(text.replace("\r", "\n").split("\n"), start=1):
        if not line.strip():
            continue
        parts = [part for part in _SEPARATORS.split(line.strip().replace("T", " ")) if part]
        day = _DAY.fullmatch(parts[0])
        if day is None or len(parts) < 2:
            problems.append(f"Line {number}: write a date and a time, such as 2027-03-12 17:00.")
            continue
        _read_line(number, day, parts[1:], zone, starts, problems)
    if len(starts) > MOST_AT_ONCE:
        problems.append(f"At most {MOST_AT_ONCE} slots at once; these are {len(starts)}.")
    return Read(tuple(sorted(set(starts))), tuple(problems))


def _read_line(
    number: int, day: re.Match[str], parts: list[str], zone: str, starts: list[datetime], problems: list[str]
) -> None:
    for index, part in enumerate(parts):
        if part.lower() in {"first", "second"}:
            continue
        following = parts[index + 1].lower() if index + 1 < len(parts) else ""
        second = {"first": False, "second": True}.get(following)
        found = _instant(day, part, zone, second)
        if isinstance(found, datetime):
            starts.append(found)
        else:
            problems.append(f"Line {number}, {part[:20]}: {_WORDS[found]}")


def _instant(day: re.Match[str], part: str, zone: str, second: bool | None) -> datetime | WallProblem:
    time = _TIME.fullmatch(part)
    if time is None:
        return WallProblem.UNREADABLE
    try:
        year, month, date = map(int, day.groups())
        hour, minute = map(int, time.groups())
        wall = datetime(year, month, date, hour, minute)  # noqa: DTZ001 - the zone is given apart
    except ValueError:
        return WallProblem.UNREADABLE
    found = resolve(wall, zone, second=second)
    return found.problem if isinstance(found, Unresolved) else found.astimezone(UTC)


class SlotsForm(FlaskForm):  # type: ignore[misc]
    """``starts`` after a successful ``validate``: the instants."""

    times = TextAreaField(
        "Times",
        validators=[InputRequired("Write at least one date and time."), Length(max=20_000)],
        description="One day a line: the date, then one or more times, such as 2027-03-12 17:00 17:30 18:00.",
    )
    zone = StringField(
        "Time zone of these times",
        validators=[InputRequired("Name the time zone."), Length(max=60)],
        description="An IANA name, such as Europe/London or America/Los_Angeles.",
    )
    minutes = IntegerField(
        "Minutes each",
        default=30,
        validators=[InputRequired("How long is a slot?"), NumberRange(5, 240, "A slot has 5 to 240 minutes.")],
    )
    interviewers = SelectMultipleField("Interviewers", coerce=int)
    video_link = StringField(
        "Video link",
        validators=[Optional(), Length(max=500)],
        description="Shown to whoever books. https only.",
    )

    starts: tuple[datetime, ...] = ()

    def validate_zone(self, field: Any) -> None:
        if zone_named(field.data or "") is None:
            raise ValidationError("There is no such time zone.")

    def validate_video_link(self, field: Any) -> None:
        parts = urlsplit(field.data or "")
        if field.data and (parts.scheme != "https" or not parts.netloc):
            raise ValidationError("Write a whole address that begins with https://.")

    def validate_interviewers(self, field: Any) -> None:
        if not field.data:
            raise ValidationError("Choose at least one interviewer.")

    def validate_times(self, field: Any) -> None:
        if zone_named(self.zone.data or "") is None:
            return  # said at the zone
        read = read_times(field.data or "", self.zone.data or "UTC")
        if read.problems:
            raise ValidationError(" ".join(read.problems[:8]))
        self.starts = read.starts
