"""Naming referees, and how far each letter is: its state and never its content."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for

from matsapply.applications import queries
from matsapply.applications.locks import lock_application
from matsapply.applications.references import name_referee, remind_referee, replace_referee
from matsapply.cohorts import queries as cohorts
from matsapply.pages.applicant.own import own
from matsapply.pages.guard import actor, needs
from matsapply.pages.phrases import sentence
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.languages import gettext as _, lazy_gettext as _l
from matsapply.rules.access import Act
from matsapply.rules.guards import MOST_REMINDERS, REMINDER_EVERY
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import ApplicationState, QuestionType, ReferenceState, ReferenceTiming

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.applications.editing import Editing
    from matsapply.applications.queries import RefereeRow

MOST_BY_DEFAULT = 2

blueprint = Blueprint("referees", __name__, url_prefix="/application/referees")

# When the cohort writes to those who are named, as the applicant reads it.
ASKED_WHEN = {
    ReferenceTiming.AT_SUBMIT: _l("We write to them as soon as you submit."),
    ReferenceTiming.AFTER_ADVANCE: _l("We write to them only if you advance."),
    ReferenceTiming.ON_DEMAND: _l("We write to them only when a stream asks for letters."),
}
# What stands against a name or an address: beside which field, in which words.
PROBLEMS = {
    Code.INCOMPLETE: ("email", _l("Give a complete e-mail address, such as name@example.org.")),
    Code.NOT_FINISHED: ("consent", _l("Ask them first, and tick this when they have agreed.")),
    Code.CONFLICT: ("email", _l("This is your own address: somebody else has to write about you.")),
    Code.REPEATED: ("email", _l("You have named this address already.")),
    Code.CAP_REACHED: (None, _l("You have named as many referees as this form takes. Remove one to name another.")),
    Code.REMINDER_LIMIT: (None, _l("You have named and taken off many referees. Ask the team to name another one.")),
}


@blueprint.get("")
@needs(Act.APPLICATION_OWN)
def own_referees() -> ResponseReturnValue:
    return _page()


def _most(held: Editing) -> int:
    question = held.form(session()).of_type(QuestionType.REFEREES)
    return question.maximum if question and question.maximum is not None else MOST_BY_DEFAULT


def _page(
    problems: dict[str | None, str] | None = None, refusal: str | None = None, status: int = 200
) -> ResponseReturnValue:
    held = own()
    now = clock.now()
    due = next((date.at for date in cohorts.key_dates(session(), held.cohort_id) if date.code == "T3"), None)
    open_ = held.state is not ApplicationState.CLOSED and (due is None or now < due)
    found = queries.referees(session(), held.id)
    page = render_template(
        "applicant/referees.html",
        application=held,
        found=found,
        most=_most(held),
        due=due,
        open=open_,
        asked_when=ASKED_WHEN[held.reference_timing],
        most_reminders=MOST_REMINDERS,
        remind_from={one.public_id: _next_reminder(one) for one in found} if open_ else {},
        now=now,
        problems=problems or {},
        refusal=refusal,
        typed=request.form if request.method == "POST" else {},
    )
    return page, status


def _next_reminder(one: RefereeRow) -> datetime | None:
    """From when this referee may be reminded; None where no reminder is left or none is called for."""
    if one.state not in {ReferenceState.REQUESTED, ReferenceState.OPENED} or one.reminders >= MOST_REMINDERS:
        return None
    last = one.reminded_at or one.requested_at
    return None if last is None else last + REMINDER_EVERY


@blueprint.post("")
@needs(Act.APPLICATION_OWN)
def add() -> ResponseReturnValue:
    """Name one (R1); whatever stands against it is said beside its field, and what was typed stays."""
    held = own(lock=True)
    name, email = request.form.get("name", "").strip(), request.form.get("email", "").strip()
    problems: dict[str | None, str] = {}
    if not name or len(name) > 200 or "\x00" in name:
        problems["name"] = _("Give their name, of at most 200 characters.")
    if "@" not in email or len(email) > 255 or "\x00" in email:
        problems["email"] = PROBLEMS[Code.INCOMPLETE][1]
    if request.form.get("consent") != "yes":
        problems["consent"] = PROBLEMS[Code.NOT_FINISHED][1]
    if problems:
        return _page(problems, status=422)
    try:
        name_referee(
            session(),
            actor(),
            lock_application(session(), held.id),
            name=name,
            email=email,
            consent=True,
            most=_most(held),
            now=clock.now(),
        )
    except Refused as refused:
        session().rollback()
        field, words = PROBLEMS.get(refused.refusal.code, (None, sentence(refused.refusal)))
        return _page({field: words} if field else None, None if field else words, 422 if field else 409)
    flash(_("%(name)s is named as a referee.", name=name), "good")
    return redirect(url_for("referees.own_referees"), 303)


@blueprint.post("/<public_id>/<act>")
@needs(Act.APPLICATION_OWN)
def change(public_id: str, act: str) -> ResponseReturnValue:
    """Remind, or take off the list; a refusal is told on the page."""
    held = own(lock=True)
    found = queries.own_referee(session(), held.id, public_id)
    if found is None or act not in {"remind", "remove"}:
        abort(404)
    try:
        (remind_referee if act == "remind" else replace_referee)(session(), actor(), found, now=clock.now())
    except Refused as refused:
        session().rollback()
        return _page(refusal=sentence(refused.refusal), status=409)
    flash(
        _("A reminder to %(name)s is on its way.", name=found.name)
        if act == "remind"
        else _("%(name)s was taken off your application. You can name somebody else.", name=found.name),
        "good",
    )
    return redirect(url_for("referees.own_referees"), 303)
