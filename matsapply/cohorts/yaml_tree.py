"""YAML text as a tree of nodes that know their line, with limits that no text gets around.

Only what a configuration needs is read: mappings, sequences and plain or quoted scalars. Tags, anchors and aliases are
refused, so nothing can be constructed and nothing can grow when it is read. Scalars stay text: what a value means is
decided by the place it stands in, so an unquoted ``no`` or ``2027-06`` cannot turn into something else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import yaml

from matsapply.cohorts.file_errors import FileError, Rule, Stop

MAX_BYTES = 1_000_000
MAX_DEPTH = 12
MAX_NODES = 100_000
# What no text of the file may hold, written out or escaped: the databases and the mail could not carry it.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value; ``text`` is None for YAML's null."""

    line: int
    column: int
    text: str | None


@dataclass(frozen=True, slots=True)
class Sequence:
    line: int
    column: int
    items: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Pairs in their order. A key that occurs twice is kept in ``repeated`` and counts with its first value."""

    line: int
    column: int
    pairs: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)
    repeated: list[tuple[Scalar, Scalar]] = field(default_factory=list)


Node = Scalar | Sequence | Mapping


def read_tree(source: bytes | str) -> Node:
    """The tree of one YAML document; raises ``Stop`` with the one error where there is none."""
    text = _decoded(source)
    try:
        return _Builder().build(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "this is not YAML"
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise Stop(FileError(line, column, "", f"the YAML cannot be read: {problem}", Rule.SYNTAX)) from None


def _decoded(source: bytes | str) -> str:
    if len(source) > MAX_BYTES:
        raise Stop(FileError(1, 1, "", f"the file is larger than {MAX_BYTES:,} bytes", Rule.SIZE))
    try:
        data = source if isinstance(source, bytes) else source.encode("utf-8")
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source[: error.start].count(b"\n") + 1 if isinstance(source, bytes) else 1
        raise Stop(FileError(line, 1, "", "the file is not UTF-8 text; save it as UTF-8", Rule.ENCODING)) from None
    except UnicodeEncodeError:
        raise Stop(FileError(1, 1, "", "the text holds half a character (a lone surrogate)", Rule.ENCODING)) from None
    if control := CONTROL.search(text):
        line, column = text.count("\n", 0, control.start()) + 1, control.start() - text.rfind("\n", 0, control.start())
        message = f"the control character U+{ord(control[0]):04X}: this is not a text file"
        raise Stop(FileError(line, column, "", message, Rule.ENCODING))
    return text


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


class _Builder:
    """Puts the parser's events together without recursion."""

    def __init__(self) -> None:
        self.open: list[Sequence | Mapping] = []
        self.keys: list[Scalar | None] = []  # for each open mapping the key that waits for its value
        self.root: Node | None = None
        self.nodes = 0

    def build(self, text: str) -> Node:
        documents = 0
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._stop(event, "only one document is read; remove the line ---", Rule.SYNTAX)
            self._take(event)
        if self.root is None or (isinstance(self.root, Scalar) and self.root.text is None):
            raise Stop(FileError(1, 1, "", "the file is empty", Rule.SYNTAX))
        return self.root

    @staticmethod
    def _stop(event: yaml.Event, message: str, rule: Rule) -> Stop:
        return Stop(FileError(*_place(event), "", message, rule))

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self._stop(event, "anchors and aliases (& and *) are not read; write the value out", Rule.ALIAS)
        if isinstance(event, yaml.CollectionEndEvent):
            self.open.pop()
            self.keys.pop()
            return
        if not isinstance(event, yaml.NodeEvent):
            return
        if tag := getattr(event, "tag", None):
            raise self._stop(event, f"the tag {tag!r}: tags (!) are not read", Rule.TAG)
        self.nodes += 1
        if self.nodes > MAX_NODES or len(self.open) >= MAX_DEPTH:
            raise self._stop(event, "too much: the file is nested too deeply or has too many values", Rule.NESTING)
        self._add(event)

    def _add(self, event: yaml.NodeEvent) -> None:
        line, column = _place(event)
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            if control := CONTROL.search(event.value):
                message = f"the control character U+{ord(control[0]):04X} cannot be part of a text"
                raise self._stop(event, message, Rule.BAD_TEXT)
            null = event.style in (None, "") and event.value in _NULLS
            node = Scalar(line, column, None if null else event.value)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = Sequence(line, column)
        else:
            node = Mapping(line, column)
        self._attach(event, node)
        if not isinstance(node, Scalar):
            self.open.append(node)
            self.keys.append(None)

    def _attach(self, event: yaml.NodeEvent, node: Node) -> None:
        if not self.open:
            self.root = node
            return
        parent = self.open[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
            return
        key = self.keys[-1]
        if key is None:
            if not isinstance(node, Scalar) or node.text is None:
                raise self._stop(event, "a key has to be a word", Rule.SYNTAX)
            self.keys[-1] = node
            return
        self.keys[-1] = None
        name = str(key.text)
        if name in parent.pairs:
            parent.repeated.append((key, parent.pairs[name][0]))
        else:
            parent.pairs[name] = (key, node)
