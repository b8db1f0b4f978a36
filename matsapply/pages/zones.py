"""The field in which a person chooses a time zone: some six hundred options, on many forms."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from markupsafe import Markup
from wtforms import SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.widgets import Select

from matsapply.platform.instants import known_zones

MOST_OPTIONS = 4096  # twice as many as there are: each is drawn chosen and not chosen


@lru_cache(maxsize=1)
def all_zones() -> list[SelectChoice]:
    """Every zone there is, by name, after a line that asks to choose."""
    return [SelectChoice("", "Choose"), *(_choice(name) for name in sorted(known_zones()))]


@lru_cache(maxsize=1)
def inhabited_zones() -> list[SelectChoice]:
    """Every IANA zone people live in, by name; UTC first."""
    names = sorted(name for name in known_zones() if "/" in name and not name.startswith(("Etc/", "posix/", "right/")))
    return [SelectChoice("UTC"), *map(_choice, names)]


def _choice(name: str) -> SelectChoice:
    return SelectChoice(name, name.replace("_", " "))


class DrawnOnce(Select):
    """A list whose options are drawn once in each process; their text is all there is to them."""

    @classmethod
    def render_option(cls, choice: Any) -> Markup:
        return _drawn(choice.value, choice.label, choice.selected)


@lru_cache(maxsize=MOST_OPTIONS)
def _drawn(value: str, label: str, selected: bool) -> Markup:
    chosen = Markup(" selected") if selected else ""
    return Markup('<option{chosen} value="{value}">{label}</option>').format(chosen=chosen, value=value, label=label)


class ZoneField(SelectField):
    widget = DrawnOnce()
