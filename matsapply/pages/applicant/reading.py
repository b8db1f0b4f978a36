"""An application as somebody reads it: each question with its answer in words, what is hidden, what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matsapply.pages.applicant.forms import sentence
from matsapply.pages.sections import title_of
from matsapply.pages.submitted import as_text, in_order
from matsapply.rules.answers import applies, is_empty
from matsapply.rules.stages import QuestionType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matsapply.applications.answer_files import FileRow
    from matsapply.applications.queries import Work
    from matsapply.rules.answers import Asked


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One question and its answer. ``text`` is empty where there is none; ``problem`` says what stands against it."""

    key: str
    label: str
    blind: bool
    text: str
    files: tuple[FileRow, ...] = ()
    problem: str = ""

    @property
    def given(self) -> bool:
        return bool(self.text or self.files)


@dataclass(frozen=True, slots=True)
class SectionRows:
    key: str
    title: str
    rows: tuple[AnswerRow, ...]


def sections_of(present: Work, stream_names: Mapping[str, str]) -> list[SectionRows]:
    """All sections but the store apart, with the questions that are asked, in the order of the form."""
    found: dict[str, list[str]] = {}
    for problem in present.problems():
        found.setdefault(problem.question_key, []).append(sentence(problem))
    tracks = {track.key: track.name for track in present.tracks}
    sections = []
    for name in present.form.sections:
        asked = [
            question
            for question in present.form.in_section(name)
            if applies(question, present.picked) and question.type is not QuestionType.SEPARATE_STORE
        ]
        rows = tuple(_row(each, present, tracks, stream_names, " ".join(found.get(each.key, ()))) for each in asked)
        if rows:
            sections.append(SectionRows(name, title_of(name), rows))
    return sections


def _row(
    question: Asked, present: Work, tracks: Mapping[str, str], streams: Mapping[str, str], problem: str
) -> AnswerRow:
    text, files = "", ()
    match question.type:
        case QuestionType.TRACK_RANK:
            text = in_order(present.picked, tracks)
        case QuestionType.STREAM_INTEREST:
            text = in_order(present.streams, streams)
        case QuestionType.FILE:
            files = tuple(file for file in present.files if file.question_key == question.key)
        case QuestionType.REFEREES:
            text = "\n".join(one.name for one in present.referees)
        case _:
            value = present.values.get(question.key)
            text = "" if is_empty(value) else as_text(question, value, tracks)
    return AnswerRow(question.key, question.label, question.blind, text, files, problem)
