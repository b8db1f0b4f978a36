"""Reviews as a text file: taken along, filled in without a connection, and brought back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Response, flash, redirect, render_template, request, url_for

from matsapply.applications.locks import lock_applications
from matsapply.pages.guard import actor, needs
from matsapply.pages.phrases import sentence
from matsapply.pages.readings import checked, plain_text, too_long
from matsapply.pages.reviewer.frame import (
    as_fields,
    blueprint,
    differing,
    held_by,
    hint_of,
    kept,
    named,
    own_reading,
    version_of,
)
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.reviews import actions, queries
from matsapply.reviews.reading import reading
from matsapply.rules.access import Act
from matsapply.rules.refusals import Refused
from matsapply.rules.review_form import Criterion, Filled, Problem, Sheet, lines_of, parse, write
from matsapply.rules.stages import AssignmentState

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.reviews.actions import Entered
    from matsapply.reviews.models import ReviewAssignment
    from matsapply.reviews.reading import Reading

MOST_SHEETS = 100  # a text with more is no longer read by anybody in one go
MOST_LETTERS = 2_000_000
STEPS_OF_CONFIDENCE = frozenset("12345")
LONGEST_QUOTE = 40
MOST_PROBLEMS = 100  # told at once
TOO_MANY = f"A file may hold {MOST_SHEETS} reviews. Take out those from this line on, and bring them back in another."
NOT_YOURS = "There is no review of yours with this number that can be changed now."


@dataclass(frozen=True, slots=True)
class Overtaken:
    """A review that was saved elsewhere since the file was taken: what stands there and what the file holds."""

    ref: str
    code: str
    version: str
    fields: list[tuple[str, str, str]]  # the field's words, what is saved, what the file holds


@dataclass(frozen=True, slots=True)
class Wanted:
    """One review of the file as it would be saved."""

    assignment: ReviewAssignment
    filled: Filled
    sent: Entered


@blueprint.get("/offline")
@needs(Act.REVIEW_READ)
def offline() -> ResponseReturnValue:
    """How it is done, the file to take and the place to bring it back."""
    return _page()


@blueprint.get("/offline.txt")
@needs(Act.REVIEW_READ)
def offline_all() -> ResponseReturnValue:
    """Every open review of the reader's, in the order of the queue."""
    found = [reading(session(), actor(), ref) for ref in queries.open_order(session(), actor())[:MOST_SHEETS]]
    return _file("reviews", [each for each in found if each is not None])


@blueprint.get("/<ref>/offline.txt")
@needs(Act.REVIEW_READ)
def offline_one(ref: str) -> ResponseReturnValue:
    """One review, open or submitted: with a submitted one it is corrected."""
    found = own_reading(ref)
    return _file(f"review-{found.code}", [found])


@blueprint.post("/offline")
@needs(Act.REVIEW_WRITE)
def bring_back() -> ResponseReturnValue:
    """Save what the file holds: all of it, or nothing and the lines that are wrong."""
    text, problem = _sent_text()
    if problem:
        return _page(text, [Problem(0, problem)]), 422
    filled, problems = parse(text)
    if len(filled) > MOST_SHEETS:
        return _page(text, [Problem(filled[MOST_SHEETS].line, TOO_MANY)]), 422
    wanted: list[Wanted] = []
    for each in filled:
        found, wrong = _wanted(each)
        problems += wrong
        wanted += [found] if found else []
    if problems:
        return _page(text, sorted(problems, key=lambda each: each.line)), 422
    wanted = [each for each in wanted if request.form.get(f"choice-{each.filled.ref}") != "keep"]
    if overtaken := [found for each in wanted if (found := _overtaken(each))]:
        return _page(text, overtaken=overtaken), 409
    return _save(text, wanted)


# --- out --------------------------------------------------------------------------------------------------------------


def _file(name: str, found: list[Reading]) -> Response:
    response = Response(write(_sheet(each) for each in found), content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.txt"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _sheet(found: Reading) -> Sheet:
    held = kept(found)
    about = [f"Application #{found.code}" + (f", {found.name}" if found.name else "")]
    about.append("Tracks: " + ", ".join(f"{number}. {track.name}" for number, track in enumerate(found.tracks, 1)))
    if found.due_at:
        about.append(f"Due {found.due_at:%Y-%m-%d %H:%M} UTC")
    if found.hidden:
        about.append("Not shown, so that you read without knowing who wrote it: " + "; ".join(found.hidden))
    return Sheet(
        ref=found.public_id,
        version=version_of(found),
        about=tuple(about),
        criteria=tuple(Criterion(each.key, each.label, hint_of(each, found)) for each in found.rubric.criteria),
        answers=tuple((each.question.label, _in_words(each.value)) for each in found.answers),
        scores=held.scores,
        confidence=held.confidence,
        note=held.note,
        feedback=held.feedback,
    )


def _in_words(value: Any) -> str:
    if value in (None, "", []):
        return "(no answer)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(_in_words(each) for each in value.values())
    return ", ".join(_in_words(each) for each in value) if isinstance(value, list) else str(value)


# --- back -------------------------------------------------------------------------------------------------------------


def _sent_text() -> tuple[str, str]:
    """The text that was sent, as a file or in the field, and what is wrong with it as a whole."""
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        text = request.form.get("text", "").replace("\x00", "")
        return text, "" if text.strip() else "Choose the file you filled in, or paste its text."
    data = upload.stream.read(MOST_LETTERS + 1)
    upload.close()  # a large one stands in a file of its own
    if len(data) > MOST_LETTERS:
        return "", "This file is larger than 2 MB. Take out the reviews you have not filled in."
    try:
        return data.decode("utf-8").replace("\x00", ""), ""
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return "", f"Line {line} is not UTF-8 text. Save the file as plain text in UTF-8 and choose it again."


def _wanted(filled: Filled) -> tuple[Wanted | None, list[Problem]]:
    """The review a part of the file belongs to, and every line of it that cannot be saved."""
    assignment = queries.own_assignment(session(), actor(), filled.ref)
    found = reading(session(), actor(), filled.ref) if assignment is not None else None
    now = clock.now()
    if assignment is None or found is None or (found.closed_at is not None and now >= found.closed_at):
        return None, [Problem(filled.line, NOT_YOURS)]
    sent = actions.Entered(
        scores=dict(filled.scores),
        note=plain_text(filled.note),
        feedback=plain_text(filled.feedback),
        confidence=int(filled.confidence) if filled.confidence in STEPS_OF_CONFIDENCE else None,
    )
    whole = filled.submit or assignment.state is AssignmentState.SUBMITTED
    problems = [
        Problem(filled.lines.get(key, filled.line), f"{key[:60]}: {said}")
        for key, said in checked(found.rubric, sent).problems.items()
        if whole or key in filled.scores
    ]
    problems += [Problem(filled.lines[name], said) for name, said in too_long(sent).items()]
    return Wanted(assignment, filled, sent), problems


def _overtaken(wanted: Wanted) -> Overtaken | None:
    """What was saved elsewhere since the file was taken, unless the reader has seen just that and chosen the file."""
    version, held = held_by(wanted.assignment)
    chosen = request.form.get(f"choice-{wanted.filled.ref}") == f"take {version}"
    if chosen or wanted.filled.version == version:
        return None
    theirs = differing(held, wanted.sent)
    if not theirs:
        return None
    found = own_reading(wanted.filled.ref)
    labels = {criterion.key: criterion.label for criterion in found.rubric.criteria}
    typed = as_fields(wanted.sent)
    rows = zip(named(theirs, labels), theirs, strict=True)
    fields = [(label, text, typed.get(name, "")) for (label, text), name in rows]
    return Overtaken(wanted.filled.ref, found.code, version, fields)


def _save(text: str, wanted: list[Wanted]) -> ResponseReturnValue:
    drafts = submitted = same = 0
    now = clock.now()
    lock_applications(session(), [each.assignment.application_id for each in wanted])
    for each in wanted:
        _, held = held_by(each.assignment)
        correcting = each.assignment.state is AssignmentState.SUBMITTED
        try:
            if as_fields(held) == as_fields(each.sent) and (correcting or not each.filled.submit):
                same += 1
            elif each.filled.submit:
                actions.submit_review(session(), actor(), each.assignment, each.sent, now)
                submitted += 1
            elif correcting:
                session().rollback()
                said = (
                    "This review is submitted already: write “submit: yes” to correct it, or take it out of the file."
                )
                return _page(text, [Problem(each.filled.line, said)]), 409
            else:
                actions.save_draft(session(), actor(), each.assignment, each.sent, now)
                drafts += 1
        except Refused as refused:
            session().rollback()
            return _page(text, [Problem(each.filled.line, sentence(refused.refusal))]), 409
    done = [(drafts, "kept as drafts"), (submitted, "submitted"), (same, "as they were")]
    flash("Your file is in: " + (", ".join(f"{number} {said}" for number, said in done if number) or "nothing") + ".")
    return redirect(url_for("reviewer.queue"), 303)


def _page(text: str = "", problems: list[Problem] | None = None, overtaken: list[Overtaken] | None = None) -> str:
    typed = ["", *lines_of(text)]
    told = (problems or [])[:MOST_PROBLEMS]
    lines = [(None, _told(each, typed[each.line] if each.line < len(typed) else "")) for each in told]
    if problems and len(problems) > len(told):
        lines.append((None, f"And {len(problems) - len(told)} more."))
    return render_template(
        "reviewer/offline.html",
        text=text,
        lines=lines,
        overtaken=overtaken or [],
        open_count=len(queries.open_order(session(), actor())),
        most=MOST_SHEETS,
    )


def _told(problem: Problem, typed: str) -> str:
    """A problem with its line and what stands there, so that it is found without counting."""
    if not problem.line:
        return problem.text
    shown = typed.strip()
    quoted = f" (“{shown[:LONGEST_QUOTE]}{'…' if len(shown) > LONGEST_QUOTE else ''}”)" if shown else ""
    return f"Line {problem.line}{quoted}: {problem.text}"
