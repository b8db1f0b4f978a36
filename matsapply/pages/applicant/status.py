"""The status page, withdrawing, and answering an offer. All of it shows released facts only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for

from matsapply.applications import queries
from matsapply.applications.locks import lock_application
from matsapply.cohorts import queries as cohorts
from matsapply.cohorts.models import Stream
from matsapply.decisions.queries import released_feedback
from matsapply.evaluations.queries import task_lines
from matsapply.offers.models import Offer
from matsapply.pages.applicant.journey import (
    INTERVIEWS,
    LETTERS,
    TASKS,
    StreamRow,
    headline,
    next_turn,
    road,
    stream_row,
)
from matsapply.pages.applicant.own import own
from matsapply.pages.guard import actor, needs
from matsapply.pages.phrases import sentence
from matsapply.pages.site import speak_of
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.languages import gettext as _
from matsapply.process import placement, withdraw
from matsapply.process.applicant_streams import RELEASED_OFFERS, applicant_lines, applicant_streams
from matsapply.rules.access import Act
from matsapply.rules.journey import NEWS, hears_by
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import ApplicationState, CloseReason, OfferState, Role, StreamApplicationState
from matsapply.rules.visibility import Released, Stage, application_stage, stream_line
from matsapply.rules.workflow import UNDO_WITHIN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from flask.typing import ResponseReturnValue

    from matsapply.applications.editing import Editing
    from matsapply.applications.queries import StreamPick
    from matsapply.cohorts.views import KeyDateView
    from matsapply.evaluations.queries import TaskLine
    from matsapply.interviews.queries import InterviewLine

blueprint = Blueprint("status", __name__)

# Streams ask for tasks when an application has reached them; from there it never comes back to these.
BEFORE_STREAMS = frozenset({ApplicationState.DRAFT, ApplicationState.SUBMITTED})
BEFORE_RESULTS = frozenset({Stage.DRAFT, Stage.SUBMITTED, Stage.UNDER_REVIEW})


def released_offers(application_id: int) -> Sequence[sa.Row[tuple[Offer, str]]]:
    """Offers that were released, with their streams' names; unreleased ones are never selected."""
    return (
        session()
        .execute(
            sa.select(Offer, Stream.name)
            .join(Stream, Stream.id == Offer.stream_id)
            .where(
                Offer.application_id == application_id,
                Offer.released_at.is_not(None),
                Offer.state.in_(RELEASED_OFFERS),
            )
            .order_by(Offer.id)
        )
        .all()
    )


@blueprint.get("/status")
@needs(Act.APPLICATION_OWN)
def page() -> ResponseReturnValue:
    """Where the application stands, what comes next, and who acts."""
    held = own()
    now = clock.now()
    dates = cohorts.key_dates(session(), held.cohort_id)
    streams = applicant_streams(session(), held.id, now)
    picks, offers, interviews = streams.picks, streams.offers, streams.interviews
    tasks = [] if held.state in BEFORE_STREAMS else task_lines(session(), held.id, now)
    lines = applicant_lines(session(), held.id, held.person_id)
    facts = Released(
        held.state,
        held.close_reason,
        [pick.state for pick in picks],
        [offer.state for offer in offers],
    )
    stage = application_stage(facts, now, {row.code: row.at for row in dates})
    live = held.state is not ApplicationState.CLOSED
    pending = [offer for offer in offers if offer.state is OfferState.PENDING]
    open_tasks = [task for task in tasks if task.open(now)]
    to_pick = [line for line in interviews if line.to_pick()]
    to_do = len(pending) + len(open_tasks) + len(to_pick)
    return render_template(
        "applicant/status.html",
        application=held,
        headline=headline(stage, held.close_reason),
        placed=stage is Stage.PLACED,
        turn=next_turn(stage, dates, to_do, held.closes_at),
        hears_by=_hears_by(held, stage, dates, lines.heard.last_at, now),
        unread=lines.heard.unread,
        rounds=road(held, stage, dates, queries.task_frame(session(), held), held.form(session()).stated_minutes, now),
        tracks=lines.tracks if held.snapshot_number else [],
        streams=_stream_rows(picks, open_tasks, interviews, now, held.close_reason),
        before_decisions=live and stage is Stage.IN_STREAMS,
        pending=pending,
        answered=[offer for offer in offers if offer.state is not OfferState.PENDING],
        open_tasks=open_tasks,
        to_pick=to_pick,
        lines=tasks,
        interviews=interviews,
        feedback=() if stage in BEFORE_RESULTS else released_feedback(session(), held.id),
        referees=lines.referees,
        letter_words=LETTERS,
        task_words=TASKS,
        interview_words=INTERVIEWS,
        live=live,
        writable=held.refusal is None,
        may_undo=_may_undo(held),
        at=now,
    )


def _hears_by(
    held: Editing, stage: Stage, dates: Sequence[KeyDateView], heard_at: datetime | None, now: datetime
) -> datetime | None:
    """By when the applicant hears from the team, news or not."""
    last = max((at for at in (heard_at, held.submitted_at) if at is not None), default=None)
    if last is None:
        return None
    news_at = next((date.at for date in dates if date.code == NEWS.get(stage)), None)
    return hears_by(stage, now, news_at, last)


def _stream_rows(
    picks: Sequence[StreamPick],
    open_tasks: Sequence[TaskLine],
    interviews: Sequence[InterviewLine],
    now: datetime,
    reason: CloseReason | None,
) -> list[StreamRow]:
    asked = {name for task in open_tasks for name in task.streams}
    open_interviews = {line.stream for line in interviews if line.to_pick() or line.ahead(now)}
    booked = {line.stream: line.starts_at for line in interviews if line.ahead(now)}
    rows = []
    for pick in picks:
        line = stream_line(pick.state, open_task=pick.name in asked, open_interview=pick.name in open_interviews)
        gone = pick.state is StreamApplicationState.WITHDRAWN and pick.exited_at is not None
        undo = gone and pick.exited_at is not None and now < pick.exited_at + UNDO_WITHIN
        rows.append(stream_row(pick, line, reason, undo=undo, booked_at=booked.get(pick.name)))
    return rows


def _may_undo(held: Editing) -> bool:
    withdrawn = held.close_reason is CloseReason.WITHDRAWN and held.closed_at is not None
    return withdrawn and held.closed_at is not None and clock.now() < held.closed_at + UNDO_WITHIN


@blueprint.post("/status/withdraw")
@needs(Act.APPLICATION_OWN)
def withdraw_all() -> ResponseReturnValue:
    held = own(lock=True)
    withdraw.withdraw_application(
        session(), actor(), lock_application(session(), held.id), role=Role.APPLICANT, now=clock.now()
    )
    flash(_("Your application is withdrawn. For 24 hours you can take that back."), "info")
    return redirect(url_for("status.page"), 303)


@blueprint.post("/status/undo")
@needs(Act.APPLICATION_OWN)
def undo() -> ResponseReturnValue:
    held = own(lock=True)
    withdraw.undo_withdrawal(
        session(), actor(), lock_application(session(), held.id), role=Role.APPLICANT, now=clock.now()
    )
    flash(_("Your application is back as it was."), "good")
    return redirect(url_for("status.page"), 303)


@blueprint.post("/status/streams/<public_id>/<act>")
@needs(Act.APPLICATION_OWN)
def change_stream(public_id: str, act: str) -> ResponseReturnValue:
    """Withdraw from one stream, or take that back."""
    held = own(lock=True)
    entry = queries.own_stream_application(session(), held.id, public_id)
    if entry is None or act not in {"withdraw", "undo"}:
        abort(404)
    if act == "withdraw":
        withdraw.withdraw_stream(session(), actor(), entry, now=clock.now())
        flash(_("You have left this stream. For 24 hours you can take that back."), "info")
    else:
        withdraw.undo_stream_withdrawal(session(), actor(), entry, now=clock.now())
        flash(_("You are back in this stream."), "good")
    return redirect(url_for("status.page"), 303)


def _own_offer(public_id: str) -> tuple[Offer, str]:
    row = (
        session()
        .execute(
            sa.select(Offer, Stream.name, Stream.cohort_id)
            .join(Stream, Stream.id == Offer.stream_id)
            .where(
                Offer.public_id == public_id,
                Offer.person_id == actor().person_id,
                Offer.released_at.is_not(None),
                Offer.state.in_(RELEASED_OFFERS),
            )
        )
        .one_or_none()
    )
    if row is None:
        abort(404)
    speak_of(row[2])
    return row[0], row[1]


@blueprint.get("/offers/<public_id>")
@needs(Act.APPLICATION_OWN)
def offer(public_id: str) -> ResponseReturnValue:
    return _offer_page(public_id)


def _offer_page(public_id: str, refusal: str | None = None, status: int = 200) -> ResponseReturnValue:
    found, stream = _own_offer(public_id)
    others = [row for row in released_offers(found.application_id) if row[0].id != found.id]
    page = render_template(
        "applicant/offer.html",
        offer=found,
        stream=stream,
        others=[name for other, name in others if other.state is OfferState.PENDING],
        refusal=refusal,
        now=clock.now(),
    )
    return page, status


@blueprint.post("/offers/<public_id>/<answer>")
@needs(Act.APPLICATION_OWN)
def answer_offer(public_id: str, answer: str) -> ResponseReturnValue:
    """Accept or decline; of two answers that meet, the first one counts and the other is told so."""
    if answer not in {"accept", "decline"}:
        abort(404)
    found, stream = _own_offer(public_id)
    now = clock.now()
    try:
        if answer == "accept":
            confirmed = request.form.get("eligible") == "yes"
            placement.accept_offer(session(), actor(), found, now=now, eligibility_confirmed=confirmed)
            flash(_("You have accepted your place in %(stream)s. Welcome!", stream=stream), "good")
        else:
            reason = request.form.get("reason", "")[:2000].replace("\x00", "")
            placement.decline_offer(session(), actor(), found, now=now, reason=reason)
            flash(_("You have declined the offer of %(stream)s.", stream=stream), "info")
    except Refused as refused:
        session().rollback()
        return _offer_page(public_id, sentence(refused.refusal), 409)
    return redirect(url_for("status.page"), 303)
