"""A week of slots as seven columns in the reader's own zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from matsapply.pages.widgets import viewer_zone
from matsapply.platform import instants, languages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matsapply.interviews.queries import SlotLine


@dataclass(frozen=True, slots=True)
class Block:
    """One slot in a column: its times by the clock of the reader's zone."""

    slot: SlotLine
    begins: str
    ends: str


@dataclass(frozen=True, slots=True)
class Day:
    label: str
    weekday: str
    today: bool
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Week:
    """``previous`` and ``following`` are the Mondays of other weeks with slots, as ISO dates, or None."""

    monday: date
    label: str
    days: tuple[Day, ...]
    previous: str | None
    following: str | None


def week_of(slots: Sequence[SlotLine], wanted: str, now: datetime) -> Week | None:
    """The week that begins on or before the ISO date ``wanted``; else the one with the next slot, else the last one."""
    if not slots:
        return None
    zone = instants.zone_named(viewer_zone()) or UTC
    local = [(slot.starts_at.astimezone(zone), slot.ends_at.astimezone(zone), slot) for slot in slots]
    mondays = sorted({_monday(begin.date()) for begin, _, _ in local})
    monday = _chosen(mondays, wanted, [begin for begin, _, slot in local if slot.ends_at > now])
    today = now.astimezone(zone).date()
    days = []
    for offset in range(7):
        day = monday + timedelta(days=offset)
        blocks = tuple(
            Block(slot, f"{begin:%H:%M}", f"{end:%H:%M}") for begin, end, slot in local if begin.date() == day
        )
        days.append(Day(f"{day.day} {languages.MONTHS[day.month - 1]}", languages.DAYS[offset], day == today, blocks))
    earlier = [one for one in mondays if one < monday]
    later = [one for one in mondays if one > monday]
    last = monday + timedelta(days=6)
    label = (
        f"{monday.day} {languages.MONTHS[monday.month - 1]} – {last.day} {languages.MONTHS[last.month - 1]} {last.year}"
    )
    return Week(
        monday,
        label,
        tuple(days),
        earlier[-1].isoformat() if earlier else None,
        later[0].isoformat() if later else None,
    )


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _chosen(mondays: list[date], wanted: str, ahead: list[datetime]) -> date:
    try:
        return _monday(date.fromisoformat(wanted[:10]))
    except (ValueError, OverflowError):
        return _monday(ahead[0].date()) if ahead else mondays[-1]
