"""The discussion of an application among its readers, each after their own review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import abort, flash, redirect, request, url_for

from matsapply.pages.guard import actor, needs
from matsapply.pages.phrases import sentence
from matsapply.pages.readings import plain_text
from matsapply.pages.reviewer.frame import blueprint, own_assignment, own_reading
from matsapply.pages.reviewer.page import as_kept
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.reviews import discussion
from matsapply.rules.access import Act
from matsapply.rules.refusals import Refused

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

LONGEST_POST_KEY = 40


@blueprint.post("/<ref>/discussion")
@needs(Act.REVIEW_WRITE)
def say(ref: str) -> ResponseReturnValue:
    """Say something to the other readers; those who are spoken to get a message."""
    assignment, text = own_assignment(ref), plain_text(request.form.get("comment"))
    problem = ""
    if not text:
        problem = "Write something to the other readers first."
    elif len(text) > discussion.MOST_COMMENT:
        problem = f"Keep it under {discussion.MOST_COMMENT} characters; it has {len(text)}."
    if problem:
        return as_kept(own_reading(ref), [problem], comment=text), 422
    to = {
        int(value)
        for value in request.form.getlist("to")[:100]
        if value.isascii() and value.isdigit() and len(value) < 4
    }
    key = request.form.get("post_key", "")[:LONGEST_POST_KEY]
    try:
        discussion.say(session(), actor(), assignment, text, key, clock.now(), to=to)
    except Refused as refused:
        session().rollback()
        return as_kept(own_reading(ref), [sentence(refused.refusal)], comment=text), 409
    flash("Said to the other readers.", "good")
    return _back(ref)


@blueprint.post("/<ref>/discussion/<comment_ref>/take-back")
@needs(Act.REVIEW_WRITE)
def take_back(ref: str, comment_ref: str) -> ResponseReturnValue:
    """Take one's own comment back."""
    try:
        found = discussion.take_back(session(), actor(), own_assignment(ref), comment_ref, clock.now())
    except Refused as refused:
        session().rollback()
        return as_kept(own_reading(ref), [sentence(refused.refusal)]), 409
    if not found:
        abort(404)
    flash("Taken back.", "good")
    return _back(ref)


def _back(ref: str) -> ResponseReturnValue:
    return redirect(url_for("reviewer.read", ref=ref, _anchor="discussion"), 303)
