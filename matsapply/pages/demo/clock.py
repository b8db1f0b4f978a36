"""The demo's own page: what this is, who to sign in as, and the simulated time. It exists in the demo only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for

from matsapply.cohorts import queries as cohorts
from matsapply.demo import readers
from matsapply.demo.staff import APPLICANT_SIGN_INS, PASSWORD, STAFF_SIGN_INS
from matsapply.jobs.runner import run_all_now
from matsapply.pages import site
from matsapply.pages.guard import actor, needs
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.rules.access import Act
from matsapply.rules.stages import Role
from matsapply.rules.wall_time import Unresolved, resolve_rule

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("demo_clock", __name__)

JUST_AFTER = timedelta(seconds=1)
FURTHEST = timedelta(days=5 * 365)
STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}


class Stop(NamedTuple):
    """A key date to jump to; ``behind`` where the simulated time is past it already."""

    code: str
    label: str
    at: datetime
    behind: bool


@blueprint.get("/demo")
@needs(Act.PUBLIC)
def about() -> ResponseReturnValue:
    return _page()


def _page(
    *, problem: str = "", at: str = "", back_to: datetime | None = None, status: int = 200
) -> ResponseReturnValue:
    now = clock.now()
    frames = site.cohort_frames()
    wanted = request.values.get("cohort", "")
    frame = next((one for one in frames if one.key == wanted), None) or site.frame_in_force()
    stops = []
    if frame is not None:
        dates = cohorts.key_dates(session(), frame.id, staff=True)
        stops = [Stop(row.code, row.label, row.at, row.at <= now) for row in dates if row.at is not None]
    return (
        render_template(
            "demo/about.html",
            simulated=now,
            staff=STAFF_SIGN_INS,
            applicants=APPLICANT_SIGN_INS,
            password=PASSWORD,
            tabs_of_cohorts=[
                {"label": one.label, "href": url_for("demo_clock.about", cohort=one.key), "active": one is frame}
                for one in frames
            ],
            frame=frame,
            stops=sorted(stops, key=lambda stop: stop.at),
            may_set=Role.ADMIN in actor().roles,
            problem=problem,
            typed=at,
            back_to=back_to,
        ),
        status,
    )


@blueprint.post("/demo/clock")
@needs(Act.DEMO)
def move() -> ResponseReturnValue:
    """Jump to an instant, and do at once everything that is due by then."""
    if Role.ADMIN not in actor().roles:
        abort(403)
    running = clock.current()
    if not isinstance(running, clock.DemoClock):
        abort(409)
    now = clock.now()
    wanted = _wanted(now)
    if isinstance(wanted, str):
        return _page(problem=wanted, at=request.form.get("at", ""), status=422)
    if wanted < now and request.form.get("confirmed") != "yes":
        return _page(back_to=wanted, status=422)
    running.move_to(wanted)
    done, sent = run_all_now(current_app._get_current_object())  # type: ignore[attr-defined]
    site.forget_cohorts()
    flash(f"It is now {clock.now():%d %b %Y, %H:%M} UTC. Due since: {done} steps taken, {sent} messages sent.", "good")
    frame = request.form.get("cohort") or None
    return redirect(url_for("demo_clock.about", cohort=frame), 303)


@blueprint.post("/demo/readings")
@needs(Act.DEMO)
def finish_readings() -> ResponseReturnValue:
    """Let the invented reviewers finish what is assigned to them in a cohort, so that decisions can be taken."""
    if Role.ADMIN not in actor().roles:
        abort(403)
    frame = next((one for one in site.cohort_frames() if one.key == request.form.get("cohort")), None)
    if frame is None:
        abort(404)
    done = readers.finish_readings(session(), frame.id, clock.now())
    if done:
        flash(f"{done} readings submitted in {frame.label}.", "good")
    else:
        flash(f"Nobody has anything to read in {frame.label}. Assign readers first, after the closing date.", "warn")
    return redirect(url_for("demo_clock.about", cohort=frame.key), 303)


def _wanted(now: datetime) -> datetime | str:
    """The instant that was asked for, or a sentence on why it cannot be read."""
    form = request.form
    if step := form.get("step"):
        return now + STEPS[step] if step in STEPS else "Choose one of the steps shown."
    if code := form.get("after"):
        frame = next((one for one in site.cohort_frames() if one.key == form.get("cohort")), None)
        dates = cohorts.key_dates(session(), frame.id, staff=True) if frame else []
        at = next((row.at for row in dates if row.code == code), None)
        return at + JUST_AFTER if at else "This cohort has no such date set."
    text = form.get("at", "").strip()
    wanted = _exact(text)
    if wanted is None:
        rule = resolve_rule(text)
        if isinstance(rule, Unresolved):
            return "Write an instant such as 2027-01-18 12:00 UTC or 2027-01-17 EOD AoE."
        wanted = rule
    if abs(wanted - now) > FURTHEST:
        return "The demo's clock goes five years in each direction."
    return wanted


def _exact(text: str) -> datetime | None:
    """An ISO instant with its zone, as the confirmation sends it back."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo is not None else None
