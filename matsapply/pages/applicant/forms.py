"""A section of the application as a form, made from the cohort's questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    RadioField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)

from matsapply.pages.zones import ZoneField, all_zones
from matsapply.platform.languages import gettext as _, lazy_gettext as _l
from matsapply.rules.answers import Asked, Problem, ProblemCode, applies, read
from matsapply.rules.stages import QuestionType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from werkzeug.datastructures import MultiDict
    from wtforms import Field

SENTENCES = {
    ProblemCode.MISSING: _l("This answer is required."),
    ProblemCode.TOO_LONG: _l("This is longer than {}. Shorten it; what you typed is kept."),
    ProblemCode.UNSTORABLE: _l("This contains {}, which cannot be stored. Remove it; the rest is kept."),
    ProblemCode.NOT_AN_OPTION: _l("Choose one of the options shown."),
    ProblemCode.NOT_AN_ADDRESS: _l("This is not a complete e-mail address, such as name@example.org."),
    ProblemCode.NOT_A_ZONE: _l("Choose a time zone from the list."),
    ProblemCode.NOT_A_LINK: _l("{} is not a web address. It begins with https:// or http://."),
    ProblemCode.TOO_FEW: _l("At least {} needed."),
    ProblemCode.TOO_MANY: _l("At most {} allowed."),
}
# The optional questions of the separate store, by key.
APART = {
    "gender": _l("Gender"),
    "country": _l("Country where you grew up"),
    "first_generation": _l("First in your family at a university"),
}
APART_MOST = 200  # characters
MINE, THEIRS = "typed", "stored"  # which of two texts to keep
TOLERANCE = 5  # per cent over a limit that is still accepted
BY_FORM = frozenset(
    {
        QuestionType.TEXT,
        QuestionType.LONG,
        QuestionType.EMAIL,
        QuestionType.TIMEZONE,
        QuestionType.CHOICE,
        QuestionType.MULTI,
        QuestionType.BOOL,
        QuestionType.URLS,
        QuestionType.TRACK_RANK,
    }
)


def sentence(problem: Problem) -> str:
    """What is wrong, and what to do."""
    return SENTENCES[problem.code].format(problem.detail)


def field_for(question: Asked, track_names: Mapping[str, str]) -> Field:
    """The unbound field of one question. Nothing is validated here: the rules do that, and drafts may be unfinished."""
    label, hint = question.label, question.hint
    match question.type:
        case QuestionType.LONG:
            return TextAreaField(label, description=hint, render_kw={"rows": 10 if (question.limit or 0) > 500 else 5})
        case QuestionType.URLS:
            return TextAreaField(label, description=hint or _("One web address a line."), render_kw={"rows": 3})
        case QuestionType.EMAIL:
            return EmailField(label, description=hint, render_kw={"autocomplete": "email"})
        case QuestionType.TIMEZONE:
            return ZoneField(label, description=hint, choices=all_zones, validate_choice=False)
        case QuestionType.CHOICE:
            return RadioField(label, description=hint, choices=list(question.options), validate_choice=False)
        case QuestionType.MULTI:
            return SelectMultipleField(label, description=hint, choices=list(question.options), validate_choice=False)
        case QuestionType.TRACK_RANK:
            options = {key: track_names.get(key, key) for key in question.options}
            return SelectMultipleField(label, description=hint, choices=options, validate_choice=False)
        case QuestionType.BOOL:
            return BooleanField(label, description=hint)
        case _:
            return StringField(label, description=hint)


def section_form(questions: Sequence[Asked], values: Mapping[str, Any], track_names: Mapping[str, str]) -> FlaskForm:
    """The form of a section, filled with the stored drafts."""
    fields = {question.key: field_for(question, track_names) for question in questions if question.type in BY_FORM}
    form_type = type("SectionForm", (FlaskForm,), fields)
    data = {}
    for question in questions:
        value = values.get(question.key)
        data[question.key] = "\n".join(value) if question.type is QuestionType.URLS and value else value
    form: FlaskForm = form_type(formdata=None, data=data)
    return form


def read_section(
    questions: Sequence[Asked], sent: MultiDict[str, str], *, partial: bool
) -> tuple[dict[str, Any], list[Problem]]:
    """What was sent, by question key, and what cannot be kept at all. ``partial``: only the fields that were sent."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for question in questions:
        if question.type not in BY_FORM:
            continue
        given = sent.getlist(question.key)
        if question.type is QuestionType.TRACK_RANK:
            ordered = [key for key in sent.getlist("order") if key in given]
            given = [*ordered, *(key for key in given if key not in ordered)]
        answer = read(question, given)
        if isinstance(answer, Problem):
            problems.append(answer)
        elif given or not partial or question.type in {QuestionType.BOOL, QuestionType.MULTI, QuestionType.TRACK_RANK}:
            values[question.key] = answer
    return values, problems


def field_id(key: str) -> str:
    """The id of a question's place on the page, where a list of problems leads."""
    return f"{key}-place"


def typed(questions: Sequence[Asked], sent: MultiDict[str, str]) -> dict[str, Any]:
    """What was sent, as typed, for a page that shows it again."""
    lists = {QuestionType.MULTI, QuestionType.TRACK_RANK}
    found: dict[str, Any] = {}
    for question in questions:
        if question.type in lists:
            found[question.key] = sent.getlist(question.key)
        elif question.type is QuestionType.URLS:
            found[question.key] = sent.get(question.key, "").splitlines()
        elif question.type in BY_FORM:
            found[question.key] = sent.get(question.key)
    return found


def carried(question: Asked, value: Any) -> list[tuple[str, str]]:
    """What was typed as (name, value) of hidden fields, so that the next save can send it again."""
    match question.type:
        case QuestionType.BOOL:
            return [(question.key, "y")] if value else []
        case QuestionType.TRACK_RANK:
            return [(name, str(each)) for each in value or [] for name in (question.key, "order")]
        case QuestionType.MULTI:
            return [(question.key, str(each)) for each in value or []]
        case QuestionType.URLS:
            return [(question.key, "\n".join(value or []))]
        case _:
            return [(question.key, str(value or ""))]


def chosen_texts(questions: Sequence[Asked], sent: MultiDict[str, str]) -> tuple[list[str], list[str]]:
    """Of the questions whose two texts were shown: those that keep the stored one, and those nobody decided yet."""
    asked = set(sent.getlist("conflict")) & {question.key for question in questions if question.type in BY_FORM}
    choices = {key: sent.get(f"keep-{key}") for key in asked}
    theirs = [key for key, choice in choices.items() if choice == THEIRS]
    return theirs, [key for key, choice in choices.items() if choice not in {MINE, THEIRS}]


def read_apart(sent: MultiDict[str, str]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The optional answers that are stored apart, by key, and (field, sentence) for what cannot be stored."""
    given: dict[str, str] = {}
    problems: list[tuple[str, str]] = []
    for key in APART:
        field = f"apart-{key}"
        answer = read(Asked(field, "", QuestionType.TEXT, APART[key]), sent.getlist(field)[:1])
        if isinstance(answer, Problem):
            problems.append((field, f"{APART[key]}: {sentence(answer)}"))
        elif answer and len(answer) > APART_MOST:
            problems.append((field, _("%(label)s: at most %(most)s characters.", label=APART[key], most=APART_MOST)))
        elif answer:
            given[key] = answer
    return given, problems


def shown(questions: Sequence[Asked], tracks: Sequence[str]) -> list[Asked]:
    """The questions that apply, and those of tracks not picked, which scripts show when a track is ticked."""
    return [question for question in questions if applies(question, tracks) or question.when_track]
