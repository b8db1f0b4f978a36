"""A cohort as it is set up: its state and words, its tracks, streams and tasks, each with a form of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flask import abort, render_template, request

from matsapply.cohorts import queries
from matsapply.cohorts.actions import move_cohort, publish_cohort
from matsapply.cohorts.editing import seen
from matsapply.cohorts.models import Cohort
from matsapply.pages import site
from matsapply.pages.admin.frame import blueprint, cohort_at, go, reach_of, refused_as, said, switcher
from matsapply.pages.admin.setup import file_of, save
from matsapply.pages.admin.setup_forms import CohortForm
from matsapply.pages.guard import actor, needs
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.rules.access import Act, may
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import CohortState

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.cohorts.file_types import CohortEntry, CohortFile
    from matsapply.pages.admin.setup import Clash
    from matsapply.pages.site import CohortFrame

COHORT_STEPS = {
    CohortState.DRAFT: [("C1", "Publish")],
    CohortState.PUBLISHED: [("C2", "Start"), ("C5", "Take back to draft")],
    CohortState.RUNNING: [("C3", "Finish")],
    CohortState.FINISHED: [("C4", "Archive")],
}


@blueprint.get("/<cohort_key>/settings")
@needs(Act.COHORT_READ)
def settings(cohort_key: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.COHORT_READ)
    return _overview(frame, _cohort_form(file_of(frame).cohort))


def _overview(
    frame: CohortFrame, form: CohortForm, *, clashes: list[Clash] | None = None, problem: str = "", status: int = 200
) -> ResponseReturnValue:
    view = queries.cohort_by_key(session(), frame.key)
    if view is None:
        abort(404)
    page = render_template(
        "admin/settings.html",
        frame=frame,
        view=view,
        cohorts=switcher(frame, Act.COHORT_READ, "admin.settings"),
        tracks=queries.tracks(session(), frame.id, dropped=True),
        streams=queries.streams(session(), frame.id, states=None),
        tasks=queries.tasks(session(), frame.id),
        steps=COHORT_STEPS.get(view.state, []),
        may_configure=may(actor(), Act.COHORT_CONFIGURE, reach_of(frame)),
        form=form,
        clashes=clashes or [],
        problem=problem,
    )
    return page, status


def _cohort_form(entry: CohortEntry, **options: Any) -> CohortForm:
    return CohortForm(
        data={
            "label": entry.label,
            "length_weeks": str(entry.length_weeks),
            "capacity": str(entry.capacity),
            "allowance": str(entry.over_offer_allowance),
            "stipend": entry.stipend_text,
            "compute": entry.compute_text,
            "seen": seen(entry),
        },
        **options,
    )


@blueprint.post("/<cohort_key>/settings")
@needs(Act.COHORT_CONFIGURE)
def save_settings(cohort_key: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.COHORT_CONFIGURE)
    entry, form = file_of(frame).cohort, CohortForm()

    def change(file: CohortFile) -> CohortFile:
        words = replace(
            file.cohort,
            label=form.label.data,
            length_weeks=int(form.length_weeks.data),
            capacity=int(form.capacity.data),
            over_offer_allowance=int(form.allowance.data),
            stipend_text=form.stipend.data,
            compute_text=form.compute.data,
        )
        return replace(file, cohort=words)

    stored = _cohort_form(entry, formdata=None)
    status, found = save(frame, form, change, section="cohort", stored=stored, stored_mark=seen(entry))
    if status:
        return _overview(frame, form, clashes=found, status=status)
    said("Saved.")
    return go("admin.settings", cohort_key=cohort_key)


@blueprint.post("/<cohort_key>/settings/state/<step>")
@needs(Act.COHORT_CONFIGURE)
def cohort_step(cohort_key: str, step: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.COHORT_CONFIGURE)
    cohort, now = session().get_one(Cohort, frame.id), clock.now()
    label = dict(one for steps in COHORT_STEPS.values() for one in steps).get(step)
    if label is None:
        abort(404)
    try:
        if step == "C1":
            publish_cohort(session(), actor(), cohort, now)
        else:
            move_cohort(session(), actor(), cohort, step, now, request.form.get("reason", ""))
    except Refused as error:
        problem = refused_as(error)
        form = _cohort_form(file_of(frame).cohort, formdata=None)
        return _overview(frame, form, problem=problem, status=409)
    site.forget_cohorts()
    said(f"{label}: done.")
    return go("admin.settings", cohort_key=cohort_key)
