"""Release batches: gather, check that nobody is forgotten, seal, read what people will get, release."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import abort, render_template, request

from matsapply.cohorts import queries as cohorts
from matsapply.decisions import actions, batch_queries as queries
from matsapply.decisions.models import ReleaseBatch
from matsapply.pages.admin import figures
from matsapply.pages.admin.applications import application_at
from matsapply.pages.admin.frame import (
    acting_role,
    blueprint,
    cohort_at,
    go,
    number_of,
    reach_of,
    refused_as,
    said,
    switcher,
    visible,
)
from matsapply.pages.guard import actor, needs
from matsapply.pages.widgets import plural
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.keyset import BadCursor
from matsapply.process import release as releasing
from matsapply.process.release_letters import preview
from matsapply.rules.access import POLICY, Act, may
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import BatchScope, BatchState

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.pages.site import CohortFrame
    from matsapply.rules.stages import Role

SCOPES = {
    BatchScope.FIRST_RESULT: "First results",
    BatchScope.OFFERS: "Offers and decisions of streams",
    BatchScope.EARLY: "Early results of streams",
}
SAMPLES = 3


@blueprint.get("/<cohort_key>/releases")
@needs(Act.DECISIONS_READ)
def releases(cohort_key: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.DECISIONS_READ)
    return render_template(
        "admin/releases.html",
        frame=frame,
        cohorts=switcher(frame, Act.DECISIONS_READ, "admin.releases"),
        batches=queries.batches(session(), frame.id),
        free=queries.free_decisions(session(), frame.id),
        scopes=SCOPES,
        may_release=may(actor(), Act.BATCH_RELEASE, reach_of(frame)),
    )


@blueprint.post("/<cohort_key>/releases")
@needs(Act.BATCH_RELEASE)
def create_release(cohort_key: str) -> ResponseReturnValue:
    frame, role = _team(cohort_key)
    wanted = request.form.get("scope", "")
    scope = next((one for one in SCOPES if one.value == wanted), None)
    if scope is None:
        abort(400)
    label = " ".join(request.form.get("label", "").split())[:120] or SCOPES[scope]
    batch = actions.open_batch(session(), actor(), role, frame.id, scope, label, clock.now())
    held = actions.gather(session(), batch)
    said(f"Gathered {held} decisions.")
    return go("admin.release", cohort_key=cohort_key, public_id=batch.public_id)


def _team(cohort_key: str) -> tuple[CohortFrame, Role]:
    frame = cohort_at(cohort_key, Act.BATCH_RELEASE)
    return frame, acting_role(reach_of(frame), POLICY[Act.BATCH_RELEASE])


def _batch(frame: CohortFrame, public_id: str) -> ReleaseBatch:
    batch = session().scalar(
        sa.select(ReleaseBatch).where(ReleaseBatch.cohort_id == frame.id, ReleaseBatch.public_id == public_id)
    )
    if batch is None:
        abort(404)
    return batch


@blueprint.get("/<cohort_key>/releases/<public_id>")
@needs(Act.DECISIONS_READ)
def release(cohort_key: str, public_id: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.DECISIONS_READ)
    return _page(frame, _batch(frame, public_id))


def _page(frame: CohortFrame, batch: ReleaseBatch, *, problem: str = "", status: int = 200) -> ResponseReturnValue:
    seen = visible(Act.DECISIONS_READ)
    args = request.args
    try:
        page = queries.member_page(session(), batch.id, seen, after=args.get("after"), before=args.get("before"))
    except BadCursor:
        abort(400)
    lacking = _lacking(frame, batch) if batch.state is BatchState.OPEN else []
    first = [member.application_id for member in page.rows[:SAMPLES]]
    if read := args.get("read"):  # one person's message, as they will get it
        first = [member.application_id for member in page.rows if member.public_id == read] or abort(404)
    open_or_sealed = batch.state in {BatchState.OPEN, BatchState.SEALED}
    shown = render_template(
        "admin/release.html",
        frame=frame,
        batch=batch,
        scope_label=SCOPES.get(batch.scope, "Correction"),
        outcomes=queries.outcomes_in(session(), batch.id),
        people=queries.people_in(session(), batch.id),
        page=page,
        lacking=lacking,
        exclusions=queries.exclusions(session(), batch.id, seen),
        conflicts=actions.open_conflicts(session(), batch) if open_or_sealed else 0,
        seatless=releasing.offers_without_seat(session(), batch) if open_or_sealed else 0,
        samples=preview(session(), batch, first, clock.now()) if open_or_sealed else [],
        may_release=may(actor(), Act.BATCH_RELEASE, reach_of(frame)),
        problem=problem,
        status=status,
        reason=request.form.get("reason", ""),
        about="everybody" if request.form.get("everybody") else request.form.get("application", ""),
    )
    return shown, status


def _lacking(frame: CohortFrame, batch: ReleaseBatch) -> list[queries.Forgotten]:
    if batch.scope is BatchScope.FIRST_RESULT:
        names = {key: name for key, (_, name) in frame.tracks.items()}
    else:
        names = {one.id: one.name for one in cohorts.streams(session(), frame.id, states=None)}
    return queries.forgotten(session(), actions.missing(session(), batch), visible(Act.DECISIONS_READ), names)


@blueprint.post("/<cohort_key>/releases/<public_id>/<step>")
@needs(Act.BATCH_RELEASE)
def release_step(cohort_key: str, public_id: str, step: str) -> ResponseReturnValue:
    """gather, exclude, seal, unseal, cancel or release."""
    frame, role = _team(cohort_key)
    batch = _batch(frame, public_id)
    if step == "release":
        people = queries.people_in(session(), batch.id)
        if batch.state is BatchState.SEALED and number_of(request.form.get("count")) != people:
            text = f"Type {people}, the number of people this batch tells, to release it."
            return _page(frame, batch, problem=text, status=422)
    try:
        said(_step(frame, batch, role, step))
    except Refused as error:
        text = refused_as(error)
        return _page(frame, _batch(frame, public_id), problem=text, status=409)
    return go("admin.release", cohort_key=cohort_key, public_id=public_id)


def _step(frame: CohortFrame, batch: ReleaseBatch, role: Role, step: str) -> str:
    """Take the step; what was done, in a sentence. Raises ``Refused``."""
    now, reason = clock.now(), request.form.get("reason", "")
    match step:
        case "gather":
            return f"The batch holds {actions.gather(session(), batch)} decisions."
        case "exclude" if request.form.get("everybody") == "yes":
            people = _lacking(frame, batch)
            for one in people:
                actions.exclude(session(), actor(), batch, one.application_id, reason, now)
            return f"{len(people)} {'person is' if len(people) == 1 else 'people are'} left out of this batch."
        case "exclude":
            head = application_at(frame, request.form.get("application", ""))
            actions.exclude(session(), actor(), batch, head.id, reason, now)
            return f"{head.name} is left out of this batch."
        case "seal":
            releasing.seal(session(), actor(), batch, role=role, now=now)
            return "Sealed. Read the messages once more, then release."
        case "unseal":
            actions.unseal(session(), actor(), role, batch, now)
            return "Open again."
        case "cancel":
            actions.cancel_batch(session(), actor(), role, batch, reason, now)
            return "Cancelled. The decisions stay recorded."
        case "release":
            told = releasing.release(session(), actor(), batch, role=role, now=now)
            figures.forget()
            people = plural(told, "person sees", "people see")
            return f"Released: {people} their results now, and the messages are on their way."
    abort(404)
