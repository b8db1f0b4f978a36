"""Curating the showcase: which papers are seen, in which order, where they belong, and their one-line summaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import abort, render_template, request
from sqlalchemy.exc import NoResultFound
from wtforms import BooleanField, ValidationError

from matsapply.cohorts import queries as cohorts
from matsapply.cohorts.editing import seen
from matsapply.pages import site
from matsapply.pages.admin.frame import blueprint, go, refused_as, said
from matsapply.pages.admin.setup import STALE, clashes
from matsapply.pages.admin.setup_forms import SetupForm, lines_of, one_line, prose
from matsapply.pages.guard import actor, allow, needs
from matsapply.pages.public import caching
from matsapply.pages.public.showcase import place_asked, place_of
from matsapply.people.queries import account_by_address, person_by_address
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.rules.access import Act, Reach
from matsapply.rules.refusals import Code, Refused
from matsapply.showcase import queries
from matsapply.showcase.actions import LONGEST_SUMMARY, Curation, curate, earlier_summaries, summary_version
from matsapply.showcase.answers import link_person, separate
from matsapply.showcase.fellows import people_here
from matsapply.showcase.file import KEY, WEB
from matsapply.showcase.models import Fellow, Paper
from matsapply.showcase.queries import PaperFilter
from matsapply.showcase.stream_papers import streams_of

if TYPE_CHECKING:
    from typing import Any, ClassVar

    from flask.typing import ResponseReturnValue
    from wtforms import Field

    from matsapply.pages.admin.setup import Clash
    from matsapply.showcase.queries import PaperRow

LONGEST_SEARCH = 100
SHOWN = 50  # papers on a page
LONGEST_ADDRESS = 500


class PaperForm(SetupForm):
    """What people change by hand; title, authors and dates come with an import."""

    SHORT: ClassVar = frozenset({"position"})
    GROUPS: ClassVar = (
        ("", ("summary",)),
        ("Where it belongs", (("topic", "track_key", "cohort_key"), "streams")),
        ("Links", ("url", "project_url")),
        ("In the list", ("position", "featured", "hidden")),
    )

    summary = prose("Summary", f"Our own words in a line, at most {LONGEST_SUMMARY} characters.", LONGEST_SUMMARY)
    topic = one_line("Topic", hint="One word for its field, such as interpretability.")
    track_key = one_line("Track", hint="The key of a track; empty: none.")
    cohort_key = one_line("Cohort", hint="Where it grew, such as 2027-01.")
    streams = prose("Streams", "Keys, one a line, the nearest stream first.")
    url = one_line("Paper", hint="Where it can be read, with https://.")
    project_url = one_line("Project page", hint="Code, data or a page of its own, with https://.")
    position = one_line(
        "Place", hint="Beside a stream or track: the smaller, the earlier. The full list is newest first."
    )
    featured = BooleanField("Featured", description="Stands first beside its streams and its track.")
    hidden = BooleanField("Hidden", description="Nobody outside the team sees it, and its address leads nowhere.")

    def validate_position(self, field: Field) -> None:
        if not (field.data.isascii() and field.data.isdigit() and len(field.data) <= 6):
            raise ValidationError("Write a whole number.")

    def validate_topic(self, field: Field) -> None:
        if field.data and not KEY.fullmatch(field.data):
            raise ValidationError("Write it in small letters with hyphens, such as model-behaviour.")

    validate_cohort_key = validate_topic

    def validate_url(self, field: Field) -> None:
        if field.data and not (WEB.fullmatch(field.data) and len(field.data) <= LONGEST_ADDRESS):
            raise ValidationError("Write a whole web address, such as https://example.org/paper.")

    validate_project_url = validate_url

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
    """Every paper, hidden ones too; a page at a time."""
    allow(Act.SHOWCASE_CURATE, Reach())
    words = request.args.get("q", "").replace("\x00", "")[:LONGEST_SEARCH]
    found = queries.papers(session(), PaperFilter(words=words, hidden=True), after=place_asked(), limit=SHOWN)
    return render_template(
        "admin/showcase.html", papers=found.rows, total=found.total, words=words, following=place_of(found)
    )


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
        "topic": row.topic,
        "track_key": row.track_key,
        "cohort_key": row.cohort_key,
        "streams": "\n".join(streams_of(session(), paper.id)),
        "url": row.url,
        "project_url": row.project_url,
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
    page = render_template(
        "admin/showcase_paper.html",
        paper=row,
        form=form,
        clashes=found or [],
        problem=problem,
        earlier=earlier_summaries(session(), row.id),
        here=people_here(session(), [one.slug for one in row.fellows]),
    )
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
        topic=form.topic.data,
        track_key=form.track_key.data,
        cohort_key=form.cohort_key.data,
        url=form.url.data,
        project_url=form.project_url.data,
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
    """hide, show, feature or unfeature, straight from the list; done twice it changes nothing more. restore puts an
    earlier summary back, separate says that a fellow is a namesake of another, person who a fellow is on this site."""
    paper, row = _paper(slug)
    if step == "person":
        return _is_person(paper, row)
    if step in {"restore", "separate"}:
        return _restored(paper) if step == "restore" else _separated(paper)
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


def _restored(paper: Paper) -> ResponseReturnValue:
    text = summary_version(session(), paper.id, request.form.get("version", ""))
    if text is None:
        abort(404)
    try:
        curate(session(), actor(), paper, Curation(summary=text), clock.now())
        caching.forget()
        said("The earlier summary is back; the one before it is kept.")
    except Refused:
        said("Nothing was changed.", "info")
    return go("admin.showcase_paper", slug=paper.slug)


def _separated(paper: Paper) -> ResponseReturnValue:
    name = request.form.get("name", "").replace("\x00", "")[:200]
    try:
        separate(session(), actor(), paper, name, clock.now())
        caching.forget()
        said(f"{name} has a page of their own now.")
    except NoResultFound:
        abort(404)
    except Refused:
        said(f"{name} is on no other paper, so there is nothing to separate.", "info")
    return go("admin.showcase_paper", slug=paper.slug)


def _is_person(paper: Paper, row: PaperRow) -> ResponseReturnValue:
    """Who a fellow of this paper is on this site, by an e-mail address; none: nobody knows."""
    slug, address = request.form.get("fellow", ""), request.form.get("email", "").strip()
    if slug not in {one.slug for one in row.fellows}:
        abort(404)
    account = account_by_address(session(), address) if address else None
    owner = None if account or not address else person_by_address(session(), address)
    person_id = account.person_id if account else owner.id if owner else None
    if address and person_id is None:
        return _page(
            row, _form(paper, row, formdata=None), problem=f"Nobody here has the address {address}.", status=422
        )
    fellow = session().scalars(sa.select(Fellow).where(Fellow.slug == slug).with_for_update()).one()
    try:
        link_person(session(), actor(), fellow, person_id, clock.now())
        said("Kept." if person_id else "The link is taken away.")
    except Refused as error:
        repeated = error.refusal.code is Code.REPEATED
        said("This person is another fellow already." if repeated else "Nothing was changed.", "info")
    return go("admin.showcase_paper", slug=paper.slug)
