"""How an instant is told: the reader's own zone first, then Anywhere on Earth and UTC, and the distance beside it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from matsapply.platform import languages
from matsapply.platform.languages import both as _both, gettext as _, ngettext as _n

AOE = ZoneInfo("Etc/GMT+12")  # the sign in IANA's Etc names is inverted: this is UTC-12
MINUTE, HOUR, DAY = 60, 3600, 86400

# The units of distances in seconds, each with the distance from which the next one is used.
UNITS = ((MINUTE, HOUR), (HOUR, DAY), (DAY, 60 * DAY), (30 * DAY, 730 * DAY), (365 * DAY, math.inf))
Form = tuple[str, str]
# A form for each unit, and one for days with hours.
AHEAD: tuple[Form, ...] = (
    _both("in %(num)s minute", "in %(num)s minutes"),
    _both("in %(num)s hour", "in %(num)s hours"),
    _both("in %(num)s day", "in %(num)s days"),
    _both("in %(num)s month", "in %(num)s months"),
    _both("in %(num)s year", "in %(num)s years"),
    _both("in %(num)s day %(hours)s h", "in %(num)s days %(hours)s h"),
)
BEHIND: tuple[Form, ...] = (
    _both("%(num)s minute ago", "%(num)s minutes ago"),
    _both("%(num)s hour ago", "%(num)s hours ago"),
    _both("%(num)s day ago", "%(num)s days ago"),
    _both("%(num)s month ago", "%(num)s months ago"),
    _both("%(num)s year ago", "%(num)s years ago"),
    _both("%(num)s day %(hours)s h ago", "%(num)s days %(hours)s h ago"),
)
LEFT: tuple[Form, ...] = (
    _both("%(num)s minute", "%(num)s minutes"),
    _both("%(num)s hour", "%(num)s hours"),
    _both("%(num)s day", "%(num)s days"),
    _both("%(num)s month", "%(num)s months"),
    _both("%(num)s year", "%(num)s years"),
    _both("%(num)s day %(hours)s h", "%(num)s days %(hours)s h"),
)


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo | None:
    """The zone of that IANA name, or ``None``. Odd names (paths, control characters) are no zones either."""
    if not name or len(name) > 64 or name not in known_zones():
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=1)
def known_zones() -> frozenset[str]:
    """Every zone name this machine (or the tzdata wheel) knows."""
    return frozenset(available_timezones())


def day(moment: datetime) -> str:
    """ "19 Jan 2027", by the moment's own zone, as the language spoken writes it."""
    spoken = languages.current()
    return spoken.day_form % {"day": moment.day, "month": spoken.months[moment.month - 1], "year": moment.year}


def day_and_time(moment: datetime) -> str:
    """ "19 Jan 2027, 02:00", by the moment's own zone."""
    return f"{day(moment)}, {moment.hour:02}:{moment.minute:02}"


def in_zone(instant: datetime, zone: str) -> str:
    """ "19 Jan 2027, 02:00 (Pacific/Kiritimati)"; an unknown zone name falls back to UTC rather than failing a page."""
    known = zone_named(zone)
    if known is None or zone in {"UTC", "Etc/UTC"}:
        return utc(instant)
    return f"{day_and_time(instant.astimezone(known))} ({zone})"


def aoe(instant: datetime, opens: bool = False) -> str:
    """ "17 Jan 2027, 23:59 AoE".

    A gate closes at AoE midnight, exclusive, so the last minute in time is 23:59 of the day before; that is what people
    write and look for. Say ``opens=True`` where the instant is a beginning, to read "18 Jan 2027, 00:00 AoE".
    """
    local = instant.astimezone(AOE)
    if not opens and (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0):
        local -= timedelta(minutes=1)
    return f"{day_and_time(local)} AoE"


def utc(instant: datetime) -> str:
    """ "18 Jan 2027, 12:00 UTC"."""
    return f"{day_and_time(instant.astimezone(UTC))} UTC"


def machine(instant: datetime) -> str:
    """The value of a ``<time datetime>`` attribute: ISO 8601 in UTC, to the second."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def relative(instant: datetime, now: datetime) -> str:
    """ "in 3 days", "2 hours ago", "just now". Rounded down, so that nobody is promised time they do not have."""
    seconds = int((instant - now).total_seconds())
    if abs(seconds) < MINUTE:
        return _("in less than a minute") if seconds > 0 else _("just now")
    return _told(AHEAD if seconds > 0 else BEHIND, abs(seconds))


def left(instant: datetime, now: datetime) -> str:
    """The time until the instant, by itself: "3 days"."""
    seconds = int((instant - now).total_seconds())
    return _told(LEFT, seconds) if seconds >= MINUTE else _("less than a minute")


def _told(forms: tuple[Form, ...], seconds: int) -> str:
    """The distance in the largest unit that fits; days with their hours while there are few."""
    unit = next(place for place, (_size, most) in enumerate(UNITS) if seconds < most)
    count = seconds // UNITS[unit][0]
    hours = seconds % DAY // HOUR
    if UNITS[unit][0] == DAY and count < 3 and hours:
        return _n(*forms[-1], count, hours=hours)
    return _n(*forms[unit], count)


def duration(minutes: float) -> str:
    """ "45 min", "1 h 35 min", "3 h"; rounded to whole minutes, and never a negative one."""
    whole = max(0, round(minutes))
    hours, rest = divmod(whole, 60)
    if not hours:
        return f"{rest} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"
