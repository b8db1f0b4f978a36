"""Where the team starts: which cohort, how far it is, what is to be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import abort, render_template

from matsapply.applications.models import AccommodationRequest, Application, Thread, TrackChoice
from matsapply.applications.team_tasks import open_tasks
from matsapply.cohorts.models import KeyDate, Stream
from matsapply.decisions.models import Decision
from matsapply.offers.models import Offer
from matsapply.pages import site
from matsapply.pages.admin.figures import remembered
from matsapply.pages.admin.frame import blueprint, cohort_at, cohorts_for, go, switcher, visible
from matsapply.pages.guard import needs
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.reviews.models import ReviewAssignment, ReviewRound
from matsapply.reviews.rounds import CENTRAL
from matsapply.rules.access import Act
from matsapply.rules.stages import ApplicationState, AssignmentState, OfferState, TrackChoiceState

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.typing import ResponseReturnValue

    from matsapply.pages.site import CohortFrame


FUNNEL = ("Begun", "Submitted", "Advanced", "Offered", "Accepted")
WAITING = ("unread", "late", "undecided", "unreleased", "asking", "needing")
ACTIVE_OR_DONE = (AssignmentState.ASSIGNED, AssignmentState.STARTED, AssignmentState.SUBMITTED)


@dataclass(frozen=True, slots=True)
class Figures:
    """The dashboard's numbers: the funnel, arrivals by UTC day, readings, seats held by stream, and what waits for the
    team by kind (see ``_waiting``)."""

    funnel: tuple[tuple[str, int], ...]
    arrivals: tuple[tuple[str, int], ...]
    read: int
    to_read: int
    seats: tuple[tuple[str, int], ...]
    waiting: dict[str, int]


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
        .where(ReviewRound.cohort_id == frame.id, ReviewAssignment.state.in_(ACTIVE_OR_DONE), seen)
        .group_by(ReviewAssignment.state),
        *_waiting(frame, count),
    )
    rows = [tuple(row) for row in session().execute(parts)]
    readings = {state: number for kind, state, number in rows if kind == "reading"}
    seats = session().execute(
        sa.select(Stream.name, Stream.seats_held)
        .where(Stream.cohort_id == frame.id, Stream.seats_max.is_not(None))
        .order_by(Stream.position)
    )
    return Figures(
        funnel=tuple((kind, number) for kind, _, number in rows if kind in FUNNEL),
        arrivals=tuple(sorted((state, number) for kind, state, number in rows if kind == "day")),
        read=readings.get(AssignmentState.SUBMITTED.value, 0),
        to_read=sum(readings.values()),
        seats=tuple((name, held) for name, held in seats),
        waiting=dict.fromkeys(WAITING, 0) | {kind: number for kind, _, number in rows if kind in WAITING},
    )


def _waiting(frame: CohortFrame, count: Callable[..., Any]) -> list[Any]:
    """Counts of what nobody but the team can move on: submitted applications that nobody is to read, readings past
    their due date, applications that are read and not decided in a track, recorded decisions in no batch, applicants
    who asked something or ask for accommodation (for those who read threads)."""
    now = clock.now()
    of_application = ReviewAssignment.application_id == Application.id
    open_states = (AssignmentState.ASSIGNED, AssignmentState.STARTED)
    central = sa.select(ReviewRound.id).where(ReviewRound.cohort_id == frame.id, ReviewRound.kind.in_(CENTRAL))
    some_reader = sa.exists().where(
        of_application, ReviewAssignment.round_id.in_(central), ReviewAssignment.state.in_(ACTIVE_OR_DONE)
    )
    open_reading = sa.exists().where(
        of_application, ReviewAssignment.round_id.in_(central), ReviewAssignment.state.in_(open_states)
    )
    late = sa.exists().where(of_application, ReviewAssignment.state.in_(open_states), ReviewAssignment.due_at <= now)
    decided = sa.exists().where(Decision.track_choice_id == TrackChoice.id, Decision.superseded_at.is_(None))
    undecided = sa.exists().where(
        TrackChoice.application_id == Application.id, TrackChoice.state == TrackChoiceState.CHOSEN, ~decided
    )
    loose = sa.exists().where(
        Decision.application_id == Application.id, Decision.batch_id.is_(None), Decision.superseded_at.is_(None)
    )
    here = Application.cohort_id == frame.id
    submitted = sa.and_(here, Application.state == ApplicationState.SUBMITTED)
    seen = visible(Act.COHORT_READ)
    heard = visible(Act.THREADS_READ)
    asks = sa.exists().where(Thread.application_id == Application.id, Thread.waits_since.is_not(None))
    needs_something = sa.exists().where(
        AccommodationRequest.application_id == Application.id, AccommodationRequest.answered_at.is_(None)
    )
    closed = sa.exists().where(KeyDate.cohort_id == frame.id, KeyDate.code == "T2", KeyDate.at <= now)
    return [
        count("unread", submitted, seen, closed, ~some_reader),
        count("late", here, seen, late),
        count("undecided", submitted, seen, Application.score_count > 0, ~open_reading, undecided),
        count("unreleased", here, seen, loose),
        count("asking", here, heard, asks),
        count("needing", here, heard, needs_something),
    ]


def _day(instant: Any) -> sa.ColumnElement[str]:
    if session().get_bind().dialect.name == "sqlite":
        return sa.func.strftime("%Y-%m-%d", instant, type_=sa.String())
    return sa.func.to_char(sa.func.timezone("UTC", instant), "YYYY-MM-DD", type_=sa.String())
