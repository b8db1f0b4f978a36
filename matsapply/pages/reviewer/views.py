"""A reviewer's pages: the queue, one application to read and score, and what was finished."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, jsonify, redirect, render_template, request, url_for

from matsapply.pages.account.viewer import signed_in
from matsapply.pages.errors import wants_json
from matsapply.pages.guard import actor, needs
from matsapply.pages.phrases import sentence
from matsapply.pages.public.caching import kept_value
from matsapply.pages.readings import SCORE, checked, entered, too_long
from matsapply.pages.reviewer.forms import RecuseForm, ReturnForm, ReviewForm
from matsapply.pages.reviewer.frame import (
    blueprint,
    differing,
    held_by,
    hint_of,
    kept,
    named,
    own_assignment,
    own_reading,
    version_of,
)
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.reviews import actions, conflicts, queries
from matsapply.rules.access import Act
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.scoring import weighted_total
from matsapply.rules.stages import AssignmentState, ConflictKind
from matsapply.showcase.queries import papers_of_track

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue

    from matsapply.reviews.actions import Entered
    from matsapply.reviews.models import ReviewAssignment
    from matsapply.reviews.reading import Reading
    from matsapply.showcase.queries import PaperRow

PAPERS, PAPERS_KEPT = 4, 60.0  # beside an application; seconds
BINS = 8  # steps of the small picture of one's own totals
CHANGED_ELSEWHERE = (
    "This review was saved in another window in the meantime. The form holds what you entered here; above it stands"
    " what was saved there. Save again to keep what the form holds."
)
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
    return _as_kept(own_reading(ref))


@blueprint.post("/<ref>")
@needs(Act.REVIEW_WRITE)
def submit(ref: str) -> ResponseReturnValue:
    """Submit the review, or correct the one submitted before, and go on to the next application."""
    assignment = own_assignment(ref)
    correcting = assignment.state is AssignmentState.SUBMITTED
    form, sent = ReviewForm(), entered(request.form)
    if not form.validate():
        return _page(own_reading(ref), form, sent), 422
    if elsewhere := _elsewhere(assignment, sent):
        return _page(own_reading(ref), form, sent, elsewhere=elsewhere), 409
    try:
        actions.submit_review(session(), actor(), assignment, sent, clock.now())
    except Refused as refused:
        session().rollback()
        return _refused(ref, form, sent, refused)
    if correcting:
        flash("Your review is corrected. The earlier version is kept in the log.", "good")
        return redirect(url_for("reviewer.done"), 303)
    return _onwards(assignment, "Review submitted.")


def _refused(ref: str, form: ReviewForm, sent: Entered, refused: Refused) -> ResponseReturnValue:
    found = own_reading(ref)
    if refused.refusal.code is Code.INCOMPLETE and (problems := checked(found.rubric, sent).problems):
        return _page(found, form, sent, problems=problems), 422
    return _page(found, form, sent, extra=[sentence(refused.refusal)]), 409


@blueprint.post("/<ref>/draft")
@needs(Act.REVIEW_WRITE)
def draft(ref: str) -> ResponseReturnValue:
    """Keep what was entered so far; the page does so by itself while one types."""
    assignment, sent = own_assignment(ref), entered(request.form)
    if wants_json():
        return _draft_by_script(assignment, sent)
    form = ReviewForm()
    if assignment.state is AssignmentState.SUBMITTED:
        return _page(own_reading(ref), form, sent, extra=[SUBMITTED_ALREADY]), 409
    if not form.validate():
        return _page(own_reading(ref), form, sent), 422
    if elsewhere := _elsewhere(assignment, sent):
        return _page(own_reading(ref), form, sent, elsewhere=elsewhere), 409
    try:
        actions.save_draft(session(), actor(), assignment, sent, clock.now())
    except Refused as refused:
        session().rollback()
        return _refused(ref, form, sent, refused)
    flash("Draft saved.", "good")
    return redirect(url_for("reviewer.queue"), 303)


def _draft_by_script(assignment: ReviewAssignment, sent: Entered) -> ResponseReturnValue:
    """The same for the page's own script, which keeps the text and shows the sentence. A refusal is answered by the
    common handler."""
    if assignment.state is AssignmentState.SUBMITTED:
        return jsonify({"message": "This review is submitted already; reload the page to correct it."}), 410
    if problems := too_long(sent):
        return jsonify({"message": " ".join(problems.values())}), 422
    if elsewhere := _elsewhere(assignment, sent):
        return jsonify({"conflict": elsewhere, "version": assignment.version}), 409
    now = clock.now()
    saved = actions.save_draft(session(), actor(), assignment, sent, now)
    return jsonify({"saved_at": now.isoformat(), "version": saved.version})


@blueprint.post("/<ref>/return")
@needs(Act.REVIEW_WRITE)
def give_back(ref: str) -> ResponseReturnValue:
    """Give the application back; the team finds another reader."""
    assignment, form = own_assignment(ref), ReturnForm()
    if not form.validate():
        return _as_kept(own_reading(ref), [said for problems in form.errors.values() for said in problems]), 422
    try:
        actions.return_assignment(session(), actor(), assignment, clock.now(), reason=form.reason.data or "")
    except Refused as refused:
        session().rollback()
        return _as_kept(own_reading(ref), [sentence(refused.refusal)]), 409
    return _onwards(assignment, "Given back. The team finds another reader.")


@blueprint.route("/<ref>/recuse", methods=["GET", "POST"])
@needs(Act.REVIEW_WRITE)
def recuse(ref: str) -> ResponseReturnValue:
    """Step back for a conflict of interest: a page of its own, for it needs a reason and cannot be undone here.

    A review that was submitted before is voided with it, and kept (E13).
    """
    form = RecuseForm()
    if request.method == "POST" and form.validate():
        assignment = own_assignment(ref)
        kind, reason = ConflictKind(form.kind.data), form.reason.data or ""
        conflicts.recuse(session(), actor(), assignment, reason, clock.now(), kind=kind)
        return _onwards(assignment, "Thank you. The application is no longer shown to you.")
    found = own_reading(ref)
    submitted = found.state is AssignmentState.SUBMITTED
    page = render_template("reviewer/recuse.html", form=form, ref=ref, code=found.code, submitted=submitted)
    return page, 422 if form.errors else 200


# --- parts ------------------------------------------------------------------------------------------------------------


def _onwards(assignment: ReviewAssignment, said: str) -> ResponseReturnValue:
    following = queries.next_open(session(), actor(), after=assignment)
    if following is None:
        flash(f"{said} That was the last one.", "good")
        return redirect(url_for("reviewer.queue"), 303)
    flash(said, "good")
    return redirect(url_for("reviewer.read", ref=following), 303)


def _as_kept(found: Reading, extra: Sequence[str] = ()) -> str:
    """The page with what the server holds: the review in force, or else the draft."""
    held = kept(found)
    form = ReviewForm(formdata=None, data={"note": held.note, "feedback": held.feedback})
    return _page(found, form, held, extra=extra)


def _page(
    found: Reading,
    form: ReviewForm,
    sent: Entered,
    *,
    problems: dict[str, str] | None = None,
    extra: Sequence[str] = (),
    elsewhere: dict[str, str] | None = None,
) -> str:
    now = clock.now()
    order = queries.open_order(session(), actor())
    place = order.index(found.public_id) if found.public_id in order else None
    wrong = problems or {}
    labels = {criterion.key: criterion.label for criterion in found.rubric.criteria}
    lines = [(f"{SCORE}{key}-0", f"{labels[key]}: {said}") for key, said in wrong.items() if key in labels]
    said = [*extra, CHANGED_ELSEWHERE] if elsewhere else extra
    whole = checked(found.rubric, sent)
    return render_template(
        "reviewer/read.html",
        reading=found,
        form=form,
        scores=sent.scores,
        confidence=sent.confidence,
        problems=wrong,
        extra=[*((None, each) for each in said), *lines],
        elsewhere=named(elsewhere or {}, labels),
        total=weighted_total(whole.scores, found.weights) if whole.complete else None,
        place=place,
        count=len(order),
        previous=order[place - 1] if place else None,
        following=order[(place + 1) % len(order)] if place is not None and len(order) > 1 else None,
        hints={criterion.key: hint_of(criterion, found) for criterion in found.rubric.criteria},
        account_ref=signed_in().person_public_id,
        version=version_of(found),
        open_still=found.closed_at is None or now < found.closed_at,
        now=now,
        papers=_papers(found),
    )


def _papers(found: Reading) -> tuple[PaperRow, ...]:
    """What past fellows wrote in the track that the application is weighed for; a minute old at most."""
    track = found.first_track
    if track is None:
        return ()
    return kept_value(
        ("papers of a track", track.key), PAPERS_KEPT, lambda: papers_of_track(session(), track.key, PAPERS)
    )


def _elsewhere(assignment: ReviewAssignment, sent: Entered) -> dict[str, str]:
    """The fields in which what was saved since this page was opened differs from what the page holds."""
    version, held = held_by(assignment)
    return {} if request.form.get("version", "") == version else differing(held, sent)


def _matches(code: str, wanted: str) -> bool:
    plain = wanted.strip().lstrip("#").upper()
    return not plain or code.startswith(plain)


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
