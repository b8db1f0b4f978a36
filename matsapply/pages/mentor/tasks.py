"""A stream's tasks: the plan, who was asked, and marking without names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import abort, flash, redirect, render_template, request, url_for

from matsapply.cohorts.models import Evaluation
from matsapply.evaluations.models import EvaluationInvite, Submission
from matsapply.evaluations.queries import handed_in, plan_lines, submissions
from matsapply.files.models import StoredFile
from matsapply.pages.files import blind_response_for
from matsapply.pages.guard import needs
from matsapply.pages.mentor.desk import Desk, blueprint, desk, rubric_form, tabs_of
from matsapply.pages.phrases import sentence
from matsapply.pages.readings import entered
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.process import stream_desk, stream_file
from matsapply.process.stream_readings import mark_submission
from matsapply.process.stream_round import invite_all, to_invite
from matsapply.reviews.actions import Entered
from matsapply.reviews.models import ReviewAssignment
from matsapply.rules.access import Act
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import RubricKind

if TYPE_CHECKING:
    from datetime import datetime

    from flask.typing import ResponseReturnValue

    from matsapply.evaluations.queries import ToMark


@blueprint.get("/<ref>/tasks")
@needs(Act.STREAM_READ)
def tasks(ref: str) -> ResponseReturnValue:
    """The plan with its progress, and what there is to mark."""
    now = clock.now()
    at = desk(ref)
    seen = stream_desk.seen_by(at.reader)
    to_mark = submissions(session(), at.stream.id, seen, now)
    people, open_tasks = to_invite(session(), at.actor, at.stream.id, now) if at.has_role_for("S5") else ([], [])
    return render_template(
        "mentor/tasks.html",
        at=at,
        tabs=tabs_of(at.stream),
        plan=plan_lines(session(), at.stream.id, seen),
        to_mark=to_mark,
        marked=stream_file.marked_by(session(), at.reader.person_id, [line.submission_id for line in to_mark]),
        people=len(people),
        open_tasks=open_tasks,
    )


@blueprint.post("/<ref>/tasks/invite")
@needs(Act.STREAM_DECIDE)
def invite_everybody(ref: str) -> ResponseReturnValue:
    """Ask everybody in review for the open, required tasks of the plan."""
    at = desk(ref, Act.STREAM_DECIDE)
    done = invite_all(session(), at.actor, at.row(), clock.now(), at.role("S5"))
    if done.people:
        flash(f"{done.people} people were invited: {done.invitations} invitations in all.", "good")
    else:
        flash("Nobody was left to invite.", "info")
    if done.closed:
        flash(f"{done.closed} invitations could not be made, because the task is closed for that person.", "warn")
    return redirect(url_for("mentor.tasks", ref=at.stream.ref), 303)


def _one(at: Desk, public_id: str, now: datetime) -> ToMark:
    found = submissions(session(), at.stream.id, stream_desk.seen_by(at.reader), now, public_id=public_id)
    if not found:
        abort(404)
    return found[0]


def _page(at: Desk, line: ToMark, sent: Entered, *, check: bool = False, refusal: str = "") -> str:
    now = clock.now()
    submission = session().get_one(Submission, line.submission_id)
    evaluation = session().get_one(Evaluation, session().get_one(EvaluationInvite, submission.invite_id).evaluation_id)
    own = stream_file.own_reading(session(), at.reader.person_id, ReviewAssignment.submission_id == line.submission_id)
    everything = submissions(session(), at.stream.id, stream_desk.seen_by(at.reader), now)
    done = stream_file.marked_by(session(), at.reader.person_id, [one.submission_id for one in everything])
    ids = [one.public_id for one in everything if one.task_key == line.task_key]
    place = ids.index(line.public_id)
    return render_template(
        "mentor/mark.html",
        at=at,
        tabs=tabs_of(at.stream),
        line=line,
        evaluation=evaluation,
        work=handed_in(session(), submission.invite_id),
        own=own,
        mean=submission.mark_mean if own else None,
        form=rubric_form(
            at.stream.cohort_id,
            RubricKind.TASK_MARKING,
            sent if check or own is None else Entered(own.scores, own.note, own.feedback),
            check=check,
        ),
        previous=ids[place - 1] if place else None,
        following=ids[place + 1] if place + 1 < len(ids) else None,
        number=place + 1,
        total=len(ids),
        done=len(done),
        refusal=refusal,
    )


@blueprint.get("/<ref>/tasks/mark/<public_id>")
@needs(Act.STREAM_READ)
def mark(ref: str, public_id: str) -> ResponseReturnValue:
    """One submission, without a name."""
    at = desk(ref)
    return _page(at, _one(at, public_id, clock.now()), Entered())


@blueprint.get("/<ref>/tasks/mark/<public_id>/file")
@needs(Act.STREAM_READ)
def mark_file(ref: str, public_id: str) -> ResponseReturnValue:
    """The file of a submission, under its code and without who made it: markers read without names."""
    at = desk(ref)
    line = _one(at, public_id, clock.now())
    work = handed_in(session(), session().get_one(Submission, line.submission_id).invite_id)
    if work is None or work.file_public_id is None:
        abort(404)
    file = session().scalars(sa.select(StoredFile).where(StoredFile.public_id == work.file_public_id)).one()
    return blind_response_for(file, f"{line.code}.pdf")


@blueprint.post("/<ref>/tasks/mark/<public_id>")
@needs(Act.STREAM_WRITE)
def save_mark(ref: str, public_id: str) -> ResponseReturnValue:
    """The reader's own mark, or its correction; then on to the next one."""
    now = clock.now()
    at = desk(ref, Act.STREAM_WRITE)
    line = _one(at, public_id, now)
    sent = entered(request.form)
    form = rubric_form(at.stream.cohort_id, RubricKind.TASK_MARKING, sent, check=True)
    if form is None or form.problems:
        return _page(at, line, sent, check=True), 422
    submission = session().get_one(Submission, line.submission_id)
    try:
        mark_submission(session(), at.actor, at.reading_role(), at.stream.cohort_id, submission, sent, now)
    except Refused as refused:
        session().rollback()
        return _page(at, line, sent, check=True, refusal=sentence(refused.refusal)), 409
    flash(f"Your mark of {line.code} is saved.", "good")
    left = submissions(session(), at.stream.id, stream_desk.seen_by(at.reader), now)
    done = stream_file.marked_by(session(), at.reader.person_id, [one.submission_id for one in left])
    for one in left:
        if one.task_key == line.task_key and one.submission_id not in done:
            return redirect(url_for("mentor.mark", ref=at.stream.ref, public_id=one.public_id), 303)
    return redirect(url_for("mentor.tasks", ref=at.stream.ref), 303)
