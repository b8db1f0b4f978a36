"""What everybody can see: home, tracks, streams, dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, render_template, url_for

from matsapply.cohorts import queries as cohorts
from matsapply.mail.calendar import DateItem, dates_feed
from matsapply.pages.guard import needs
from matsapply.pages.public.caching import kept_briefly
from matsapply.pages.public.road import road_of
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.rules.access import Act
from matsapply.rules.stages import StreamState
from matsapply.showcase import queries as showcase
from matsapply.showcase.stream_papers import papers_of_stream

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.cohorts.views import CohortView, StreamView

blueprint = Blueprint("public", __name__)

FEATURED = 3
# A stream's own page speaks of these before the cohort's dates.
OPENING_CODES = frozenset({"T0", "T1", "T6", "T10", "T17", "T19", "T20"})


def cohort_or_none() -> CohortView | None:
    """The cohort that public pages speak of, if there is any."""
    return cohorts.cohort_in_force(session(), clock.now())


@blueprint.get("/")
@needs(Act.PUBLIC)
@kept_briefly
def home() -> ResponseReturnValue:
    """What the programme is, where its road stands, and the one thing to do now."""
    cohort = cohort_or_none()
    if cohort is None:
        return render_template("public/home_empty.html")
    now = clock.now()
    dates = cohorts.key_dates(session(), cohort.id)
    by_code = {date.code: date for date in dates}
    streams = cohorts.streams(session(), cohort.id)
    return render_template(
        "public/home.html",
        cohort=cohort,
        stages=road_of(dates, now),
        opens=by_code.get("T1"),
        closes=by_code.get("T2"),
        moment=moment(by_code.get("T1"), by_code.get("T2"), now),
        tracks=cohorts.tracks(session(), cohort.id),
        streams_by_track=by_track(streams),
        seats=sum(stream.seats_target or 0 for stream in streams),
        mentors=sum(len(stream.mentors) for stream in streams),
        streams=streams,
        papers=showcase.papers(session(), limit=FEATURED),
    )


def moment(opens: object, closes: object, now: object) -> str:
    """Where the general application stands: ``before``, ``open``, ``over`` or ``unset``."""
    at_open, at_close = getattr(opens, "at", None), getattr(closes, "at", None)
    if at_open is None:
        return "unset"
    if now < at_open:  # type: ignore[operator]
        return "before"
    return "over" if at_close is not None and now >= at_close else "open"  # type: ignore[operator]


def by_track(streams: list[StreamView]) -> dict[str, list[StreamView]]:
    """Streams by the keys of all their tracks."""
    found: dict[str, list[StreamView]] = {}
    for stream in streams:
        for track in stream.tracks:
            found.setdefault(track.key, []).append(stream)
    return found


@blueprint.get("/tracks")
@needs(Act.PUBLIC)
@kept_briefly
def tracks() -> ResponseReturnValue:
    """Every track with its streams."""
    cohort = cohort_or_none()
    if cohort is None:
        return render_template("public/home_empty.html")
    streams = cohorts.streams(session(), cohort.id)
    found = cohorts.tracks(session(), cohort.id)
    return render_template(
        "public/tracks.html",
        cohort=cohort,
        tracks=found,
        streams_by_track=by_track(streams),
        papers=showcase.papers_of_tracks(session(), [track.key for track in found], each=3),
    )


@blueprint.get("/streams/<key>")
@needs(Act.PUBLIC)
@kept_briefly
def stream(key: str) -> ResponseReturnValue:
    """One stream: mentors, areas, tasks with their hours, seats, dates, and what fellows wrote there."""
    cohort = cohort_or_none()
    found = cohorts.stream_by_key(session(), cohort.id, key) if cohort else None
    if cohort is None or found is None:
        abort(404)
    dates = {date.code: date for date in cohorts.key_dates(session(), cohort.id)}
    papers = papers_of_stream(session(), key, 6)
    nearby = () if papers or not found.main_track else showcase.papers_of_track(session(), found.main_track.key, 4)
    return render_template(
        "public/stream.html",
        cohort=cohort,
        stream=found,
        opens=found.opens_at or getattr(dates.get("T1"), "at", None),
        closes=found.closes_at or getattr(dates.get("T2"), "at", None),
        dates=dates,
        hours=sum(task.effort_hours for task in found.tasks if task.required),
        papers=papers,
        nearby=nearby,
        takes=found.state in {StreamState.LISTED, StreamState.OPEN},
        now=clock.now(),
    )


@blueprint.get("/dates")
@needs(Act.PUBLIC)
@kept_briefly
def dates() -> ResponseReturnValue:
    """Every public date of the cohort, three ways each, with what was moved."""
    cohort = cohort_or_none()
    if cohort is None:
        return render_template("public/home_empty.html")
    now = clock.now()
    found = cohorts.key_dates(session(), cohort.id)
    return render_template(
        "public/dates.html", cohort=cohort, dates=found, stages=road_of(found, now), now=now, opening=OPENING_CODES
    )


@blueprint.get("/dates.ics")
@needs(Act.PUBLIC)
def dates_calendar() -> ResponseReturnValue:
    """The dates as a calendar that follows when they move."""
    cohort = cohort_or_none()
    now = clock.now()
    items = [
        DateItem(
            uid=f"{date.public_id}@matsapply",
            label=f"{cohort.program}: {date.label}",
            instant=date.at,
            changed_at=date.moved_on or now,
            url=url_for("public.dates", _external=True),
            opens=date.code in OPENING_CODES,
        )
        for date in (cohorts.key_dates(session(), cohort.id) if cohort else ())
        if date.at is not None and cohort is not None
    ]
    response = Response(dates_feed(items, now), mimetype="text/calendar")
    response.headers["Content-Disposition"] = 'inline; filename="dates.ics"'
    return response
