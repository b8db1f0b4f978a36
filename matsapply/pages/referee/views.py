"""A referee's page: reached by the link in the mail, without an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for

from matsapply.applications import references
from matsapply.applications.queries import LetterView, letter_of
from matsapply.cohorts.forms import rubric_in_force
from matsapply.pages.guard import needs
from matsapply.pages.phrases import sentence
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.languages import gettext as _, lazy_gettext as _l, number
from matsapply.rules.access import Act
from matsapply.rules.answers import is_empty
from matsapply.rules.counting import DEFAULT_TOLERANCE_PERCENT, counted_length, within_limit
from matsapply.rules.refusals import Code, Refused, refuse
from matsapply.rules.stages import ReferenceState, RubricKind

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.applications.models import Reference
    from matsapply.cohorts.forms import RubricView

blueprint = Blueprint("referee", __name__, url_prefix="/reference")

LONGEST_TOKEN = 200
LONGEST_LETTER = 20_000  # characters, where the cohort's rubric sets no limit
# What the referee reads, where no letter is awaited any more.
OVER = {
    ReferenceState.DECLINED: _l("You have declined. Nothing is asked of you any more."),
    ReferenceState.WAIVED: _l("The team no longer needs this letter. Thank you."),
    ReferenceState.BOUNCED: _l("This letter is not asked for by this link any more."),
    ReferenceState.NAMED: _l("Your letter has not been asked for yet. You will get a mail when it is."),
}


def _found(token: str) -> Reference:
    found = references.by_token(session(), token[:LONGEST_TOKEN])
    if found is None:
        abort(404)
    return found


def _late(view: LetterView) -> bool:
    return view.due_at is not None and clock.now() >= view.due_at


def _rubric(view: LetterView) -> RubricView | None:
    return rubric_in_force(session(), view.cohort_id, RubricKind.REFERENCE)


def _limit(rubric: RubricView | None) -> int | None:
    """How many letters and digits the cohort allows."""
    return rubric.settings.get("free_text_limit") if rubric else None


@blueprint.get("/<token>")
@needs(Act.BY_TOKEN)
def letter(token: str) -> ResponseReturnValue:
    return _page(token, _found(token))


def _page(
    token: str, found: Reference, *, problem: str = "", refusal: str = "", status: int = 200
) -> ResponseReturnValue:
    """The letter as it stands, or what was typed where it was refused. Nothing of the application is shown."""
    view = letter_of(session(), found)
    rubric = _rubric(view)
    typed = request.form if problem or refusal else None
    received = found.state is ReferenceState.RECEIVED
    late = _late(view)
    over = OVER.get(found.state) or (
        None if view.live else _("The application has ended. No letter is needed any more.")
    )
    if over is None and received and late:
        over = _("Your letter has arrived and letters are closed. It stands as you see it here.")
    page = render_template(
        "referee/letter.html",
        token=token,
        reference=found,
        view=view,
        rubric=rubric,
        limit=_limit(rubric),
        tolerance=DEFAULT_TOLERANCE_PERCENT,
        most=LONGEST_LETTER,
        scores=_scores(rubric) if typed else view.scores,
        text=typed.get("text", "") if typed else view.text,
        received=received,
        late=late,
        over=over,
        problem=problem,
        refusal=refusal,
    )
    return page, status


@blueprint.post("/<token>")
@needs(Act.BY_TOKEN)
def save(token: str) -> ResponseReturnValue:
    found = _found(token)
    view = letter_of(session(), found)
    rubric = _rubric(view)
    text = request.form.get("text", "").replace("\r\n", "\n")
    if problem := _problem(text, _limit(rubric)):
        return _page(token, found, problem=problem, status=422)
    try:
        references.save_letter(session(), found, scores=_scores(rubric), text=text, now=clock.now())
    except Refused as refused:
        session().rollback()
        return _page(token, _found(token), refusal=sentence(refused.refusal), status=409)
    thanks = _("Thank you. Your letter has arrived.")
    if not _late(view):
        thanks = _("Thank you. Your letter has arrived. By this link you can change it until letters are due.")
    flash(thanks, "good")
    return redirect(url_for("referee.letter", token=token), 303)


def _problem(text: str, limit: int | None) -> str:
    """What is wrong with a letter; empty where nothing is."""
    if is_empty(text):
        return _("Write a few lines, or decline below.")
    if "\x00" in text:
        return _("The letter contains a NUL character, which cannot be stored. Remove it; the rest is kept.")
    if not within_limit(text, limit):
        return _(
            "The letter has %(count)s letters and digits; at most %(limit)s are allowed.",
            count=number(counted_length(text)),
            limit=number(limit),
        )
    if len(text) > LONGEST_LETTER:
        return _(
            "The letter has %(count)s characters; at most %(most)s can be kept.",
            count=number(len(text)),
            most=number(LONGEST_LETTER),
        )
    return ""


def _scores(rubric: RubricView | None) -> dict[str, int]:
    found: dict[str, int] = {}
    for criterion in rubric.criteria if rubric else ():
        given = request.form.get(f"score_{criterion.key}", "")
        if rubric and given.isascii() and given.isdigit() and len(given) < 3 and 1 <= int(given) <= len(rubric.scale):
            found[criterion.key] = int(given)
    return found


@blueprint.post("/<token>/decline")
@needs(Act.BY_TOKEN)
def decline(token: str) -> ResponseReturnValue:
    found = _found(token)
    try:
        if not letter_of(session(), found).live:
            raise refuse(Code.CLOSED)
        references.decline(session(), found, now=clock.now())
    except Refused as refused:
        session().rollback()
        return _page(token, _found(token), refusal=sentence(refused.refusal), status=409)
    flash(_("You have declined. The applicant is told so, without a reason, and can name somebody else."), "info")
    return redirect(url_for("referee.letter", token=token), 303)
