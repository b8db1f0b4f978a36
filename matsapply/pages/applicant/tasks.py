"""The applicant's tasks: what is asked, the clock, the text in the making, handing in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import Blueprint, abort, flash, jsonify, redirect, render_template, request, url_for

from matsapply.evaluations.actions import attach, save_task_draft, start_task, stored_form, submit_task
from matsapply.evaluations.queries import handed_in, own_application, own_task, task_lines
from matsapply.files.actions import Problem, store_upload
from matsapply.files.models import StoredFile
from matsapply.interviews.queries import interview_lines
from matsapply.pages.applicant.journey import INTERVIEWS, TASKS
from matsapply.pages.files import response_for
from matsapply.pages.guard import actor, needs
from matsapply.pages.phrases import sentence
from matsapply.pages.site import speak_of
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.languages import gettext as _, lazy_gettext as _l, number
from matsapply.rules.access import Act
from matsapply.rules.counting import counted_length, within_limit
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import EvaluationState

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.evaluations.models import EvaluationInvite

blueprint = Blueprint("tasks", __name__, url_prefix="/tasks")

MOST_MB = 10.0
OPEN = (EvaluationState.INVITED, EvaluationState.STARTED)


@blueprint.get("")
@needs(Act.APPLICATION_OWN)
def index() -> ResponseReturnValue:
    """Everything that is asked of the applicant, with the hours it adds up to."""
    now = clock.now()
    application = own_application(session(), actor().person_id)
    if application:
        speak_of(application.cohort_id)
    lines = task_lines(session(), application.id, now) if application else []
    return render_template(
        "applicant/tasks.html",
        lines=lines,
        hours=sum(line.hours for line in lines if line.open(now)),
        interviews=interview_lines(session(), application.id, now) if application else [],
        task_words=TASKS,
        interview_words=INTERVIEWS,
        at=now,
    )


def _task(public_id: str) -> EvaluationInvite:
    found = own_task(session(), actor().person_id, public_id)
    if found is None:
        abort(404)
    return found


def _page(
    task: EvaluationInvite, *, answer: str | None = None, problems: tuple[tuple[str | None, str], ...] = ()
) -> str:
    now = clock.now()
    speak_of(task.evaluation.cohort_id)
    line = next(one for one in task_lines(session(), task.application_id, now) if one.public_id == task.public_id)
    work = handed_in(session(), task.id)
    writable = task.state in {EvaluationState.STARTED, EvaluationState.SUBMITTED} and not (
        line.ends_at is not None and now >= line.ends_at
    )
    file = session().get(StoredFile, task.draft_file_id) if task.draft_file_id else None
    return render_template(
        "applicant/task.html",
        task=task,
        evaluation=task.evaluation,
        line=line,
        work=work,
        writable=writable,
        changed=work is not None and writable and task.draft_answer != work.answer,
        answer=task.draft_answer if answer is None else answer,
        kept=answer is not None and not writable,
        file=file,
        problems=list(problems),
        at=now,
    )


@blueprint.get("/<public_id>")
@needs(Act.APPLICATION_OWN)
def show(public_id: str) -> ResponseReturnValue:
    """Before the start: what, how long, which rule. Running: the text and the clock. After: what was received."""
    return _page(_task(public_id))


@blueprint.post("/<public_id>/start")
@needs(Act.APPLICATION_OWN)
def start(public_id: str) -> ResponseReturnValue:
    """Accept the rule about AI and begin (V2)."""
    now = clock.now()
    task = _task(public_id)
    try:
        start_task(session(), actor(), task, now, ai_rule=request.form.get("ai_rule") == "yes")
    except Refused as refused:
        session().rollback()
        anchor = "ai_rule" if refused.refusal.code is Code.AI_RULE else None
        return _page(_task(public_id), problems=((anchor, sentence(refused.refusal)),)), 409
    return redirect(url_for("tasks.show", public_id=public_id), 303)


@blueprint.post("/<public_id>/draft")
@needs(Act.APPLICATION_OWN)
def draft(public_id: str) -> ResponseReturnValue:
    """Autosave: the contract stands in templates/components/save_state.html."""
    now = clock.now()
    task = _task(public_id)
    try:
        saved = save_task_draft(session(), actor(), task, request.form.get("answer", ""), _version(), now)
    except Refused as refused:
        session().rollback()
        gone = refused.refusal.code is Code.CLOSED
        return jsonify({"message": sentence(refused.refusal)}), 410 if gone else 409
    if saved.conflict is not None:
        return jsonify({"conflict": {"answer": saved.conflict}, "version": saved.version}), 409
    return jsonify({"saved_at": saved.saved_at.isoformat(), "version": saved.version})


@blueprint.post("/<public_id>")
@needs(Act.APPLICATION_OWN)
def save(public_id: str) -> ResponseReturnValue:
    """Save the draft, take or drop a file, or hand in; what was typed is shown again whenever it could not be kept."""
    now = clock.now()
    task = _task(public_id)
    answer = request.form.get("answer", "")
    wanted = request.form.get("do", "save")
    problems = _problems(task, stored_form(answer)) if wanted == "hand_in" else ()
    try:
        if wanted == "remove_file":
            attach(session(), actor(), task, None, now)
        elif (upload := request.files.get("file")) is not None and upload.filename:
            stored = store_upload(session(), actor().person_id or 0, upload.stream, upload.filename, MOST_MB, now)
            if isinstance(stored, Problem):
                return _page(task, answer=answer, problems=(("file", stored.sentence),)), 422
            attach(session(), actor(), task, stored, now)
        elif wanted != "hand_in":
            saved = save_task_draft(session(), actor(), task, answer, _version(), now)
            if saved.conflict is not None:
                session().rollback()
                text = _(
                    "Another tab saved a different text meanwhile. Below is what you sent; saving again replaces it."
                )
                return _page(_task(public_id), answer=answer, problems=(("answer", text),)), 409
        if wanted == "hand_in":
            if problems and not (problems[0][1] == _NOTHING and task.draft_file_id):
                return _page(task, answer=answer, problems=problems), 422
            submit_task(session(), actor(), task, answer, now)
        elif wanted == "remove_file" or request.files.get("file"):
            _keep(task, answer)
    except Refused as refused:
        session().rollback()
        return _page(_task(public_id), answer=answer, problems=((None, sentence(refused.refusal)),)), 409
    flash(_("Handed in. A receipt is on its way.") if wanted == "hand_in" else _("Saved."), "good")
    return redirect(url_for("tasks.show", public_id=public_id), 303)


_NOTHING = _l("Write your answer or attach a file before you hand in.")


def _keep(task: EvaluationInvite, answer: str) -> None:
    """The text beside a file that was just taken or dropped."""
    if "answer" in request.form:
        save_task_draft(session(), actor(), task, answer, task.draft_version, clock.now())


def _problems(task: EvaluationInvite, answer: str) -> tuple[tuple[str, str], ...]:
    """What stands against handing in, as the rules count it."""
    limit = task.evaluation.answer_limit
    if not within_limit(answer, limit):
        return (
            (
                "answer",
                _(
                    "The answer has %(count)s letters and digits; at most %(limit)s are allowed.",
                    count=number(counted_length(answer)),
                    limit=number(limit),
                ),
            ),
        )
    return () if answer or task.draft_file_id else (("answer", _NOTHING),)


def _version() -> int:
    text = request.form.get("version", "")
    return int(text) if text.isdecimal() and len(text) < 9 else -1


@blueprint.get("/<public_id>/file")
@needs(Act.APPLICATION_OWN)
def file(public_id: str) -> ResponseReturnValue:
    """One's own attached file."""
    task = _task(public_id)
    work = handed_in(session(), task.id)
    found = session().get(StoredFile, task.draft_file_id) if task.draft_file_id else None
    if found is None and work is not None and work.file_public_id:
        found = session().scalar(sa.select(StoredFile).where(StoredFile.public_id == work.file_public_id))
    if found is None:
        abort(404)
    return response_for(found)
