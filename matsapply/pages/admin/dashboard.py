"""Where the team starts: which cohort, how far it is, what is to be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import abort, render_template

from matsapply.applications.models import Application, TrackChoice
from matsapply.applications.team_tasks import open_tasks
from matsapply.cohorts.models import Stream
from matsapply.offers.models import Offer
from matsapply.pages import site
from matsapply.pages.admin.figures import remembered
from matsapply.pages.admin.frame import blueprint, cohort_at, cohorts_for, go, switcher, visible
from matsapply.pages.guard import needs
from matsapply.platform.flask_db import session
from matsapply.reviews.models import ReviewAssignment, ReviewRound
from matsapply.rules.access import Act
from matsapply.rules.stages import AssignmentState, OfferState, TrackChoiceState

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.pages.site import CohortFrame


@dataclass(frozen=True, slots=True)
class Figures:
    """The dashboard's numbers: the funnel, arrivals by UTC day, readings, and seats held and offered by stream."""

    funnel: tuple[tuple[str, int], ...]
    arrivals: tuple[tuple[str, int], ...]
    read: int
    to_read: int
    seats: tuple[tuple[str, int], ...]


@blueprint.get("")
@needs(Act.COHORT_READ)
def index() -> ResponseReturnValue:
    """The cohort in force, where the actor may see it; else the newest one they may."""
    frames = cohorts_for(Act.COHORT_READ)
    if not frames:
        abort(404)
    chosen = site.frame_in_force()
    frame = next((one for one in frames if chosen is not None and one.key == chosen.key), frames[0])
    return go("admin.dashboard", cohort_key=frame.key)


@blueprint.get("/<cohort_key>")
@needs(Act.COHORT_READ)
def dashboard(cohort_key: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.COHORT_READ)
    seen = visible(Act.COHORT_READ)
    return render_template(
        "admin/dashboard.html",
        frame=frame,
        cohorts=switcher(frame, Act.COHORT_READ, "admin.dashboard"),
        figures=remembered("dashboard", frame.id, lambda: _figures(frame, seen)),
        tasks=open_tasks(session(), frame.id, seen, 12),
    )


def _figures(frame: CohortFrame, seen: sa.ColumnElement[bool]) -> Figures:
    """Two queries: every count in one statement, then the seats."""
    in_cohort = sa.and_(Application.cohort_id == frame.id, seen)
    day = _day(Application.submitted_at)
    advanced = sa.exists().where(
        TrackChoice.application_id == Application.id, TrackChoice.state == TrackChoiceState.ADVANCED
    )
    offered = sa.exists().where(Offer.application_id == Application.id, Offer.released_at.is_not(None))
    placed = sa.exists().where(
        Offer.application_id == Application.id, Offer.state.in_([OfferState.ACCEPTED, OfferState.CONFIRMED])
    )

    def count(name: str, *where: sa.ColumnElement[bool]) -> sa.Select[str, str, int]:
        return sa.select(sa.literal(name), sa.literal(""), sa.func.count()).select_from(Application).where(*where)

    active = (AssignmentState.ASSIGNED, AssignmentState.STARTED, AssignmentState.SUBMITTED)
    parts: Any = sa.union_all(
        count("Begun", in_cohort),
        count("Submitted", in_cohort, Application.snapshot_number.is_not(None)),
        count("Advanced", in_cohort, advanced),
        count("Offered", in_cohort, offered),
        count("Accepted", in_cohort, placed),
        sa.select(sa.literal("day"), day, sa.func.count())
        .where(in_cohort, Application.submitted_at.is_not(None))
        .group_by(day),
        sa.select(sa.literal("reading"), sa.cast(ReviewAssignment.state, sa.String), sa.func.count())
        .join(ReviewRound, ReviewRound.id == ReviewAssignment.round_id)
        .join(Application, Application.id == ReviewAssignment.application_id)
        .where(ReviewRound.cohort_id == frame.id, ReviewAssignment.state.in_(active), seen)
        .group_by(ReviewAssignment.state),
    )
    rows = [tuple(row) for row in session().execute(parts)]
    readings = {state: number for kind, state, number in rows if kind == "reading"}
    seats = session().execute(
        sa.select(Stream.name, Stream.seats_held)
        .where(Stream.cohort_id == frame.id, Stream.seats_max.is_not(None))
        .order_by(Stream.position)
    )
    return Figures(
        funnel=tuple((kind, number) for kind, _, number in rows if kind not in {"day", "reading"}),
        arrivals=tuple(sorted((state, number) for kind, state, number in rows if kind == "day")),
        read=readings.get(AssignmentState.SUBMITTED.value, 0),
        to_read=sum(readings.values()),
        seats=tuple((name, held) for name, held in seats),
    )


def _day(instant: Any) -> sa.ColumnElement[str]:
    if session().get_bind().dialect.name == "sqlite":
        return sa.func.strftime("%Y-%m-%d", instant, type_=sa.String())
    return sa.func.to_char(sa.func.timezone("UTC", instant), "YYYY-MM-DD", type_=sa.String())
