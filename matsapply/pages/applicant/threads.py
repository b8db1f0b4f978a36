"""Writing to the team, and asking for accommodation. Both are read by the team alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from wtforms import FileField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from matsapply.applications import threads
from matsapply.applications.models import Application
from matsapply.files.actions import Problem, store_upload
from matsapply.pages.applicant.own import own
from matsapply.pages.files import response_for
from matsapply.pages.guard import actor, needs
from matsapply.pages.phrases import sentence
from matsapply.pages.readings import plain_text
from matsapply.pages.site import speak_of
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.languages import gettext as _, lazy_gettext as _l
from matsapply.process import threads as acts
from matsapply.rules.access import Act
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import ApplicationState

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.applications.models import Thread
    from matsapply.files.models import StoredFile

blueprint = Blueprint("threads", __name__)

MOST_MB = 5.0
TOO_MANY = _l("Ten of your questions wait for an answer. Write into one of them, or wait for an answer first.")
TOO_MANY_REQUESTS = _l("Ten of your requests wait for a decision. Take one back, or wait for an answer first.")
FULL = _l("This thread holds as many messages or documents as it takes. Begin a new one.")


def _text(label: str, description: str = "", rows: int = 6) -> TextAreaField:
    return TextAreaField(
        label,
        [
            DataRequired(_l("Write something first.")),
            Length(max=threads.MOST_TEXT, message=_l("Keep it under %(most)s characters.", most=threads.MOST_TEXT)),
        ],
        filters=[plain_text],
        description=description,
        render_kw={"rows": rows},
    )


def _file() -> FileField:
    return FileField(_l("A PDF with it"), description=_l("Up to 5 MB."), render_kw={"accept": "application/pdf,.pdf"})


class ReplyForm(FlaskForm):
    """A message in a thread."""

    text = _text(_l("Your message"))
    file = _file()


class QuestionForm(FlaskForm):
    """The first message of a thread."""

    subject = StringField(
        _l("What is it about?"),
        [
            DataRequired(_l("Say in a few words what it is about.")),
            Length(
                max=threads.MOST_SUBJECT, message=_l("Keep it under %(most)s characters.", most=threads.MOST_SUBJECT)
            ),
        ],
        filters=[plain_text, lambda text: " ".join((text or "").split())],
    )
    text = _text(_l("Your question"))
    file = _file()


class AccommodationForm(FlaskForm):
    """What somebody needs."""

    text = _text(
        _l("What do you need, and for what?"),
        _l("For example more time for a task, another format, breaks in an interview. No diagnosis is needed."),
        rows=5,
    )


def attached(form: FlaskForm) -> StoredFile | None:
    """The document sent with a form, stored; a bad one becomes the error of its field."""
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        return None
    stored = store_upload(session(), actor().person_id or 0, upload.stream, upload.filename, MOST_MB, clock.now())
    if isinstance(stored, Problem):
        form.file.errors = [*form.file.errors, stored.sentence]
        return None
    return stored


# --- threads ------------------------------------------------------------------------------------------------------


@blueprint.route("/threads", methods=["GET", "POST"])
@needs(Act.APPLICATION_OWN)
def index() -> ResponseReturnValue:
    """All threads, and a new question."""
    held = own(lock=request.method == "POST")
    form = QuestionForm()
    problem, status = "", 200
    if form.validate_on_submit():
        file = attached(form)
        if not form.errors:
            try:
                thread = acts.open_thread(
                    session(),
                    actor(),
                    session().get_one(Application, held.id),
                    subject=form.subject.data or "",
                    text=form.text.data or "",
                    file=file,
                    now=clock.now(),
                )
            except Refused:
                session().rollback()
                problem, status = str(TOO_MANY), 409
            else:
                flash(_("Sent. You read the answer here and by mail."), "good")
                return redirect(url_for("threads.show", public_id=thread.public_id), 303)
    found = threads.own_threads(session(), held.person_id)
    page = render_template("applicant/threads.html", threads=found, form=form, problem=problem)
    return page, 422 if form.errors else status


def _own(public_id: str) -> Thread:
    found = threads.own_thread(session(), actor().person_id, public_id)
    if found is None:
        abort(404)
    return found


@blueprint.route("/threads/<public_id>", methods=["GET", "POST"])
@needs(Act.APPLICATION_OWN)
def show(public_id: str) -> ResponseReturnValue:
    """One thread, and writing on in it."""
    thread = _own(public_id)
    speak_of(session().get_one(Application, thread.application_id).cohort_id)
    form = ReplyForm()
    problem = ""
    if form.validate_on_submit():
        file = attached(form)
        if not form.errors:
            try:
                acts.write(session(), actor(), thread, text=form.text.data or "", file=file, now=clock.now())
            except Refused:
                session().rollback()
                thread, problem = _own(public_id), str(FULL)
            else:
                flash(_("Sent."), "good")
                return redirect(url_for("threads.show", public_id=public_id), 303)
    page = render_template(
        "applicant/thread.html",
        thread=thread,
        messages=threads.messages(session(), thread.id),
        file_url=lambda file_id: url_for("threads.file", public_id=public_id, file_id=file_id),
        form=form,
        problem=problem,
    )
    return page, 422 if form.errors else 409 if problem else 200


@blueprint.get("/threads/<public_id>/files/<file_id>")
@needs(Act.APPLICATION_OWN)
def file(public_id: str, file_id: str) -> ResponseReturnValue:
    """A document of one's own thread."""
    found = threads.message_file(session(), _own(public_id).id, file_id)
    if found is None:
        abort(404)
    return response_for(found)


# --- accommodation ------------------------------------------------------------------------------------------------


@blueprint.route("/accommodation", methods=["GET", "POST"])
@needs(Act.APPLICATION_OWN)
def accommodation() -> ResponseReturnValue:
    """What was asked for and decided, and a new request."""
    held = own(lock=request.method == "POST")
    form = AccommodationForm()
    problem, status = "", 200
    if form.validate_on_submit():
        try:
            acts.request_accommodation(
                session(), actor(), session().get_one(Application, held.id), form.text.data or "", clock.now()
            )
        except Refused as refused:
            session().rollback()
            many = refused.refusal.code is Code.REPEATED
            problem, status = str(TOO_MANY_REQUESTS) if many else sentence(refused.refusal), 409
        else:
            flash(_("Sent. A coordinator decides; you read it here and by mail."), "good")
            return redirect(url_for("threads.accommodation"), 303)
    page = render_template(
        "applicant/accommodation.html",
        requests=threads.own_requests(session(), held.person_id),
        live=held.state is not ApplicationState.CLOSED,
        form=form,
        problem=problem,
    )
    return page, 422 if form.errors else status


@blueprint.post("/accommodation/<public_id>/take-back")
@needs(Act.APPLICATION_OWN)
def take_back(public_id: str) -> ResponseReturnValue:
    """A request that nobody has answered yet is gone as if it had not been made."""
    found = threads.own_open_request(session(), actor().person_id, public_id)
    if found is None:
        abort(404)
    acts.take_back(session(), found)
    flash(_("The request is taken back."), "info")
    return redirect(url_for("threads.accommodation"), 303)
