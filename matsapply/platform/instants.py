"""How an instant is told: the reader's own zone first, then Anywhere on Earth and UTC, and the distance beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

AOE = ZoneInfo("Etc/GMT+12")  # the sign in IANA's Etc names is inverted: this is UTC-12
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MINUTE, HOUR, DAY = 60, 3600, 86400


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
    """ "19 Jan 2027", by the moment's own zone; month names do not depend on the process's locale."""
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"


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
    distance = abs(seconds)
    if distance < MINUTE:
        return "in less than a minute" if seconds > 0 else "just now"
    text = _distance(distance)
    return f"in {text}" if seconds > 0 else f"{text} ago"


def _distance(seconds: int) -> str:
    if seconds < HOUR:
        return _count(seconds // MINUTE, "minute")
    if seconds < DAY:
        return _count(seconds // HOUR, "hour")
    days = seconds // DAY
    if days < 3:
        hours = seconds % DAY // HOUR
        return _count(days, "day") + (f" {hours} h" if hours else "")
    if days < 60:
        return _count(days, "day")
    if days < 730:
        return _count(days // 30, "month")
    return _count(days // 365, "year")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def duration(minutes: float) -> str:
    """ "45 min", "1 h 35 min", "3 h"; rounded to whole minutes, and never a negative one."""
    whole = max(0, round(minutes))
    hours, rest = divmod(whole, 60)
    if not hours:
        return f"{rest} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"
