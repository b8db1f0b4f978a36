"""The showcase for other programs: citations, a feed, JSON, and a picture for each paper."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from flask import Response, abort, url_for

from matsapply.pages.addresses import absolute
from matsapply.pages.guard import needs
from matsapply.pages.public.caching import kept_briefly
from matsapply.pages.public.showcase import blueprint, filter_asked, paper_at, place_asked
from matsapply.pages.widgets import SITE_NAME
from matsapply.platform.flask_db import session
from matsapply.rules.access import Act
from matsapply.showcase import citing, queries

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.typing import ResponseReturnValue

    from matsapply.showcase.queries import PaperRow

ATOM = "http://www.w3.org/2005/Atom"
FEED_LENGTH = 30
# A citation as a file: how it is written, and its type.
FORMS: dict[str, tuple[Callable[[PaperRow], str], str]] = {
    "bib": (citing.bibtex, "application/x-bibtex; charset=utf-8"),
    "csl.json": (citing.csl_json, "application/vnd.citationstyles.csl+json"),
    "ris": (citing.ris, "application/x-research-info-systems; charset=utf-8"),
}


@blueprint.get("/<slug>/cite.<form>")
@needs(Act.PUBLIC)
@kept_briefly
def citation(slug: str, form: str) -> ResponseReturnValue:
    """A paper as BibTeX, CSL-JSON or RIS."""
    if form not in FORMS:
        abort(404)
    found = paper_at(slug)
    write, kind = FORMS[form]
    name = f"{citing.key_of(found)}.{form}"
    return Response(write(found), content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@blueprint.get("/papers.json")
@needs(Act.PUBLIC)
@kept_briefly
def papers_json() -> ResponseReturnValue:
    """The list as JSON, with the filters of the page; ``next`` is the address of what follows."""
    asked = filter_asked()
    found = queries.papers(session(), asked, after=place_asked(), limit=queries.MOST)
    following = None
    if found.next_after:
        day, key = found.next_after
        given = {name: value for name in asked.__slots__ if (value := getattr(asked, name)) and name != "words"}
        following = absolute(url_for(".papers_json", after=f"{day.isoformat()}.{key}", q=asked.words or None, **given))
    content = {"total": found.total, "papers": [_as_json(row) for row in found.rows], "next": following}
    return Response(json.dumps(content, ensure_ascii=False), content_type="application/json")


@blueprint.get("/feed.atom")
@needs(Act.PUBLIC)
@kept_briefly
def feed() -> ResponseReturnValue:
    """The newest papers as an Atom feed."""
    rows = queries.papers(session(), limit=FEED_LENGTH).rows
    root = ElementTree.Element("feed", xmlns=ATOM)
    _element(root, "title", f"{SITE_NAME}: showcase")
    _element(root, "id", absolute(url_for(".papers")))
    _element(root, "updated", max((_changed(row) for row in rows), default="1970-01-01T00:00:00Z"))
    ElementTree.SubElement(root, "link", rel="self", href=absolute(url_for(".feed")))
    ElementTree.SubElement(root, "link", rel="alternate", href=absolute(url_for(".papers")))
    for row in rows:
        address = absolute(url_for(".paper", slug=row.slug))
        entry = ElementTree.SubElement(root, "entry")
        _element(entry, "title", row.title)
        _element(entry, "id", address)
        ElementTree.SubElement(entry, "link", rel="alternate", href=address)
        _element(entry, "published", _instant(row))
        _element(entry, "updated", _changed(row))
        for name in row.authors or (SITE_NAME,):  # an entry without an author is no Atom
            _element(ElementTree.SubElement(entry, "author"), "name", name)
        if row.summary:
            _element(entry, "summary", row.summary)
        if row.topic:
            ElementTree.SubElement(entry, "category", term=row.topic)
    content = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(content, content_type="application/atom+xml")


def _as_json(row: PaperRow) -> dict[str, Any]:
    return {
        "title": row.title,
        "address": absolute(url_for(".paper", slug=row.slug)),
        "summary": row.summary,
        "authors": list(row.authors),
        "fellows": [one.name for one in row.fellows],
        "published": row.published.isoformat(),
        "arxiv_id": row.arxiv_id,
        "url": row.url or None,
        "project_url": row.project_url or None,
        "topic": row.topic or None,
        "track": row.track_key or None,
        "cohort": row.cohort_key or None,
        "streams": list(row.streams),
    }


def _element(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = text


def _changed(row: PaperRow) -> str:
    return row.updated_at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _instant(row: PaperRow) -> str:
    return f"{row.published.isoformat()}T00:00:00Z"
