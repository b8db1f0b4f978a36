"""Saving a form of the set-up: the cohort file's rules, a stale form noticed, what is wrong beside its field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import abort

from matsapply.cohorts.date_changes import DateRefused
from matsapply.cohorts.editing import EditRefused, edit
from matsapply.cohorts.load_parts import LoadRefused
from matsapply.cohorts.stored import dump_cohort
from matsapply.pages import site
from matsapply.pages.admin.frame import as_text
from matsapply.pages.form_shapes import field_kind, field_options
from matsapply.pages.guard import actor
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.process.key_dates import tell_holders

if TYPE_CHECKING:
    from collections.abc import Callable

    from wtforms import Field

    from matsapply.cohorts.file_types import CohortFile
    from matsapply.pages.admin.setup_forms import SetupForm
    from matsapply.pages.site import CohortFrame

UNTOUCHED = frozenset({"seen", "csrf_token", "reason", "confirmed"})
STALE = "Somebody else has changed this since you opened it. Compare below; saving again puts yours in place."


@dataclass(frozen=True, slots=True)
class Clash:
    """A field whose stored value is not what was sent with a stale form."""

    label: str
    stored: str
    yours: str


def file_of(frame: CohortFrame) -> CohortFile:
    return dump_cohort(session(), frame.key)


def entry_of(entries: tuple[Any, ...], key: str) -> Any:
    """The entry of that key; 404 where there is none."""
    found = next((one for one in entries if one.key == key), None)
    if found is None:
        abort(404)
    return found


def clashes(form: SetupForm, stored: SetupForm) -> list[Clash]:
    """What differs between a form as sent and as it would be made now."""
    return [
        Clash(field.label.text, shown(stored[field.name]), shown(field))
        for field in form
        if field.name not in UNTOUCHED and as_text(field.data) != as_text(stored[field.name].data)
    ]


def shown(field: Field) -> str:
    """A field's value in words."""
    if field_kind(field) in {"radios", "checkboxes", "select"}:
        return ", ".join(option.label for option in field_options(field) if option.chosen) or "none"
    return as_text(field.data) or "empty"


def save(
    frame: CohortFrame,
    form: SetupForm,
    change: Callable[[CohortFile], CohortFile],
    *,
    section: str,
    stored: SetupForm | None = None,
    stored_mark: str = "",
) -> tuple[int, list[Clash]]:
    """Carry out the edit of a form; (0, []) when it is done, else the status of the page to show again, with clashes.

    ``stored`` is the form as it would be made now and ``stored_mark`` its mark; None for something new. ``section`` is
    where the form's part stands in a cohort file, such as ``streams``.
    """
    if not form.validate():
        return 422, []
    if stored is not None and form.seen.data != stored_mark:
        found = clashes(form, stored)
        form.seen.data = stored_mark
        if found:
            form.form_errors.append(STALE)
            return 409, found
    reason, confirmed = (form["reason"].data, form["confirmed"].data) if "reason" in form else ("", False)
    try:
        edit(
            session(),
            actor(),
            frame.key,
            change,
            clock.now(),
            confirmed=bool(confirmed),
            reason=reason or "",
            tell=tell_holders,
        )
    except EditRefused as refused:
        for error in refused.errors:
            where, _, rest = error.path.partition(".")
            field = form.field_at(rest) if where.split("[")[0] == section else None
            (form.form_errors if field is None else field.errors).append(said(error.message))
    except DateRefused as refused:
        field = form.field_at({"O": "open", "T8": "open", "C": "close_at", "T9": "due_at"}.get(_base(refused), ""))
        (form.form_errors if field is None else field.errors).append(str(refused))
    except LoadRefused as refused:
        form.form_errors.append(said(str(refused)))
    else:
        site.forget_cohorts()
        return 0, []
    session().rollback()
    return 422, []


def _base(refused: DateRefused) -> str:
    return refused.refusal.code.partition(":")[0]


def said(message: str) -> str:
    """A finding as a sentence."""
    text = message[:1].upper() + message[1:]
    return text if text.endswith((".", "?")) else f"{text}."
