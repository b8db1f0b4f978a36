"""Past fellows' papers, for everybody."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from flask import Blueprint, abort, render_template, request

from matsapply.cohorts import queries as cohorts
from matsapply.pages.guard import needs
from matsapply.pages.public.caching import kept_briefly
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.rules.access import Act
from matsapply.showcase import queries
from matsapply.showcase.queries import PaperFilter

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("showcase", __name__, url_prefix="/showcase")

LONGEST = 200  # letters of a search or a filter


@blueprint.get("")
@needs(Act.PUBLIC)
@kept_briefly
def papers() -> ResponseReturnValue:
    """The list, to browse by words, topic, track, stream, year and fellow; the address holds the state."""
    asked = filter_asked()
    return render_template(
        "public/showcase.html",
        found=queries.papers(session(), asked, after=place_asked()),
        facets=queries.facets(session(), asked),
        asked=asked,
        streams=_stream_names(),
    )


@blueprint.get("/<slug>")
@needs(Act.PUBLIC)
@kept_briefly
def paper(slug: str) -> ResponseReturnValue:
    """One paper: people, our own summary, where it grew, and what is near."""
    found = queries.paper_by_slug(session(), slug[:LONGEST])
    if found is None:
        abort(404)
    return render_template(
        "public/paper.html", paper=found, near=queries.related(session(), found), streams=_stream_names()
    )


@blueprint.get("/fellows/<slug>")
@needs(Act.PUBLIC)
@kept_briefly
def fellow(slug: str) -> ResponseReturnValue:
    """One past fellow with their papers."""
    found = queries.fellow_by_slug(session(), slug[:LONGEST])
    if found is None:
        abort(404)
    return render_template("public/fellow.html", fellow=found)


def filter_asked() -> PaperFilter:
    """The filter in the address; a year that is none answers 400."""
    year = request.args.get("year", "")
    if year and not (year.isascii() and year.isdigit() and len(year) == 4):
        abort(400)
    text = {name: request.args.get(name, "")[:LONGEST] for name in ("topic", "track", "stream", "fellow")}
    return PaperFilter(words=request.args.get("q", "")[:LONGEST], year=int(year) if year else None, **text)


def place_asked() -> tuple[date, int] | None:
    """Where the page begins, as the link before it said: ``2024-11-04.17``."""
    cursor = request.args.get("after", "")
    if not cursor:
        return None
    day, _, key = cursor.partition(".")
    if not (key.isascii() and key.isdigit() and len(key) < 18):
        abort(400)
    try:
        return date.fromisoformat(day), int(key)
    except ValueError:
        abort(400)


def _stream_names() -> dict[str, str]:
    cohort = cohorts.cohort_in_force(session(), clock.now())
    return cohorts.stream_names(session(), cohort.id) if cohort else {}
