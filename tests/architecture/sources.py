"""The project's own source files, parsed, for tests of how it is built."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "matsapply"
TEMPLATES = ROOT / "templates"


@dataclass(frozen=True)
class Source:
    path: Path
    tree: ast.Module

    @property
    def name(self) -> str:
        """Relative to the package: ``tracking/actions.py``."""
        return self.path.relative_to(PACKAGE).as_posix()

    @property
    def concept(self) -> str:
        return self.name.split("/")[0]

    def at(self, node: ast.AST) -> str:
        return f"{self.name}:{getattr(node, 'lineno', 0)}"


@cache
def sources() -> tuple[Source, ...]:
    return tuple(
        Source(path, ast.parse(path.read_text(encoding="utf-8"), str(path))) for path in sorted(PACKAGE.rglob("*.py"))
    )


def nodes(kind: type[ast.AST]) -> Iterator[tuple[Source, ast.AST]]:
    for source in sources():
        for node in ast.walk(source.tree):
            if isinstance(node, kind):
                yield source, node


@cache
def templates() -> tuple[Path, ...]:
    return tuple(path for path in sorted(TEMPLATES.rglob("*")) if path.suffix in {".html", ".txt"})


def template_name(path: Path) -> str:
    return path.relative_to(TEMPLATES).as_posix()
