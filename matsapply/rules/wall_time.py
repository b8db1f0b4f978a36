"""Between what a clock on a wall says and an instant.

Admins think in wall times ("17 January, end of day AoE"; "12 February, 18:00 in London"); the project stores instants.
A wall rule is the text form that is kept beside the instant so that the intention stays readable.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

from matsapply.rules.deadlines import AOE, day_ended_by

# Years beyond these are slips of a finger, and at the ends of the calendar an instant has no date in some zones.
EARLIEST, LATEST = 1900, 2999

_NAMED: dict[str, tzinfo] = {"aoe": AOE, "utc": UTC}
_RULE = re.compile(r"(\d{4}-\d{2}-\d{2})\s+(EOD|\d{1,2}:\d{2}(?::\d{2})?)\s+(\S+)(?:\s+(first|second))?", re.IGNORECASE)
_SHOWN = re.compile(
    r"(?P<wall>\d{4}-\d{2}-\d{2} \d{2}:\d{2}(?::\d{2}(?:\.\d{6})?)?) "
    r"UTC(?P<sign>[+-])(?P<hours>\d{2}):(?P<minutes>\d{2})(?::(?P<seconds>\d{2}))? \((?P<zone>[^()]+)\)"
)


class WallProblem(StrEnum):
    """Why a wall time gives no single instant."""

    UNREADABLE = "unreadable"
    UNKNOWN_ZONE = "unknown_zone"
    NONEXISTENT = "nonexistent"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A wall time that gives no single instant.

    ``choices`` holds the two instants, in order, where the clocks show the time twice, and is empty otherwise.
    """

    problem: WallProblem
    text: str
    choices: tuple[datetime, ...] = ()


def zone_named(name: str) -> tzinfo | None:
    """The zone for ``AoE``, ``UTC`` or an IANA name; None where there is no such zone."""
    if name.lower() in _NAMED:
        return _NAMED[name.lower()]
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # malformed keys, folder names and unknown names, by Python version
        return None


def resolve(wall: datetime, zone_name: str, *, second: bool | None = None) -> datetime | Unresolved:
    """The UTC instant at which clocks in ``zone_name`` show ``wall`` (a naive datetime).

    Where the clocks are put forward over that time it does not exist and is refused. Where they are put back it occurs
    twice: ``second`` says which one is meant, and without it both are offered.
    """
    text = f"{wall:%Y-%m-%d %H:%M} {zone_name}"
    zone = zone_named(zone_name)
    if zone is None:
        return Unresolved(WallProblem.UNKNOWN_ZONE, text)
    try:
        first, later = (_to_utc(wall, zone, fold) for fold in (0, 1))
    except OverflowError:
        return Unresolved(WallProblem.UNREADABLE, text)
    if not EARLIEST <= first.year <= LATEST:
        return Unresolved(WallProblem.UNREADABLE, text)
    if first == later:
        return first
    if first > later:  # the two readings cross only inside the hour that is skipped
        return Unresolved(WallProblem.NONEXISTENT, text)
    if second is None:
        return Unresolved(WallProblem.AMBIGUOUS, text, (first, later))
    return later if second else first


def _to_utc(wall: datetime, zone: tzinfo, fold: int) -> datetime:
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def resolve_rule(text: str) -> datetime | Unresolved:
    """The instant of a wall rule.

    Forms: ``2027-01-17 EOD AoE``, ``2027-02-12 18:00 UTC``, ``2027-03-12 17:00 Europe/London``; ``first`` or ``second``
    may follow where the clocks show a time twice. ``EOD`` in a zone is the midnight that ends the day there, and
    ``23:59 AoE`` is the same instant as ``EOD AoE``.
    """
    match = _RULE.fullmatch(text.strip())
    if match is None:
        return Unresolved(WallProblem.UNREADABLE, text)
    day_text, time_text, zone_name, which = match.groups()
    second = None if which is None else which.lower() == "second"
    try:
        day = date.fromisoformat(day_text)
        if time_text.upper() == "EOD" or (zone_name.lower() == "aoe" and time_text == "23:59"):
            wall = datetime.combine(day + timedelta(days=1), time(0))
        else:
            hour, _, rest = time_text.partition(":")
            wall = datetime.combine(day, time.fromisoformat(f"{hour:0>2}:{rest}"))
    except (ValueError, OverflowError):
        return Unresolved(WallProblem.UNREADABLE, text)
    return resolve(wall, zone_name, second=second)


def rule_for(instant: datetime) -> str:
    """A wall rule that gives ``instant`` (whole seconds) back: the end of a day AoE if it is one, else the UTC time."""
    day = day_ended_by(instant)
    return f"{day} EOD AoE" if day else utc_rule(instant)


def utc_rule(instant: datetime) -> str:
    """The wall rule of ``instant`` (whole seconds) in UTC: for beginnings, which are no ends of days."""
    return f"{_wall_text(instant.astimezone(UTC).replace(microsecond=0))} UTC"


def shown(instant: datetime, zone_name: str) -> str:
    """``instant`` as text with date, offset and zone, such as ``2027-01-19 02:00 UTC+14:00 (Pacific/Kiritimati)``.

    Never the bare date: the same deadline falls on three different dates around the world. ``parse_shown`` gives the
    same instant back. Raises ``ValueError`` for an unknown zone.
    """
    zone = zone_named(zone_name)
    if zone is None:
        raise ValueError(f"no such time zone: {zone_name!r}")
    local = instant.astimezone(zone)
    offset = local.utcoffset() or timedelta(0)
    sign, size = ("-", -offset) if offset < timedelta(0) else ("+", offset)
    minutes, seconds = divmod(int(size.total_seconds()), 60)
    tail = f":{seconds:02}" if seconds else ""
    return f"{_wall_text(local)} UTC{sign}{minutes // 60:02}:{minutes % 60:02}{tail} ({zone_name})"


def _wall_text(local: datetime) -> str:
    precision = "microseconds" if local.microsecond else "seconds" if local.second else "minutes"
    return local.replace(tzinfo=None).isoformat(sep=" ", timespec=precision)


def parse_shown(text: str) -> datetime:
    """The UTC instant of a text made by ``shown``. The offset decides; the zone's name is for people."""
    match = _SHOWN.fullmatch(text)
    if match is None:
        raise ValueError(f"not an instant with offset and zone: {text!r}")
    size = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]), seconds=int(match["seconds"] or 0))
    offset = -size if match["sign"] == "-" else size
    return datetime.fromisoformat(match["wall"]).replace(tzinfo=UTC) - offset
