"""The papers beside a stream, arranged by its own people: order, what comes first, what is left out, summaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import abort, flash, redirect, render_template, request, url_for

from matsapply.pages.guard import needs
from matsapply.pages.mentor.desk import Desk, blueprint, desk, tabs_of
from matsapply.pages.phrases import sentence
from matsapply.pages.public import caching
from matsapply.pages.showcase_words import SummaryForm, mark_of
from matsapply.pages.widgets import moved
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.rules.access import Act
from matsapply.rules.refusals import Code, Refused
from matsapply.showcase import stream_papers
from matsapply.showcase.actions import Curation, curate, earlier_summaries, summary_version
from matsapply.showcase.models import Paper

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.showcase.stream_papers import StreamPaper

LONGEST_SEARCH = 100
NOTHING = "Nothing was changed."
STEPS: dict[str, tuple[dict[str, bool], str]] = {
    "hide": ({"hidden": True}, "Left out of this stream."),
    "show": ({"hidden": False}, "Shown again."),
    "feature": ({"featured": True}, "It comes first now."),
    "unfeature": ({"featured": False}, "Back in its place."),
}


@blueprint.get("/<ref>/papers")
@needs(Act.STREAM_READ)
def papers(ref: str) -> ResponseReturnValue:
    """What stands beside the stream in public and in the application; ``?q=`` looks for a paper to link."""
    return _list(desk(ref))


def _list(at: Desk, *, refusal: str = "", status: int = 200) -> ResponseReturnValue:
    words = request.args.get("q", "").replace("\x00", "")[:LONGEST_SEARCH]
    found = stream_papers.papers_beside(session(), at.stream.key)
    shown = {one.paper.slug: one for one in found if not one.hidden}
    page = render_template(
        "mentor/papers.html",
        at=at,
        tabs=tabs_of(at.stream),
        found=found,
        items=[
            {"key": slug, "label": shown[slug].paper.title, "href": _address(at, slug), "note": _note(shown[slug])}
            for slug in shown
        ],
        words=words,
        linkable=stream_papers.linkable(session(), at.stream.key, words) if words.strip() and at.may_write else [],
        refusal=refusal,
    )
    return page, status


def _address(at: Desk, slug: str) -> str:
    return url_for("mentor.paper", ref=at.stream.ref, slug=slug)


def _note(one: StreamPaper) -> str:
    return f"{'featured · ' if one.featured else ''}{one.paper.year}"


def _back(at: Desk, said: str, tone: str = "good") -> ResponseReturnValue:
    caching.forget()
    flash(said, tone)
    return redirect(url_for("mentor.papers", ref=at.stream.ref), 303)


@blueprint.post("/<ref>/papers")
@needs(Act.STREAM_WRITE)
def arrange_papers(ref: str) -> ResponseReturnValue:
    """Save the order; without scripts one press moves one paper and saves the result."""
    at = desk(ref, Act.STREAM_WRITE)
    order = moved(list(dict.fromkeys(request.form.getlist("order"))), request.form.get("move"))
    try:
        stream_papers.arrange(session(), at.actor, at.stream.key, order, clock.now())
    except Refused:
        return _back(at, NOTHING, "info")
    return _back(at, "The order is saved.")


@blueprint.post("/<ref>/papers/link")
@needs(Act.STREAM_WRITE)
def link_paper(ref: str) -> ResponseReturnValue:
    """Put a paper beside the stream."""
    at = desk(ref, Act.STREAM_WRITE)
    slug = request.form.get("paper", "").replace("\x00", "")[:160]
    paper = (
        session()
        .scalars(sa.select(Paper).where(Paper.slug == slug, Paper.hidden.is_(False)).with_for_update())
        .one_or_none()
    )
    if paper is None:
        return _list(at, refusal="Choose a paper from the list.", status=422)
    try:
        stream_papers.link_paper(session(), at.actor, at.stream.key, paper, clock.now())
    except Refused:
        return _back(at, "It stands beside this stream already.", "info")
    return _back(at, "Linked. It stands at the end; move it where it belongs.")


@blueprint.get("/<ref>/papers/<slug>")
@needs(Act.STREAM_READ)
def paper(ref: str, slug: str) -> ResponseReturnValue:
    """One paper beside the stream: its summary, what the summary was before, and what is done with it here."""
    at = desk(ref)
    one = _one(at, slug)
    return _paper(at, one, SummaryForm(formdata=None, summary=one.paper.summary, seen=mark_of(one.paper.summary)))


def _one(at: Desk, slug: str) -> StreamPaper:
    found = stream_papers.papers_beside(session(), at.stream.key)
    one = next((one for one in found if one.paper.slug == slug), None)
    if one is None:
        abort(404)
    return one


def _paper(
    at: Desk, one: StreamPaper, form: SummaryForm, *, refusal: str = "", stored: str | None = None, status: int = 200
) -> ResponseReturnValue:
    page = render_template(
        "mentor/paper.html",
        at=at,
        tabs=tabs_of(at.stream),
        one=one,
        form=form,
        may_word=at.may_write and one.own_words,
        earlier=earlier_summaries(session(), one.paper.id),
        refusal=refusal,
        stored=stored,
    )
    return page, status


@blueprint.post("/<ref>/papers/<slug>")
@needs(Act.STREAM_WRITE)
def word_paper(ref: str, slug: str) -> ResponseReturnValue:
    """Write the summary, or put back an earlier one. Only the paper's nearest stream does."""
    at = desk(ref, Act.STREAM_WRITE)
    held = stream_papers.beside(session(), at.stream.key, slug[:160])
    one = _one(at, slug)
    form = SummaryForm()
    if held is None or not one.own_words:
        return _paper(
            at, one, form, refusal="Another stream is nearer to this paper and writes its summary.", status=403
        )
    if not form.validate():
        return _paper(at, one, form, status=422)
    text = form.summary.data
    if version := request.form.get("version", ""):
        text = summary_version(session(), held[0].id, version)
        if text is None:
            abort(404)
    elif form.seen.data != mark_of(one.paper.summary) and text != one.paper.summary:
        form.seen.data = mark_of(one.paper.summary)
        return _paper(at, one, form, stored=one.paper.summary, status=409)
    try:
        curate(session(), at.actor, held[0], Curation(summary=text), clock.now())
    except Refused as refused:
        session().rollback()
        flash(NOTHING if refused.refusal.code is Code.NO_CHANGE else sentence(refused.refusal), "info")
        return redirect(_address(at, slug), 303)
    caching.forget()
    flash("The summary is saved; what it was before stands below.", "good")
    return redirect(_address(at, slug), 303)


@blueprint.post("/<ref>/papers/<slug>/<step>")
@needs(Act.STREAM_WRITE)
def paper_step(ref: str, slug: str, step: str) -> ResponseReturnValue:
    """hide, show, feature, unfeature or unlink; done twice it changes nothing more."""
    at = desk(ref, Act.STREAM_WRITE)
    held = stream_papers.beside(session(), at.stream.key, slug[:160])
    if held is None or step not in {*STEPS, "unlink"}:
        abort(404)
    if step == "unlink":
        stream_papers.unlink_paper(session(), at.actor, held[1], clock.now())
        return _back(at, "No longer beside this stream.")
    change, said = STEPS[step]
    try:
        stream_papers.curate_here(session(), at.actor, held[1], clock.now(), **change)
    except Refused:
        return _back(at, NOTHING, "info")
    return _back(at, said)
