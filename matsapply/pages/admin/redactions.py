"""Answers that name their author: where there are any, and what blind readers are not to read of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import render_template, request

from matsapply.applications.models import Application
from matsapply.pages.admin.applications import application_at
from matsapply.pages.admin.frame import blueprint, cohort_at, go, refused_as, said, switcher, visible
from matsapply.pages.guard import actor, needs
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.reviews.queries import short_code
from matsapply.reviews.redactions import Looked, decide, flagged, looked_at
from matsapply.rules.access import Act
from matsapply.rules.redaction import Redaction, digest_of, phrases
from matsapply.rules.refusals import Refused

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.applications.staff_file import Header
    from matsapply.pages.site import CohortFrame

MOST_ROWS = 500
MOST_PHRASES = 50
LONGEST_PHRASE = 500


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of an answer: plain text, or one that names somebody or was hidden. ``kind``: "", sure, part or chosen."""

    text: str
    kind: str = ""
    value: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One answer with what can be decided on it."""

    key: str
    label: str
    digest: str
    stretches: tuple[Stretch, ...]
    whole: bool
    more: str
    decided: bool
    problem: str = ""

    @property
    def choices(self) -> list[Stretch]:
        return [each for each in self.stretches if each.kind in {"part", "chosen"}]


@blueprint.get("/<cohort_key>/redactions")
@needs(Act.APPLICATIONS_ACT)
def redactions(cohort_key: str) -> ResponseReturnValue:
    """The applications whose answers name somebody, those nobody has decided on first."""
    frame = cohort_at(cohort_key, Act.APPLICATIONS_ACT)
    rows = flagged(session(), frame.id, visible(Act.APPLICATIONS_ACT), MOST_ROWS)
    return render_template(
        "admin/redactions.html",
        frame=frame,
        cohorts=switcher(frame, Act.APPLICATIONS_ACT, "admin.redactions"),
        rows=[(short_code(each.public_id), each) for each in rows],
        waiting=sum(1 for each in rows if each.decided_at is None),
        most=MOST_ROWS,
    )


@blueprint.get("/<cohort_key>/applications/<public_id>/redactions")
@needs(Act.APPLICATIONS_ACT)
def redaction(cohort_key: str, public_id: str) -> ResponseReturnValue:
    """The answers as blind readers have them, with a choice for each stretch that names somebody."""
    frame = cohort_at(cohort_key, Act.APPLICATIONS_ACT)
    head = application_at(frame, public_id)
    return _page(frame, head, [_part(each) for each in _looked(head)])


@blueprint.post("/<cohort_key>/applications/<public_id>/redactions")
@needs(Act.APPLICATIONS_ACT)
def redact(cohort_key: str, public_id: str) -> ResponseReturnValue:
    """Decide on every answer of the page."""
    frame = cohort_at(cohort_key, Act.APPLICATIONS_ACT)
    head = application_at(frame, public_id)
    looked = _looked(head)
    read = [_read(each) for each in looked]
    if any(problem for _, problem in read):
        parts = [
            _part(each, wanted, request.form.get(f"more-{each.question.key}", ""), problem)
            for each, (wanted, problem) in zip(looked, read, strict=True)
        ]
        return _page(frame, head, parts, status=422)
    wanted = {each.question.key: wish for each, (wish, _) in zip(looked, read, strict=True) if wish is not None}
    try:
        changed = decide(session(), actor(), session().get_one(Application, head.id), wanted, clock.now())
    except Refused as error:
        return _page(frame, head, [_part(each) for each in _looked(head)], problem=refused_as(error), status=409)
    said("Decided. Blind readers have it so from now on." if changed else "Nothing has changed.")
    return go("admin.redactions", cohort_key=frame.key)


# --- parts ------------------------------------------------------------------------------------------------------------


def _looked(head: Header) -> tuple[Looked, ...]:
    return looked_at(session(), session().get_one(Application, head.id))


def _page(
    frame: CohortFrame, head: Header, parts: list[Part], *, problem: str = "", status: int = 200
) -> ResponseReturnValue:
    problems = [(f"more-{part.key}", f"{part.label}: {part.problem}") for part in parts if part.problem]
    page = render_template(
        "admin/redaction.html",
        frame=frame,
        head=head,
        code=short_code(head.public_id),
        parts=sorted(parts, key=lambda part: not any(each.kind for each in part.stretches)),
        problems=[(None, problem), *problems] if problem else problems,
    )
    return page, status


def _read(looked: Looked) -> tuple[Redaction | None, str]:
    """What was chosen for one answer, and what is wrong with it. None where the page that was sent had no such answer.

    The digest is the one of the wording that was on the page: the action refuses it where that is not in force.
    """
    key = looked.question.key
    digest = request.form.get(f"digest-{key}")
    if digest is None:
        return None, ""
    text, spans = looked.text, set[tuple[int, int]]()
    for value in request.form.getlist(f"hide-{key}"):
        start, _, end = value.partition("-")
        if start.isascii() and start.isdigit() and end.isascii() and end.isdigit() and len(value) < 20:
            spans.add((int(start), int(end)))
    lines = [line.strip() for line in request.form.get(f"more-{key}", "").splitlines() if line.strip()]
    missing = ""
    for line in lines[:MOST_PHRASES]:
        places = phrases(text, line[:LONGEST_PHRASE])
        missing = missing or ("" if places else f"“{line[:60]}” does not stand in this answer.")
        spans.update(places)
    if len(lines) > MOST_PHRASES:
        missing = f"Give at most {MOST_PHRASES} lines, or hide the whole answer."
    sound = sorted((start, end) for start, end in spans if 0 <= start < end <= len(text))
    return Redaction(digest, tuple(sound), f"whole-{key}" in request.form), missing


def _part(looked: Looked, wanted: Redaction | None = None, more: str = "", problem: str = "") -> Part:
    """``wanted`` is what was sent and refused; else the decision in force counts, else what is hidden without one."""
    text = looked.text
    decided = wanted or looked.decided
    chosen = {(each.start, each.end): "sure" if each.sure else "part" for each in looked.mentions}
    hidden = set(decided.spans) if decided else set(chosen)
    for span in hidden:
        chosen.setdefault(span, "chosen")
    stretches: list[Stretch] = []
    at = 0
    for (start, end), kind in sorted(chosen.items()):
        if start < at:
            continue  # within the one before
        if start > at:
            stretches.append(Stretch(text[at:start]))
        shown = Stretch(text[start:end], kind, f"{start}-{end}", kind == "sure" or (start, end) in hidden)
        stretches.append(shown)
        at = end
    stretches.append(Stretch(text[at:]))
    return Part(
        key=looked.question.key,
        label=looked.question.label,
        digest=digest_of(text),
        stretches=tuple(stretches),
        whole=bool(decided and decided.whole),
        more=more,
        decided=looked.decided is not None,
        problem=problem,
    )
