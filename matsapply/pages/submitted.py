"""What was submitted, in words: for the applicant's receipts and for the team's page of an application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matsapply.applications.forms import form_by_key, track_options
from matsapply.cohorts.queries import stream_names
from matsapply.pages.sections import title_of
from matsapply.platform.languages import gettext as _
from matsapply.rules.stages import QuestionType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from matsapply.rules.answers import Asked


@dataclass(frozen=True, slots=True)
class Shown:
    """A question and what was given; ``files`` as the snapshot names them (``file``, ``size`` in bytes, ``sha256``,
    ``pages``), ``blind`` where readers do not see it."""

    label: str
    blind: bool
    text: str
    files: tuple[Mapping[str, Any], ...] = ()

    @property
    def given(self) -> bool:
        return bool(self.text or self.files)


def sections_of(
    session: Session, cohort_id: int, form_version_id: int, content: Mapping[str, Any]
) -> list[tuple[str, list[Shown]]]:
    """Titles of sections with their questions, in the form's order, those without an answer too."""
    form = form_by_key(session, form_version_id)
    tracks = {track.key: track.name for track in track_options(session, cohort_id)}
    streams = stream_names(session, cohort_id)
    return [
        (title_of(name), [_shown(asked, content, tracks, streams) for asked in form.in_section(name)])
        for name in form.sections
    ]


def as_text(question: Asked, value: Any, track_names: Mapping[str, str]) -> str:
    """An answer as one text to read; empty where there is none."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        named = [track_names.get(str(each), str(each)) for each in value]
        if question.type is QuestionType.TRACK_RANK:
            named = [f"{place}. {name}" for place, name in enumerate(named, 1)]
        return "\n".join(named)
    return str(value or "")


def _shown(asked: Asked, content: Mapping[str, Any], tracks: Mapping[str, str], streams: Mapping[str, str]) -> Shown:
    value = content["answers"].get(asked.key)
    files: tuple[Mapping[str, Any], ...] = ()
    match asked.type:
        case QuestionType.TRACK_RANK:
            text = in_order(content["tracks"], tracks)
        case QuestionType.STREAM_INTEREST:
            text = in_order(content["streams"], streams)
        case QuestionType.FILE:
            text, files = "", tuple(value or ())
        case _:
            text = "" if value is None else as_text(asked, value, tracks)
    return Shown(asked.label, asked.blind, text, files)


def in_order(keys: Sequence[str], names: Mapping[str, str]) -> str:
    """Names in words, numbered, one a line."""
    return "\n".join(f"{place}. {names.get(key, key)}" for place, key in enumerate(keys, 1))
