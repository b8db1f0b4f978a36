"""One section of the application: its form, saving it, its files. What can be kept is kept, also beside a problem."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, flash, jsonify, redirect, render_template, request, url_for

from matsapply.applications import answers, queries
from matsapply.applications.answer_files import attach, detach
from matsapply.applications.pace import pace_of
from matsapply.cohorts import queries as cohorts
from matsapply.files.actions import Problem as FileProblem, store_upload
from matsapply.files.queries import own_file
from matsapply.pages import widgets
from matsapply.pages.applicant.forms import (
    APART,
    BY_FORM,
    MINE,
    TOLERANCE,
    carried,
    chosen_texts,
    field_id,
    read_apart,
    read_section,
    section_form,
    sentence,
    shown,
    typed,
)
from matsapply.pages.applicant.own import note_opening, own, page_opened_at
from matsapply.pages.files import picture_for, response_for
from matsapply.pages.guard import actor, needs
from matsapply.pages.phrases import sentence as refusal_sentence
from matsapply.pages.sections import ai_rule, minutes_left, title_of
from matsapply.pages.submitted import as_text
from matsapply.platform import clock
from matsapply.platform.flask_db import keep, session
from matsapply.platform.languages import gettext as _, lazy_gettext as _l
from matsapply.rules.access import Act
from matsapply.rules.answers import Asked
from matsapply.rules.refusals import Refusal, Refused
from matsapply.rules.stages import QuestionType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flask.typing import ResponseReturnValue

    from matsapply.applications.editing import Editing
    from matsapply.applications.queries import Work
    from matsapply.files.models import StoredFile

blueprint = Blueprint("sections", __name__, url_prefix="/application")

OWN_PAGES = {QuestionType.STREAM_INTEREST: "choice.streams", QuestionType.REFEREES: "referees.own_referees"}
TWO_TEXTS = _l("This answer was also changed in another place. Choose which text to keep.")


def _questions(present: Work, section: str) -> list[Asked]:
    questions = present.form.in_section(section)
    if not questions:
        abort(404)
    return list(questions)


def _folded(questions: Sequence[Asked], versions: dict[str, int]) -> str:
    """The versions of a section's answers in one text, in the order of the questions."""
    return ".".join(str(versions.get(q.key, 0)) for q in questions if q.type in BY_FORM)


def _unfolded(questions: Sequence[Asked], text: str) -> dict[str, int]:
    keys = [question.key for question in questions if question.type in BY_FORM]
    parts = text.split(".") if text else []
    if len(parts) != len(keys) or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        return dict.fromkeys(keys, 0)
    return {key: int(part) for key, part in zip(keys, parts, strict=True)}


@blueprint.get("/sections/<section>")
@needs(Act.APPLICATION_OWN)
def show(section: str) -> ResponseReturnValue:
    held = own()
    note_opening()
    present = queries.work(session(), held)
    return _page(held, present, _questions(present, section), section)


def _page(
    held: Editing,
    present: Work,
    questions: list[Asked],
    section: str,
    *,
    problems: Sequence[tuple[str, str]] = (),
    kept: dict[str, Any] | None = None,
    conflicts: Mapping[str, Any] = MappingProxyType({}),
    refusal: Refusal | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    """The section as it is stored. ``kept``: what was sent and is not; ``problems``: (question key, sentence)."""
    names = {track.key: track.name for track in present.tracks}
    values = present.values | (kept or {})
    form = section_form(questions, values, names)
    beside: dict[str, str] = {}
    for key, words in problems:
        if key in form:
            form[key].errors = [*form[key].errors, words]
        else:
            beside[key] = words
    code = held.refusal if refusal is None else refusal.code
    sections = list(present.form.sections)
    states = present.sections(pace_of(session(), present.form.id))
    page = render_template(
        "applicant/section.html",
        application=held,
        form=form,
        questions=shown(questions, present.picked),
        by_form=BY_FORM,
        own_pages=OWN_PAGES,
        picked=present.picked,
        track_items=[
            {"key": key, "label": names[key], "hidden": key not in present.picked}
            for key in [*present.picked, *(key for key in names if key not in present.picked)]
        ],
        files=present.files,
        section=section,
        title=title_of(section),
        place=sections.index(section) + 1,
        sections=[(state, title_of(state.section)) for state in states],
        minutes=next(minutes_left(state) for state in states if state.section == section),
        version=_folded(questions, {key: each.version for key, each in present.stored.items()}),
        tolerance=TOLERANCE,
        conflicts={
            question.key: (
                as_text(question, values.get(question.key), names),
                as_text(question, conflicts[question.key], names),
                carried(question, values.get(question.key)),
            )
            for question in questions
            if question.key in conflicts
        },
        two_texts=TWO_TEXTS,
        mine=MINE,
        problems_beside=beside,
        summary=[
            *((field_id(key), f"{form[key].label.text}: {TWO_TEXTS}") for key in conflicts),
            *((key, words) for key, words in beside.items()),
        ],
        refusal=refusal_sentence(Refusal(code)) if code else None,
        kept_unsaved=bool(refusal and kept),
        referees=present.referees,
        stream_labels=_stream_labels(held, present, questions),
        saved_at=present.saved_at,
        apart=APART,
        demographics=_apart(held, questions),
        ai_rule=ai_rule(present.form.ai_policy) if section == present.form.declared_in else "",
    )
    return page, status


def _stream_labels(held: Editing, present: Work, questions: Sequence[Asked]) -> list[str]:
    """The names of the streams wished for, in order, where the section asks for them."""
    if not any(question.type is QuestionType.STREAM_INTEREST for question in questions):
        return []
    names = cohorts.stream_names(session(), held.cohort_id)
    return [names.get(key, key) for key in present.streams]


def _apart(held: Editing, questions: Sequence[Asked]) -> dict[str, str]:
    """The optional answers that are stored apart, as typed where this page answers a save."""
    if not any(question.type is QuestionType.SEPARATE_STORE for question in questions):
        return {}
    if request.method == "POST":
        return {key: request.form.get(f"apart-{key}", "") for key in APART}
    return answers.demographics(session(), held.id)


@blueprint.post("/sections/<section>")
@needs(Act.APPLICATION_OWN)
def save(section: str) -> ResponseReturnValue:
    """Save and go on. Unfinished answers are kept; what cannot be kept is said beside its field, and stays there."""
    held = own(lock=True)
    present = queries.work(session(), held)
    questions = _questions(present, section)
    values, unkept = read_section(questions, request.form, partial=False)
    base = _unfolded(questions, request.form.get("version", ""))
    theirs, undecided = chosen_texts(questions, request.form)
    for key in theirs:
        values.pop(key, None)
    try:
        saved = answers.save_answers(
            session(),
            actor(),
            held,
            present.form,
            values,
            base | dict.fromkeys(undecided, 0),
            clock.now(),
            page_opened_at(),
        )
        problems = [(problem.question_key, sentence(problem)) for problem in unkept]
        problems += _save_apart(held, questions) + _upload(held, questions)
    except Refused as refused:
        kept = typed(questions, request.form)
        return _page(held, present, questions, section, kept=kept, refusal=refused.refusal, status=409)
    if saved.conflicts or problems:
        keep()
        sent = typed(questions, request.form)
        unsaved = {key: sent[key] for key in (*saved.conflicts, *(key for key, _ in problems)) if key in sent}
        return _page(
            held,
            queries.work(session(), held),
            questions,
            section,
            problems=problems,
            kept=unsaved,
            conflicts=saved.conflicts,
            status=409 if saved.conflicts else 422,
        )
    return _after_saving(held, present, questions, section)


def _after_saving(held: Editing, present: Work, questions: list[Asked], section: str) -> ResponseReturnValue:
    """Where the pressed button leads."""
    here = url_for("sections.show", section=section)
    if move := request.form.get("move"):
        _move_track(held, present, questions, move)
        return redirect(here, 303)
    if public_id := request.form.get("remove"):
        if not detach(session(), held, public_id, clock.now()):
            abort(404)
        flash(_("The file was removed."), "good")
        return redirect(here, 303)
    after = request.form.get("then")
    for kind, endpoint in OWN_PAGES.items():
        if after == kind.value:
            return redirect(url_for(endpoint), 303)
    if after == "stay":
        flash(_("Saved."), "good")
        return redirect(here, 303)
    following = present.form.sections[present.form.sections.index(section) + 1 :]
    where = url_for("sections.show", section=following[0]) if following else url_for("applicant.check")
    return redirect(where, 303)


def _move_track(held: Editing, present: Work, questions: list[Asked], move: str) -> None:
    ranking = next((question for question in questions if question.type is QuestionType.TRACK_RANK), None)
    if ranking is None:
        return
    stored = answers.stored_answers(session(), held.id, [ranking.key]).get(ranking.key, answers.NOTHING)
    order = widgets.moved(list(stored.value or []), move)
    base = {ranking.key: stored.version}
    answers.save_answers(session(), actor(), held, present.form, {ranking.key: order or None}, base, clock.now())


def _save_apart(held: Editing, questions: Sequence[Asked]) -> list[tuple[str, str]]:
    """Keep the optional answers that are stored apart; what cannot be stored is told by question."""
    if not any(question.type is QuestionType.SEPARATE_STORE for question in questions):
        return []
    given, problems = read_apart(request.form)
    answers.save_demographics(session(), held, given, clock.now())
    return problems


def _upload(held: Editing, questions: Sequence[Asked]) -> list[tuple[str, str]]:
    """Take in the files that came with the form; (question key, sentence) for each that cannot be taken."""
    problems = []
    for question in questions:
        sent = request.files.get(question.key) if question.type is QuestionType.FILE else None
        if sent is None or not sent.filename:
            continue
        stored = store_upload(session(), held.person_id, sent.stream, sent.filename, question.max_mb or 5, clock.now())
        if isinstance(stored, FileProblem):
            problems.append((question.key, stored.sentence))
        else:
            attach(session(), held, question.key, stored, clock.now())
    return problems


@blueprint.post("/sections/<section>/autosave")
@needs(Act.APPLICATION_OWN)
def autosave(section: str) -> ResponseReturnValue:
    """What the page's script sends after a pause; the contract stands in templates/components/save_state.html."""
    now = clock.now()
    held = own(lock=True)
    form = held.form(session())
    questions = form.in_section(section)
    if not questions:
        abort(404)
    values, unkept = read_section(questions, request.form, partial=True)
    base = _unfolded(questions, request.form.get("version", ""))
    try:
        saved = answers.save_answers(session(), actor(), held, form, values, base, now, page_opened_at())
        problems = [(problem.question_key, sentence(problem)) for problem in unkept] + _save_apart(held, questions)
    except Refused as refused:
        return jsonify({"message": refusal_sentence(refused.refusal)}), 410
    keep()
    version = _folded(questions, base | saved.versions)
    if saved.conflicts:
        conflict = {key: "" if value is None else value for key, value in saved.conflicts.items()}
        return jsonify({"conflict": conflict, "version": version}), 409
    told: dict[str, Any] = {"saved_at": saved.saved_at.isoformat(), "version": version}
    if problems:
        named = form.named(problems[0][0])
        words = f"{named.label}: {problems[0][1]}" if named else problems[0][1]
        return jsonify(told | {"errors": {key: [words] for key, words in problems}, "message": words}), 422
    return jsonify(told)


@blueprint.get("/files/<public_id>")
@needs(Act.APPLICATION_OWN)
def file(public_id: str) -> ResponseReturnValue:
    """One's own file; anybody else's is not there."""
    return response_for(_own_file(public_id))


@blueprint.get("/files/<public_id>/pages/<int:number>")
@needs(Act.APPLICATION_OWN)
def file_page(public_id: str, number: int) -> ResponseReturnValue:
    """A page of one's own file as a picture."""
    return picture_for(_own_file(public_id), number)


def _own_file(public_id: str) -> StoredFile:
    found = own_file(session(), actor().person_id or 0, public_id)
    if found is None:
        abort(404)
    return found
