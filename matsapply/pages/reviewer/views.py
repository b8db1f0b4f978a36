"""A reviewer's pages: the queue, one application to read and score, and what was finished."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from flask import flash, jsonify, redirect, render_template, request, url_for

from matsapply.pages.errors import wants_json
from matsapply.pages.guard import actor, needs
from matsapply.pages.phrases import sentence
from matsapply.pages.readings import checked, entered, too_long
from matsapply.pages.reviewer.forms import RecuseForm, ReturnForm, ReviewForm
from matsapply.pages.reviewer.frame import (
    blueprint,
    own_assignment,
    own_reading,
)
from matsapply.pages.reviewer.page import as_kept, following_of, onwards, page, question_mode, saved_elsewhere
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.process import conflicts
from matsapply.reviews import actions, queries
from matsapply.reviews.turns import waits
from matsapply.rules.access import Act
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import AssignmentState, ConflictKind

if TYPE_CHECKING:
    from datetime import datetime

    from flask.typing import ResponseReturnValue

    from matsapply.reviews.actions import Entered
    from matsapply.reviews.models import ReviewAssignment
    from matsapply.reviews.queries import Queue

DAY = 86_400  # seconds
BINS = 8  # steps of the small picture of one's own totals
SUBMITTED_ALREADY = "This review is submitted already. The form holds what you entered; save it as a correction."


@blueprint.get("")
@needs(Act.REVIEW_READ)
def queue() -> ResponseReturnValue:
    """What is to be read, in the order to read it."""
    now = clock.now()
    found = queries.queue(session(), actor())
    track, code = request.args.get("track", ""), request.args.get("q", "")
    rows = [row for row in found.rows if track in ("", row.track) and _matches(row.code, code)]
    return render_template(
        "reviewer/queue.html",
        queue=found,
        rows=rows,
        late=sum(1 for row in found.rows if row.due_at is not None and row.due_at <= now),
        tracks=sorted({row.track for row in found.rows if row.track}),
        track=track,
        code=code,
        totals=histogram(found.totals),
        ahead=forecast(found, now),
        more=not found.rows and waits(session(), actor()),
        dues=list(dict.fromkeys(row.due_at for row in rows)),
        now=now,
        base=url_for("reviewer.read", ref="_")[:-1],
    )


@blueprint.get("/done")
@needs(Act.REVIEW_READ)
def done() -> ResponseReturnValue:
    """What was finished; open to correction until its round closes."""
    rows = queries.done(session(), actor(), clock.now())
    return render_template("reviewer/done.html", rows=rows, most=queries.MOST_ROWS)


@blueprint.get("/<ref>")
@needs(Act.REVIEW_READ)
def read(ref: str) -> ResponseReturnValue:
    """One application: its answers on the left, the rubric on the right."""
    return as_kept(own_reading(ref))


@blueprint.post("/<ref>")
@needs(Act.REVIEW_WRITE)
def submit(ref: str) -> ResponseReturnValue:
    """Submit the review, or correct the one submitted before, and go on to the next application."""
    assignment, following = own_assignment(ref), following_of(ref)
    correcting = assignment.state is AssignmentState.SUBMITTED
    form, sent = ReviewForm(), entered(request.form)
    if not form.validate():
        return page(own_reading(ref), form, sent), 422
    if elsewhere := saved_elsewhere(assignment, sent):
        return page(own_reading(ref), form, sent, elsewhere=elsewhere), 409
    try:
        actions.submit_review(session(), actor(), assignment, sent, clock.now())
    except Refused as refused:
        session().rollback()
        return _refused(ref, form, sent, refused)
    if correcting:
        flash("Your review is corrected. The earlier version is kept in the log.", "good")
        return redirect(url_for("reviewer.done"), 303)
    return onwards(following, "Review submitted.")


def _refused(ref: str, form: ReviewForm, sent: Entered, refused: Refused) -> ResponseReturnValue:
    found = own_reading(ref)
    if refused.refusal.code is Code.INCOMPLETE and (problems := checked(found.rubric, sent).problems):
        return page(found, form, sent, problems=problems), 422
    return page(found, form, sent, extra=[sentence(refused.refusal)]), 409


@blueprint.post("/<ref>/draft")
@needs(Act.REVIEW_WRITE)
def draft(ref: str) -> ResponseReturnValue:
    """Keep what was entered so far; the page does so by itself while one types."""
    assignment, sent = own_assignment(ref), entered(request.form)
    if wants_json():
        return _draft_by_script(assignment, sent)
    form = ReviewForm()
    if assignment.state is AssignmentState.SUBMITTED:
        return page(own_reading(ref), form, sent, extra=[SUBMITTED_ALREADY]), 409
    if not form.validate():
        return page(own_reading(ref), form, sent), 422
    if elsewhere := saved_elsewhere(assignment, sent):
        return page(own_reading(ref), form, sent, elsewhere=elsewhere), 409
    try:
        actions.save_draft(session(), actor(), assignment, sent, clock.now())
    except Refused as refused:
        session().rollback()
        return _refused(ref, form, sent, refused)
    if question_mode():
        return onwards(following_of(ref), "Draft saved.")
    flash("Draft saved.", "good")
    return redirect(url_for("reviewer.queue"), 303)


def _draft_by_script(assignment: ReviewAssignment, sent: Entered) -> ResponseReturnValue:
    """The same for the page's own script, which keeps the text and shows the sentence. A refusal is answered by the
    common handler."""
    if assignment.state is AssignmentState.SUBMITTED:
        return jsonify({"message": "This review is submitted already; reload the page to correct it."}), 410
    if problems := too_long(sent):
        return jsonify({"message": " ".join(problems.values())}), 422
    if elsewhere := saved_elsewhere(assignment, sent):
        return jsonify({"conflict": elsewhere, "version": assignment.version}), 409
    now = clock.now()
    saved = actions.save_draft(session(), actor(), assignment, sent, now)
    return jsonify({"saved_at": now.isoformat(), "version": saved.version})


@blueprint.post("/<ref>/return")
@needs(Act.REVIEW_WRITE)
def give_back(ref: str) -> ResponseReturnValue:
    """Give the application back; the team finds another reader."""
    assignment, following, form = own_assignment(ref), following_of(ref), ReturnForm()
    if not form.validate():
        return as_kept(own_reading(ref), [said for problems in form.errors.values() for said in problems]), 422
    try:
        actions.return_assignment(session(), actor(), assignment, clock.now(), reason=form.reason.data or "")
    except Refused as refused:
        session().rollback()
        return as_kept(own_reading(ref), [sentence(refused.refusal)]), 409
    return onwards(following, "Given back. The team finds another reader.")


@blueprint.route("/<ref>/recuse", methods=["GET", "POST"])
@needs(Act.REVIEW_WRITE)
def recuse(ref: str) -> ResponseReturnValue:
    """Step back for a conflict of interest: a page of its own, for it needs a reason and cannot be undone here.

    A review that was submitted before is voided with it, and kept (E13).
    """
    form = RecuseForm()
    if request.method == "POST" and form.validate():
        assignment, following = own_assignment(ref), following_of(ref)
        kind, reason = ConflictKind(form.kind.data), form.reason.data or ""
        conflicts.recuse(session(), actor(), assignment, reason, clock.now(), kind=kind)
        return onwards(following, "Thank you. The application is no longer shown to you.")
    found = own_reading(ref)
    submitted = found.state is AssignmentState.SUBMITTED
    shown = render_template("reviewer/recuse.html", form=form, ref=ref, code=found.code, submitted=submitted)
    return shown, 422 if form.errors else 200


# --- parts ------------------------------------------------------------------------------------------------------------


def _matches(code: str, wanted: str) -> bool:
    plain = wanted.strip().lstrip("#").upper()
    return not plain or code.startswith(plain)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What lies ahead at the reader's own pace: ``minutes`` in all, None before a first review; and how many a day
    bring it to an end by ``due_at``, where that lies ahead."""

    minutes: float | None
    a_day: int | None
    due_at: datetime | None


def forecast(found: Queue, now: datetime) -> Forecast:
    """Over the open readings; the due date is the last of theirs."""
    left, pace = len(found.rows), found.median_minutes
    due_at = max((row.due_at for row in found.rows if row.due_at is not None), default=None)
    if due_at is None or due_at <= now:
        return Forecast(pace * left if pace else None, None, None)
    days = max(1.0, (due_at - now).total_seconds() / DAY)
    return Forecast(pace * left if pace else None, ceil(left / days), due_at)


def histogram(totals: tuple[float, ...]) -> tuple[int, ...]:
    """How many of one's totals lie in each of eight equal steps between the lowest and the highest."""
    if not totals:
        return ()
    low, high = min(totals), max(totals)
    width = (high - low) / BINS or 1.0
    counts = [0] * BINS
    for total in totals:
        counts[min(int((total - low) / width), BINS - 1)] += 1
    return tuple(counts)
