"""Curating the showcase: which papers are seen, in which order, where they belong, and their one-line summaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import abort, render_template, request
from wtforms import BooleanField, ValidationError

from matsapply.cohorts import queries as cohorts
from matsapply.cohorts.editing import seen
from matsapply.pages import site
from matsapply.pages.admin.frame import blueprint, go, refused_as, said
from matsapply.pages.admin.setup import STALE, clashes
from matsapply.pages.admin.setup_forms import SetupForm, lines_of, one_line, prose
from matsapply.pages.guard import actor, allow, needs
from matsapply.pages.public import caching
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.rules.access import Act, Reach
from matsapply.rules.refusals import Code, Refused
from matsapply.showcase import queries
from matsapply.showcase.actions import LONGEST_SUMMARY, Curation, curate
from matsapply.showcase.models import Paper
from matsapply.showcase.queries import MOST, PaperFilter

if TYPE_CHECKING:
    from typing import Any, ClassVar

    from flask.typing import ResponseReturnValue
    from wtforms import Field

    from matsapply.pages.admin.setup import Clash
    from matsapply.showcase.queries import PaperRow

LONGEST_SEARCH = 100


class PaperForm(SetupForm):
    """What people change by hand; title, authors and dates come with an import."""

    SHORT: ClassVar = frozenset({"position"})
    HALF: ClassVar = frozenset({"track_key"})
    GROUPS: ClassVar = (
        ("", ("summary", "track_key", "streams")),
        ("In the list", ("position", "featured", "hidden")),
    )

    summary = prose("Summary", f"Our own words in a line, at most {LONGEST_SUMMARY} characters.", LONGEST_SUMMARY)
    track_key = one_line("Track", hint="The key of a track; empty: none.")
    streams = prose("Streams", "Keys, one a line, the nearest stream first.")
    position = one_line(
        "Place", hint="Beside a stream or track: the smaller, the earlier. The full list is newest first."
    )
    featured = BooleanField("Featured", description="Stands first beside its streams and its track.")
    hidden = BooleanField("Hidden", description="Nobody outside the team sees it, and its address leads nowhere.")

    def validate_position(self, field: Field) -> None:
        if not (field.data.isascii() and field.data.isdigit() and len(field.data) <= 6):
            raise ValidationError("Write a whole number.")

    def validate_track_key(self, field: Field) -> None:
        known = {key for frame in site.cohort_frames() for key, _ in frame.tracks.values()}
        if field.data and field.data not in known:
            raise ValidationError(f"There is no track with this key. Known are {', '.join(sorted(known))}.")

    def validate_streams(self, field: Field) -> None:
        known = {key for frame in site.cohort_frames() for key in cohorts.stream_names(session(), frame.id)}
        if missing := [key for key in lines_of(field.data) if key not in known]:
            raise ValidationError(f"There is no stream {missing[0]}.")


@blueprint.get("/showcase")
@needs(Act.SHOWCASE_CURATE)
def showcase() -> ResponseReturnValue:
    """Every paper, hidden ones too."""
    allow(Act.SHOWCASE_CURATE, Reach())
    words = request.args.get("q", "").replace("\x00", "")[:LONGEST_SEARCH]
    found = queries.papers(session(), PaperFilter(words=words, hidden=True), limit=MOST)
    return render_template("admin/showcase.html", papers=found.rows, total=found.total, words=words)


def _paper(slug: str) -> tuple[Paper, PaperRow]:
    """The paper, locked for the change, and as lists show it; 404 where there is none."""
    allow(Act.SHOWCASE_CURATE, Reach())
    row = queries.paper_by_slug(session(), slug[:160], hidden=True)
    if row is None:
        abort(404)
    return session().get_one(Paper, row.id), row


def _form(paper: Paper, row: PaperRow, **options: Any) -> PaperForm:
    data = {
        "summary": row.summary,
        "track_key": row.track_key,
        "streams": "\n".join(row.streams),
        "position": str(paper.position),
        "featured": row.featured,
        "hidden": row.hidden,
    }
    return PaperForm(data=data | {"seen": seen(data)}, **options)


@blueprint.get("/showcase/<slug>")
@needs(Act.SHOWCASE_CURATE)
def showcase_paper(slug: str) -> ResponseReturnValue:
    paper, row = _paper(slug)
    return _page(row, _form(paper, row))


def _page(
    row: PaperRow, form: PaperForm, *, found: list[Clash] | None = None, problem: str = "", status: int = 200
) -> ResponseReturnValue:
    page = render_template("admin/showcase_paper.html", paper=row, form=form, clashes=found or [], problem=problem)
    return page, status


@blueprint.post("/showcase/<slug>")
@needs(Act.SHOWCASE_CURATE)
def save_paper(slug: str) -> ResponseReturnValue:
    session().execute(sa.select(Paper.id).where(Paper.slug == slug[:160]).with_for_update())
    paper, row = _paper(slug)
    form, stored = PaperForm(), _form(paper, row, formdata=None)
    if not form.validate():
        return _page(row, form, status=422)
    if form.seen.data != stored.seen.data and (found := clashes(form, stored)):
        form.seen.data = stored.seen.data
        form.form_errors.append(STALE)
        return _page(row, form, found=found, status=409)
    wanted = Curation(
        hidden=form.hidden.data,
        featured=form.featured.data,
        position=int(form.position.data or 0),
        summary=form.summary.data,
        track_key=form.track_key.data,
        streams=lines_of(form.streams.data or ""),
    )
    return _curated(paper, row, wanted, form)


def _curated(paper: Paper, row: PaperRow, wanted: Curation, form: PaperForm) -> ResponseReturnValue:
    try:
        changed = curate(session(), actor(), paper, wanted, clock.now())
    except Refused as error:
        if error.refusal.code is not Code.NO_CHANGE:
            return _page(row, form, problem=refused_as(error), status=409)
        said("Nothing was changed.", "info")
        return go("admin.showcase_paper", slug=row.slug)
    caching.forget()
    said(f"Saved: {', '.join(name.replace('_key', '') for name in changed)}.")
    return go("admin.showcase_paper", slug=row.slug)


@blueprint.post("/showcase/<slug>/<step>")
@needs(Act.SHOWCASE_CURATE)
def showcase_step(slug: str, step: str) -> ResponseReturnValue:
    """hide, show, feature or unfeature, straight from the list; done twice it changes nothing more."""
    paper, _ = _paper(slug)
    steps = {
        "hide": Curation(hidden=True),
        "show": Curation(hidden=False),
        "feature": Curation(featured=True),
        "unfeature": Curation(featured=False),
    }
    if step not in steps:
        abort(404)
    try:
        curate(session(), actor(), paper, steps[step], clock.now())
        caching.forget()
        said({"hide": "Hidden.", "show": "Shown again."}.get(step, "Saved."))
    except Refused:
        said("Nothing was changed.", "info")
    return go("admin.showcase")
