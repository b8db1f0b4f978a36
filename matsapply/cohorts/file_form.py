"""The sections of a cohort file about reading and being read: the form's questions and the rubrics."""

from __future__ import annotations

from matsapply.cohorts.file_errors import Rule
from matsapply.cohorts.file_fields import WORD, Fields
from matsapply.cohorts.file_sections import read_mark, words_of
from matsapply.cohorts.file_types import CriterionEntry, ExceptionPath, FormEntry, QuestionEntry, RubricEntry
from matsapply.cohorts.yaml_tree import Mapping
from matsapply.rules.answers import is_reserved
from matsapply.rules.stages import QuestionType, RubricKind

_WITH_LIMIT = frozenset({QuestionType.TEXT, QuestionType.LONG})
_WITH_OPTIONS = frozenset({QuestionType.CHOICE, QuestionType.MULTI})
_WITH_COUNT = frozenset(
    {
        QuestionType.URLS,
        QuestionType.TRACK_RANK,
        QuestionType.STREAM_INTEREST,
        QuestionType.REFEREES,
        QuestionType.MULTI,
    }
)
_TAKES: tuple[tuple[str, frozenset[QuestionType]], ...] = (
    ("limit", _WITH_LIMIT),
    ("options", _WITH_OPTIONS),
    ("accept", frozenset({QuestionType.FILE})),
    ("max_mb", frozenset({QuestionType.FILE})),
    ("min", _WITH_COUNT),
    ("max", _WITH_COUNT),
)
FILE_KINDS = ("pdf",)


def read_form(fields: Fields) -> FormEntry:
    fields.remember("form")
    form = FormEntry(
        questions=_questions(fields),
        stated_minutes=fields.integer("stated_minutes", 90, 1, 10_000),
        ai_policy=fields.key("ai_policy", "", WORD),
    )
    if not any(question.type is QuestionType.TRACK_RANK for question in form.questions):
        message = "no question of type track_rank: nobody could choose a track"
        fields.findings.warning(fields.node, fields.path, Rule.INCOMPLETE, message)
    return form


def _questions(fields: Fields) -> tuple[QuestionEntry, ...]:
    found: list[QuestionEntry] = []
    for item in fields.mappings("questions", 300):
        question = QuestionEntry(
            key=item.key("key"),
            section=item.key("section"),
            type=item.required_choice("type", QuestionType),
            label=item.prose("label"),
            required=item.boolean("required", False),
            blind=item.boolean("blind", False),
            hint=item.prose("hint", ""),
            limit=item.integer("limit", None, 1, 100_000),
            when_track=item.key("when_track", ""),
            options=item.texts("options", 200, 300),
            accept=item.texts("accept", 10, 20, FILE_KINDS),
            max_mb=item.integer("max_mb", None, 1, 50),
            min=item.integer("min", None, 0, 1000),
            max=item.integer("max", None, 1, 1000),
        )
        item.remember("question", question.key, when_track="when_track")
        _check_question(item, question, found)
        found.append(question)
        item.finish()
    return tuple(found)


def _check_question(item: Fields, question: QuestionEntry, before: list[QuestionEntry]) -> None:
    if question.key and question.key in {other.key for other in before}:
        message = f"there is already a question with the key {question.key!r}"
        item.findings.error(item.place("key"), item.at("key"), Rule.DUPLICATE_KEY, message)
    if is_reserved(question.key):
        message = f"{question.key!r} is a name the form's own page uses; give the question another key"
        item.findings.error(item.place("key"), item.at("key"), Rule.BAD_KEY, message)
    if item.node_of("type") is None:
        return
    for key, types in _TAKES:
        if item.node_of(key) is not None and question.type not in types:
            message = f"a question of type {question.type} has no {key}"
            item.findings.error(item.place(key), item.at(key), Rule.UNKNOWN_KEY, message)
    if question.type in _WITH_OPTIONS and len(question.options) < 2:
        message = f"a question of type {question.type} needs at least two options"
        item.findings.error(item.place("options"), item.at("options"), Rule.MISSING_KEY, message)
    if question.type is QuestionType.FILE and not question.accept:
        item.findings.error(item.place("accept"), item.at("accept"), Rule.MISSING_KEY, "say which files: accept: [pdf]")
    if question.min is not None and question.max is not None and question.min > question.max:
        message = f"min is {question.min} and max is {question.max}"
        item.findings.error(item.place("min"), item.at("min"), Rule.OUT_OF_RANGE, message)


def read_rubrics(fields: Fields) -> tuple[RubricEntry, ...]:
    """The rubrics in the order of their kinds, whatever order the file has."""
    found = []
    for kind in RubricKind:
        if (item := fields.mapping(kind.value)) is not None:
            item.remember("rubric", kind.value, weights="weights")
            found.append(_rubric(kind, item))
            item.finish()
    return tuple(found)


def _rubric(kind: RubricKind, item: Fields) -> RubricEntry:
    scale = item.texts("scale", 20, 60)
    if len(scale) < 2:
        item.findings.error(item.place("scale"), item.at("scale"), Rule.MISSING_KEY, "a scale needs at least two steps")
    criteria = _criteria(item, scale)
    return RubricEntry(
        kind=kind,
        scale=scale,
        criteria=criteria,
        readers=item.integer("readers", 1, 1, 20),
        negative_needs=item.key("negative_needs", "", WORD),
        third_reader_if_spread_at_least=item.integer("third_reader_if_spread_at_least", None, 1, 20),
        blind=item.texts("blind", 100, 60),
        by_question=item.boolean("by_question", False),
        structured=item.boolean("structured", False),
        integrity_flag=item.key("integrity_flag", "", WORD),
        free_text_limit=item.integer("free_text_limit", None, 1, 100_000),
        weights=_weights(item, criteria),
        exception_paths=_exception_paths(item),
    )


def _criteria(fields: Fields, scale: tuple[str, ...]) -> tuple[CriterionEntry, ...]:
    found: list[CriterionEntry] = []
    for item in fields.mappings("criteria", 50):
        key = item.key("key")
        if key and key in {other.key for other in found}:
            message = f"there is already a criterion with the key {key!r}"
            item.findings.error(item.place("key"), item.at("key"), Rule.DUPLICATE_KEY, message)
        label = item.text("label", words_of(key), 160) or words_of(key)
        found.append(CriterionEntry(key, label, _anchors(item, scale), read_mark(item)))
        item.finish()
    if not found:
        message = "a rubric needs at least one criterion"
        fields.findings.error(fields.place("criteria"), fields.at("criteria"), Rule.MISSING_KEY, message)
    return tuple(found)


def _anchors(fields: Fields, scale: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """In the order of the scale; each names a step of it."""
    item = fields.mapping("anchors")
    if item is None:
        return ()
    found = tuple((step, item.text(step, most=300)) for step in scale if item.has(step))
    item.asked |= set(scale)
    item.finish()
    return found


def _weights(
    fields: Fields, criteria: tuple[CriterionEntry, ...]
) -> tuple[tuple[str, tuple[tuple[str, float], ...]], ...]:
    item = fields.mapping("weights")
    if item is None or not isinstance(item.node, Mapping):
        return ()
    found = []
    for track in item.node.pairs:
        row = item.mapping(track)
        if row is None:
            item.findings.error(item.place(track), item.at(track), Rule.MISSING_KEY, "the weights are missing")
            continue
        row.remember("weights", track)
        weights = tuple((criterion.key, row.number(criterion.key, 0, 1)) for criterion in criteria)
        if all(row.node_of(key) is not None for key, _ in weights):  # a missing weight is already an error
            _check_sum(row, weights)
        row.finish()
        found.append((track, weights))
    return tuple(found)


def _check_sum(row: Fields, weights: tuple[tuple[str, float], ...]) -> None:
    total = sum(weight for _, weight in weights)
    if abs(total - 1) > 1e-6:
        message = f"the weights of a track sum to 1; these sum to {total:g}"
        row.findings.error(row.node, row.path, Rule.WEIGHTS, message)


def _exception_paths(fields: Fields) -> tuple[ExceptionPath, ...]:
    found: list[ExceptionPath] = []
    for item in fields.mappings("exception_paths", 20):
        path = ExceptionPath(item.key("key"), item.key("needs", pattern=WORD))
        if path.key and path.key in {other.key for other in found}:
            item.findings.error(
                item.place("key"), item.at("key"), Rule.DUPLICATE_KEY, f"{path.key!r} stands here twice"
            )
        found.append(path)
        item.finish()
    return tuple(found)
