"""Past fellows' papers, for everybody: the list, a page a paper, a page a fellow, the map."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, render_template, request, url_for

from matsapply.cohorts import queries as cohorts
from matsapply.pages import site
from matsapply.pages.addresses import absolute
from matsapply.pages.guard import needs
from matsapply.pages.public.caching import kept_briefly, kept_value
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.languages import lazy_gettext as _l
from matsapply.rules.access import Act
from matsapply.showcase import citing, fellows, figures, queries
from matsapply.showcase.queries import PaperFilter

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.showcase.queries import PaperList, PaperRow

blueprint = Blueprint("showcase", __name__, url_prefix="/showcase")

LONGEST = 200  # letters of a search or a filter
LONG_LIST = 12  # authors that are shown before the rest is folded away
FILTERS = {
    "topic": _l("Topic"),
    "track": _l("Track"),
    "stream": _l("Stream"),
    "cohort": _l("Cohort"),
    "year": _l("Year"),
    "fellow": _l("Fellow"),
}
COUNTS_KEPT = 30.0  # seconds
MAP_CELL = 44  # units of the map's picture
FELLOWS_SHOWN = 120  # on a page


@blueprint.get("")
@needs(Act.PUBLIC)
@kept_briefly
def papers() -> ResponseReturnValue:
    """The list, to browse by words, topic, track, stream, cohort, year and fellow; the address holds the state."""
    asked = filter_asked()
    total, facets = _counts(asked)
    found = queries.papers(session(), asked, after=place_asked(), total=total)
    if found.meant:
        asked = replace(asked, words=found.meant)
        _, facets = _counts(asked)
    return render_template(
        "public/showcase.html",
        found=found,
        facets=facets,
        asked=asked,
        filters=FILTERS,
        names=_names(),
        none_yet=_none_yet,
        following=place_of(found),
    )


def _none_yet(asked: PaperFilter) -> str:
    """What has no paper yet, where only one track, stream or cohort was asked for: then nothing is wrong with the
    search."""
    given = [name for name in asked.__slots__ if getattr(asked, name)]
    return given[0] if len(given) == 1 and given[0] in {"track", "stream", "cohort"} else ""


def _counts(asked: PaperFilter) -> tuple[int, dict[str, tuple[figures.Facet, ...]]]:
    """How many papers a filter leaves, and what each further one would leave; half a minute old at most."""

    def made() -> tuple[int, dict[str, tuple[figures.Facet, ...]]]:
        return queries.count(session(), asked), figures.facets(session(), asked)

    return kept_value(("counts", asked), COUNTS_KEPT, made)


@blueprint.get("/map")
@needs(Act.PUBLIC)
@kept_briefly
def topic_map() -> ResponseReturnValue:
    """When papers appeared, and which topics each year had; pictures with their numbers behind."""
    found = kept_value(("topic years",), COUNTS_KEPT, lambda: figures.topic_years(session()))
    quarters = kept_value(("quarters",), COUNTS_KEPT, lambda: figures.per_quarter(session()))
    return render_template("public/showcase_map.html", map=found, quarters=quarters, cell=MAP_CELL)


@blueprint.get("/<slug>")
@needs(Act.PUBLIC)
@kept_briefly
def paper(slug: str) -> ResponseReturnValue:
    """One paper: people, our own summary, where it grew, how to cite it, and what is near."""
    found = paper_at(slug)
    return render_template(
        "public/paper.html",
        paper=found,
        near=queries.related(session(), found),
        grew=_grew(found),
        cite={"Text": citing.plain(found), "BibTeX": citing.bibtex(found).strip()},
        shown_authors=LONG_LIST,
        names=_names(),
        address=absolute(url_for(".paper", slug=found.slug)),
    )


@blueprint.get("/fellows")
@needs(Act.PUBLIC)
@kept_briefly
def every_fellow() -> ResponseReturnValue:
    """All past fellows by name, a page at a time; ``?after=`` goes on behind a fellow."""
    every = kept_value(("fellows",), COUNTS_KEPT, lambda: fellows.every_fellow(session()))
    after = request.args.get("after", "")[:LONGEST]
    begin = next((place for place, one in enumerate(every, 1) if one.slug == after), 0)
    shown = every[begin : begin + FELLOWS_SHOWN]
    following = shown[-1].slug if shown and begin + len(shown) < len(every) else None
    return render_template("public/fellows.html", fellows=shown, total=len(every), following=following)


@blueprint.get("/fellows/<slug>")
@needs(Act.PUBLIC)
@kept_briefly
def fellow(slug: str) -> ResponseReturnValue:
    """One past fellow with their papers, and where those lead on."""
    found = fellows.fellow_by_slug(session(), slug[:LONGEST])
    if found is None:
        abort(404)
    address = absolute(url_for(".fellow", slug=found.slug))
    return render_template("public/fellow.html", fellow=found, names=_names(), address=address)


def paper_at(slug: str) -> PaperRow:
    """The visible paper of an address; 404 where there is none."""
    found = queries.paper_by_slug(session(), slug[:LONGEST])
    if found is None:
        abort(404)
    return found


def filter_asked() -> PaperFilter:
    """The filter in the address; a year that is none answers 400."""
    year = request.args.get("year", "")
    if year and not (year.isascii() and year.isdigit() and len(year) == 4):
        abort(400)
    text = {name: request.args.get(name, "")[:LONGEST] for name in FILTERS if name != "year"}
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


def place_of(found: PaperList) -> str | None:
    """What ``place_asked`` reads: where the page after ``found`` begins; None at the end."""
    return f"{found.next_after[0].isoformat()}.{found.next_after[1]}" if found.next_after else None


def _names() -> dict[str, dict[str, str]]:
    """The names of streams and tracks, by key, in the cohort in force."""

    def made() -> dict[str, dict[str, str]]:
        cohort = cohorts.cohort_in_force(session(), clock.now())
        if cohort is None:
            return {"stream": {}, "track": {}}
        tracks = next((frame.tracks for frame in site.cohort_frames() if frame.id == cohort.id), {})
        return {"stream": cohorts.stream_names(session(), cohort.id), "track": dict(tracks.values())}

    return kept_value(("names",), COUNTS_KEPT, made)


def _grew(found: PaperRow) -> dict[str, Any]:
    """Where a paper grew: its cohort, and the streams near it with their mentors, as the cohort in force has them."""

    def made() -> dict[str, tuple[str, str, list[str]]]:
        cohort = cohorts.cohort_in_force(session(), clock.now())
        keys = list(cohorts.stream_names(session(), cohort.id)) if cohort else []
        return {one[0]: one for one in cohorts.stream_mentors(session(), cohort.id, keys)} if cohort else {}

    every = kept_value(("mentors",), COUNTS_KEPT, made) if found.streams else {}
    return {"streams": [every[key] for key in found.streams if key in every], "cohort": found.cohort_key}
