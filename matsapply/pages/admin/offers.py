"""Streams' outcomes by ranking and seats, offers with two approvals, and the waitlists."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import abort, render_template, request

from matsapply.applications.models import Application, StreamApplication
from matsapply.decisions.actions import record_decision
from matsapply.decisions.signatures import Signed, find, propose, sign
from matsapply.offers import queries
from matsapply.offers.models import Offer, WaitlistEntry
from matsapply.offers.waitlist import proposal
from matsapply.pages.admin import frame as shared
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
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.process import placement, waitlist as waiting
from matsapply.rules.access import POLICY, Act, may
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import Outcome, Role
from matsapply.rules.wall_time import Unresolved, resolve_rule

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.pages.site import CohortFrame

ON_STREAMS = {one.value: one for one in (Outcome.OFFER, Outcome.WAITLIST, Outcome.NOT_SELECT)}
REPLY_HOURS = 96


@blueprint.get("/<cohort_key>/offers")
@needs(Act.OFFERS_READ)
def offers(cohort_key: str) -> ResponseReturnValue:
    return _offers_page(cohort_at(cohort_key, Act.OFFERS_READ))


def _offers_page(frame: CohortFrame, *, about: str = "", problem: str = "", status: int = 200) -> ResponseReturnValue:
    """``about`` is the offer whose step was refused: its form stands open with what was written."""
    page = render_template(
        "admin/offers.html",
        frame=frame,
        cohorts=switcher(frame, Act.OFFERS_READ, "admin.offers"),
        lines=queries.stream_lines(session(), frame.id),
        offers=queries.offers(session(), frame.id, visible(Act.OFFERS_READ)),
        me=actor().person_id,
        may_write=may(actor(), Act.OFFERS_WRITE, reach_of(frame)),
        may_rescind=actor().holds(Role.ADMIN, reach_of(frame)),
        about=about,
        problem=problem,
    )
    return page, status


def _line(frame: CohortFrame, key: str) -> queries.StreamLine:
    line = next((one for one in queries.stream_lines(session(), frame.id) if one.key == key), None)
    if line is None:
        abort(404)
    return line


@blueprint.get("/<cohort_key>/offers/streams/<stream_key>")
@needs(Act.OFFERS_READ)
def stream_offers(cohort_key: str, stream_key: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.OFFERS_READ)
    return _stream_page(frame, _line(frame, stream_key))


def _stream_page(
    frame: CohortFrame, line: queries.StreamLine, *, about: str = "", problem: str = "", status: int = 200
) -> ResponseReturnValue:
    wanted = number_of(request.args.get("offers"), most=500)
    wait = number_of(request.args.get("waitlist"), most=500)
    target = max(0, (line.seats_target or 0) - line.seats_held)
    number = min(target if wanted is None else wanted, line.free)
    seen = visible(Act.OFFERS_READ)
    first = proposal(session(), line.id)
    page = render_template(
        "admin/stream_offers.html",
        frame=frame,
        line=line,
        number=number,
        wait=3 if wait is None else wait,
        candidates=queries.candidates(session(), line.id, seen, offers=number, waitlist=3 if wait is None else wait),
        waitlist=queries.waitlist(session(), line.id, seen),
        next_id=first.id if first is not None else None,
        reply_hours=REPLY_HOURS,
        may_write=may(actor(), Act.OFFERS_WRITE, reach_of(frame)),
        about=about,
        problem=problem,
    )
    return page, status


@blueprint.post("/<cohort_key>/offers/streams/<stream_key>")
@needs(Act.OFFERS_WRITE)
def decide_stream(cohort_key: str, stream_key: str) -> ResponseReturnValue:
    """Record what the page proposes or what was chosen instead; an offer gets its draft at once."""
    frame = cohort_at(cohort_key, Act.OFFERS_WRITE)
    line = _line(frame, stream_key)
    role = acting_role(reach_of(frame), POLICY[Act.OFFERS_WRITE])
    now = clock.now()
    rows = queries.candidates(session(), line.id, visible(Act.OFFERS_WRITE), offers=0, waitlist=0)
    chosen = [
        (row, outcome)
        for row in rows
        if not row.settled
        and (outcome := ON_STREAMS.get(request.form.get(f"outcome-{row.public_id}", ""))) is not None
        and outcome is not row.outcome
    ]

    placement.lock_for_bulk(session(), [row.application_id for row, _ in chosen], [line.id])

    def one(pair: tuple[queries.Candidate, Outcome]) -> None:
        row, outcome = pair
        entry = session().get_one(StreamApplication, row.id)
        record_decision(
            session(),
            actor(),
            role=role,
            application=session().get_one(Application, row.application_id),
            stream_application=entry,
            outcome=outcome,
            now=now,
        )
        if outcome is Outcome.OFFER:
            placement.draft_offer(session(), actor(), entry, role=role, now=now)

    done, refusals = shared.each(chosen, one)
    said(f"{done} recorded. {shared.told_of(refusals)}".strip(), "warn" if refusals else "good")
    return go("admin.stream_offers", cohort_key=cohort_key, stream_key=stream_key)


@blueprint.post("/<cohort_key>/offers/approve")
@needs(Act.OFFERS_WRITE)
def approve_offers(cohort_key: str) -> ResponseReturnValue:
    """The first or the second approval of every ticked offer."""
    frame = cohort_at(cohort_key, Act.OFFERS_WRITE)
    role = acting_role(reach_of(frame), POLICY[Act.OFFERS_WRITE])
    now = clock.now()
    rows = (
        session()
        .scalars(
            sa.select(Offer)
            .join(Application, Application.id == Offer.application_id)
            .where(Offer.cohort_id == frame.id, Offer.id.in_(shared.chosen_keys()), visible(Act.OFFERS_WRITE))
            .order_by(Offer.id)
        )
        .all()
    )
    placement.lock_for_bulk(session(), [row.application_id for row in rows], {row.stream_id for row in rows})
    second = 0

    def one(offer: Offer) -> None:
        nonlocal second
        second += placement.approve_offer(session(), actor(), offer, role=role, now=now)

    done, refusals = shared.each(rows, one)
    text = f"{done - second} approved once, {second} approved for the second time. {shared.told_of(refusals)}"
    said(text.strip(), "warn" if refusals else "good")
    return go("admin.offers", cohort_key=cohort_key)


@blueprint.post("/<cohort_key>/offers/<public_id>/<step>")
@needs(Act.OFFERS_WRITE)
def offer_step(cohort_key: str, public_id: str, step: str) -> ResponseReturnValue:
    """extend, confirm or rescind one offer."""
    frame = cohort_at(cohort_key, Act.OFFERS_WRITE)
    row = queries.offer_by_public_id(session(), frame.id, visible(Act.OFFERS_WRITE), public_id)
    if row is None:
        abort(404)
    try:
        said(_offer_step(frame, session().get_one(Offer, row.id), step))
    except Refused as error:
        text = refused_as(error)
        return _offers_page(frame, about=f"{public_id}:{step}", problem=text, status=409)
    except ValueError as error:
        return _offers_page(frame, about=f"{public_id}:{step}", problem=str(error), status=422)
    return go("admin.offers", cohort_key=cohort_key)


def _offer_step(frame: CohortFrame, offer: Offer, step: str) -> str:
    """Take the step; what was done, in a sentence. Raises ``Refused``, and ``ValueError`` for what cannot be read."""
    role = acting_role(reach_of(frame), POLICY[Act.OFFERS_WRITE])
    now, typed = clock.now(), request.form.get("reason", "")
    match step:
        case "extend":
            until = resolve_rule(typed)
            if isinstance(until, Unresolved):
                raise ValueError("Write the new end as 2027-05-03 EOD AoE or 2027-05-03 12:00 UTC.")
            placement.extend_offer(session(), actor(), offer, role=role, until=until, now=now)
            return "More time given."
        case "confirm":
            placement.confirm_offer(session(), actor(), offer, role=role, now=now)
            return "Confirmed."
        case "rescind":
            return _rescind(frame, offer, typed)
    abort(404)


def _rescind(frame: CohortFrame, offer: Offer, reason: str) -> str:
    """Two admins: one proposes with a reason, the other signs."""
    acting_role(reach_of(frame), [Role.ADMIN])
    now = clock.now()
    first = find(session(), frame.id, Signed.RESCIND, offer.id)
    if first is None:
        propose(
            session(),
            actor(),
            Signed.RESCIND,
            offer.id,
            cohort_id=frame.id,
            application_id=offer.application_id,
            reason=reason,
            now=now,
        )
        return "Proposed. A second admin has to sign it."
    sign(session(), actor(), first, now)
    placement.rescind_offer(session(), actor(), offer, second_actor_id=first.first_id, reason=first.reason, now=now)
    return "The offer is rescinded."


@blueprint.post("/<cohort_key>/waitlist/<public_id>/<step>")
@needs(Act.OFFERS_WRITE)
def waitlist_step(cohort_key: str, public_id: str, step: str) -> ResponseReturnValue:
    """promote the person proposed, or skip somebody with a reason."""
    frame = cohort_at(cohort_key, Act.OFFERS_WRITE)
    found: Any = session().execute(
        sa.select(WaitlistEntry)
        .join(StreamApplication, StreamApplication.id == WaitlistEntry.stream_application_id)
        .join(Application, Application.id == StreamApplication.application_id)
        .where(WaitlistEntry.public_id == public_id, Application.cohort_id == frame.id, visible(Act.OFFERS_WRITE))
    )
    entry = found.scalar()
    if entry is None:
        abort(404)
    role, now = acting_role(reach_of(frame), POLICY[Act.OFFERS_WRITE]), clock.now()
    line = next(one for one in queries.stream_lines(session(), frame.id) if one.id == entry.stream_id)
    try:
        if step == "promote":
            hours = number_of(request.form.get("hours"), least=24, most=24 * 14) or REPLY_HOURS
            waiting.promote(session(), actor(), entry, role=role, reply_hours=hours, now=now)
            said(f"Offered, to be answered within {timedelta(hours=hours).days} days.", "good")
        elif step == "skip":
            reason = request.form.get("reason", "").strip()
            waiting.skip(session(), actor(), entry, role=role, reason=reason, now=now)
            said("Passed over; the reason is kept in the log.")
        else:
            abort(404)
    except Refused as error:
        text = refused_as(error)
        return _stream_page(frame, _line(frame, line.key), about=public_id, problem=text, status=409)
    return go("admin.stream_offers", cohort_key=cohort_key, stream_key=line.key)
