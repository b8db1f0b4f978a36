"""An applicant's tasks and interviews, where they act on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, abort, flash, jsonify, redirect, render_template, request, url_for

from matsapply.evaluations import actions, queries
from matsapply.evaluations.windows import window_of
from matsapply.files.actions import Problem as FileProblem, store_upload
from matsapply.interviews import actions as interviews, queries as interview_queries
from matsapply.pages.guard import actor, needs
from matsapply.pages.phrases import sentence
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.rules.access import Act
from matsapply.rules.refusals import Refused

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.evaluations.models import EvaluationInvite
    from matsapply.interviews.models import Interview

blueprint = Blueprint("tasks", __name__)

MOST_LETTERS = 200_000


def _task(public_id: str) -> EvaluationInvite:
    found = queries.own_task(session(), actor().person_id, public_id)
    if found is None:
        abort(404)
    return found


@blueprint.get("/tasks")
@needs(Act.APPLICATION_OWN)
def listing() -> ResponseReturnValue:
    """Everything streams ask for, with hours and due instants."""
    application = queries.own_application(session(), actor().person_id)
    lines = queries.task_lines(session(), application.id, clock.now()) if application else []
    return render_template("applicant/tasks.html", tasks=lines)


@blueprint.get("/tasks/<public_id>")
@needs(Act.APPLICATION_OWN)
def task(public_id: str) -> ResponseReturnValue:
    return _page(_task(public_id))


def _page(
    found: EvaluationInvite, *, refusal: str | None = None, typed: str | None = None, status: int = 200
) -> ResponseReturnValue:
    now = clock.now()
    window = window_of(session(), found)
    page = render_template(
        "applicant/task.html",
        task=found,
        evaluation=found.evaluation,
        opens_at=window.opens_at,
        ends_at=window.ends_at,
        over=window.over(now),
        text=found.draft_answer if typed is None else typed,
        handed_in=queries.handed_in(session(), found.id),
        refusal=refusal,
        now=now,
    )
    return page, status


@blueprint.post("/tasks/<public_id>/start")
@needs(Act.APPLICATION_OWN)
def start(public_id: str) -> ResponseReturnValue:
    found = _task(public_id)
    try:
        actions.start_task(session(), actor(), found, clock.now(), ai_rule=request.form.get("rule") == "yes")
    except Refused as refused:
        session().rollback()
        return _page(_task(public_id), refusal=sentence(refused.refusal), status=409)
    return redirect(url_for("tasks.task", public_id=public_id), 303)


@blueprint.post("/tasks/<public_id>/draft")
@needs(Act.APPLICATION_OWN)
def draft(public_id: str) -> ResponseReturnValue:
    """The page's script saves here after a pause."""
    found = _task(public_id)
    text = request.form.get("answer", "")[:MOST_LETTERS].replace("\x00", "")
    number = request.form.get("version", "0")
    version = int(number) if number.isascii() and number.isdigit() and len(number) < 9 else -1
    try:
        saved = actions.save_task_draft(session(), actor(), found, text, version, clock.now())
    except Refused as refused:
        return jsonify({"message": sentence(refused.refusal)}), 403
    if saved.conflict is not None:
        return jsonify({"conflict": {"answer": saved.conflict}, "version": saved.version}), 409
    return jsonify({"saved_at": saved.saved_at.isoformat(), "version": saved.version})


@blueprint.post("/tasks/<public_id>")
@needs(Act.APPLICATION_OWN)
def submit(public_id: str) -> ResponseReturnValue:
    """Hand in: by the server's clock at the arrival of this request."""
    now = clock.now()
    found = _task(public_id)
    text = request.form.get("answer", "")[:MOST_LETTERS].replace("\x00", "")
    try:
        sent = request.files.get("file")
        if sent is not None and sent.filename:
            stored = store_upload(session(), actor().person_id or 0, sent.stream, sent.filename, 10, now)
            if isinstance(stored, FileProblem):
                return _page(found, refusal=stored.sentence, typed=text, status=422)
            actions.attach(session(), actor(), found, stored, now)
        actions.submit_task(session(), actor(), found, text, now)
    except Refused as refused:
        session().rollback()
        return _page(_task(public_id), refusal=sentence(refused.refusal), typed=text, status=409)
    flash("Received. You can hand in again until the end; the last version counts.", "good")
    return redirect(url_for("tasks.task", public_id=public_id), 303)


def _interview(public_id: str) -> Interview:
    found = interview_queries.own_interview(session(), actor().person_id, public_id)
    if found is None:
        abort(404)
    return found


@blueprint.get("/interviews/<public_id>")
@needs(Act.APPLICATION_OWN)
def interview(public_id: str) -> ResponseReturnValue:
    return _interview_page(_interview(public_id))


def _interview_page(found: Interview, refusal: str | None = None, status: int = 200) -> ResponseReturnValue:
    now = clock.now()
    page = render_template(
        "applicant/interview.html",
        interview=found,
        stream=found.stream_application.stream.name,
        slot=found.slot,
        slots=interview_queries.open_slots(session(), found, actor().person_id or 0, now),
        refusal=refusal,
        now=now,
    )
    return page, status


@blueprint.post("/interviews/<public_id>")
@needs(Act.APPLICATION_OWN)
def book(public_id: str) -> ResponseReturnValue:
    """Take a slot, or move to another one."""
    found = _interview(public_id)
    slot = interview_queries.slot_of_stream(
        session(), found.stream_application.stream_id, request.form.get("slot", "")[:40]
    )
    if slot is None:
        return _interview_page(found, "Choose one of the slots.", 422)
    try:
        interviews.book(session(), actor(), found, slot, clock.now())
    except Refused as refused:
        session().rollback()
        return _interview_page(_interview(public_id), sentence(refused.refusal), 409)
    flash("Booked. An invitation for your calendar is on its way.", "good")
    return redirect(url_for("tasks.interview", public_id=public_id), 303)


@blueprint.post("/interviews/<public_id>/cancel")
@needs(Act.APPLICATION_OWN)
def cancel(public_id: str) -> ResponseReturnValue:
    interviews.cancel_own(session(), actor(), _interview(public_id), clock.now())
    flash("The interview is cancelled. The stream sees that.", "info")
    return redirect(url_for("status.page"), 303)
