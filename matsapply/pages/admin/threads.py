"""What applicants write to the team: threads with the open ones first, and requests for accommodation to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import abort, render_template, request, url_for
from flask_wtf import FlaskForm
from wtforms import RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import DataRequired, InputRequired, Length

from matsapply.applications import threads
from matsapply.applications.models import Application
from matsapply.evaluations.models import EvaluationInvite
from matsapply.pages.admin import figures
from matsapply.pages.admin.frame import (
    acting_role,
    blueprint,
    cohort_at,
    go,
    reach_of,
    refused_as,
    said,
    switcher,
    visible,
)
from matsapply.pages.applicant.threads import ReplyForm, attached
from matsapply.pages.files import response_for
from matsapply.pages.guard import actor, needs
from matsapply.pages.readings import plain_text
from matsapply.people.queries import names_of
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.keyset import BadCursor
from matsapply.process import threads as acts
from matsapply.rules.access import POLICY, Act, may
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import EvaluationState
from matsapply.rules.wall_time import Unresolved, resolve_rule

if TYPE_CHECKING:
    from datetime import datetime

    from flask.typing import ResponseReturnValue

    from matsapply.applications.models import AccommodationRequest, Thread
    from matsapply.pages.site import CohortFrame

NOTHING, APPLICATION = "", "T2"
EXTENDABLE = (EvaluationState.INVITED, EvaluationState.STARTED, EvaluationState.EXPIRED)
FULL = "This thread holds as many messages or documents as it takes. Close it; the applicant begins a new one."
UNREADABLE = "Write the new end as 2027-01-20 EOD AoE or 2027-01-20 12:00 UTC; it has to lie ahead."


class AnswerForm(ReplyForm):
    """The team's answer in a thread."""


class DecisionForm(FlaskForm):
    """A decision on a request for accommodation; ``more_time`` is filled with what can be extended."""

    granted = RadioField(
        "Decision",
        [InputRequired("Choose one.")],
        choices=[SelectChoice("yes", "Grant it"), SelectChoice("no", "Refuse it")],
    )
    more_time = SelectField("More time for", choices=[], default=NOTHING)
    until = StringField("Until", description="Where more time is granted; for example 2027-01-20 EOD AoE.")
    answer = TextAreaField(
        "Answer to the applicant",
        [
            DataRequired("Write what was decided and what happens now."),
            Length(max=threads.MOST_TEXT, message=f"Keep it under {threads.MOST_TEXT} characters."),
        ],
        filters=[plain_text],
    )


def _tabs(frame: CohortFrame, here: str) -> list[dict[str, Any]]:
    counts = threads.waiting(session(), frame.id, visible(Act.THREADS_READ))
    return [
        {"label": label, "href": url_for(endpoint, cohort_key=frame.key), "active": endpoint == here, "count": count}
        for label, endpoint, count in (
            ("Questions", "admin.threads", counts.threads),
            ("Accommodation", "admin.accommodation", counts.requests),
        )
    ]


def _list(frame: CohortFrame, template: str, endpoint: str, read: Any) -> ResponseReturnValue:
    if set(request.args) - {"all", "after", "before"}:
        abort(400)
    waiting = request.args.get("all") != "yes"
    try:
        page = read(
            session(),
            frame.id,
            visible(Act.THREADS_READ),
            waiting=waiting,
            after=request.args.get("after"),
            before=request.args.get("before"),
        )
    except BadCursor:
        abort(400)
    return render_template(
        template,
        frame=frame,
        cohorts=switcher(frame, Act.THREADS_READ, endpoint),
        tabs_of=_tabs(frame, endpoint),
        page=page,
        waiting=waiting,
    )


@blueprint.get("/<cohort_key>/threads", endpoint="threads")
@needs(Act.THREADS_READ)
def thread_list(cohort_key: str) -> ResponseReturnValue:
    """The questions that wait for an answer, the longest first; with ``?all=yes`` every one."""
    return _list(cohort_at(cohort_key, Act.THREADS_READ), "admin/threads.html", "admin.threads", threads.team_threads)


@blueprint.get("/<cohort_key>/threads/<public_id>")
@needs(Act.THREADS_READ)
def thread(cohort_key: str, public_id: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.THREADS_READ)
    return _thread_page(frame, _thread(frame, public_id, Act.THREADS_READ), AnswerForm())


def _thread(frame: CohortFrame, public_id: str, act: Act) -> Thread:
    found = threads.team_thread(session(), frame.id, visible(act), public_id)
    if found is None:
        abort(404)
    return found


def _thread_page(
    frame: CohortFrame, found: Thread, form: AnswerForm, problem: str = "", status: int = 200
) -> ResponseReturnValue:
    page = render_template(
        "admin/thread.html",
        frame=frame,
        thread=found,
        whose=_whose(found.application_id),
        messages=threads.messages(session(), found.id),
        file_url=lambda file_id: url_for(
            "admin.thread_file", cohort_key=frame.key, public_id=found.public_id, file_id=file_id
        ),
        form=form,
        problem=problem,
        may_answer=may(actor(), Act.THREADS_ANSWER, reach_of(frame)),
    )
    return page, status


def _whose(application_id: int) -> tuple[str, str]:
    """The name of the applicant and the application's public id."""
    of = sa.select(Application.public_id, Application.person_id).where(Application.id == application_id)
    public_id, person_id = session().execute(of).one()
    return names_of(session(), [person_id])[person_id], public_id


@blueprint.post("/<cohort_key>/threads/<public_id>/<step>")
@needs(Act.THREADS_ANSWER)
def thread_step(cohort_key: str, public_id: str, step: str) -> ResponseReturnValue:
    """answer, or close without one."""
    frame = cohort_at(cohort_key, Act.THREADS_ANSWER)
    found = _thread(frame, public_id, Act.THREADS_ANSWER)
    form = AnswerForm()
    now = clock.now()
    try:
        if step == "close":
            acts.close(session(), actor(), found, now)
            said("Closed. A new message of the applicant opens it again.", "info")
        elif step == "answer":
            file = attached(form) if form.validate() else None
            if form.errors:
                return _thread_page(frame, found, form, status=422)
            acts.answer(session(), actor(), found, text=form.text.data or "", file=file, now=now)
            said("Answered; the applicant is told by mail.")
        else:
            abort(404)
    except Refused as error:
        problem = refused_as(error)
        if error.refusal.code is Code.CAP_REACHED:
            problem = FULL
        return _thread_page(frame, _thread(frame, public_id, Act.THREADS_READ), form, problem, 409)
    figures.forget()
    return go("admin.threads", cohort_key=cohort_key)


@blueprint.get("/<cohort_key>/threads/<public_id>/files/<file_id>")
@needs(Act.THREADS_READ)
def thread_file(cohort_key: str, public_id: str, file_id: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.THREADS_READ)
    found = threads.message_file(session(), _thread(frame, public_id, Act.THREADS_READ).id, file_id)
    if found is None:
        abort(404)
    return response_for(found)


# --- accommodation ------------------------------------------------------------------------------------------------


@blueprint.get("/<cohort_key>/accommodation")
@needs(Act.THREADS_READ)
def accommodation(cohort_key: str) -> ResponseReturnValue:
    """The requests that wait for a decision, the oldest first; with ``?all=yes`` every one."""
    frame = cohort_at(cohort_key, Act.THREADS_READ)
    return _list(frame, "admin/accommodation.html", "admin.accommodation", threads.team_requests)


def _request(frame: CohortFrame, public_id: str, act: Act) -> AccommodationRequest:
    found = threads.team_request(session(), frame.id, visible(act), public_id)
    if found is None:
        abort(404)
    return found


def _tasks(application_id: int) -> dict[str, EvaluationInvite]:
    """The tasks of an application that can take more time, by public id."""
    rows = session().scalars(
        sa.select(EvaluationInvite)
        .where(EvaluationInvite.application_id == application_id, EvaluationInvite.state.in_(EXTENDABLE))
        .order_by(EvaluationInvite.id)
    )
    return {row.public_id: row for row in rows}


@blueprint.get("/<cohort_key>/accommodation/<public_id>")
@needs(Act.THREADS_READ)
def accommodation_request(cohort_key: str, public_id: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.THREADS_READ)
    found = _request(frame, public_id, Act.THREADS_READ)
    return _request_page(frame, found, _form(_tasks(found.application_id)))


def _form(tasks: dict[str, EvaluationInvite]) -> DecisionForm:
    form = DecisionForm()
    form.more_time.choices = [
        SelectChoice(NOTHING, "Nothing: another kind of help"),
        SelectChoice(APPLICATION, "Submitting the application"),
        *(SelectChoice(public_id, f"The task “{task.evaluation.title}”") for public_id, task in tasks.items()),
    ]
    return form


def _request_page(
    frame: CohortFrame, found: AccommodationRequest, form: DecisionForm, problem: str = "", status: int = 200
) -> ResponseReturnValue:
    page = render_template(
        "admin/accommodation_request.html",
        frame=frame,
        asked=found,
        whose=_whose(found.application_id),
        answered_by=names_of(session(), [found.answered_by_id]).get(found.answered_by_id, ""),
        form=form,
        problem=problem,
        may_decide=may(actor(), Act.THREADS_ANSWER, reach_of(frame)),
    )
    return page, status


@blueprint.post("/<cohort_key>/accommodation/<public_id>")
@needs(Act.THREADS_ANSWER)
def decide_accommodation(cohort_key: str, public_id: str) -> ResponseReturnValue:
    """Grant or refuse, with more time where it is granted."""
    frame = cohort_at(cohort_key, Act.THREADS_ANSWER)
    found = _request(frame, public_id, Act.THREADS_ANSWER)
    tasks = _tasks(found.application_id)
    form = _form(tasks)
    now = clock.now()
    until = _until(form, now) if form.validate() else None
    if form.errors:
        return _request_page(frame, found, form, status=422)
    wanted = form.more_time.data or NOTHING
    try:
        acts.decide_accommodation(
            session(),
            actor(),
            found,
            role=acting_role(reach_of(frame), POLICY[Act.THREADS_ANSWER]),
            granted=form.granted.data == "yes",
            answer=form.answer.data or "",
            now=now,
            more_time_for=tasks.get(wanted, wanted or None) if until is not None else None,
            until=until,
        )
    except Refused as error:
        problem = refused_as(error)
        if threads.team_request(session(), frame.id, visible(Act.THREADS_READ), public_id) is None:
            said("The applicant has taken this request back; nothing was decided.", "warn")
            return go("admin.accommodation", cohort_key=cohort_key)
        return _request_page(frame, _request(frame, public_id, Act.THREADS_READ), form, problem, 409)
    said("Decided; the applicant is told by mail.")
    figures.forget()
    return go("admin.accommodation", cohort_key=cohort_key)


def _until(form: DecisionForm, now: datetime) -> datetime | None:
    """The new end where more time is granted; an error beside the field where it is none."""
    if form.granted.data != "yes" or not form.more_time.data:
        return None
    until = resolve_rule((form.until.data or "")[:100])
    if isinstance(until, Unresolved) or until <= now:
        form.until.errors = [UNREADABLE]
        return None
    return until
