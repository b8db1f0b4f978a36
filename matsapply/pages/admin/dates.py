"""Key dates: one or several at once, shown before they move, with who is told and every earlier value."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import abort, render_template, request

from matsapply.cohorts import queries
from matsapply.cohorts.actions import plan_for, set_key_dates
from matsapply.cohorts.date_changes import DateRefused
from matsapply.cohorts.file_checks import dates_of
from matsapply.cohorts.file_sections import COHORT_DATES
from matsapply.cohorts.models import Cohort
from matsapply.pages import site
from matsapply.pages.admin.frame import blueprint, cohort_at, go, reach_of, said, switcher
from matsapply.pages.admin.setup import file_of
from matsapply.pages.admin.setup_forms import WALL_PROBLEMS
from matsapply.pages.guard import actor, needs
from matsapply.people.queries import names_of
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.instants import machine
from matsapply.process.key_dates import how_many, keep_offers, tell_holders
from matsapply.rules.access import Act, may
from matsapply.rules.date_moves import Move, MoveKind, MoveTerms
from matsapply.rules.deadlines import short_windows
from matsapply.rules.wall_time import Unresolved, resolve_rule

if TYPE_CHECKING:
    from datetime import datetime

    from flask.typing import ResponseReturnValue

    from matsapply.pages.site import CohortFrame

RULE_LENGTH = 60
KINDS = {
    MoveKind.FIRST: "set for the first time",
    MoveKind.LATER: "later",
    MoveKind.EARLIER: "earlier",
    MoveKind.REOPENED: "opens again",
    MoveKind.UNSET: "to be announced again",
}


@blueprint.get("/<cohort_key>/dates")
@needs(Act.COHORT_READ)
def dates(cohort_key: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.COHORT_READ)
    history = queries.key_date_history(session(), frame.id)
    rows = queries.key_dates(session(), frame.id, staff=True)
    return render_template(
        "admin/dates.html",
        frame=frame,
        cohorts=switcher(frame, Act.COHORT_READ, "admin.dates"),
        rows=rows,
        history=history,
        names=names_of(session(), [row.actor_id for row in history]),
        may_set=may(actor(), Act.KEY_DATES_SET, reach_of(frame)),
    )


# --- setting ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Line:
    """One date of the form. ``was`` is what its writer saw; ``at`` what ``rule`` gives, None for to be announced."""

    code: str
    label: str
    stored: datetime | None
    stored_rule: str
    rule: str
    was: str
    at: datetime | None = None
    error: str = ""
    clash: bool = False

    @property
    def touched(self) -> bool:
        """Whether the writer changed it: a date that was left alone stays as it is stored."""
        return bool(self.error) or told(self.at) != self.was


@dataclass(frozen=True, slots=True)
class Shown:
    """What a preview says of one move."""

    label: str
    move: Move
    words: str
    people: int


def told(at: datetime | None) -> str:
    """An instant as the form remembers it."""
    return machine(at) if at is not None else ""


def _read(frame: CohortFrame, codes: tuple[str, ...]) -> list[Line]:
    """The dates as the form was sent; what is not in it is as it is stored."""
    lines = []
    for entry in file_of(frame).key_dates:
        code, stored = entry.code, entry.moment.at if entry.moment else None
        if code not in codes:
            continue
        stored_rule = entry.moment.rule if entry.moment else ""
        rule = " ".join(request.form.get(f"at-{code}", stored_rule).split())
        was = request.form.get(f"was-{code}", told(stored))
        line = Line(code, entry.label, stored, stored_rule, rule, was, stored)
        if f"at-{code}" in request.form:
            found = resolve_rule(rule) if rule else None
            if isinstance(found, Unresolved) or len(rule) > RULE_LENGTH:
                problem = found.problem if isinstance(found, Unresolved) else None
                line.error = WALL_PROBLEMS[problem] if problem else f"Write it in at most {RULE_LENGTH} letters."
            else:
                line.at = found
        line.clash = line.touched and not line.error and line.was != told(stored) and line.at != stored
        lines.append(line)
    return lines


def _codes() -> tuple[str, ...]:
    """The dates the form is about: those in the address, else all."""
    asked = tuple(dict.fromkeys(request.args.getlist("code")))
    if set(asked) - set(COHORT_DATES):
        abort(400)
    return asked or tuple(COHORT_DATES)


@blueprint.get("/<cohort_key>/dates/set")
@needs(Act.KEY_DATES_SET)
def set_dates(cohort_key: str) -> ResponseReturnValue:
    """The form for all dates, or for those named by ``code``."""
    frame = cohort_at(cohort_key, Act.KEY_DATES_SET)
    return _form(frame, _read(frame, _codes()))


@blueprint.post("/<cohort_key>/dates/set")
@needs(Act.KEY_DATES_SET)
def save_dates(cohort_key: str) -> ResponseReturnValue:
    """Show what would move; set it when the same has been shown and is confirmed."""
    frame = cohort_at(cohort_key, Act.KEY_DATES_SET)
    lines = _read(frame, _codes())
    if any(line.error for line in lines):
        return _form(frame, lines, status=422)
    if any(line.clash for line in lines):
        for line in lines:
            line.was = told(line.stored) if line.clash else line.was
        problem = "Somebody else has moved a date since you opened this. Both values are below; decide again."
        return _form(frame, lines, problem=problem, status=409)
    changes = {line.code: (line.at, line.rule) for line in lines if line.touched and line.at != line.stored}
    reason, now = request.form.get("reason", "").strip(), clock.now()
    cohort = session().get_one(Cohort, frame.id)
    try:
        instants = {code: at for code, (at, _) in changes.items()}
        moves = plan_for(session(), cohort, instants, now, MoveTerms(confirmed=True, reason=reason))
        keep_offers(session(), frame.id, instants)
        mark = _mark(moves)
        if not moves or request.form.get("shown") != mark:
            return _form(frame, lines, preview=_preview(frame, lines, moves), mark=mark, looked=True)
        set_key_dates(session(), actor(), cohort, changes, reason, True, now, tell=tell_holders)
    except DateRefused as refusal:
        session().rollback()
        return _form(frame, lines, problem=str(refusal), status=422)
    site.forget_cohorts()
    said(f"Set: {', '.join(move.code for move in moves)}.")
    return go("admin.dates", cohort_key=cohort_key)


def _mark(moves: tuple[Move, ...]) -> str:
    """A mark of these moves, so that only what was shown is set."""
    return hashlib.sha256(repr([(move.code, move.old, move.new) for move in moves]).encode()).hexdigest()[:24]


def _preview(frame: CohortFrame, lines: list[Line], moves: tuple[Move, ...]) -> list[Shown]:
    labels = {line.code: line.label for line in lines}
    return [
        Shown(
            labels[move.code],
            move,
            KINDS[move.kind],
            how_many(session(), frame.id, move.code) if move.tells else 0,
        )
        for move in moves
    ]


def _form(
    frame: CohortFrame,
    lines: list[Line],
    *,
    preview: list[Shown] | None = None,
    mark: str = "",
    looked: bool = False,
    problem: str = "",
    status: int = 200,
) -> ResponseReturnValue:
    file = file_of(frame)
    before = dates_of(file)
    after = before | {line.code: line.at for line in lines if not line.error}
    wanted = file.status_policy.min_weekends_per_window
    page = render_template(
        "admin/dates_set.html",
        frame=frame,
        lines=lines,
        preview=preview or [],
        mark=mark,
        looked=looked,
        short=[one for one in short_windows(after, wanted) if one not in short_windows(before, wanted)],
        problem=problem,
        reason=request.form.get("reason", ""),
    )
    return page, status
