"""Filters and globals of the templates: time, text, addresses, states. One call, ``init_app``, registers them all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import nh3
from flask import Flask, current_app, g, has_request_context, redirect, request
from markdown_it import MarkdownIt
from markupsafe import Markup
from werkzeug.wrappers import Response

from matsapply.pages import form_shapes, icons, pictures
from matsapply.platform import clock, instants, languages, templating

SITE_NAME = "MATS Apply"
THEMES = ("light", "dark")
A_YEAR = 365 * 24 * 3600  # seconds
MARKDOWN_TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_TONES = {
    "good": "accepted advance advanced approved assessed booked confirmed decided done held listed marked open placed"
    " promoted published received released resolved saved sent submitted verified active",
    "progress": "applied assigned evaluating in_review in_streams interviewing invited requested running selected"
    " started under_review queued slots_offered",
    "violet": "interview offer offered offer_pending pending proposed sealed deferred",
    "warn": "awaiting_review waitlist waitlisted overdue late lapsed expired no_show integrity_flag bounced returned"
    " changed estimate recused superseded vacated",
    "bad": "declined failed ineligible not_advance not_advanced not_select not_selected refused rescinded"
    " cancelled cancelled_by_stream cohort_cancelled",
}
_TONE_OF = {word: tone for tone, line in _TONES.items() for word in line.split()}


def viewer_zone() -> str:
    """The reader's IANA zone: the signed-in person's (``g.viewer_zone``), else the ``zone`` cookie, else UTC."""
    if not has_request_context():
        return "UTC"
    for name in (g.get("viewer_zone"), request.cookies.get("zone", "")):
        if name and instants.zone_named(str(name)) is not None:
            return str(name)
    return "UTC"


def zone_is_known() -> bool:
    """Whether the reader's zone was said by somebody; if not, a script may ask the browser."""
    return has_request_context() and bool(g.get("viewer_zone") or request.cookies.get("zone"))


def here(instant: datetime) -> str:
    """The instant in the reader's zone."""
    return instants.in_zone(instant, viewer_zone())


def local_time(instant: datetime) -> str:
    """ "19 Jan 2027, 02:00" in the reader's zone; only for places that name the zone beside it."""
    zone = instants.zone_named(viewer_zone())
    return instants.day_and_time(instant.astimezone(zone))


def relative(instant: datetime, now: datetime | None = None) -> str:
    """The distance from ``now`` (default: the clock) to the instant, in words."""
    return instants.relative(instant, now or clock.now())


def left(instant: datetime) -> str:
    """The time until the instant, by itself."""
    return instants.left(instant, clock.now())


def theme() -> str:
    """The chosen theme, ``light`` or ``dark``; empty where the reader leaves it to the system."""
    chosen = request.cookies.get("theme", "") if has_request_context() else ""
    return chosen if chosen in THEMES else ""


def choose_theme() -> Response:
    """The view behind POST /theme: keep the choice in a cookie and go back to the page it was made on.

    The form carries no CSRF token, so that public pages need no session cookie; a foreign page that posts here anyway
    is told apart by the browser's own ``Sec-Fetch-Site`` and changes nothing.
    """
    response = redirect(way_back(request.form.get("next", "")), 303)
    chosen = request.form.get("theme", "")
    if not from_here():
        return response
    if chosen in THEMES:
        # Readable by scripts on purpose: theme.js writes the same cookie when it spares the round trip.
        response.set_cookie("theme", chosen, max_age=A_YEAR, samesite="Lax", secure=request.is_secure)
    else:
        response.delete_cookie("theme", samesite="Lax", secure=request.is_secure)
    return response


def from_here() -> bool:
    """Whether the browser says that a page of this site posts; one that says nothing is believed."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"


def way_back(address: str) -> str:
    """Only a path of this site is a way back; anything else would be an open redirect."""
    try:
        parts = urlsplit(address.replace("\\", "/"))
    except ValueError:  # what begins like another host and is none
        return path("/")
    if parts.scheme or parts.netloc or not address.startswith("/") or address.startswith("//"):
        return path("/")
    return address


def _markdown_parser() -> MarkdownIt:
    # Pictures are left out: a remote one would tell its owner who read the text and when.
    return MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"]).disable("image")


_MARKDOWN = _markdown_parser()


def markdown(text: str | None) -> Markup:
    """Markdown as safe HTML. Headings start at h3, below the page's own; links tell nothing to the other side."""
    tokens = _MARKDOWN.parse(text or "")
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    clean = nh3.clean(
        html,
        tags=MARKDOWN_TAGS,
        attributes={"a": {"href", "title"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return Markup(clean)  # noqa: S704 - cleaned against an allow-list on the line above


def short_list(names: Iterable[str], limit: int = 3) -> str:
    """ "A, B, C et al.": the first ``limit`` names; all of them where only one would be left out."""
    people = [str(name) for name in names]
    if len(people) <= limit + 1:
        return ", ".join(people)
    return ", ".join(people[:limit]) + " et al."


def plural(number: int, word: str, many: str | None = None) -> str:
    """ "1 review", "3 reviews", "1,204 applications"; in the reader's language where a page counts these by name."""
    one, more = f"%(num)s {word}", f"%(num)s {many or word + 's'}"
    return languages.ngettext(one, more, number)


def words(state: object) -> str:
    """A state's code as people read it: ``in_review`` becomes "In review"."""
    text = str(state).replace("_", " ").strip()
    return languages.known(text[:1].upper() + text[1:])


def tone_of(state: object) -> str:
    """The colour family of a state; ``neutral`` for those that are neither news nor work."""
    return _TONE_OF.get(str(state).strip().lower().replace(" ", "_"), "neutral")


def with_args(**changes: object) -> str:
    """The present address with its query changed; ``None`` removes a part, a list repeats it."""
    query: dict[str, list[str]] = {key: list(values) for key, values in request.args.lists()}
    for key, value in changes.items():
        if value is None:
            query.pop(key, None)
        elif isinstance(value, (list, tuple)):
            query[key] = [str(each) for each in value]
        else:
            query[key] = [str(value)]
    encoded = urlencode(query, doseq=True)
    return path(request.path) + (f"?{encoded}" if encoded else "")


def path(address: str) -> str:
    """A fixed address of the site, under the place it is mounted at."""
    root = request.script_root if has_request_context() else ""
    return f"{root}{address}"


def asset(name: str) -> str:
    """The address of a static file, with a digest of its content, so that it may be cached for ever.

    All modules share one digest: they import each other, and a page must never mix old ones with new ones. The files
    are read once a process, as the templates are; under ``flask --debug`` at every page.
    """
    digests: dict[str, str] = current_app.extensions["matsapply.assets"]
    if name not in digests or current_app.debug:
        folder = Path(current_app.static_folder or "")
        files = sorted((folder / "js").glob("*.js")) if name.startswith("js/") else [folder / name]
        digests[name] = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    return path(f"{current_app.static_url_path}/{name}?v={digests[name]}")


def moved(order: Sequence[str], move: str | None) -> list[str]:
    """The order after an arrow was pressed: ``up:KEY`` or ``down:KEY``; anything else changes nothing."""
    result = list(order)
    direction, _, key = (move or "").partition(":")
    if key not in result or direction not in {"up", "down"}:
        return result
    here_ = result.index(key)
    there = here_ - 1 if direction == "up" else here_ + 1
    if 0 <= there < len(result):
        result[here_], result[there] = result[there], result[here_]
    return result


def get(thing: Any, name: str, default: Any = None) -> Any:
    """A part of a dictionary or an object, so that macros take either."""
    if isinstance(thing, dict):
        return thing.get(name, default)
    return getattr(thing, name, default)


MOST_DRAWN = 2000
_drawn: dict[tuple[Any, ...], Any] = {}


def drawn(macro: Any, *args: Any, **named: Any) -> Any:
    """What ``macro`` draws from these values, kept for the next page: for the frame around pages and for pictures.

    The values should be hashable, and the macro may look at nothing else but the language, the theme, the reader's zone
    and the place the site is mounted at.
    """
    if current_app.debug:
        return macro(*args, **named)
    key = (macro, languages.current().code, theme(), viewer_zone(), path(""), args, tuple(named.items()))
    try:
        found = _drawn.get(key)
    except TypeError:  # a value that is no key, such as a list: drawn anew each time
        return macro(*args, **named)
    if found is None:
        if len(_drawn) >= MOST_DRAWN:
            _drawn.clear()
        found = _drawn[key] = macro(*args, **named)
    return found


def _nothing() -> None:
    """What a page shows where the application provides no value: nothing."""


def _no_groups() -> list[object]:
    return []


def init_app(app: Flask) -> None:
    """Register filters and globals; the context functions of the layouts get defaults that show nothing."""
    app.extensions["matsapply.assets"] = {}
    env = app.jinja_env
    templating.prepare(env)
    env.trim_blocks = env.lstrip_blocks = True  # the lines of logic leave no blank lines in the pages
    env.filters.update(
        in_zone=instants.in_zone,
        aoe=instants.aoe,
        utc=instants.utc,
        here=here,
        machine=instants.machine,
        relative=relative,
        left=left,
        day=instants.day,
        duration=instants.duration,
        markdown=markdown,
        short_list=short_list,
        plural=plural,
        words=words,
    )
    env.globals.update(
        site_name=SITE_NAME,
        now=clock.now,
        viewer_zone=viewer_zone,
        zone_is_known=zone_is_known,
        local_time=local_time,
        theme=theme,
        path=path,
        asset=asset,
        with_args=with_args,
        tone_of=tone_of,
        part=get,
        drawn=drawn,
        icon_drawing=icons.drawing,
        icon_names=icons.names,
        field_kind=form_shapes.field_kind,
        field_options=form_shapes.field_options,
        form_errors=form_shapes.form_errors,
        bar_shapes=pictures.bar_shapes,
        axis_ticks=pictures.axis_ticks,
    )
    for name, default in (
        ("rail", _no_groups),
        ("next_date", _nothing),
        ("cohort_label", _nothing),
        ("demo_banner", _nothing),
        ("account", _nothing),
        ("is_translated", _nothing),
    ):
        env.globals.setdefault(name, default)
