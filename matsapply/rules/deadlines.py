"""Key dates: what they are, when they let something through, in which order they must stand, how they may be moved.

Every gate is half-open, [opens, closes): at the closing instant itself it is too late, a microsecond before it is not.
Everything here compares aware UTC instants that are handed in; nothing reads a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum
from graphlib import TopologicalSorter

from matsapply.rules.stages import KeyDateKind

# Anywhere on Earth: a fixed UTC-12 without daylight saving. Its IANA name is Etc/GMT+12, where the sign is the other
# way round, which is why nobody has to type it here.
AOE = timezone(timedelta(hours=-12), "AoE")
DEFAULT_GRACE = timedelta(minutes=15)


def eod_aoe(day: date) -> datetime:
    """The instant at which ``day`` has ended everywhere on Earth: the next day, 12:00:00 UTC.

    It is an exclusive end: one microsecond earlier is still in time, and so is "23:59 AoE" with all its seconds.
    """
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + timedelta(days=1)


def day_ended_by(instant: datetime) -> date | None:
    """The day whose end AoE is exactly ``instant``, or None where the instant is no such end."""
    utc = instant.astimezone(UTC)
    return utc.date() - timedelta(days=1) if utc.time() == time(12) else None


class Audience(StrEnum):
    """Who is shown a key date."""

    ALL = "all"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class KeyDateRule:
    """One row of the table of key dates.

    ``closes`` names the code that ends the interval this date begins; ``opening`` tells that passing the date lets
    something begin, so that moving it later takes nothing away from anybody who was in time.
    """

    code: str
    label: str
    kind: KeyDateKind
    audience: Audience = Audience.ALL
    closes: str | None = None
    opening: bool = False


_GATE, _RANGE, _DISPLAY = KeyDateKind.GATE, KeyDateKind.RANGE, KeyDateKind.DISPLAY
_STAFF = Audience.STAFF

KEY_DATES: dict[str, KeyDateRule] = {
    row.code: row
    for row in (
        KeyDateRule("T0", "Streams published", _GATE, opening=True),
        KeyDateRule("T1", "General application opens", _GATE, closes="T2", opening=True),
        KeyDateRule("T2", "General application closes", _GATE),
        KeyDateRule("T3", "References due", _GATE),
        KeyDateRule("T4", "Central review due", _DISPLAY, _STAFF),
        KeyDateRule("T5", "First results", _GATE, opening=True),
        KeyDateRule("T6", "Stream choice opens", _GATE, closes="T7", opening=True),
        KeyDateRule("T7", "Stream choice closes", _GATE),
        # T8 and T9 exist once for each evaluation; their codes carry its key: T8:code-screen, T9:code-screen.
        KeyDateRule("T8", "Evaluation opens", _GATE, closes="T9", opening=True),
        KeyDateRule("T9", "Evaluation due", _GATE),
        KeyDateRule("T10", "Interviews begin", _RANGE, closes="T11", opening=True),
        KeyDateRule("T11", "Interviews end", _RANGE),
        KeyDateRule("T12", "Rankings lock", _GATE, _STAFF),
        KeyDateRule("T13", "Decisions", _GATE, opening=True),
        KeyDateRule("T14", "Reply to offers by", _GATE),
        KeyDateRule("T15", "Waitlist closes", _GATE),
        KeyDateRule("T16", "Papers due", _GATE),
        KeyDateRule("T17", "Main programme begins", _DISPLAY, closes="T18", opening=True),
        KeyDateRule("T18", "Main programme ends", _DISPLAY),
        KeyDateRule("T19", "Extension applications", _GATE),
        KeyDateRule("T20", "Extension begins", _DISPLAY, opening=True),
        KeyDateRule("T21", "Data of unsuccessful applicants deleted", _DISPLAY),
    )
}
# A stream's own opening and close, where it has them: O:<stream key> and C:<stream key>.
STREAM_DATES: dict[str, KeyDateRule] = {
    row.code: row
    for row in (
        KeyDateRule("O", "Stream opens", _GATE, closes="C", opening=True),
        KeyDateRule("C", "Stream closes", _GATE),
    )
}
_REPEATED = frozenset({"T8", "T9", "O", "C"})


def evaluation_opens(key: str) -> str:
    """The code under which the opening of evaluation ``key`` takes part in the order rule."""
    return f"T8:{key}"


def evaluation_due(key: str) -> str:
    return f"T9:{key}"


def base_code(code: str) -> str:
    """``T9`` for ``T9:code-screen``; other codes are their own base."""
    return code.partition(":")[0]


def rule_of(code: str) -> KeyDateRule | None:
    """The row for a cohort's, an evaluation's or a stream's date; None for an unknown code."""
    base = base_code(code)
    if (base != code) != (base in _REPEATED):
        return None
    return KEY_DATES.get(base) or STREAM_DATES.get(base)


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open interval of time. Without an opening nothing is open; without a close it stays open."""

    opens: datetime | None
    closes: datetime | None

    def contains(self, now: datetime) -> bool:
        return self.opens is not None and self.opens <= now and (self.closes is None or now < self.closes)


def window(dates: Mapping[str, datetime | None], opening_code: str) -> Window:
    """The cohort's window that begins with ``opening_code``, such as T1 for [T1, T2)."""
    closing = closing_code(opening_code)
    return Window(dates.get(opening_code), None if closing is None else dates.get(closing))


def closing_code(opening_code: str) -> str | None:
    """The code that ends what ``opening_code`` begins: T2 for T1, T9:code-screen for T8:code-screen."""
    rule = rule_of(opening_code)
    if rule is None or rule.closes is None:
        return None
    return rule.closes + opening_code.removeprefix(rule.code)


def later_close(close: datetime | None, extension: datetime | None) -> datetime | None:
    """The close for one person: an extension can only give time. An open end stays open."""
    if close is None or extension is None:
        return close
    return max(close, extension)


def closes_at(cohort_close: datetime | None, stream_close: datetime | None) -> datetime | None:
    """A stream's own close replaces the cohort's for that stream, whether earlier or later."""
    return cohort_close if stream_close is None else stream_close


def in_time(
    received: datetime, close: datetime | None, grace: timedelta = DEFAULT_GRACE, page_opened: datetime | None = None
) -> bool:
    """Whether a request received at ``received`` counts as before ``close``.

    The silent grace is for pages opened before the close and only for them: it covers a slow upload, not a late start.
    """
    if close is None or received < close:
        return True
    return page_opened is not None and page_opened < close and received < close + grace


def week_ends(opens: datetime, closes: datetime) -> int:
    """How many whole week-ends (Saturday and Sunday, AoE) lie in [opens, closes)."""
    start = opens.astimezone(AOE)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    saturday = midnight + timedelta(days=(5 - midnight.weekday()) % 7)
    if saturday < start:
        saturday += timedelta(days=7)
    spare = closes - (saturday + timedelta(days=2))
    return max(0, spare // timedelta(days=7) + 1)


@dataclass(frozen=True, slots=True)
class ShortWindow:
    """A window that gives people with a job too little free time: a warning, never an error."""

    opening_code: str
    closing_code: str
    week_ends: int
    wanted: int


def short_windows(dates: Mapping[str, datetime | None], wanted: int = 2) -> list[ShortWindow]:
    """The windows for choosing streams and for evaluations that hold fewer than ``wanted`` week-ends."""
    found = []
    for code in dates:
        if base_code(code) not in {"T6", "T8"}:
            continue
        span, closing = window(dates, code), closing_code(code)
        if closing is None or span.opens is None or span.closes is None or span.opens >= span.closes:
            continue
        if (held := week_ends(span.opens, span.closes)) < wanted:
            found.append(ShortWindow(code, closing, held, wanted))
    return found


# --- the order rule -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Order:
    """``before`` must not be later than ``after``; with ``strict`` not at the same instant either."""

    before: str
    after: str
    strict: bool = False

    def __str__(self) -> str:
        return f"{self.before} {'<' if self.strict else '≤'} {self.after}"


# T8 and T9 stand for every evaluation, O and C for the own opening and close of every stream that has one.
ORDER: tuple[Order, ...] = (
    Order("T0", "T1"),
    Order("T1", "T2", strict=True),
    Order("T2", "T3"),
    Order("T2", "T5"),
    Order("T5", "T6"),
    Order("T6", "T7", strict=True),
    Order("T7", "T9"),
    Order("T8", "T9", strict=True),
    Order("T10", "T11", strict=True),
    Order("T11", "T12"),
    Order("T12", "T13"),
    Order("T13", "T14"),
    Order("T14", "T15"),
    Order("T15", "T17"),
    Order("T14", "T16"),
    Order("T16", "T17"),
    Order("T17", "T18", strict=True),
    Order("T18", "T20"),
    Order("T19", "T20"),
    Order("T5", "T21"),
    Order("O", "C", strict=True),
    Order("C", "T12"),
)
# Letters that are asked for at submission have to be there for the first result; letters asked for after it cannot be.
REFERENCES_FIRST = Order("T3", "T5")
# A stream with its own calendar runs beside the cohort's stages and meets them again where rankings lock.
OWN_CALENDAR_DUE = Order("T9", "T12")


def stream_opens(key: str) -> str:
    """The code under which a stream's own opening takes part in the order rule."""
    return f"O:{key}"


def stream_closes(key: str) -> str:
    return f"C:{key}"


@dataclass(frozen=True, slots=True)
class OrderOptions:
    """What decides which order rules apply: when references are asked for, and which evaluations (by key) belong only
    to streams with a calendar of their own."""

    references_at_submit: bool = False
    own_calendar: frozenset[str] = frozenset()


USUAL_ORDER = OrderOptions()


@dataclass(frozen=True, slots=True)
class Violation:
    """Two set dates in the wrong order, and the rule in words that are short enough for an error message."""

    code_a: str
    code_b: str
    rule: str


def orders_for(codes: Iterable[str], options: OrderOptions = USUAL_ORDER) -> list[Order]:
    """The order rules between the concrete ``codes``, evaluation by evaluation and stream by stream."""
    suffixes: dict[str, list[str]] = {}
    for code in codes:
        base, colon, key = code.partition(":")
        if colon:
            suffixes.setdefault(base, []).append(key)
    rules = [*ORDER, *([REFERENCES_FIRST] if options.references_at_submit else [])]
    found: list[Order] = []
    for rule in rules:
        keys = {key for base in (rule.before, rule.after) for key in suffixes.get(base, ())}
        if rule == Order("T7", "T9"):
            keys -= options.own_calendar
        if rule.before in _REPEATED or rule.after in _REPEATED:
            found += [_for_key(rule, key) for key in sorted(keys)]
        else:
            found.append(rule)
    due = sorted(options.own_calendar.intersection(suffixes.get("T9", ())))
    return found + [_for_key(OWN_CALENDAR_DUE, key) for key in due]


def _for_key(rule: Order, key: str) -> Order:
    before, after = (f"{code}:{key}" if code in _REPEATED else code for code in (rule.before, rule.after))
    return Order(before, after, rule.strict)


def order_violations(dates: Mapping[str, datetime | None], options: OrderOptions = USUAL_ORDER) -> list[Violation]:
    """Every pair of neighbouring set dates in the wrong order; empty where the dates are fine.

    Unset dates are skipped, and the rule then holds between their set neighbours: with T2 unset, T1 < T3 still counts.
    """
    orders = orders_for(dates, options)
    before: dict[str, list[Order]] = {}
    for order in orders:
        before.setdefault(order.after, []).append(order)
    sorter = TopologicalSorter({code: [order.before for order in rules] for code, rules in before.items()})
    nearest: dict[str, dict[str, bool]] = {}  # code -> the set codes just before it -> whether strictly
    found = []
    for code in sorter.static_order():
        earlier: dict[str, bool] = {}
        for order in before.get(code, ()):
            for source, strict in nearest[order.before].items():
                earlier[source] = earlier.get(source, False) or strict or order.strict
        at = dates.get(code)
        nearest[code] = earlier if at is None else {code: False}
        if at is None:
            continue
        for source, strict in earlier.items():
            limit = dates[source]
            if limit is not None and (at < limit or (strict and at == limit)):
                found.append(Violation(source, code, str(Order(source, code, strict))))
    return found
