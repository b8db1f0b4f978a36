"""The general application: begin, write in sections, check, submit."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, flash, jsonify, redirect, render_template, request, session as cookie, url_for

from matsapply.applications import answers, queries
from matsapply.applications.answer_files import attach, detach
from matsapply.applications.editing import editing
from matsapply.cohorts import queries as cohorts
from matsapply.files.actions import Problem as FileProblem, store_upload
from matsapply.files.models import StoredFile
from matsapply.pages import widgets
from matsapply.pages.applicant.forms import (
    BY_FORM,
    TOLERANCE,
    read_section,
    section_form,
    sentence,
    shown,
    title_of,
)
from matsapply.pages.files import response_for
from matsapply.pages.guard import actor, needs
from matsapply.pages.phrases import sentence as refusal_sentence
from matsapply.pages.site import speak_of
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.process import apply
from matsapply.rules.access import Act
from matsapply.rules.answers import Asked, applies, is_empty
from matsapply.rules.refusals import Refusal, Refused
from matsapply.rules.stages import QuestionType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue

    from matsapply.applications.editing import Editing
    from matsapply.applications.queries import Work
    from matsapply.rules.answers import Problem

blueprint = Blueprint("applicant", __name__)

OWN_PAGES = {QuestionType.STREAM_INTEREST: "choice.streams", QuestionType.REFEREES: "referees.own_referees"}


def own(*, lock: bool = False) -> Editing:
    """The actor's application, or the page that begins one."""
    opened = page_opened_at() if lock else None
    found = editing(session(), actor(), clock.now(), lock=lock, page_opened_at=opened)
    if found is None:
        abort(redirect(url_for("applicant.begin")) if request.method == "GET" else 404)
    speak_of(found.cohort_id)
    return found


def page_opened_at() -> datetime | None:
    """When the page now sent was fetched, by its signed session; decides the silent grace and nothing else."""
    text = cookie.get("page_opened_at")
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def note_opening() -> None:
    """Remember in the session when a page to write on was fetched, if applications were still open then."""
    cookie["page_opened_at"] = clock.now().isoformat()


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
    flash("Your application has begun. Everything you write is kept as you go.", "good")
    return redirect(url_for("applicant.overview"), 303)


@blueprint.get("/application")
@needs(Act.APPLICATION_OWN)
def overview() -> ResponseReturnValue:
    """The sections: what is done, what is missing, the minutes left."""
    held = own()
    present = queries.work(session(), held)
    return render_template(
        "applicant/overview.html",
        application=held,
        sections=present.sections(),
        title_of=title_of,
        refusal=refusal_sentence(Refusal(held.refusal)) if held.refusal else None,
        saved_at=present.saved_at,
        stated=present.form.stated_minutes,
        ai_policy=present.form.ai_policy,
    )


def _questions(present: Work, section: str) -> list[Asked]:
    questions = present.form.in_section(section)
    if not questions:
        abort(404)
    return list(questions)


def _folded(questions: list[Asked], present: Work) -> str:
    """The versions of a section's answers in one text, in the order of the questions."""
    stored = present.stored
    return ".".join(str(stored[q.key].version if q.key in stored else 0) for q in questions if q.type in BY_FORM)


def _unfolded(questions: list[Asked], text: str) -> dict[str, int]:
    keys = [question.key for question in questions if question.type in BY_FORM]
    parts = text.split(".") if text else []
    if len(parts) != len(keys) or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        return dict.fromkeys(keys, 0)
    return {key: int(part) for key, part in zip(keys, parts, strict=True)}


@blueprint.get("/application/<section>")
@needs(Act.APPLICATION_OWN)
def section(section: str) -> ResponseReturnValue:
    held = own()
    note_opening()
    present = queries.work(session(), held)
    return _section_page(held, present, _questions(present, section), section)


def _section_page(
    held: Editing,
    present: Work,
    questions: list[Asked],
    section: str,
    *,
    problems: Sequence[Problem] = (),
    trouble: Sequence[tuple[str, str]] = (),
    kept: dict[str, Any] | None = None,
    conflicts: dict[str, Any] | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    names = {track.key: track.name for track in present.tracks}
    form = section_form(questions, present.values | (kept or {}), names)
    for key, words in [*((problem.question_key, sentence(problem)) for problem in problems), *trouble]:
        if key in form:
            form[key].errors = [*form[key].errors, words]
    for key in conflicts or {}:
        form[key].errors = [*form[key].errors, "Another page of yours saved something else here. Both are shown below."]
    sections = list(present.form.sections)
    place = sections.index(section)
    page = render_template(
        "applicant/section.html",
        application=held,
        form=form,
        questions=shown(questions, present.picked),
        by_form=BY_FORM,
        own_pages=OWN_PAGES,
        picked=present.picked,
        picked_items=[{"key": key, "label": names[key]} for key in present.picked],
        track_names=names,
        files=present.files,
        section=section,
        title=title_of(section),
        step_items=[
            {
                "label": title_of(state.section),
                "href": url_for("applicant.section", section=state.section),
                "state": "current" if state.section == section else "done" if state.done else "todo",
            }
            for state in present.sections()
        ],
        next_section=sections[place + 1] if place + 1 < len(sections) else None,
        version=_folded(questions, present),
        tolerance=TOLERANCE,
        conflicts=conflicts or {},
        extra=[(key, words) for key, words in trouble if key not in form],
        refusal=refusal_sentence(Refusal(held.refusal)) if held.refusal else None,
        referees=present.referees,
        demographics=answers.demographics(session(), held.id)
        if any(q.type is QuestionType.SEPARATE_STORE for q in questions)
        else {},
    )
    return page, status


@blueprint.post("/application/<section>")
@needs(Act.APPLICATION_OWN)
def save_section(section: str) -> ResponseReturnValue:
    """Save and go on. Unfinished answers are kept; what cannot be kept at all is said, and the text stays."""
    held = own(lock=True)
    present = queries.work(session(), held)
    questions = _questions(present, section)
    values, problems = read_section(questions, request.form, partial=False)
    if problems:
        return _section_page(held, present, questions, section, problems=problems, kept=_typed(questions), status=422)
    try:
        base = _unfolded(questions, request.form.get("version", ""))
        saved = answers.save_answers(session(), actor(), held, present.form, values, base, clock.now())
        if any(question.type is QuestionType.SEPARATE_STORE for question in questions):
            apart = {key[6:]: text for key, text in request.form.items() if key.startswith("apart_") and text}
            answers.save_demographics(session(), held, {key: text[:500] for key, text in apart.items()}, clock.now())
    except Refused as refused:
        flash(refusal_sentence(refused.refusal), "bad")
        return _section_page(held, present, questions, section, kept=values, status=409)
    if saved.conflicts:
        return _section_page(held, present, questions, section, kept=values, conflicts=saved.conflicts, status=409)
    if (trouble := _upload(held, questions)) is not None:
        return _section_page(held, queries.work(session(), held), questions, section, trouble=[trouble], status=422)
    if move := request.form.get("move"):
        _move_track(held, present, questions, move)
        return redirect(url_for("applicant.section", section=section), 303)
    after = request.form.get("then")
    if after == "stay":
        flash("Saved.", "good")
        return redirect(url_for("applicant.section", section=section), 303)
    following = present.form.sections[present.form.sections.index(section) + 1 :]
    where = url_for("applicant.section", section=following[0]) if following else url_for("applicant.check")
    return redirect(where, 303)


def _typed(questions: list[Asked]) -> dict[str, Any]:
    """What was sent, as typed, for a page that shows it again."""
    lists = {QuestionType.MULTI, QuestionType.TRACK_RANK}
    return {
        question.key: request.form.getlist(question.key) if question.type in lists else request.form.get(question.key)
        for question in questions
        if question.type in BY_FORM
    }


def _move_track(held: Editing, present: Work, questions: list[Asked], move: str) -> None:
    ranking = next((question for question in questions if question.type is QuestionType.TRACK_RANK), None)
    if ranking is None:
        return
    stored = answers.stored_answers(session(), held.id, [ranking.key])[ranking.key]
    order = widgets.moved(list(stored.value or []), move)
    base = {ranking.key: stored.version}
    answers.save_answers(session(), actor(), held, present.form, {ranking.key: order}, base, clock.now())


def _upload(held: Editing, questions: list[Asked]) -> tuple[str, str] | None:
    """Take in the files that came with the form; the first problem, as (question, sentence), if there is one."""
    for question in questions:
        if question.type is not QuestionType.FILE:
            continue
        sent = request.files.get(question.key)
        if sent is None or not sent.filename:
            continue
        stored = store_upload(session(), held.person_id, sent.stream, sent.filename, question.max_mb or 5, clock.now())
        if isinstance(stored, FileProblem):
            return question.key, stored.sentence
        attach(session(), held, question.key, stored, clock.now())
    return None


@blueprint.post("/application/<section>/autosave")
@needs(Act.APPLICATION_OWN)
def autosave(section: str) -> ResponseReturnValue:
    """What the page's script sends after a pause: JSON back, with the versions to send next time."""
    now = clock.now()
    held = own(lock=True)
    form = held.form(session())
    questions = list(form.in_section(section))
    values, problems = read_section(questions, request.form, partial=True)
    if problems:
        return jsonify({"message": sentence(problems[0]), "errors": {problems[0].question_key: []}}), 422
    try:
        base = _unfolded(questions, request.form.get("version", ""))
        saved = answers.save_answers(session(), actor(), held, form, values, base, now)
    except Refused as refused:
        return jsonify({"message": refusal_sentence(refused.refusal)}), 403
    merged = base | saved.versions
    version = ".".join(str(merged.get(q.key, 0)) for q in questions if q.type in BY_FORM)
    if saved.conflicts:
        return jsonify({"conflict": saved.conflicts, "version": version}), 409
    return jsonify({"saved_at": saved.saved_at.isoformat(), "version": version})


@blueprint.get("/application/files/<public_id>")
@needs(Act.APPLICATION_OWN)
def file(public_id: str) -> ResponseReturnValue:
    """One's own file; anybody else's is not there."""
    found = session().query(StoredFile).filter_by(public_id=public_id, owner_id=actor().person_id).one_or_none()
    if found is None:
        abort(404)
    return response_for(found)


@blueprint.post("/application/files/<public_id>/remove")
@needs(Act.APPLICATION_OWN)
def remove_file(public_id: str) -> ResponseReturnValue:
    held = own(lock=True)
    if not detach(session(), held, public_id, clock.now()):
        abort(404)
    flash("The file was removed.", "good")
    return redirect(url_for("applicant.overview"), 303)


@blueprint.get("/application/check")
@needs(Act.APPLICATION_OWN)
def check() -> ResponseReturnValue:
    """Everything as reviewers will see it, blind fields marked, and what is missing."""
    note_opening()
    return _check_page(own())


def _check_page(held: Editing, refusal: Refusal | None = None, status: int = 200) -> ResponseReturnValue:
    present = queries.work(session(), held)
    problems = present.problems()
    labels = {question.key: question for question in present.form.questions}
    page = render_template(
        "applicant/check.html",
        application=held,
        present=present,
        problems=[
            (
                url_for("applicant.section", section=labels[problem.question_key].section) + f"#{problem.question_key}",
                labels[problem.question_key].label,
                sentence(problem),
            )
            for problem in problems
        ],
        sections=[
            (title_of(name), [q for q in present.form.in_section(name) if applies(q, present.picked)])
            for name in present.form.sections
        ],
        values=present.values,
        is_empty=is_empty,
        track_names={track.key: track.name for track in present.tracks},
        stream_names=cohorts.stream_names(session(), held.cohort_id),
        submit_key=secrets.token_urlsafe(12),
        refusal=refusal_sentence(refusal) if refusal else None,
        closed=refusal_sentence(Refusal(held.refusal)) if held.refusal else None,
    )
    return page, status


@blueprint.post("/application/submit")
@needs(Act.APPLICATION_OWN)
def submit() -> ResponseReturnValue:
    """Hand in: a numbered snapshot and a receipt; pressed twice, one snapshot and one receipt."""
    held = own(lock=True)
    key = request.form.get("submit_key", "")[:40] or "none"
    try:
        made = apply.submit(session(), actor(), submit_key=key, now=clock.now(), page_opened_at=page_opened_at())
    except Refused as refused:
        return _check_page(held, refused.refusal, 409)
    return redirect(url_for("applicant.receipt", number=made.number), 303)


@blueprint.get("/application/receipt/<int:number>")
@needs(Act.APPLICATION_OWN)
def receipt(number: int) -> ResponseReturnValue:
    held = own()
    found = queries.snapshot(session(), held.id, number) if number < 2**31 else None
    if found is None:
        abort(404)
    return render_template("applicant/receipt.html", application=held, snapshot=found)
