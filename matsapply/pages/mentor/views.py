"""A stream's own pages: where it stands, its candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import abort, redirect, render_template, request, url_for

from matsapply.cohorts.gates import gates_of
from matsapply.evaluations.queries import plan_lines, submissions
from matsapply.interviews.queries import slot_lines
from matsapply.offers.ranking import current_ranking
from matsapply.pages.guard import actor, needs
from matsapply.pages.mentor.desk import blueprint, desk, tabs_of
from matsapply.pages.mentor.steps import next_steps
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.process import own_streams, stream_desk, stream_file
from matsapply.rules.access import Act
from matsapply.rules.stages import InterviewState, StreamApplicationState

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

FUNNEL = (
    ("Applied", {StreamApplicationState.APPLIED}),
    ("In review", {StreamApplicationState.IN_REVIEW}),
    ("With a task", {StreamApplicationState.EVALUATING}),
    ("Interviewing", {StreamApplicationState.INTERVIEWING}),
    ("Assessed", {StreamApplicationState.ASSESSED}),
    ("Waitlisted", {StreamApplicationState.WAITLISTED}),
    ("Offer made", {StreamApplicationState.OFFERED}),
    ("Accepted", {StreamApplicationState.ACCEPTED}),
    ("Not selected", {StreamApplicationState.NOT_SELECTED}),
    (
        "Declined or placed elsewhere",
        {
            StreamApplicationState.DECLINED,
            StreamApplicationState.LAPSED,
            StreamApplicationState.RELEASED_BY_PLACEMENT,
            StreamApplicationState.RESCINDED,
        },
    ),
)


@blueprint.get("")
@needs(Act.STREAM_READ)
def home() -> ResponseReturnValue:
    """The actor's streams; straight into the only one."""
    streams = own_streams.mentor_streams(session(), actor())
    if len(streams) == 1:
        return redirect(url_for("mentor.overview", ref=streams[0].ref), 303)
    return render_template("mentor/home.html", streams=streams)


@blueprint.get("/<ref>")
@needs(Act.STREAM_READ)
def overview(ref: str) -> ResponseReturnValue:
    """Where the stream stands and what to do next."""
    now = clock.now()
    at = desk(ref)
    seen = stream_desk.seen_by(at.reader)
    counts = stream_desk.funnel(session(), at.stream.id, at.reader)
    gates = gates_of(session(), at.stream.cohort_id)
    plan = plan_lines(session(), at.stream.id, seen)
    to_mark = submissions(session(), at.stream.id, seen, now)
    marked = stream_file.marked_by(session(), at.reader.person_id, [line.submission_id for line in to_mark])
    slots = slot_lines(session(), at.stream.id, seen)
    ranking = current_ranking(session(), at.stream.id)
    rows = [(label, sum(counts.get(state, 0) for state in states)) for label, states in FUNNEL]
    steps = next_steps(
        at,
        counts,
        plan=plan,
        unmarked=len(to_mark) - len(marked),
        slots=slots,
        ranking=ranking,
        gates=gates,
        now=now,
    )
    return render_template(
        "mentor/stream.html",
        at=at,
        tabs=tabs_of(at.stream),
        rows=[row for row in rows if row[1]] or rows[:1],
        total=sum(counts.values()),
        counts=counts,
        plan=plan,
        steps=steps,
        ranking=ranking,
        unmarked=len(to_mark) - len(marked),
        booked=sum(slot.state is InterviewState.BOOKED for slot in slots),
        dates=[
            ("Interviews", gates.at("T10")),
            ("Interviews end", gates.at("T11")),
            ("Rankings lock", gates.at("T12")),
        ],
    )


@blueprint.get("/<ref>/candidates")
@needs(Act.STREAM_READ)
def candidate_list(ref: str) -> ResponseReturnValue:
    """The table of candidates: filtered by state and name, sorted by one column."""
    at = desk(ref)
    chosen = {state for state in StreamApplicationState if state.value in request.args.getlist("state")}
    sort = request.args.get("sort", "rank")
    words = request.args.get("q", "")
    ranking = current_ranking(session(), at.stream.id)
    try:
        page = stream_desk.candidates(
            session(),
            at.stream,
            at.reader,
            ranking_id=ranking.ranking_id,
            sort=sort,
            states=frozenset(chosen),
            words=words,
            after=request.args.get("after", ""),
        )
    except ValueError:
        abort(400)
    states = [(state, page.counts[state]) for state in StreamApplicationState if state in page.counts]
    return render_template(
        "mentor/candidates.html",
        at=at,
        tabs=tabs_of(at.stream),
        page=page,
        sort=sort if sort.removeprefix("-") in stream_desk.SORTS else "rank",
        words=words,
        chosen=chosen,
        states=states,
    )
