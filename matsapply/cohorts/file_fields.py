"""Reading values out of a tree: each reader returns a value of the right type and notes what was wrong.

After an error a reader goes on with a default, so that one run reports every mistake; a file with errors is never used.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TypeVar, overload

from matsapply.cohorts.file_errors import FileError, Rule, suggestion
from matsapply.cohorts.file_types import Moment
from matsapply.cohorts.yaml_tree import Mapping, Node, Scalar, Sequence
from matsapply.rules.deadlines import eod_aoe
from matsapply.rules.wall_time import Unresolved, WallProblem, resolve_rule, utc_rule

Choice = TypeVar("Choice", bound=StrEnum)

KEY = re.compile(r"[a-z0-9][a-z0-9_-]*")
WORD = re.compile(r"[A-Za-z0-9_]+")
YEARS = range(2000, 2101)
LONG = 5_000
MAX_KEY = 60
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2})?(Z|z|[+-]\d{2}:\d{2})")
_NAIVE = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_WALL = {
    WallProblem.UNREADABLE: "write it like 2027-03-12 17:00 Europe/London",
    WallProblem.UNKNOWN_ZONE: "there is no such time zone",
    WallProblem.NONEXISTENT: "that time does not exist there: the clocks are put forward over it",
    WallProblem.AMBIGUOUS: "that time occurs twice there; add 'first' or 'second'",
}


class Findings:
    """Everything found so far; errors and warnings apart."""

    def __init__(self) -> None:
        self.errors: list[FileError] = []
        self.warnings: list[FileError] = []
        self._places: dict[tuple[str, ...], tuple[Node, str]] = {}

    def remember(self, name: tuple[str, ...], node: Node, path: str) -> None:
        """Keep where something stands, for a check that comes later."""
        self._places.setdefault(name, (node, path))

    def error_at(self, name: tuple[str, ...], rule: Rule, message: str) -> None:
        """An error at a remembered place, or at the nearest one around it."""
        node, path = self._find(name)
        self.error(node, path, rule, message)

    def warning_at(self, name: tuple[str, ...], rule: Rule, message: str) -> None:
        node, path = self._find(name)
        self.warning(node, path, rule, message)

    def _find(self, name: tuple[str, ...]) -> tuple[Node, str]:
        for length in range(len(name), 0, -1):
            if found := self._places.get(name[:length]):
                return found
        return Scalar(1, 1, None), ""

    def error(self, node: Node, path: str, rule: Rule, message: str) -> None:
        self.errors.append(FileError(node.line, node.column, path, message, rule))

    def warning(self, node: Node, path: str, rule: Rule, message: str) -> None:
        self.warnings.append(FileError(node.line, node.column, path, message, rule))


def kind_of(node: Node) -> str:
    match node:
        case Scalar(text=None):
            return "nothing"
        case Scalar(text=text):
            return f"the text {_short(str(text))}"
        case Sequence():
            return "a list"
        case Mapping():
            return "a table of keys and values"


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")


class Fields:
    """One mapping of the file. ``finish`` reports the keys nobody asked for, so every key is known or an error."""

    def __init__(self, node: Node, path: str, findings: Findings) -> None:
        self.path = path
        self.findings = findings
        self.node = node
        self.asked: set[str] = set()
        self._pairs: dict[str, tuple[Scalar, Node]] = {}
        if not isinstance(node, Mapping):
            findings.error(node, path, Rule.WRONG_TYPE, f"keys and values are needed here, not {kind_of(node)}")
            return
        self._pairs = node.pairs
        for again, first in node.repeated:
            message = f"the key {again.text!r} was already given on line {first.line}"
            findings.error(again, self.at(str(again.text)), Rule.DUPLICATE_KEY, message)

    def at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def finish(self) -> None:
        for name, (key, _) in self._pairs.items():
            if name not in self.asked:
                message = f"the key {_short(name)} is not known here{suggestion(name, self.asked)}"
                self.findings.error(key, self.at(name[:MAX_KEY]), Rule.UNKNOWN_KEY, message)

    def node_of(self, key: str) -> Node | None:
        """The value's node; None where the key is absent or null."""
        self.asked.add(key)
        found = self._pairs.get(key)
        if found is None or (isinstance(found[1], Scalar) and found[1].text is None):
            return None
        return found[1]

    def has(self, key: str) -> bool:
        """Whether the key stands there, also with null."""
        return key in self._pairs

    def place(self, key: str) -> Node:
        """The best place to point at when ``key`` is at fault: its value, or the whole mapping."""
        found = self._pairs.get(key)
        return found[1] if found else self.node

    def required(self, key: str) -> Node | None:
        """The value's node; an error where the key is absent or null."""
        node = self.node_of(key)
        if node is None and isinstance(self.node, Mapping):
            empty = self.has(key)
            message = f"{key!r} is empty" if empty else f"{key!r} is missing"
            self.findings.error(self.place(key), self.at(key), Rule.MISSING_KEY, message)
        return node

    def _scalar(self, key: str, node: Node, wanted: str) -> str | None:
        if isinstance(node, Scalar):
            return node.text
        self.findings.error(node, self.at(key), Rule.WRONG_TYPE, f"{wanted} is needed, not {kind_of(node)}")
        return None

    def remember(self, *name: str, **keys: str | tuple[str, ...]) -> None:
        """Keep the place of this mapping under ``name``, and of the first of some keys under ``name`` + a word."""
        self.findings.remember(name, self.node, self.path)
        for word, several in keys.items():
            for key in (several,) if isinstance(several, str) else several:
                if self.has(key):
                    self.findings.remember((*name, word), self.place(key), self.at(key))

    # --- scalars ------------------------------------------------------------------------------------------------

    def text(self, key: str, default: str | None = None, most: int = LONG) -> str:
        """One line of at most ``most`` characters; without ``default`` it has to be there and not be blank."""
        text = self.prose(key, default, most)
        if "\n" in text or "\r" in text:
            self.findings.error(self.place(key), self.at(key), Rule.BAD_TEXT, "a single line is needed here")
        return text

    def prose(self, key: str, default: str | None = None, most: int = LONG) -> str:
        """The same, where the text may have several lines."""
        node = self.required(key) if default is None else self.node_of(key)
        if node is None:
            return default or ""
        text = self._scalar(key, node, "a text")
        if text is None:
            return default or ""
        if len(text) > most:
            message = f"the text has {len(text)} characters; at most {most} are kept"
            self.findings.error(node, self.at(key), Rule.BAD_TEXT, message)
        if default is None and not text.strip():
            self.findings.error(node, self.at(key), Rule.BAD_TEXT, "the text is blank")
        return text

    def key(self, key: str, default: str | None = None, pattern: re.Pattern[str] = KEY, most: int = MAX_KEY) -> str:
        """A name that other parts of the file and addresses use."""
        text = self.text(key, default, most)
        if text and not pattern.fullmatch(text):
            allowed = "letters, digits and _" if pattern is WORD else "small letters, digits, - and _"
            message = f"{_short(text)} cannot be a key; it may hold {allowed}"
            self.findings.error(self.place(key), self.at(key), Rule.BAD_KEY, message)
        return text

    @overload
    def integer(self, key: str, default: int, low: int, high: int) -> int: ...
    @overload
    def integer(self, key: str, default: None, low: int, high: int) -> int | None: ...
    def integer(self, key: str, default: int | None, low: int, high: int) -> int | None:
        node = self.node_of(key)
        return default if node is None else self._integer(key, node, default, low, high)

    def required_integer(self, key: str, low: int, high: int) -> int:
        node = self.required(key)
        return low if node is None else (self._integer(key, node, low, low, high) or 0)

    def _integer(self, key: str, node: Node, default: int | None, low: int, high: int) -> int | None:
        text = self._scalar(key, node, "a whole number")
        if text is None:
            return default
        if not re.fullmatch(r"[+-]?[0-9]{1,12}", text):
            message = f"a whole number is needed, not {_short(text)}"
            self.findings.error(node, self.at(key), Rule.WRONG_TYPE, message)
            return default
        return self._in_range(key, node, int(text), low, high)

    def number(self, key: str, low: float, high: float, default: float | None = None) -> float:
        node = self.required(key) if default is None else self.node_of(key)
        if node is None:
            return low if default is None else default
        text = self._scalar(key, node, "a number")
        if text is None or not re.fullmatch(r"[+-]?[0-9]{1,12}(\.[0-9]{1,12})?", text):
            if text is not None:
                message = f"a number is needed, not {_short(text)}"
                self.findings.error(node, self.at(key), Rule.WRONG_TYPE, message)
            return low if default is None else default
        return self._in_range(key, node, float(text), low, high)

    Number = TypeVar("Number", int, float)

    def _in_range(self, key: str, node: Node, value: Number, low: Number, high: Number) -> Number:
        if not low <= value <= high:
            message = f"{value:g} is out of range; from {low:g} to {high:g} is allowed"
            self.findings.error(node, self.at(key), Rule.OUT_OF_RANGE, message)
        return value

    def boolean(self, key: str, default: bool) -> bool:
        node = self.node_of(key)
        text = None if node is None else self._scalar(key, node, "true or false")
        if node is None or text is None:
            return default
        if text.lower() not in {"true", "false"}:
            message = f"true or false is needed, not {_short(text)}"
            self.findings.error(node, self.at(key), Rule.WRONG_TYPE, message)
        return text.lower() == "true"

    @overload
    def choice(self, key: str, members: type[Choice], default: Choice) -> Choice: ...
    @overload
    def choice(self, key: str, members: type[Choice], default: None) -> Choice | None: ...
    def choice(self, key: str, members: type[Choice], default: Choice | None) -> Choice | None:
        node = self.node_of(key)
        return default if node is None else self._choice(key, node, members, default)

    def required_choice(self, key: str, members: type[Choice]) -> Choice:
        first = next(iter(members))
        node = self.required(key)
        return first if node is None else (self._choice(key, node, members, first) or first)

    def _choice(self, key: str, node: Node, members: type[Choice], default: Choice | None) -> Choice | None:
        text = self._scalar(key, node, "one word")
        if text is None:
            return default
        if text not in {member.value for member in members}:
            message = f"{_short(text)} is not allowed here{suggestion(text, [member.value for member in members])}"
            self.findings.error(node, self.at(key), Rule.NOT_A_CHOICE, message)
            return default
        return members(text)

    # --- dates --------------------------------------------------------------------------------------------------

    def instant(self, key: str) -> datetime | None:
        """An instant with Z or an offset, to the second; None where it is not set."""
        node = self.node_of(key)
        text = None if node is None else self._scalar(key, node, "an instant")
        if node is None or text is None:
            return None
        text = text.strip()
        if not _INSTANT.fullmatch(text):
            if _NAIVE.fullmatch(text):
                rule, message = Rule.NAIVE_INSTANT, f"{text} names no zone; write it in UTC with a Z at the end"
            elif _DAY.fullmatch(text):
                rule, message = Rule.BAD_DATE, f"{text} is a day, not an instant; an end of day is written eod_aoe"
            else:
                rule, message = Rule.BAD_DATE, f"{_short(text)} is no instant; write it like 2027-02-12T18:00:00Z"
            self.findings.error(node, self.at(key), rule, message)
            return None
        try:
            value = datetime.fromisoformat(text.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            self.findings.error(node, self.at(key), Rule.BAD_DATE, f"{text} does not exist in the calendar")
            return None
        return value if self._year(key, node, value.year) else None

    def day(self, key: str) -> date | None:
        node = self.node_of(key)
        text = None if node is None else self._scalar(key, node, "a day")
        if node is None or text is None:
            return None
        try:
            if not _DAY.fullmatch(text.strip()):
                raise ValueError(text)
            value = date.fromisoformat(text.strip())
        except ValueError:
            message = f"{_short(text)} is no day of the calendar; write it like 2027-01-17"
            self.findings.error(node, self.at(key), Rule.BAD_DATE, message)
            return None
        return value if self._year(key, node, value.year) else None

    def _year(self, key: str, node: Node, year: int) -> bool:
        if year in YEARS:
            return True
        self.findings.error(node, self.at(key), Rule.BAD_DATE, f"the year {year} is outside {YEARS[0]} to {YEARS[-1]}")
        return False

    def moment(self, at: str, eod: str, wall: str) -> Moment | None:
        """An instant given in one of three ways: with Z, as the end of a day AoE, or as a wall time with its zone."""
        given = [key for key in (at, eod, wall) if self.node_of(key) is not None]
        if len(given) > 1:
            message = f"give one of {at}, {eod} and {wall}, not {len(given)} of them"
            self.findings.error(self.place(given[1]), self.at(given[1]), Rule.BAD_DATE, message)
        if given == [at]:
            instant = self.instant(at)
            if instant is None:
                return None
            return Moment(instant, utc_rule(instant))
        if given == [eod]:
            day = self.day(eod)
            return None if day is None else Moment(eod_aoe(day), f"{day} EOD AoE")
        return self._wall_moment(wall) if given == [wall] else None

    def _wall_moment(self, key: str) -> Moment | None:
        rule = " ".join(self.text(key, most=60).split())
        answer = resolve_rule(rule)
        node = self.place(key)
        if isinstance(answer, Unresolved):
            self.findings.error(node, self.at(key), Rule.WALL_TIME, f"{_short(rule)}: {_WALL[answer.problem]}")
            return None
        return Moment(answer, rule) if self._year(key, node, answer.year) else None

    # --- collections --------------------------------------------------------------------------------------------

    def mapping(self, key: str) -> Fields | None:
        node = self.node_of(key)
        return None if node is None else Fields(node, self.at(key), self.findings)

    def items(self, key: str, most: int) -> Iterator[tuple[str, Node]]:
        """The elements of a list, each with its path; an absent list is empty."""
        node = self.node_of(key)
        if node is None:
            return
        if not isinstance(node, Sequence):
            self.findings.error(node, self.at(key), Rule.WRONG_TYPE, f"a list is needed, not {kind_of(node)}")
            return
        if len(node.items) > most:
            message = f"the list has {len(node.items)} entries; at most {most} are allowed"
            self.findings.error(node, self.at(key), Rule.OUT_OF_RANGE, message)
            return
        for index, item in enumerate(node.items):
            yield f"{self.at(key)}[{index}]", item

    def mappings(self, key: str, most: int) -> Iterator[Fields]:
        for path, item in self.items(key, most):
            yield Fields(item, path, self.findings)

    def texts(self, key: str, most: int = 100, length: int = 200, known: Collection[str] = ()) -> tuple[str, ...]:
        """A list of different texts, each one of ``known`` where that is given."""
        found: list[str] = []
        for path, item in self.items(key, most):
            if not isinstance(item, Scalar) or item.text is None:
                self.findings.error(item, path, Rule.WRONG_TYPE, f"a text is needed, not {kind_of(item)}")
            elif not item.text.strip() or len(item.text) > length:
                self.findings.error(item, path, Rule.BAD_TEXT, f"a text of 1 to {length} characters is needed")
            elif item.text in found:
                self.findings.error(item, path, Rule.DUPLICATE_NAME, f"{_short(item.text)} stands here twice")
            elif known and item.text not in known:
                message = f"{_short(item.text)} is not known here{suggestion(item.text, known)}"
                self.findings.error(item, path, Rule.NOT_A_CHOICE, message)
            else:
                found.append(item.text)
        return tuple(found)
