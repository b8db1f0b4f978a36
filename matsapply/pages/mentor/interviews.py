"""A stream's interviews: slots, the week, what happened, the scorecard."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from flask import abort, flash, redirect, render_template, request, url_for

from matsapply.applications.models import StreamApplication
from matsapply.cohorts.gates import gates_of
from matsapply.interviews.actions import record_outcome
from matsapply.interviews.models import Interview
from matsapply.interviews.queries import interview_of_stream, slot_lines, slot_of_stream
from matsapply.interviews.slots import Left, add_slots, withdraw_slot
from matsapply.pages.guard import needs
from matsapply.pages.mentor.desk import (
    MOST_REASON,
    REASON_TOO_LONG,
    Desk,
    blueprint,
    desk,
    rubric_form,
    tabs_of,
    typed_reason,
)
from matsapply.pages.mentor.slots_form import SlotsForm
from matsapply.pages.mentor.week import week_of
from matsapply.pages.phrases import sentence
from matsapply.pages.readings import entered
from matsapply.pages.widgets import here, viewer_zone
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.process import own_streams, stream_desk, stream_file
from matsapply.process.stream_readings import card_interview
from matsapply.process.stream_round import take_back_interview
from matsapply.reviews.actions import Entered
from matsapply.reviews.models import ReviewAssignment
from matsapply.rules.access import Act
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import InterviewState, RubricKind

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

WHY_LEFT = {
    Left.PAST: "lies in the past",
    Left.OUTSIDE: "lies outside the interview dates of the cohort",
    Left.OVERLAP: "overlaps another slot of one of the interviewers",
}
OUTCOMES = {
    "held": InterviewState.HELD,
    "no_show_applicant": InterviewState.NO_SHOW_APPLICANT,
    "no_show_interviewer": InterviewState.NO_SHOW_INTERVIEWER,
}


def _slots_form(at: Desk) -> SlotsForm:
    form = SlotsForm()
    people = own_streams.stream_people(session(), at.stream.id, clock.now())
    form.interviewers.choices = [(key, name) for key, name in people]
    if request.method == "GET":
        form.zone.data = viewer_zone()
        form.interviewers.data = [key for key, _ in people if key == at.reader.person_id]
    return form


def _page(at: Desk, form: SlotsForm, refusal: str = "") -> str:
    now = clock.now()
    slots = slot_lines(session(), at.stream.id, stream_desk.seen_by(at.reader))
    gates = gates_of(session(), at.stream.cohort_id)
    return render_template(
        "mentor/interviews.html",
        at=at,
        tabs=tabs_of(at.stream),
        form=form,
        refusal=refusal,
        week=week_of(slots, request.args.get("week", ""), now),
        free=sum(slot.state is None and slot.starts_at > now for slot in slots),
        booked=[slot for slot in slots if slot.state is InterviewState.BOOKED],
        past=[slot for slot in slots if slot.state not in {None, InterviewState.BOOKED}],
        dates=(gates.at("T10"), gates.at("T11")),
        open_form=bool(form.errors or refusal) or not slots,
    )


@blueprint.get("/<ref>/interviews")
@needs(Act.STREAM_READ)
def interviews(ref: str) -> ResponseReturnValue:
    """The week, the booked interviews, and the form for more slots."""
    at = desk(ref)
    return _page(at, _slots_form(at))


@blueprint.post("/<ref>/interviews")
@needs(Act.STREAM_WRITE)
def new_slots(ref: str) -> ResponseReturnValue:
    """Offer slots."""
    now = clock.now()
    at = desk(ref, Act.STREAM_WRITE)
    form = _slots_form(at)
    if not form.validate_on_submit():
        return _page(at, form), 422
    try:
        added = add_slots(
            session(),
            at.actor,
            at.row(),
            form.starts,
            timedelta(minutes=form.minutes.data or 0),
            zone=form.zone.data or "UTC",
            interviewers=form.interviewers.data or [],
            now=now,
            video_link=form.video_link.data or "",
        )
    except Refused as refused:
        session().rollback()
        return _page(at, form, sentence(refused.refusal)), 409
    if added.slots:
        flash(f"{len(added.slots)} {'slot was' if len(added.slots) == 1 else 'slots were'} added.", "good")
    for start, why in added.left[:10]:
        flash(f"Not added: {here(start)} {WHY_LEFT[why]}.", "warn")
    if len(added.left) > 10:
        flash(f"{len(added.left) - 10} more were left out for such reasons.", "warn")
    week = added.slots[0].starts_at.date().isoformat() if added.slots else None
    return redirect(url_for("mentor.interviews", ref=at.stream.ref, week=week), 303)


@blueprint.post("/<ref>/interviews/slots/<public_id>/withdraw")
@needs(Act.STREAM_WRITE)
def take_back_slot(ref: str, public_id: str) -> ResponseReturnValue:
    """Take back a slot nobody has booked."""
    at = desk(ref, Act.STREAM_WRITE)
    slot = slot_of_stream(session(), at.stream.id, public_id)
    if slot is None:
        abort(404)
    try:
        withdraw_slot(session(), at.actor, slot, clock.now())
    except Refused as refused:
        session().rollback()
        return _page(at, _slots_form(at), sentence(refused.refusal)), 409
    flash("The slot is taken back.", "good")
    week = slot.starts_at.date().isoformat()
    return redirect(url_for("mentor.interviews", ref=at.stream.ref, week=week), 303)


# --- one interview --------------------------------------------------------------------------------------------------


def _interview(at: Desk, public_id: str) -> Interview:
    found = interview_of_stream(session(), at.stream.id, stream_desk.seen_by(at.reader), public_id)
    if found is None:
        abort(404)
    return found


def _card(at: Desk, one: Interview, sent: Entered, *, check: bool = False, refusal: str = "") -> str:
    now = clock.now()
    entry = session().get_one(StreamApplication, one.stream_application_id)
    who = stream_desk.one_candidate(session(), at.stream, at.reader, entry.public_id)
    if who is None:
        abort(404)
    target = ReviewAssignment.interview_id == one.id
    own = stream_file.own_reading(session(), at.reader.person_id, target)
    lines = slot_lines(session(), at.stream.id, stream_desk.seen_by(at.reader))
    return render_template(
        "mentor/interview.html",
        at=at,
        tabs=tabs_of(at.stream),
        one=one,
        slot=next((line for line in lines if line.interview == one.public_id), None),
        who=who,
        begun=one.slot is not None and one.slot.starts_at <= now,
        own=own,
        others=stream_file.other_readings(session(), at.reader.person_id, target) if own is not None else [],
        form=rubric_form(
            at.stream.cohort_id,
            RubricKind.INTERVIEW,
            sent if check or own is None else Entered(own.scores, own.note, own.feedback),
            check=check,
        ),
        may_card=at.may_write and one.state is InterviewState.HELD,
        refusal=refusal,
        typed=request.form if refusal else {},
    )


@blueprint.get("/<ref>/interviews/<public_id>")
@needs(Act.STREAM_READ)
def interview(ref: str, public_id: str) -> ResponseReturnValue:
    """One interview: when, with whom, what happened, the scorecard."""
    at = desk(ref)
    return _card(at, _interview(at, public_id), Entered())


@blueprint.post("/<ref>/interviews/<public_id>/outcome")
@needs(Act.STREAM_WRITE)
def outcome(ref: str, public_id: str) -> ResponseReturnValue:
    """Held, or one side did not come (I4 to I6)."""
    now = clock.now()
    at = desk(ref, Act.STREAM_WRITE)
    one = _interview(at, public_id)
    wanted = OUTCOMES.get(request.form.get("outcome", ""))
    if wanted is None:
        abort(400)
    try:
        record_outcome(session(), at.actor, at.role("I4"), one, wanted, now)
    except Refused as refused:
        session().rollback()
        return _card(at, _interview(at, public_id), Entered(), refusal=sentence(refused.refusal)), 409
    flash("Recorded.", "good")
    return redirect(url_for("mentor.interview", ref=at.stream.ref, public_id=public_id), 303)


@blueprint.post("/<ref>/interviews/<public_id>/cancel")
@needs(Act.STREAM_DECIDE)
def cancel_interview(ref: str, public_id: str) -> ResponseReturnValue:
    """Cancel an interview that has not taken place; the candidate is told and goes back to review (I7, S7b)."""
    now = clock.now()
    at = desk(ref, Act.STREAM_DECIDE)
    one = _interview(at, public_id)
    if len(reason := typed_reason()) > MOST_REASON:
        return _card(at, one, Entered(), refusal=REASON_TOO_LONG), 422
    try:
        take_back_interview(session(), at.actor, one, at.role("I7"), now, reason=reason)
    except Refused as refused:
        session().rollback()
        return _card(at, _interview(at, public_id), Entered(), refusal=sentence(refused.refusal)), 409
    flash("Cancelled. Everybody who was to take part is told.", "good")
    return redirect(url_for("mentor.interviews", ref=at.stream.ref), 303)


@blueprint.post("/<ref>/interviews/<public_id>/card")
@needs(Act.STREAM_WRITE)
def card(ref: str, public_id: str) -> ResponseReturnValue:
    """The reader's own scorecard, or its correction."""
    now = clock.now()
    at = desk(ref, Act.STREAM_WRITE)
    one = _interview(at, public_id)
    if one.state is not InterviewState.HELD:
        return _card(at, one, Entered(), refusal="A scorecard belongs to an interview that was held."), 409
    sent = entered(request.form)
    form = rubric_form(at.stream.cohort_id, RubricKind.INTERVIEW, sent, check=True)
    if form is None or form.problems:
        return _card(at, one, sent, check=True), 422
    entry = session().get_one(StreamApplication, one.stream_application_id)
    try:
        card_interview(
            session(), at.actor, at.reading_role(), at.stream.cohort_id, entry.application_id, one, sent, now
        )
    except Refused as refused:
        session().rollback()
        return _card(at, _interview(at, public_id), sent, check=True, refusal=sentence(refused.refusal)), 409
    flash("Your scorecard is saved.", "good")
    return redirect(url_for("mentor.interview", ref=at.stream.ref, public_id=public_id), 303)
