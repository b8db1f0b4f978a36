"""One candidate of a stream: what they wrote, what the stream has found out, and what can be done now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import abort, flash, redirect, render_template, request, url_for

from matsapply.applications.models import Application, StreamApplication
from matsapply.cohorts.gates import gates_of
from matsapply.cohorts.models import Evaluation
from matsapply.decisions.actions import record_decision
from matsapply.evaluations.models import EvaluationInvite
from matsapply.evaluations.queries import candidate_tasks, plan_lines
from matsapply.evaluations.upkeep import extend, waive
from matsapply.files.models import StoredFile
from matsapply.interviews.queries import candidate_interviews
from matsapply.offers.ranking import RANKABLE, current_ranking
from matsapply.pages.files import response_for
from matsapply.pages.guard import needs
from matsapply.pages.mentor.desk import (
    MOST_REASON,
    REASON_TOO_LONG,
    Desk,
    blueprint,
    desk,
    rubric_form,
    tabs_of,
    typed_reason,
)
from matsapply.pages.phrases import sentence
from matsapply.pages.readings import entered, plain_text
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.process import stream_desk, stream_file
from matsapply.process.stream_readings import review_candidate
from matsapply.process.stream_round import ASKABLE, invite_to_task, offer_interview
from matsapply.reviews.actions import MOST_FEEDBACK, Entered
from matsapply.reviews.models import ReviewAssignment
from matsapply.rules.access import Act
from matsapply.rules.refusals import Code, Refused, refuse
from matsapply.rules.stages import (
    EvaluationState,
    ExtensionReason,
    InterviewPlan,
    InterviewState,
    Outcome,
    RubricKind,
    StreamApplicationState,
)
from matsapply.rules.wall_time import Unresolved, resolve_rule
from matsapply.showcase.stream_papers import papers_of_stream

if TYPE_CHECKING:
    from datetime import datetime

    from flask.typing import ResponseReturnValue

    from matsapply.process.stream_desk import Candidate

EXTENSION_REASONS = {
    ExtensionReason.ACCOMMODATION.value: "An adjustment the applicant needs",
    ExtensionReason.TECHNICAL_FAULT.value: "A technical fault",
    ExtensionReason.OTHER.value: "Something else",
}
UNREADABLE = "Write until when, such as 2027-03-09 17:00 Europe/London or 2027-03-09 EOD AoE."
PAPERS = 4  # beside a candidate
DECIDABLE = frozenset(
    {
        StreamApplicationState.APPLIED,
        StreamApplicationState.IN_REVIEW,
        StreamApplicationState.EVALUATING,
        StreamApplicationState.INTERVIEWING,
        StreamApplicationState.ASSESSED,
    }
)


def _candidate(at: Desk, public_id: str) -> Candidate:
    ranking = current_ranking(session(), at.stream.id)
    found = stream_desk.one_candidate(session(), at.stream, at.reader, public_id, ranking.ranking_id)
    if found is None:
        abort(404)
    return found


def _entry(at: Desk, public_id: str) -> StreamApplication:
    """The row behind a candidate the reader may see, for an act on it."""
    return session().get_one(StreamApplication, _candidate(at, public_id).id)


def _page(at: Desk, who: Candidate, sent: Entered, *, check: bool = False, refusal: str = "") -> str:
    """The page. Where a request was refused, its form's own texts are shown again (``typed`` in the template)."""
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
        papers=papers_of_stream(session(), at.stream.key, PAPERS),
        answers=stream_file.answers(session(), at.stream, entry.application_id),
        own=own,
        others=stream_file.other_readings(session(), at.reader.person_id, target)
        if own is not None or at.may_decide
        else [],
        form=rubric_form(
            at.stream.cohort_id,
            RubricKind.STREAM_REVIEW,
            sent if check or own is None else Entered(own.scores, own.note, own.feedback),
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
        typed=request.form if refusal else {},
        may_extend=at.has_role_for("V5x"),
        extendable={EvaluationState.INVITED, EvaluationState.STARTED, EvaluationState.EXPIRED},
        reasons=EXTENSION_REASONS,
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
    sent = entered(request.form)
    form = rubric_form(at.stream.cohort_id, RubricKind.STREAM_REVIEW, sent, check=True)
    if form is None or form.problems:
        return _page(at, who, sent, check=True), 422
    entry = session().get_one(StreamApplication, who.id)
    try:
        review_candidate(session(), at.actor, at.reading_role(), at.stream.cohort_id, entry, sent, now)
    except Refused as refused:
        return _refused(at, public_id, refused, sent)
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
    task = _asked(entry, now)
    if len(reason := typed_reason()) > MOST_REASON:
        return _again(at, public_id, REASON_TOO_LONG, 422)
    try:
        waive(session(), at.actor, at.role("V6"), task, reason, now)
    except Refused as refused:
        return _refused(at, public_id, refused)
    flash("Waived. The candidate no longer has to do this task.", "good")
    return _back(at, public_id)


@blueprint.post("/<ref>/candidates/<public_id>/extend")
@needs(Act.STREAM_DECIDE)
def extend_task(ref: str, public_id: str) -> ResponseReturnValue:
    """Give one person more time for a task; for the team, for markers do not learn of it (V5x)."""
    now = clock.now()
    at = desk(ref, Act.STREAM_DECIDE)
    task = _asked(_entry(at, public_id), now)
    reason_class = request.form.get("reason_class", "")
    if reason_class not in EXTENSION_REASONS:
        abort(400)
    until = resolve_rule(request.form.get("until", "")[:100])
    if isinstance(until, Unresolved):
        return _again(at, public_id, UNREADABLE, 422)
    if len(reason := typed_reason()) > MOST_REASON:
        return _again(at, public_id, REASON_TOO_LONG, 422)
    try:
        if not reason:
            raise refuse(Code.REASON_NEEDED)
        kind = ExtensionReason(reason_class)
        extend(session(), at.actor, at.role("V5x"), task, until, kind, now, reason=reason)
    except Refused as refused:
        return _refused(at, public_id, refused)
    flash("More time is given; the page of the applicant shows it at once.", "good")
    return _back(at, public_id)


def _asked(entry: StreamApplication, now: datetime) -> EvaluationInvite:
    """The task the form names, if the stream asked this candidate for it; else 404."""
    wanted = request.form.get("task", "")
    if wanted not in {task.invite_public_id for task in candidate_tasks(session(), entry.id, now)}:
        abort(404)
    return session().scalars(sa.select(EvaluationInvite).where(EvaluationInvite.public_id == wanted)).one()


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
    feedback = plain_text(request.form.get("feedback"))
    if len(feedback) > MOST_FEEDBACK:
        return _again(at, public_id, f"Keep the feedback under {MOST_FEEDBACK} characters.", 422)
    try:
        record_decision(
            session(),
            at.actor,
            role=at.deciding_role(),
            application=application,
            stream_application=entry,
            outcome=Outcome.NOT_SELECT,
            now=now,
            feedback=feedback,
        )
    except Refused as refused:
        return _refused(at, public_id, refused)
    flash("Recorded. The candidate learns it with the release, not before.", "good")
    return _back(at, public_id)


def _back(at: Desk, public_id: str) -> ResponseReturnValue:
    return redirect(url_for("mentor.candidate", ref=at.stream.ref, public_id=public_id), 303)


def _refused(at: Desk, public_id: str, refused: Refused, sent: Entered | None = None) -> ResponseReturnValue:
    """The page again with the sentence, and with what was typed; nothing was changed."""
    session().rollback()
    return _again(at, public_id, sentence(refused.refusal), 409, sent)


def _again(at: Desk, public_id: str, refusal: str, status: int, sent: Entered | None = None) -> ResponseReturnValue:
    who = _candidate(at, public_id)
    return _page(at, who, sent or Entered(), check=sent is not None, refusal=refusal), status
