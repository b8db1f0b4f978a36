"""The general application: begin, see how far it is, check, submit. Its sections are in ``sections``."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for

from matsapply.applications import queries
from matsapply.applications.choices import within_tracks
from matsapply.applications.editing import editing
from matsapply.applications.pace import pace_of
from matsapply.applications.reuse import offered, take_over
from matsapply.cohorts import queries as cohorts
from matsapply.files import paper
from matsapply.files.pdf_gate import page_as_pdf
from matsapply.pages.applicant.forms import field_id, sentence
from matsapply.pages.applicant.own import note_opening, own, page_opened_at
from matsapply.pages.applicant.reading import sections_of
from matsapply.pages.files import disposition
from matsapply.pages.guard import actor, needs
from matsapply.pages.phrases import sentence as refusal_sentence
from matsapply.pages.sections import ai_rule, minutes_left, title_of
from matsapply.people.models import Person
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.languages import gettext as _
from matsapply.process import apply
from matsapply.rules.access import Act
from matsapply.rules.answers import applies, is_empty
from matsapply.rules.refusals import Refusal, Refused
from matsapply.rules.stages import QuestionType

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.applications.editing import Editing
    from matsapply.applications.queries import Work
    from matsapply.rules.answers import Asked

blueprint = Blueprint("applicant", __name__)


@blueprint.get("/apply")
@needs(Act.APPLY)
def begin() -> ResponseReturnValue:
    """Begin, or go on. Says so where it is not open."""
    if editing(session(), actor(), clock.now()) is not None:
        held = own()
        if held.state.value != "closed":
            return redirect(url_for("applicant.overview"))
    cohort = cohorts.cohort_in_force(session(), clock.now())
    dates = {row.code: row for row in cohorts.key_dates(session(), cohort.id)} if cohort else {}
    earlier = queries.own_applications(session(), actor().person_id or 0)
    now = clock.now()
    opens, closes = (dates[code].at if code in dates else None for code in ("T1", "T2"))
    moment = "unset" if opens is None else "before" if now < opens else "over" if closes and now >= closes else "open"
    return render_template(
        "applicant/begin.html", cohort=cohort, moment=moment, opens=opens, closes=closes, earlier=earlier
    )


@blueprint.post("/apply")
@needs(Act.APPLY)
def start() -> ResponseReturnValue:
    cohort = cohorts.cohort_in_force(session(), clock.now())
    if cohort is None:
        abort(404)
    reuse = request.form.get("reuse") == "yes"
    apply.start(session(), actor(), cohort_id=cohort.id, now=clock.now(), reuse=reuse)
    flash(_("Your application has begun. Everything you write is kept as you go."), "good")
    return redirect(url_for("applicant.overview"), 303)


@blueprint.get("/application")
@needs(Act.APPLICATION_OWN)
def overview() -> ResponseReturnValue:
    """The sections: what is done, what is missing, the minutes left."""
    held = own()
    present = queries.work(session(), held)
    sections = present.sections(pace_of(session(), present.form.id))
    return render_template(
        "applicant/overview.html",
        application=held,
        sections=sections,
        reusable=offered(session(), held, present.form, present.values) if not held.snapshot_number else None,
        left=minutes_left(*(each for each in sections if not each.done or each.required)),
        own_close=held.closes_at != held.facts.dates.get("T2") and held.refusal is None,
        measured=any(each.measured for each in sections),
        minutes_left=minutes_left,
        title_of=title_of,
        refusal=refusal_sentence(Refusal(held.refusal)) if held.refusal else None,
        saved_at=present.saved_at,
        stated=present.form.stated_minutes,
        ai_rule=ai_rule(present.form.ai_policy),
    )


@blueprint.post("/application/reuse")
@needs(Act.APPLICATION_OWN)
def reuse() -> ResponseReturnValue:
    """Fill the empty answers with those of an earlier application."""
    held = own(lock=True)
    taken = take_over(session(), held, held.form(session()), clock.now())
    if taken:
        flash(_("The earlier answers are filled in. Read them again: each is yours to change."), "good")
    else:
        flash(_("There was no empty answer to fill in."), "info")
    return redirect(url_for("applicant.overview"), 303)


@blueprint.get("/application/check")
@needs(Act.APPLICATION_OWN)
def check() -> ResponseReturnValue:
    """Everything as reviewers will see it, blind fields marked, and what is missing.

    After the close that is what was submitted; what was changed afterwards is named beside it (E4).
    """
    note_opening()
    return _check_page(own())


def _check_page(held: Editing, refusal: Refusal | None = None, status: int = 200) -> ResponseReturnValue:
    draft, present, submitted = _read(held)
    problems = present.problems()
    labels = {question.key: question for question in present.form.questions}
    page = render_template(
        "applicant/check.html",
        application=held,
        problems=[
            (
                url_for("sections.show", section=labels[problem.question_key].section)
                + f"#{field_id(problem.question_key)}",
                labels[problem.question_key].label,
                sentence(problem),
            )
            for problem in problems
        ],
        sections=sections_of(present, cohorts.stream_names(session(), held.cohort_id)),
        ai_rule=ai_rule(present.form.ai_policy),
        unsent=_differing(held.cohort_id, draft, submitted) if submitted else [],
        submit_key=secrets.token_urlsafe(12),
        refusal=refusal_sentence(refusal) if refusal else None,
        closed=refusal_sentence(Refusal(held.refusal)) if held.refusal else None,
        as_pdf=paper.available(),
    )
    return page, status


def _read(held: Editing) -> tuple[Work, Work, Work | None]:
    """The draft, what is to be read of it (after the close: what was submitted), and what was submitted then."""
    draft = queries.work(session(), held)
    submitted = queries.submitted_work(session(), held) if held.refusal else None
    return draft, submitted or draft, submitted


@blueprint.get("/application/application.pdf")
@needs(Act.APPLICATION_OWN)
def on_paper() -> ResponseReturnValue:
    """The same as a PDF to keep; 404 where this installation makes none, 503 where it cannot be made now."""
    if not paper.available():
        abort(404)
    held = own()
    _, present, submitted = _read(held)
    page = render_template(
        "applicant/paper.html",
        application=held,
        name=session().get_one(Person, held.person_id).display_name,
        sections=sections_of(present, cohorts.stream_names(session(), held.cohort_id)),
        draft=submitted is None,
        at=clock.now(),
    )
    made = page_as_pdf(page, Path(current_app.root_path) / "static/css/paper.css")
    if made is None:
        abort(503)
    headers = {"Content-Disposition": disposition("application.pdf"), "Cache-Control": "private, no-store"}
    return Response(made, content_type="application/pdf", headers=headers)


def _differing(cohort_id: int, draft: Work, submitted: Work) -> list[str]:
    """The questions, in words, whose draft is not what was submitted."""
    streams = within_tracks(session(), cohort_id, draft.streams, draft.picked)

    def given(work: Work, question: Asked) -> Any:
        match question.type:
            case QuestionType.FILE:
                return [file.public_id for file in work.files if file.question_key == question.key]
            case QuestionType.TRACK_RANK:
                return work.picked
            case QuestionType.STREAM_INTEREST:
                return streams if work is draft else work.streams
            case _:
                value = work.values.get(question.key)
                return None if is_empty(value) else value

    return [
        question.label
        for question in draft.form.questions
        if applies(question, draft.picked) and given(draft, question) != given(submitted, question)
    ]


@blueprint.post("/application/submit")
@needs(Act.APPLICATION_OWN)
def submit() -> ResponseReturnValue:
    """Hand in: a numbered snapshot and a receipt; pressed twice, one snapshot and one receipt."""
    arrived = clock.now()  # before anything is waited for: what counts is when the request was here
    held = own(lock=True)
    key = request.form.get("submit_key", "")[:40] or "none"
    try:
        made = apply.submit(session(), actor(), submit_key=key, now=arrived, page_opened_at=page_opened_at())
    except Refused as refused:
        return _check_page(held, refused.refusal, 409)
    return redirect(url_for("receipts.show", number=made.number), 303)
