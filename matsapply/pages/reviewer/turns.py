"""Whose turn it is: an application is put off for later, or one more is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for

from matsapply.pages.guard import actor, needs
from matsapply.pages.phrases import sentence
from matsapply.pages.readings import entered
from matsapply.pages.reviewer.forms import ReviewForm
from matsapply.pages.reviewer.frame import blueprint, held_by, own_assignment, own_reading
from matsapply.pages.reviewer.page import as_kept, following_of, onwards, page, saved_elsewhere
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.reviews import actions
from matsapply.reviews.turns import claim, put_off
from matsapply.rules.access import Act
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import AssignmentState

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


@blueprint.post("/<ref>/skip")
@needs(Act.REVIEW_WRITE)
def skip(ref: str) -> ResponseReturnValue:
    """Put the application off: it comes back when the others are done. What was entered is kept as a draft."""
    assignment, following, sent, form = own_assignment(ref), following_of(ref), entered(request.form), ReviewForm()
    if assignment.state is AssignmentState.SUBMITTED:
        return as_kept(own_reading(ref), ["This review is submitted, so there is nothing to put off."]), 409
    if not form.validate():
        return page(own_reading(ref), form, sent), 422
    if elsewhere := saved_elsewhere(assignment, sent):
        return page(own_reading(ref), form, sent, elsewhere=elsewhere), 409
    now = clock.now()
    _, held = held_by(assignment)
    try:
        if (sent.scores, sent.note, sent.feedback, sent.confidence) != (
            {key: str(value) for key, value in held.scores.items()},
            held.note,
            held.feedback,
            held.confidence,
        ):
            actions.save_draft(session(), actor(), assignment, sent, now)
    except Refused as refused:
        session().rollback()
        return page(own_reading(ref), form, sent, extra=[sentence(refused.refusal)]), 409
    put_off(session(), assignment, now)
    return onwards(following, "Put off: it comes back when the others are done.")


@blueprint.post("/claim")
@needs(Act.REVIEW_WRITE)
def take_one() -> ResponseReturnValue:
    """One more application, the one that wants a reader most; the open one where there is one."""
    try:
        found = claim(session(), actor(), clock.now())
    except Refused as refused:
        session().rollback()
        flash(sentence(refused.refusal), "warn")
        return redirect(url_for("reviewer.queue"), 303)
    if found is None:
        flash("Nothing waits for a reader any more. Thank you.", "good")
        return redirect(url_for("reviewer.queue"), 303)
    return redirect(url_for("reviewer.read", ref=found), 303)
