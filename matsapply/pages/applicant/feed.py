"""The applicant's own dates as a calendar under a private link, and the page on which the link is made and revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, flash, redirect, render_template, url_for

from matsapply.applications.editing import editing
from matsapply.cohorts import queries as cohorts
from matsapply.evaluations.queries import task_lines
from matsapply.mail.calendar import DateItem, dates_feed
from matsapply.mail.feeds import close_feed, open_feed, own_token, person_of
from matsapply.pages.applicant.own import own
from matsapply.pages.guard import actor, needs
from matsapply.pages.public.views import OPENING_CODES
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.languages import gettext as _
from matsapply.process.applicant_streams import applicant_streams
from matsapply.rules.access import Act, Actor
from matsapply.rules.stages import OfferState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from flask.typing import ResponseReturnValue

    from matsapply.applications.editing import Editing

LONGEST_TOKEN = 100

blueprint = Blueprint("calendar", __name__, url_prefix="/calendar")


@blueprint.get("")
@needs(Act.APPLICATION_OWN)
def page() -> ResponseReturnValue:
    """The link, or how to get one."""
    token = own_token(session(), own().person_id)
    link = url_for("calendar.feed", token=token, _external=True) if token else None
    return render_template("applicant/calendar.html", link=link)


@blueprint.post("/link/<act>")
@needs(Act.APPLICATION_OWN)
def change(act: str) -> ResponseReturnValue:
    """Make a link, or revoke it."""
    if act not in {"open", "close"}:
        abort(404)
    person_id = actor().person_id or 0
    if act == "open":
        open_feed(session(), person_id)
        flash(_("Your link is ready."), "good")
    else:
        close_feed(session(), person_id)
        flash(_("The link is revoked. Calendars that use it get nothing any more."), "info")
    return redirect(url_for("calendar.page"), 303)


@blueprint.get("/<token>.ics")
@needs(Act.BY_TOKEN)
def feed(token: str) -> ResponseReturnValue:
    """The owner's dates, for whoever has the link."""
    person_id = person_of(session(), token) if len(token) <= LONGEST_TOKEN else None
    if person_id is None:
        abort(404)
    now = clock.now()
    held = editing(session(), Actor(person_id), now)
    response = Response(
        dates_feed(_items(held, now) if held else (), now, name=_("Your application")), mimetype="text/calendar"
    )
    response.headers["Content-Disposition"] = 'inline; filename="application.ics"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _items(held: Editing, now: datetime) -> Iterator[DateItem]:
    """Dates everybody knows, and what is released to the owner of the application."""
    status = url_for("status.page", _external=True)
    for date in cohorts.key_dates(session(), held.cohort_id):
        instant = held.closes_at if date.code == "T2" else date.at
        if instant is not None:
            opens = date.code in OPENING_CODES
            changed = date.moved_on or now
            yield DateItem(_uid(date.public_id), date.label, instant, changed, url=status, opens=opens)
    for task in task_lines(session(), held.id, now) if held.snapshot_number else ():
        if task.open(now) and task.ends_at is not None:
            link = url_for("tasks.show", public_id=task.public_id, _external=True)
            yield DateItem(_uid(task.public_id), _("Hand in: %(title)s", title=task.title), task.ends_at, now, url=link)
    streams = applicant_streams(session(), held.id, now)
    for line in streams.interviews:
        if line.starts_at is not None and line.ahead(now):
            link = url_for("interviews.show", public_id=line.public_id, _external=True)
            label = _("Interview: %(stream)s", stream=line.stream)
            yield DateItem(
                _uid(line.public_id),
                label,
                line.starts_at,
                now,
                line.video_link,
                link,
                opens=True,
                ends_at=line.ends_at,
            )
    for offer in streams.offers:
        if offer.state is OfferState.PENDING and offer.expires_at is not None:
            link = url_for("status.offer", public_id=offer.public_id, _external=True)
            yield DateItem(
                _uid(offer.public_id),
                _("Answer the offer of %(stream)s", stream=offer.stream),
                offer.expires_at,
                now,
                url=link,
            )


def _uid(public_id: str) -> str:
    return f"{public_id}@matsapply"
