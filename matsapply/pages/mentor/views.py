"""A stream's own pages: where it stands, its candidates, one candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import abort, flash, redirect, render_template, request, url_for

from matsapply.applications.models import Application, StreamApplication
from matsapply.cohorts.gates import gates_of
from matsapply.cohorts.models import Evaluation
from matsapply.decisions.actions import record_decision
from matsapply.evaluations.models import EvaluationInvite
from matsapply.evaluations.queries import candidate_tasks, plan_lines, submissions
from matsapply.evaluations.upkeep import waive
from matsapply.files.models import StoredFile
from matsapply.interviews.queries import candidate_interviews, slot_lines
from matsapply.offers.ranking import RANKABLE, current_ranking
from matsapply.pages.files import response_for
from matsapply.pages.guard import actor, needs
from matsapply.pages.mentor.desk import Desk, blueprint, desk, entered_from_form, rubric_form, tabs_of
from matsapply.pages.mentor.steps import next_steps
from matsapply.pages.phrases import sentence
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.process import own_streams, stream_desk, stream_file
from matsapply.process.stream_readings import review_candidate
from matsapply.process.stream_round import ASKABLE, invite_to_task, offer_interview
from matsapply.reviews.actions import Entered
from matsapply.reviews.models import ReviewAssignment
from matsapply.rules.access import Act
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import (
    EvaluationState,
    InterviewPlan,
    InterviewState,
    Outcome,
    RubricKind,
    StreamApplicationState,
)

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.process.stream_desk import Candidate

FUNNEL = (
    ("Applied", {StreamApplicationState.APPLIED}),
    ("In review", {StreamApplicationState.IN_REVIEW}),
    ("With a task", {StreamApplicationState.EVALUATING}),
    ("Interviewing", {StreamApplicationState.INTERVIEWING}),
    ("Assessed", {StreamApplicationState.ASSESSED}),
    ("Waitlisted", {StreamApplicationState.WAITLISTED}),
    ("Offer made", {StreamApplicationState.OFFERED}),
    ("Accepted", {StreamApplicationState.ACCEPTED}),
)
DECIDABLE = frozenset(
    {
        StreamApplicationState.APPLIED,
        StreamApplicationState.IN_REVIEW,
        StreamApplicationState.EVALUATING,
        StreamApplicationState.INTERVIEWING,
        StreamApplicationState.ASSESSED,
    }
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


# --- one candidate --------------------------------------------------------------------------------------------------


def _candidate(at: Desk, public_id: str) -> Candidate:
    ranking = current_ranking(session(), at.stream.id)
    found = stream_desk.one_candidate(session(), at.stream, at.reader, public_id, ranking.ranking_id)
    if found is None:
        abort(404)
    return found


def _entry(at: Desk, public_id: str) -> StreamApplication:
    """The row behind a candidate the reader may see, for an act on it."""
    return session().get_one(StreamApplication, _candidate(at, public_id).id)


def _page(at: Desk, who: Candidate, entered: Entered, *, check: bool = False, refusal: str = "") -> str:
    now = clock.now()
    entry = session().get_one(StreamApplication, who.id)
    target = ReviewAssignment.stream_application_id == who.id
    own = stream_file.own_reading(session(), at.reader.person_id, target)
    tasks = candidate_tasks(session(), who.id, now)
    asked = {task.key for task in tasks}
    plan = plan_lines(session(), at.stream.id, stream_desk.seen_by(at.reader))
    interviews = candidate_interviews(session(), who.id)
    gates = gates_of(session(), at.stream.cohort_id)
    held = sum(one.state is InterviewState.HELD for one in interviews)
    rounds = {InterviewPlan.NONE: 0, InterviewPlan.ONE: 1, InterviewPlan.TWO: 2}[at.stream.interview]
    interview_open = gates.passed("T10", now) and not gates.passed("T11", now)
    none_open = not any(one.state in {InterviewState.OFFERED, InterviewState.BOOKED} for one in interviews)
    askable = who.state in {StreamApplicationState.IN_REVIEW, StreamApplicationState.INTERVIEWING}
    return render_template(
        "mentor/candidate.html",
        at=at,
        tabs=tabs_of(at.stream),
        who=who,
        answers=stream_file.answers(session(), at.stream, entry.application_id),
        own=own,
        others=stream_file.other_readings(session(), at.reader.person_id, target)
        if own is not None or at.may_decide
        else [],
        form=rubric_form(
            at.stream.cohort_id,
            RubricKind.STREAM_REVIEW,
            entered if check or own is None else Entered(own.scores, own.note, own.feedback),
            check=check,
        ),
        tasks=tasks,
        invitable=[
            line
            for line in plan
            if line.key not in asked and line.open(now) and who.state in ASKABLE and at.has_role_for("S5")
        ],
        interviews=interviews,
        may_offer=none_open and askable and held < rounds and interview_open and at.has_role_for("I1"),
        interview_dates=(gates.at("T10"), gates.at("T11")),
        may_refuse=at.may_decide and who.state in DECIDABLE,
        rankable=who.state in RANKABLE,
        refusal=refusal,
        waivable={EvaluationState.INVITED, EvaluationState.STARTED, EvaluationState.EXPIRED},
    )


@blueprint.get("/<ref>/candidates/<public_id>")
@needs(Act.STREAM_READ)
def candidate(ref: str, public_id: str) -> ResponseReturnValue:
    """One candidate: what they wrote, what the stream has found out, what can be done now."""
    at = desk(ref)
    return _page(at, _candidate(at, public_id), Entered())


@blueprint.get("/<ref>/candidates/<public_id>/files/<file_id>")
@needs(Act.STREAM_READ)
def candidate_file(ref: str, public_id: str, file_id: str) -> ResponseReturnValue:
    """A file that stands as an answer the stream may read."""
    at = desk(ref)
    entry = _entry(at, public_id)
    files = {
        key for answer in stream_file.answers(session(), at.stream, entry.application_id) for key, _ in answer.files
    }
    if file_id not in files:
        abort(404)
    return response_for(session().scalars(sa.select(StoredFile).where(StoredFile.public_id == file_id)).one())


@blueprint.post("/<ref>/candidates/<public_id>/review")
@needs(Act.STREAM_WRITE)
def review(ref: str, public_id: str) -> ResponseReturnValue:
    """The reader's own reading by the stream rubric, or its correction."""
    now = clock.now()
    at = desk(ref, Act.STREAM_WRITE)
    who = _candidate(at, public_id)
    entered = entered_from_form()
    form = rubric_form(at.stream.cohort_id, RubricKind.STREAM_REVIEW, entered, check=True)
    if form is None or form.problems:
        return _page(at, who, entered, check=True), 422
    entry = session().get_one(StreamApplication, who.id)
    try:
        review_candidate(session(), at.actor, at.reading_role(), at.stream.cohort_id, entry, entered, now)
    except Refused as refused:
        return _refused(at, public_id, refused, entered)
    flash("Your reading is saved.", "good")
    return _back(at, public_id)


@blueprint.post("/<ref>/candidates/<public_id>/invite")
@needs(Act.STREAM_DECIDE)
def invite(ref: str, public_id: str) -> ResponseReturnValue:
    """Ask the candidate to do one task of the plan (S5)."""
    now = clock.now()
    at = desk(ref, Act.STREAM_DECIDE)
    entry = _entry(at, public_id)
    evaluation = session().scalar(
        sa.select(Evaluation).where(
            Evaluation.cohort_id == at.stream.cohort_id, Evaluation.key == request.form.get("task", "")[:60]
        )
    )
    if evaluation is None:
        abort(404)
    try:
        task = invite_to_task(session(), at.actor, entry, evaluation, at.role("S5"), now)
    except Refused as refused:
        return _refused(at, public_id, refused)
    if task.state in {EvaluationState.SUBMITTED, EvaluationState.MARKED}:
        flash(f"“{evaluation.title}” is handed in already; the stream now reads it too.", "good")
    else:
        flash(f"Invited to “{evaluation.title}”. A message is on its way.", "good")
    return _back(at, public_id)


@blueprint.post("/<ref>/candidates/<public_id>/waive")
@needs(Act.STREAM_DECIDE)
def waive_task(ref: str, public_id: str) -> ResponseReturnValue:
    """Do without a task the stream asked for (V6)."""
    now = clock.now()
    at = desk(ref, Act.STREAM_DECIDE)
    entry = _entry(at, public_id)
    asked = {task.invite_public_id for task in candidate_tasks(session(), entry.id, now)}
    wanted = request.form.get("task", "")
    if wanted not in asked:
        abort(404)
    task = session().scalars(sa.select(EvaluationInvite).where(EvaluationInvite.public_id == wanted)).one()
    try:
        waive(session(), at.actor, at.role("V6"), task, request.form.get("reason", ""), now)
    except Refused as refused:
        return _refused(at, public_id, refused)
    flash("Waived. The candidate no longer has to do this task.", "good")
    return _back(at, public_id)


@blueprint.post("/<ref>/candidates/<public_id>/interview")
@needs(Act.STREAM_DECIDE)
def offer(ref: str, public_id: str) -> ResponseReturnValue:
    """Let the candidate pick an interview slot (S7, I1)."""
    now = clock.now()
    at = desk(ref, Act.STREAM_DECIDE)
    entry = _entry(at, public_id)
    try:
        offer_interview(session(), at.actor, entry, at.role("I1"), now)
    except Refused as refused:
        return _refused(at, public_id, refused)
    flash("The candidate can pick a slot now. A message is on its way.", "good")
    return _back(at, public_id)


@blueprint.post("/<ref>/candidates/<public_id>/decline")
@needs(Act.STREAM_DECIDE)
def decline(ref: str, public_id: str) -> ResponseReturnValue:
    """Record that the stream does not select the candidate; nothing shows before its release."""
    now = clock.now()
    at = desk(ref, Act.STREAM_DECIDE)
    entry = _entry(at, public_id)
    application = session().get_one(Application, entry.application_id)
    try:
        record_decision(
            session(),
            at.actor,
            role=at.deciding_role(),
            application=application,
            stream_application=entry,
            outcome=Outcome.NOT_SELECT,
            now=now,
            feedback=request.form.get("feedback", "")[:4000].strip(),
        )
    except Refused as refused:
        return _refused(at, public_id, refused)
    flash("Recorded. The candidate learns it with the release, not before.", "good")
    return _back(at, public_id)


def _back(at: Desk, public_id: str) -> ResponseReturnValue:
    return redirect(url_for("mentor.candidate", ref=at.stream.ref, public_id=public_id), 303)


def _refused(at: Desk, public_id: str, refused: Refused, entered: Entered | None = None) -> ResponseReturnValue:
    """The page again with the sentence, and with what was typed; nothing was changed."""
    session().rollback()
    who = _candidate(at, public_id)
    return _page(at, who, entered or Entered(), check=entered is not None, refusal=sentence(refused.refusal)), 409
