"""A cohort as it is set up: its state, words and capacity, its tracks, its streams with their seats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import abort, render_template, request

from matsapply.cohorts import queries
from matsapply.cohorts.actions import edit_cohort, move_cohort, publish_cohort
from matsapply.cohorts.models import Cohort, Stream
from matsapply.cohorts.stream_actions import move_stream, set_seats
from matsapply.pages import site
from matsapply.pages.admin.frame import blueprint, cohort_at, go, number_of, reach_of, said, switcher
from matsapply.pages.guard import actor, needs
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.rules.access import Act, may
from matsapply.rules.stages import CohortState

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

COHORT_STEPS = {
    CohortState.DRAFT: [("C1", "Publish")],
    CohortState.PUBLISHED: [("C2", "Start"), ("C5", "Take back to draft")],
    CohortState.RUNNING: [("C3", "Finish")],
    CohortState.FINISHED: [("C4", "Archive")],
}
STREAM_STEPS = {"T1": "List", "T2": "Open", "T3": "Close"}


@blueprint.get("/<cohort_key>/settings")
@needs(Act.COHORT_READ)
def settings(cohort_key: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.COHORT_READ)
    view = queries.cohort_by_key(session(), frame.key)
    if view is None:
        abort(404)
    return render_template(
        "admin/settings.html",
        frame=frame,
        view=view,
        cohorts=switcher(frame, Act.COHORT_READ, "admin.settings"),
        tracks=queries.tracks(session(), frame.id, dropped=True),
        streams=queries.streams(session(), frame.id, states=None),
        steps=COHORT_STEPS.get(view.state, []),
        may_configure=may(actor(), Act.COHORT_CONFIGURE, reach_of(frame)),
    )


@blueprint.post("/<cohort_key>/settings")
@needs(Act.COHORT_CONFIGURE)
def save_settings(cohort_key: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.COHORT_CONFIGURE)
    cohort, form = session().get_one(Cohort, frame.id), request.form
    label = " ".join(form.get("label", "").split())[:100]
    capacity = number_of(form.get("capacity"), most=100_000)
    allowance = number_of(form.get("allowance"), most=100_000)
    if not label or capacity is None or allowance is None:
        said("Give a label and two whole numbers.", "bad")
        return go("admin.settings", cohort_key=cohort_key)
    edit_cohort(
        session(),
        actor(),
        cohort,
        clock.now(),
        label=label,
        capacity=capacity,
        over_offer_allowance=allowance,
        stipend_text=form.get("stipend", ""),
        compute_text=form.get("compute", ""),
    )
    site.forget_cohorts()
    said("Saved.")
    return go("admin.settings", cohort_key=cohort_key)


@blueprint.post("/<cohort_key>/settings/<step>")
@needs(Act.COHORT_CONFIGURE)
def cohort_step(cohort_key: str, step: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.COHORT_CONFIGURE)
    cohort, now = session().get_one(Cohort, frame.id), clock.now()
    if step not in {code for steps in COHORT_STEPS.values() for code, _ in steps}:
        abort(404)
    if step == "C1":
        publish_cohort(session(), actor(), cohort, now)
    else:
        move_cohort(session(), actor(), cohort, step, now, request.form.get("reason", ""))
    site.forget_cohorts()
    said("Done.")
    return go("admin.settings", cohort_key=cohort_key)


@blueprint.post("/<cohort_key>/streams/<stream_key>")
@needs(Act.COHORT_CONFIGURE)
def save_stream(cohort_key: str, stream_key: str) -> ResponseReturnValue:
    """Seats, or a move of the stream's state."""
    frame = cohort_at(cohort_key, Act.COHORT_CONFIGURE)
    view = queries.stream_by_key(session(), frame.id, stream_key, all_states=True)
    if view is None:
        abort(404)
    stream, now = session().get_one(Stream, view.id), clock.now()
    if step := request.form.get("step"):
        if step not in STREAM_STEPS:
            abort(400)
        move_stream(session(), actor(), stream, step, now)
    else:
        numbers = [number_of(request.form.get(name), most=1000) for name in ("least", "wanted", "most")]
        least, wanted, most = numbers
        if least is None or wanted is None or most is None or not least <= wanted <= most:
            said("Seats are three whole numbers, the least first and the most last.", "bad")
            return go("admin.settings", cohort_key=cohort_key)
        set_seats(session(), actor(), stream, now, (least, wanted, most))
    said(f"{view.name}: saved.")
    return go("admin.settings", cohort_key=cohort_key)
