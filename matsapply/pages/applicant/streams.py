"""Choosing streams, with what each asks for beside it; and naming referees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for

from matsapply.applications import answers, choices, queries
from matsapply.applications.locks import lock_application
from matsapply.applications.references import name_referee, remind_referee, replace_referee
from matsapply.cohorts import queries as cohorts
from matsapply.pages import widgets
from matsapply.pages.applicant.own import own
from matsapply.pages.guard import actor, needs
from matsapply.pages.phrases import sentence
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.rules.access import Act
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import ApplicationState, QuestionType
from matsapply.showcase import queries as showcase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue

    from matsapply.applications.editing import Editing
    from matsapply.cohorts.views import StreamView

blueprint = Blueprint("choice", __name__, url_prefix="/application")
referees = Blueprint("referees", __name__, url_prefix="/application/referees")


def _chosen(held: Editing) -> list[str]:
    """The keys of the streams that count, or else of those wished for so far; in the applicant's order."""
    live = choices.live_streams(session(), held.id)
    return live if held.state is ApplicationState.IN_STREAMS or live else queries.work(session(), held).streams


def _open_streams(held: Editing) -> list[StreamView]:
    """The streams of the tracks picked, or advanced."""
    tracks = queries.open_tracks(session(), held)
    shown = cohorts.streams(session(), held.cohort_id)
    return [stream for stream in shown if any(track.key in tracks for track in stream.tracks)]


def _hours(streams: Sequence[StreamView]) -> float:
    """Hours of the tasks that these streams require, a task shared by several counted once."""
    return sum({task.key: task.effort_hours for stream in streams for task in stream.tasks if task.required}.values())


@blueprint.get("/streams")
@needs(Act.APPLICATION_OWN)
def streams() -> ResponseReturnValue:
    """Streams of the tracks picked (or advanced), each with hours, seats and papers, and the order chosen."""
    return _page()


def _page(chosen: list[str] | None = None, refusal: str | None = None, status: int = 200) -> ResponseReturnValue:
    held = own()
    open_streams = _open_streams(held)
    by_key = {stream.key: stream for stream in open_streams}
    chosen = _chosen(held) if chosen is None else chosen
    chosen = [key for key in chosen if key in by_key]
    page = render_template(
        "applicant/streams.html",
        application=held,
        streams=open_streams,
        chosen=chosen,
        order=[{"key": key, "label": by_key[key].name} for key in chosen],
        hours=_hours([by_key[key] for key in chosen]),
        may_choose=choices.may_choose_streams(held),
        refusal=refusal,
        papers=showcase.papers_of_streams(session(), list(by_key), each=2),
    )
    return page, status


@blueprint.get("/streams/compare")
@needs(Act.APPLICATION_OWN)
def compare() -> ResponseReturnValue:
    """Streams side by side: those asked for by ``?stream=``, else those chosen."""
    held = own()
    streams = _open_streams(held)
    keys = request.args.getlist("stream") or _chosen(held)
    compared = sorted((one for one in streams if one.key in keys), key=lambda one: keys.index(one.key))
    return render_template(
        "applicant/compare.html",
        streams=streams,
        compared=compared,
        hours=_hours(compared),
        papers=showcase.papers_of_streams(session(), [one.key for one in compared]),
    )


@blueprint.post("/streams")
@needs(Act.APPLICATION_OWN)
def save_streams() -> ResponseReturnValue:
    held = own(lock=True)
    ticked, order = request.form.getlist("streams"), request.form.getlist("order")
    keys = [key for key in order if key in ticked] + [key for key in ticked if key not in order]
    if move := request.form.get("move"):
        keys = widgets.moved(keys, move)
    present = queries.work(session(), held)
    tracks = queries.open_tracks(session(), held)
    try:
        answers.choose_streams(session(), actor(), held, present.form, keys, tracks, clock.now())
    except Refused as refused:
        session().rollback()
        return _page(keys, sentence(refused.refusal), 409)
    flash("Your streams are saved.", "good")
    return redirect(url_for("choice.compare" if request.form.get("then") == "compare" else "choice.streams"), 303)


@referees.get("")
@needs(Act.APPLICATION_OWN)
def own_referees() -> ResponseReturnValue:
    return _referees_page()


def _referees_page(refusal: str | None = None, status: int = 200) -> ResponseReturnValue:
    held = own()
    question = held.form(session()).of_type(QuestionType.REFEREES)
    page = render_template(
        "applicant/referees.html",
        application=held,
        found=queries.referees(session(), held.id),
        most=question.maximum if question and question.maximum is not None else 2,
        refusal=refusal,
        typed=request.form if request.method == "POST" else {},
    )
    return page, status


@referees.post("")
@needs(Act.APPLICATION_OWN)
def add() -> ResponseReturnValue:
    held = own(lock=True)
    question = held.form(session()).of_type(QuestionType.REFEREES)
    most = question.maximum if question and question.maximum is not None else 2
    name, email = request.form.get("name", "").strip(), request.form.get("email", "").strip()
    if not name or "@" not in email or len(name) > 200 or len(email) > 255 or "\x00" in name + email:
        return _referees_page("Give a name and a complete e-mail address.", 422)
    try:
        name_referee(
            session(),
            actor(),
            lock_application(session(), held.id),
            name=name,
            email=email,
            consent=request.form.get("consent") == "yes",
            most=most,
            now=clock.now(),
        )
    except Refused as refused:
        session().rollback()
        return _referees_page(sentence(refused.refusal), 409)
    flash(f"{name} is named as a referee.", "good")
    return redirect(url_for("referees.own_referees"), 303)


@referees.post("/<public_id>/<act>")
@needs(Act.APPLICATION_OWN)
def change(public_id: str, act: str) -> ResponseReturnValue:
    """Remind, or replace."""
    held = own(lock=True)
    found = queries.own_referee(session(), held.id, public_id)
    if found is None or act not in {"remind", "remove"}:
        abort(404)
    if act == "remind":
        remind_referee(session(), actor(), found, now=clock.now())
        flash("A reminder is on its way.", "good")
    else:
        replace_referee(session(), actor(), found, now=clock.now())
        flash("The referee was taken off your application.", "good")
    return redirect(url_for("referees.own_referees"), 303)
