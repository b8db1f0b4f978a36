"""Choosing streams and their order, with what each asks for beside it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for

from matsapply.applications import answers, choices, queries
from matsapply.cohorts import queries as cohorts
from matsapply.pages import widgets
from matsapply.pages.applicant.own import own
from matsapply.pages.guard import actor, needs
from matsapply.pages.phrases import sentence
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.languages import gettext as _, lazy_gettext as _l
from matsapply.rules.access import Act
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import ApplicationState
from matsapply.showcase.stream_papers import papers_of_streams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue

    from matsapply.applications.editing import Editing
    from matsapply.cohorts.views import StreamView

ELSEWHERE = _l("Your streams were changed in another place. Press Save streams to see both choices.")

blueprint = Blueprint("choice", __name__, url_prefix="/application")


def _chosen(held: Editing) -> list[str]:
    """The keys of the streams chosen, in the applicant's order: in the stream phase those that count, before it those
    written down, which count with the next submission."""
    if held.state is ApplicationState.IN_STREAMS:
        return choices.live_streams(session(), held.id)
    return queries.work(session(), held).streams


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


def _fingerprint(chosen: Sequence[str]) -> str:
    """What a page writes down of the choice it shows, to tell whether another one has changed it since."""
    return hashlib.sha256("\n".join(chosen).encode()).hexdigest()[:16]


def _page(
    chosen: list[str] | None = None, refusal: str | None = None, status: int = 200, *, elsewhere: bool = False
) -> ResponseReturnValue:
    """The page as it is stored, or with the order that was sent and could not be kept."""
    held = own()
    open_streams = _open_streams(held)
    by_key = {stream.key: stream for stream in open_streams}
    stored = _chosen(held)
    chosen = [key for key in (stored if chosen is None else chosen) if key in by_key]
    page = render_template(
        "applicant/streams.html",
        application=held,
        streams=open_streams,
        chosen=chosen,
        order=[
            {"key": key, "label": by_key[key].name, "hidden": key not in chosen}
            for key in [*chosen, *(key for key in by_key if key not in chosen)]
        ],
        hours=_hours([by_key[key] for key in chosen]),
        may_choose=choices.may_choose_streams(held),
        version=_fingerprint(stored),
        # Choosing is applying once the streams decide: that is done by pressing a button, not by a pause.
        autosaved=held.state is not ApplicationState.IN_STREAMS,
        elsewhere=[by_key[key].name for key in stored if key in by_key] if elsewhere else None,
        refusal=refusal,
        papers=papers_of_streams(session(), list(by_key), each=2),
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
        papers=papers_of_streams(session(), [one.key for one in compared]),
    )


@blueprint.post("/streams")
@needs(Act.APPLICATION_OWN)
def save_streams() -> ResponseReturnValue:
    """Keep the ticked streams in the order sent; a choice made elsewhere meanwhile is shown and not overwritten."""
    held = own(lock=True)
    keys = _sent()
    if move := request.form.get("move"):
        keys = widgets.moved(keys, move)
    stored = _chosen(held)
    if keys != stored and request.form.get("version", "") not in {"", _fingerprint(stored)}:
        return _page(keys, status=409, elsewhere=True)
    try:
        _keep(held, keys)
    except Refused as refused:
        session().rollback()
        return _page(keys, sentence(refused.refusal), 409)
    flash(_("Your streams are saved."), "good")
    return redirect(url_for("choice.compare" if request.form.get("then") == "compare" else "choice.streams"), 303)


@blueprint.post("/streams/autosave")
@needs(Act.APPLICATION_OWN)
def autosave() -> ResponseReturnValue:
    """What the page's script sends after a pause; the contract stands in templates/components/save_state.html."""
    held = own(lock=True)
    keys, stored = _sent(), _chosen(held)
    if held.state is ApplicationState.IN_STREAMS:
        return jsonify({"message": _("Press Save streams to apply to them.")}), 409
    if keys != stored and request.form.get("version", "") != _fingerprint(stored):
        return jsonify({"message": str(ELSEWHERE)}), 409
    try:
        _keep(held, keys)
    except Refused as refused:
        session().rollback()
        return jsonify({"message": sentence(refused.refusal)}), 409
    return jsonify({"saved_at": clock.now().isoformat(), "version": _fingerprint(keys)})


def _sent() -> list[str]:
    """The ticked streams in the order of the rows; what has no row comes last."""
    ticked, order = request.form.getlist("streams"), request.form.getlist("order")
    ranked = [key for key in order if key in ticked]
    return list(dict.fromkeys([*ranked, *ticked]))


def _keep(held: Editing, keys: list[str]) -> None:
    present = queries.work(session(), held)
    tracks = queries.open_tracks(session(), held)
    answers.choose_streams(session(), actor(), held, present.form, keys, tracks, clock.now())
