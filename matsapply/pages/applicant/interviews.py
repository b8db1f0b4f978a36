"""The applicant's interviews: pick a slot, move it, put it into a calendar, give it up."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for

from matsapply.applications.models import Application, StreamApplication
from matsapply.evaluations.queries import own_application
from matsapply.interviews.actions import book, cancel_own, record_own_no_show
from matsapply.interviews.calendar import calendar_text
from matsapply.interviews.queries import interview_lines, open_slots, own_interview, slot_of_stream
from matsapply.pages.account.viewer import signed_in
from matsapply.pages.guard import actor, needs
from matsapply.pages.phrases import sentence
from matsapply.pages.site import speak_of
from matsapply.pages.widgets import viewer_zone
from matsapply.platform import clock, instants, languages
from matsapply.platform.flask_db import session
from matsapply.platform.languages import gettext as _
from matsapply.rules.access import Act
from matsapply.rules.refusals import Code, Refused, refuse
from matsapply.rules.stages import InterviewState

if TYPE_CHECKING:
    from datetime import datetime

    from flask.typing import ResponseReturnValue

    from matsapply.interviews.models import Interview
    from matsapply.interviews.queries import OpenSlot

blueprint = Blueprint("interviews", __name__, url_prefix="/interviews")


def _interview(public_id: str) -> Interview:
    found = own_interview(session(), actor().person_id, public_id)
    if found is None:
        abort(404)
    return found


def _days(slots: list[OpenSlot]) -> list[tuple[str, list[tuple[str, str, datetime]]]]:
    """Slots by day of the reader's own zone: (day, [(public id, "17:00–17:30", instant)])."""
    zone = instants.zone_named(viewer_zone()) or UTC
    days: dict[str, list[tuple[str, str, datetime]]] = {}
    for slot in slots:
        begin, end = slot.starts_at.astimezone(zone), slot.ends_at.astimezone(zone)
        label = f"{languages.current().days[begin.weekday()]} {instants.day(begin)}"
        days.setdefault(label, []).append((slot.public_id, f"{begin:%H:%M}–{end:%H:%M}", slot.starts_at))
    return list(days.items())


def _page(one: Interview, refusal: str = "") -> str:
    now = clock.now()
    entry = session().get_one(StreamApplication, one.stream_application_id)
    speak_of(session().get_one(Application, entry.application_id).cohort_id)
    line = next(
        line for line in interview_lines(session(), entry.application_id, now) if line.public_id == one.public_id
    )
    may_pick = line.to_pick() or (line.ahead(now) and line.moves_left > 0)
    slots = open_slots(session(), one, actor().person_id or 0, now) if may_pick else []
    return render_template(
        "applicant/interview.html",
        line=line,
        days=_days(slots),
        may_pick=may_pick,
        ahead=line.ahead(now),
        begun=line.state is InterviewState.BOOKED and not line.ahead(now),
        refusal=refusal,
        at=now,
    )


@blueprint.get("")
@needs(Act.APPLICATION_OWN)
def index() -> ResponseReturnValue:
    """All of one's interviews stand beside the tasks."""
    application = own_application(session(), actor().person_id)
    lines = interview_lines(session(), application.id, clock.now()) if application else []
    if len(lines) == 1:
        return redirect(url_for("interviews.show", public_id=lines[0].public_id), 303)
    return redirect(url_for("tasks.index"), 303)


@blueprint.get("/<public_id>")
@needs(Act.APPLICATION_OWN)
def show(public_id: str) -> ResponseReturnValue:
    """One interview: the slots to pick from, or when it takes place."""
    return _page(_interview(public_id))


@blueprint.post("/<public_id>/book")
@needs(Act.APPLICATION_OWN)
def take(public_id: str) -> ResponseReturnValue:
    """Book a slot, or move to another one (I2, I3)."""
    now = clock.now()
    one = _interview(public_id)
    entry = session().get_one(StreamApplication, one.stream_application_id)
    try:
        slot = slot_of_stream(session(), entry.stream_id, request.form.get("slot", "")[:20].replace("\x00", ""))
        if slot is None:
            raise refuse(Code.SLOT_TAKEN)
        book(session(), actor(), one, slot, now)
    except Refused as refused:
        session().rollback()
        return _page(_interview(public_id), sentence(refused.refusal)), 409
    flash(_("Your interview is booked. The invitation is in your mail."), "good")
    return redirect(url_for("interviews.show", public_id=public_id), 303)


@blueprint.post("/<public_id>/cancel")
@needs(Act.APPLICATION_OWN)
def give_up(public_id: str) -> ResponseReturnValue:
    """Give the interview up before it begins (I7)."""
    try:
        cancel_own(session(), actor(), _interview(public_id), clock.now())
    except Refused as refused:
        session().rollback()
        return _page(_interview(public_id), sentence(refused.refusal)), 409
    flash(_("The interview is cancelled, and the stream is told."), "good")
    return redirect(url_for("interviews.show", public_id=public_id), 303)


@blueprint.post("/<public_id>/nobody-came")
@needs(Act.APPLICATION_OWN)
def nobody_came(public_id: str) -> ResponseReturnValue:
    """The interviewer did not come (I6); that never counts against the applicant."""
    try:
        record_own_no_show(session(), actor(), _interview(public_id), clock.now())
    except Refused as refused:
        session().rollback()
        return _page(_interview(public_id), sentence(refused.refusal)), 409
    flash(_("Thank you, it is noted. It does not count against you."), "good")
    return redirect(url_for("interviews.show", public_id=public_id), 303)


@blueprint.get("/<public_id>/interview.ics")
@needs(Act.APPLICATION_OWN)
def ics(public_id: str) -> ResponseReturnValue:
    """The booked interview for a calendar."""
    now = clock.now()
    one = _interview(public_id)
    entry = session().get_one(StreamApplication, one.stream_application_id)
    if one.state is not InterviewState.BOOKED or one.slot is None:
        abort(404)
    text = calendar_text(
        one,
        one.slot,
        stream=entry.stream.name,
        sequence=one.calendar_sequence,
        attendee=signed_in().email,
        now=now,
    )
    headers = {"Content-Disposition": 'attachment; filename="interview.ics"'}
    return Response(text, content_type="text/calendar; charset=utf-8", headers=headers)
