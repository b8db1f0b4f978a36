"""Decisions on tracks: how far each is, what waits for a signature, the exception path, who is not eligible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import abort, render_template, request

from matsapply.applications.models import Application, TrackChoice
from matsapply.cohorts.models import Stream
from matsapply.decisions import queries
from matsapply.decisions.actions import record_decision
from matsapply.decisions.signatures import Signed, find, named, proposals, propose, sign, take_back
from matsapply.pages.admin import frame as shared
from matsapply.pages.admin.applications import application_at, application_page
from matsapply.pages.admin.frame import (
    acting_role,
    blueprint,
    cohort_at,
    go,
    reach_of_track,
    refused_as,
    said,
    switcher,
    visible,
)
from matsapply.pages.guard import actor, allow, allow_or_absent, needs
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.process.correct_result import advance_after_all, correctable
from matsapply.rules.access import POLICY, Act, Reach, may
from matsapply.rules.refusals import Code, Refused, refuse
from matsapply.rules.stages import DecisionPath, Outcome, Role

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.pages.site import CohortFrame

ON_TRACKS = {"advance": Outcome.ADVANCE, "not_advance": Outcome.NOT_ADVANCE}


@blueprint.get("/<cohort_key>/decisions")
@needs(Act.DECISIONS_READ)
def decisions(cohort_key: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.DECISIONS_READ)
    progress = queries.track_progress(session(), frame.id, visible(Act.DECISIONS_READ))
    return render_template(
        "admin/decisions.html",
        frame=frame,
        cohorts=switcher(frame, Act.DECISIONS_READ, "admin.decisions"),
        progress=[line for line in progress if may(actor(), Act.DECISIONS_READ, reach_of_track(frame, line.track_id))],
        waiting=proposals(session(), frame.id, visible=visible(Act.DECISIONS_READ)),
        may_drop=may(actor(), Act.DECISIONS_WRITE, shared.reach_of(frame)),
        may_see_readers=may(actor(), Act.PEOPLE_READ, shared.reach_of(frame)),
        may_offer=may(actor(), Act.OFFERS_READ, shared.reach_of(frame)),
    )


@blueprint.post("/<cohort_key>/applications/<public_id>/exception")
@needs(Act.DECISIONS_WRITE)
def exception(cohort_key: str, public_id: str) -> ResponseReturnValue:
    """The exception path: the first person proposes, a second one signs, and only then is it recorded."""
    frame = cohort_at(cohort_key, Act.DECISIONS_WRITE)
    head = application_at(frame, public_id)
    outcome = ON_TRACKS.get(request.form.get("outcome", ""))
    choice = session().get(TrackChoice, shared.number_of(request.form.get("choice")) or 0)
    if outcome is None or choice is None or choice.application_id != head.id:
        abort(400)
    allow_or_absent(Act.DECISIONS_WRITE, reach_of_track(frame, choice.track_id))
    try:
        said(_by_exception(frame, head.id, choice, outcome))
    except Refused as error:
        text = refused_as(error)
        return application_page(frame, head, problem=text, status=409)
    return go("admin.application", cohort_key=cohort_key, public_id=public_id)


def _by_exception(frame: CohortFrame, application_id: int, choice: TrackChoice, outcome: Outcome) -> str:
    """Propose, or sign what somebody else proposed; what was done, in a sentence. Raises ``Refused``."""
    act, now = Signed(outcome.value), clock.now()
    waiting = find(session(), frame.id, act, choice.id)
    if waiting is None:
        reason = request.form.get("reason", "")
        propose(
            session(),
            actor(),
            act,
            choice.id,
            cohort_id=frame.id,
            application_id=application_id,
            reason=reason,
            now=now,
        )
        return "Proposed. A second person has to sign it on this page."
    sign(session(), actor(), waiting, now)
    record_decision(
        session(),
        actor(),
        role=acting_role(reach_of_track(frame, choice.track_id), POLICY[Act.DECISIONS_WRITE]),
        application=session().get_one(Application, application_id),
        track_choice=choice,
        outcome=outcome,
        now=now,
        path=DecisionPath.EXCEPTION,
        reason_code=waiting.reason[:60],
        second_actor_id=waiting.first_id,
    )
    return "Signed and recorded by the exception path."


@blueprint.post("/<cohort_key>/applications/<public_id>/ineligible")
@needs(Act.DECISIONS_WRITE)
def ineligible(cohort_key: str, public_id: str) -> ResponseReturnValue:
    """It decides on every track of the application, so a lead of one of them may not."""
    frame = cohort_at(cohort_key, Act.DECISIONS_WRITE)
    head = application_at(frame, public_id)
    allow(Act.DECISIONS_WRITE, Reach(frame.id))
    reason = request.form.get("reason", "").strip()[:60]
    try:
        if not reason:
            raise refuse(Code.REASON_NEEDED)
        record_decision(
            session(),
            actor(),
            role=acting_role(Reach(frame.id), POLICY[Act.DECISIONS_WRITE]),
            application=session().get_one(Application, head.id),
            outcome=Outcome.INELIGIBLE,
            now=clock.now(),
            reason_code=reason,
        )
    except Refused as error:
        text = refused_as(error)
        return application_page(frame, head, problem=text, status=409)
    said("Recorded as not eligible. The applicant learns of it with the release.")
    return go("admin.application", cohort_key=cohort_key, public_id=public_id)


@blueprint.post("/<cohort_key>/applications/<public_id>/correct")
@needs(Act.DECISIONS_WRITE)
def correct(cohort_key: str, public_id: str) -> ResponseReturnValue:
    """A released result that was wrong: one admin proposes the right one with an apology, another one signs."""
    frame = cohort_at(cohort_key, Act.DECISIONS_WRITE)
    acting_role(shared.reach_of(frame), [Role.ADMIN])
    head = application_at(frame, public_id)
    key = shared.number_of(request.form.get("choice")) or 0
    if key not in {choice_id for choice_id, _ in correctable(session(), head.id)}:
        abort(400)
    choice, now, apology = session().get_one(TrackChoice, key), clock.now(), request.form.get("apology", "").strip()
    try:
        waiting = find(session(), frame.id, Signed.CORRECT, choice.id)
        if waiting is None:
            propose(
                session(),
                actor(),
                Signed.CORRECT,
                choice.id,
                cohort_id=frame.id,
                application_id=head.id,
                reason=apology,
                now=now,
            )
            said("Proposed. A second admin has to sign it on this page.")
        else:
            sign(session(), actor(), waiting, now)
            advance_after_all(
                session(), actor(), choice, second_actor_id=waiting.first_id, apology=waiting.reason, now=now
            )
            said("Corrected and released: the applicant sees it now, and the message with the apology is on its way.")
    except Refused as error:
        text = refused_as(error)
        return application_page(frame, head, problem=text, status=409)
    return go("admin.application", cohort_key=cohort_key, public_id=public_id)


@blueprint.post("/<cohort_key>/signatures/<public_id>/drop")
@needs(Act.DECISIONS_WRITE)
def drop_signature(cohort_key: str, public_id: str) -> ResponseReturnValue:
    """Nobody signs: whoever proposed it, or might have signed it, drops what waits."""
    frame = cohort_at(cohort_key, Act.DECISIONS_WRITE)
    proposal = named(session(), frame.id, public_id)
    if proposal is None:
        abort(404)
    back = go("admin.decisions", cohort_key=cohort_key)
    match proposal.act:
        case Signed.CANCEL_STREAM:
            allow(Act.COHORT_CONFIGURE, shared.reach_of(frame))
            stream = session().get_one(Stream, proposal.subject_id)
            back = go("admin.part", cohort_key=cohort_key, noun="stream", key=stream.key)
        case Signed.CORRECT:
            acting_role(shared.reach_of(frame), [Role.ADMIN])
        case Signed.RESCIND:
            acting_role(shared.reach_of(frame), [Role.ADMIN])
            back = go("admin.offers", cohort_key=cohort_key)
        case Signed.ADVANCE | Signed.NOT_ADVANCE:
            choice = session().get_one(TrackChoice, proposal.subject_id)
            allow_or_absent(Act.DECISIONS_WRITE, reach_of_track(frame, choice.track_id))
    take_back(session(), actor(), frame.id, proposal, clock.now())
    said("Dropped. Nothing was changed.")
    return back
