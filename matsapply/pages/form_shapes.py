"""What the field and error macros need to know about a WTForms field, worked out in Python rather than in templates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from wtforms import (
    BooleanField,
    Field,
    FieldList,
    FileField,
    FormField,
    HiddenField,
    MultipleFileField,
    RadioField,
    SelectField,
    SelectMultipleField,
    SubmitField,
    TextAreaField,
)
from wtforms.form import BaseForm

VISIBLE_CHOICES = 10  # up to this many options are shown at once; more go into a drop-down


class Option(NamedTuple):
    """One choice as the page shows it. The identifiers match those WTForms gives to a radio field's subfields."""

    id: str
    value: str
    label: str
    chosen: bool


class FieldError(NamedTuple):
    """One line of an error summary: the id of the control to jump to (``None``: the whole form), and the sentence."""

    anchor: str | None
    sentence: str


def field_kind(field: Field, wanted: str | None = None) -> str:
    """One of boolean, checkboxes, radios, select, file, hidden, textarea, submit, group, text.

    ``wanted`` overrides the choice between radios, checkboxes and select.
    """
    if isinstance(field, SelectField):
        return wanted or _choice_kind(field)
    plain: tuple[tuple[type[Field] | tuple[type[Field], ...], str], ...] = (
        (SubmitField, "submit"),
        (BooleanField, "boolean"),
        ((FileField, MultipleFileField), "file"),
        (HiddenField, "hidden"),
        (TextAreaField, "textarea"),
        ((FieldList, FormField), "group"),
    )
    return next((kind for types, kind in plain if isinstance(field, types)), "text")


def _choice_kind(field: SelectField) -> str:
    if isinstance(field, SelectMultipleField):
        return "select" if field.has_groups() else "checkboxes"
    if isinstance(field, RadioField):
        return "radios"
    if field.has_groups():
        return "select"
    return "radios" if 0 < len(list(field.iter_choices())) <= VISIBLE_CHOICES else "select"


def field_options(field: SelectField) -> list[Option]:
    """The options of a choice field, in order, with what is chosen."""
    return [
        Option(id=f"{field.id}-{index}", value=str(choice[0]), label=str(choice[1]), chosen=bool(choice[2]))
        for index, choice in enumerate(field.iter_choices())
    ]


def field_anchor(field: Field) -> str:
    """The id an error's link should lead to: the first option of a visible group, else the control itself."""
    return f"{field.id}-0" if field_kind(field) in {"radios", "checkboxes"} else str(field.id)


def form_errors(form: BaseForm | None) -> list[FieldError]:
    """Every error of a form in the order of its fields, with nested forms and lists flattened; form errors first."""
    if form is None:
        return []
    whole = [FieldError(None, str(message)) for message in getattr(form, "form_errors", ())]
    return whole + list(_walk(form))


def _walk(fields: Iterable[Any]) -> Iterator[FieldError]:
    for field in fields:
        if isinstance(field, FormField):
            yield from _walk(field.form)
        elif isinstance(field, FieldList):
            yield from _walk(field.entries)
            yield from _own_errors(field)
        else:
            yield from _own_errors(field)


def _own_errors(field: Field) -> Iterator[FieldError]:
    messages: Iterable[object] = field.errors
    for message in messages:
        if not isinstance(message, (dict, list, tuple)):  # those are the errors of nested forms, told by themselves
            yield FieldError(field_anchor(field), str(message))
