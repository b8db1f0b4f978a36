"""What every page shows around its content: the rail, the cohort and its next date, the demo's banner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Blueprint, current_app, g, jsonify, redirect, request
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from matsapply.cohorts import queries as cohorts
from matsapply.cohorts.gates import PUBLIC_STATES
from matsapply.pages import languages, widgets
from matsapply.pages.guard import actor, needs
from matsapply.people import actions as people
from matsapply.platform import clock
from matsapply.platform.flask_db import address, session
from matsapply.platform.languages import NAMES, lazy_gettext as _l
from matsapply.rules.access import Act, Actor, Grant, may
from matsapply.rules.stages import STAFF, Role, Scope

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from flask import Flask
    from flask.typing import ResponseReturnValue
    from flask_wtf.csrf import CSRFProtect  # type: ignore[import-untyped]

    from matsapply.cohorts.views import CohortView
    from matsapply.platform.settings import Settings

blueprint = Blueprint("site", __name__)

EXTENSION = "matsapply.places"  # the places of each set of roles, worked out once for each application
KEPT_FOR = 5.0  # seconds for which a process remembers which cohorts there are


@blueprint.get("/healthz")
@needs(Act.PUBLIC)
def healthz() -> ResponseReturnValue:
    """Whether the process and its database answer."""
    session().execute(text("SELECT 1"))
    return jsonify({"status": "ok"})


def init_app(app: Flask, settings: Settings) -> None:
    app.register_blueprint(blueprint)
    app.extensions[EXTENSION] = {}
    csrf: CSRFProtect = app.extensions["csrf"]
    for name, view in (("theme", widgets.choose_theme), ("language", choose_language)):
        choose = needs(Act.PUBLIC)(view)
        app.add_url_rule(f"/{name}", name, choose, methods=["POST"])
        csrf.exempt(choose)  # it changes what the reader sees alone, and looks at where the request comes from itself
    shown: dict[str, Callable[[], Any]] = {"rail": rail, "next_date": next_date, "cohort_label": cohort_label}
    if settings.demo:
        shown["demo_banner"] = demo_banner
    app.jinja_env.globals.update(shown)


def choose_language() -> ResponseReturnValue:
    """The view behind POST /language: the reader's choice, kept in a cookie and with their person; see ``choose_theme``
    about the missing token."""
    response = redirect(widgets.way_back(request.form.get("next", "")), 303)
    chosen = request.form.get("language", "")
    if chosen not in NAMES or not widgets.from_here():
        return response
    languages.remember(response, chosen)
    if not actor().anonymous:
        people.set_language(session(), actor(), actor().person_id, chosen, clock.now())
    return response


# --- which cohorts there are --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CohortFrame:
    """A cohort with what pages need to find their way: its tracks by internal key and its public dates."""

    view: CohortView
    tracks: dict[int, tuple[str, str]]
    dates: tuple[tuple[str, datetime, bool], ...]

    @property
    def id(self) -> int:
        return self.view.id

    @property
    def key(self) -> str:
        return self.view.key

    @property
    def label(self) -> str:
        return self.view.label


@dataclass(frozen=True, slots=True)
class _Known:
    until: float
    frames: tuple[CohortFrame, ...]
    in_force: str | None


_known: dict[str, _Known] = {}


def _directory() -> _Known:
    """All cohorts, newest first, remembered for a few seconds for each database."""
    place = address()
    found = _known.get(place)
    if found is not None and found.until > clock.monotonic():
        return found
    frames = []
    for view in cohorts.cohorts(session()):
        tracks = {track.id: (track.key, track.name) for track in cohorts.tracks(session(), view.id, dropped=True)}
        dates = sorted(
            (row.at, row.label, row.estimate) for row in cohorts.key_dates(session(), view.id) if row.at is not None
        )
        frames.append(CohortFrame(view, tracks, tuple((label, at, guess) for at, label, guess in dates)))
    chosen = cohorts.cohort_in_force(session(), clock.now())
    made = _Known(clock.monotonic() + KEPT_FOR, tuple(frames), chosen.key if chosen else None)
    _known[place] = made
    return made


def cohort_frames() -> tuple[CohortFrame, ...]:
    """Every cohort, the newest first. Labels and states may be a few seconds old; keys never change."""
    return _directory().frames


def frame_in_force() -> CohortFrame | None:
    """The cohort that public pages speak of."""
    known = _directory()
    return next((frame for frame in known.frames if frame.key == known.in_force), None)


def forget_cohorts() -> None:
    """After a change of a cohort: this process reads it again at once, others within seconds."""
    _known.pop(address(), None)


def _present() -> CohortFrame | None:
    """The cohort of the page, where it says one (``speak_of``) or its address does; else the one in force.

    None where the database is away.
    """
    try:
        if (spoken_of := g.get("spoken_of")) is not None:
            return next((one for one in cohort_frames() if one.id == spoken_of), None)
        key = (request.view_args or {}).get("cohort_key")
        if key is not None and (named := next((one for one in cohort_frames() if one.key == key), None)):
            return named
        return frame_in_force()
    except SQLAlchemyError:
        current_app.logger.warning("the frame of the page is left out: the database does not answer")
        return None


def speak_of(cohort_id: int) -> None:
    """The page's subject belongs to that cohort: the bar shows its name and its next date, not another's."""
    g.spoken_of = cohort_id


# --- the bar ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NextDate:
    label: str
    at: datetime
    estimate: bool


def next_date() -> NextDate | None:
    """The cohort's first public date that lies ahead."""
    frame = _present()
    if frame is None or frame.view.state not in PUBLIC_STATES:
        return None
    now = clock.now()
    return next((NextDate(label, at, guess) for label, at, guess in frame.dates if at > now), None)


def cohort_label() -> str | None:
    frame = _present()
    return frame.label if frame is not None else None


@dataclass(frozen=True, slots=True)
class Banner:
    simulated_now: datetime
    links: tuple[tuple[str, str], ...]


DEMO_LINKS = ((_l("Clock and sign-ins"), "/demo"), (_l("Mailbox"), "/demo/mail"))


def demo_banner() -> Banner:
    """Says that this is a demo, and what time it pretends."""
    minute = clock.now().replace(second=0, microsecond=0)  # as it is shown
    return Banner(minute, tuple((label, widgets.path(href)) for label, href in DEMO_LINKS))


# --- the rail -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Item:
    label: str
    href: str
    icon: str
    active: bool
    badge: int | str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    label: str
    items: tuple[Item, ...]


# label, address, icon, and the act without which the place is not shown
Place = tuple[str, str, str, Act]

APPLICANT: tuple[Place, ...] = (
    (_l("My application"), "/application", "doc", Act.APPLICATION_OWN),
    (_l("Status"), "/status", "flag", Act.APPLICATION_OWN),
    (_l("Tasks"), "/tasks", "edit", Act.APPLICATION_OWN),
    (_l("Accommodation"), "/accommodation", "user", Act.APPLICATION_OWN),
)
REVIEWER: tuple[Place, ...] = (
    ("Queue", "/review", "list", Act.REVIEW_READ),
    ("Done", "/review/done", "check-circle", Act.REVIEW_READ),
)
MENTOR: tuple[Place, ...] = (("My streams", "/stream", "compass", Act.STREAM_READ),)
INBOX: Place = (_l("Inbox"), "/inbox", "inbox", Act.SIGNED_IN)
ASK: Place = (_l("Ask the team"), "/threads", "mail", Act.APPLICATION_OWN)
COHORT_WORK: tuple[Place, ...] = (
    ("Dashboard", "/admin/{key}", "chart", Act.COHORT_READ),
    ("Applications", "/admin/{key}/applications", "users", Act.APPLICATIONS_READ),
    ("Assignments", "/admin/{key}/assignments", "list", Act.ASSIGNMENTS_WRITE),
    ("Decisions", "/admin/{key}/decisions", "check-circle", Act.DECISIONS_READ),
    ("Releases", "/admin/{key}/releases", "mail", Act.DECISIONS_READ),
    ("Offers", "/admin/{key}/offers", "seat", Act.OFFERS_READ),
    ("Threads", "/admin/{key}/threads", "mail", Act.THREADS_READ),
    ("Accommodation", "/admin/{key}/accommodation", "user", Act.THREADS_READ),
)
COHORT_SETUP: tuple[Place, ...] = (
    ("Key dates", "/admin/{key}/dates", "calendar", Act.COHORT_READ),
    ("Cohort", "/admin/{key}/settings", "settings", Act.COHORT_READ),
)
EVERYWHERE: tuple[Place, ...] = (
    ("People and roles", "/admin/people", "key", Act.PEOPLE_READ),
    ("Showcase", "/admin/showcase", "doc", Act.SHOWCASE_CURATE),
    ("Log", "/admin/log", "search", Act.AUDIT_READ),
)
OVERSIGHT = frozenset({Role.COORDINATOR, Role.ADMIN, Role.AUDITOR, Role.TRACK_LEAD})


def rail() -> tuple[Group, ...]:
    """The reader's own places, by role."""
    who = actor()
    if who.anonymous:
        return ()
    kept: tuple[Group, ...] | None = g.get("rail")
    if kept is None:
        kept = g.rail = _groups(who.roles)
    return kept


def first_place() -> str:
    """Where to begin after signing in: the first of the reader's own places, the home page where there is none."""
    groups = rail()
    return groups[0].items[0].href if groups else widgets.path("/")


def _groups(roles: frozenset[Role]) -> tuple[Group, ...]:
    frame = _present() if roles & OVERSIGHT else None
    known: dict[Any, Any] = current_app.extensions[EXTENSION]
    key = (roles, frame.key if frame else "")
    shown = known.get(key)
    if shown is None:
        shown = known[key] = _places(*key)
    addresses = [href for _, places in shown for _, href, _, _ in places]
    here = max((href for href in addresses if _within(request.path, href)), key=len, default="")
    return tuple(
        Group(label, tuple(Item(name, widgets.path(href), icon, href == here) for name, href, icon, _ in places))
        for label, places in shown
    )


def _places(roles: frozenset[Role], cohort_key: str) -> tuple[tuple[str, tuple[Place, ...]], ...]:
    """The places of somebody with these roles. They hang on nothing else, so they are worked out once."""
    wanted: list[tuple[str, tuple[Place, ...]]] = []
    if cohort_key:
        wanted.append((f"Cohort {cohort_key}", _of_cohort(COHORT_WORK, cohort_key)))
        wanted.append(("Set-up", (*_of_cohort(COHORT_SETUP, cohort_key), *EVERYWHERE)))
    if Role.REVIEWER in roles:
        wanted.append(("Reviewing", REVIEWER))
    if roles & {Role.MENTOR, Role.STREAM_LEAD}:
        wanted.append(("Mentoring", MENTOR))
    if not roles & STAFF:
        wanted.append((_l("Applying"), APPLICANT))
    wanted.append((_l("Messages"), (INBOX,) if roles & STAFF else (INBOX, ASK)))
    them = Actor(0, frozenset(Grant(role, Scope.PROGRAM) for role in roles))
    shown = [
        (label, tuple(place for place in places if _exists(place[1]) and may(them, place[3])))
        for label, places in wanted
    ]
    return tuple((label, places) for label, places in shown if places)


def _of_cohort(places: tuple[Place, ...], key: str) -> tuple[Place, ...]:
    return tuple((label, href.format(key=key), icon, act) for label, href, icon, act in places)


def _within(address: str, href: str) -> bool:
    return address == href or address.startswith(f"{href}/")


def _exists(href: str) -> bool:
    """Whether the site has a page at that address: parts that are not installed have no place in the rail."""
    try:
        current_app.url_map.bind("localhost").match(href, method="GET")
    except RequestRedirect:
        return True
    except HTTPException:
        return False
    return True
