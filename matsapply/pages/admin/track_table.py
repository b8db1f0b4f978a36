"""One track's table: decisions one by one and in bulk, the best so many, its places, more readings, other weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import abort, render_template, request

from matsapply.applications.locks import lock_applications
from matsapply.applications.models import Application, TrackChoice
from matsapply.decisions import queries, track_table as table
from matsapply.decisions.actions import record_decision
from matsapply.pages.admin import figures
from matsapply.pages.admin.frame import (
    acting_role,
    blueprint,
    chosen_keys,
    cohort_at,
    each,
    go,
    number_of,
    reach_of,
    reach_of_track,
    said,
    told_of,
    track_at,
    visible,
)
from matsapply.pages.guard import actor, needs
from matsapply.pages.phrases import sentence
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.keyset import BadCursor
from matsapply.reviews.standings import MOST_PLACES, ask_readings, set_places
from matsapply.rules.access import POLICY, Act, may
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import Outcome

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.pages.site import CohortFrame

ON_TRACKS = {"advance": Outcome.ADVANCE, "not_advance": Outcome.NOT_ADVANCE}
KNOWN_ARGS = frozenset({"show", "sort", "q", "after", "before", "top", "by", "rest"})
LONGEST_SEARCH = 100
PROPOSED_READINGS = 10
MOST_POINTS = 100  # of a criterion's weight, in a look at other weights


@blueprint.get("/<cohort_key>/decisions/<track_key>")
@needs(Act.DECISIONS_READ)
def track_decisions(cohort_key: str, track_key: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.DECISIONS_READ)
    track_id = track_at(frame, track_key, Act.DECISIONS_READ)
    if set(request.args) - KNOWN_ARGS:
        abort(400)
    return _page(frame, track_id)


def _page(frame: CohortFrame, track_id: int, problem: str = "", status: int = 200) -> ResponseReturnValue:
    args, seen = request.args, visible(Act.DECISIONS_READ)
    judged = table.judged(session(), frame.id, track_id)
    words = args.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]
    # Where a bar stands, the open cases come first; without one, the best.
    sort = args.get("sort", "-calibrated" if judged.bar is None else "-grey")
    top: table.Top | None = None
    rest: list[table.ChoiceRow] | None = None
    try:
        page = table.choice_page(
            session(),
            track_id,
            seen,
            readers=judged.readers,
            shown=args.get("show", ""),
            words=words,
            sort=sort,
            after=args.get("after"),
            before=args.get("before"),
        )
        if number := number_of(args.get("top"), most=table.MOST_AT_ONCE):
            top = table.top_undecided(session(), track_id, seen, number, args.get("by", "calibrated"))
        elif args.get("rest") == "1":
            rest = table.rest_undecided(session(), track_id, seen, judged.readers)
    except (table.UnknownView, BadCursor):
        abort(400)
    may_ask = may(actor(), Act.ASSIGNMENTS_WRITE, reach_of(frame))
    worth: list[table.ChoiceRow] = []
    if judged.bar is not None:
        worth = figures.remembered(
            f"worth {track_id}",
            frame.id,
            lambda: table.worth_reading(session(), track_id, seen, judged.readers, PROPOSED_READINGS),
        )
    shown = render_template(
        "admin/track_decisions.html",
        frame=frame,
        line=_progress(frame, track_id, seen),
        judged=judged,
        page=page,
        shown=args.get("show", ""),
        words=words,
        sort=sort,
        top=top,
        by=args.get("by", "calibrated"),
        number=args.get("top", ""),
        rest=rest,
        worth=worth,
        may_decide=may(actor(), Act.DECISIONS_WRITE, reach_of_track(frame, track_id)),
        may_ask=may_ask,
        problem=problem,
        typed=request.form.get("places", ""),
    )
    return shown, status


def _progress(frame: CohortFrame, track_id: int, seen: Any) -> queries.TrackProgress:
    line: queries.TrackProgress = figures.remembered(
        f"track {track_id}", frame.id, lambda: queries.track_progress(session(), frame.id, seen, track_id)[0]
    )
    return line


@blueprint.post("/<cohort_key>/decisions/<track_key>")
@needs(Act.DECISIONS_WRITE)
def record(cohort_key: str, track_key: str) -> ResponseReturnValue:
    """Record one outcome for every ticked row; each row is done whole or not at all."""
    frame = cohort_at(cohort_key, Act.DECISIONS_WRITE)
    track_id = track_at(frame, track_key, Act.DECISIONS_WRITE)
    outcome = ON_TRACKS.get(request.form.get("outcome", ""))
    if outcome is None:
        abort(400)
    rows = table.choices_named(session(), track_id, visible(Act.DECISIONS_WRITE), chosen_keys())
    if not rows:
        said("Tick at least one person first.", "warn")
        return go("admin.track_decisions", cohort_key=cohort_key, track_key=track_key)
    role = acting_role(reach_of_track(frame, track_id), POLICY[Act.DECISIONS_WRITE])
    now, feedback = clock.now(), request.form.get("feedback", "").strip()

    lock_applications(session(), [row.application_id for row in rows])

    def one(row: table.ChoiceRow) -> None:
        record_decision(
            session(),
            actor(),
            role=role,
            application=session().get_one(Application, row.application_id),
            track_choice=session().get_one(TrackChoice, row.id),
            outcome=outcome,
            now=now,
            feedback=feedback,
        )

    done, refusals = each(rows, one)
    figures.forget()
    said(f"{done} recorded. {told_of(refusals)}".strip(), "warn" if refusals else "good")
    return go("admin.track_decisions", cohort_key=cohort_key, track_key=track_key)


@blueprint.post("/<cohort_key>/decisions/<track_key>/places")
@needs(Act.DECISIONS_WRITE)
def places(cohort_key: str, track_key: str) -> ResponseReturnValue:
    """How many shall advance: where the bar lies follows from it."""
    frame = cohort_at(cohort_key, Act.DECISIONS_WRITE)
    track_id = track_at(frame, track_key, Act.DECISIONS_WRITE)
    typed = request.form.get("places", "").strip()
    number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= len(str(MOST_PLACES)) else None
    if typed and (number is None or number > MOST_PLACES):
        problem = f"Write a whole number of people up to {MOST_PLACES:,}, or nothing for no bar."
        return _page(frame, track_id, problem, 422)
    try:
        set_places(session(), actor(), frame.id, track_id, number, clock.now())
    except Refused as error:
        said(sentence(error.refusal), "warn")
        return go("admin.track_decisions", cohort_key=cohort_key, track_key=track_key)
    figures.forget()
    said("No bar any more." if number is None else f"The bar is where {number} are expected to stand above it.")
    return go("admin.track_decisions", cohort_key=cohort_key, track_key=track_key)


@blueprint.post("/<cohort_key>/decisions/<track_key>/readings")
@needs(Act.ASSIGNMENTS_WRITE)
def more_readings(cohort_key: str, track_key: str) -> ResponseReturnValue:
    """Ask for one more reading of each ticked application."""
    frame = cohort_at(cohort_key, Act.ASSIGNMENTS_WRITE)
    track_id = track_at(frame, track_key, Act.ASSIGNMENTS_WRITE)
    rows = table.choices_named(session(), track_id, visible(Act.DECISIONS_READ), chosen_keys())
    wanted = {row.application_id: row.chance for row in rows if row.chance is not None}
    asked = ask_readings(session(), actor(), frame.id, wanted, clock.now())
    figures.forget()
    said(f"Asked for one more reading of {asked}. The next plan of assignments gives them a reader.")
    return go("admin.track_decisions", cohort_key=cohort_key, track_key=track_key)


@blueprint.get("/<cohort_key>/decisions/<track_key>/weights")
@needs(Act.DECISIONS_READ)
def other_weights(cohort_key: str, track_key: str) -> ResponseReturnValue:
    """What if the track weighed otherwise: who would move across the line. Nothing is saved."""
    frame = cohort_at(cohort_key, Act.DECISIONS_READ)
    track_id = track_at(frame, track_key, Act.DECISIONS_READ)
    seen = visible(Act.DECISIONS_READ)
    judged = table.judged(session(), frame.id, track_id)
    criteria = table.criteria_of(session(), frame.id, track_key)
    typed = {one.key: request.args.get(f"w-{one.key}", f"{one.weight * 100:g}") for one in criteria}
    line = request.args.get("line", str(judged.places or ""))
    points, number = {key: _points(text) for key, text in typed.items()}, number_of(line, least=1)
    problems = {f"w-{key}": f"Write points from 0 to {MOST_POINTS}." for key, value in points.items() if value is None}
    total = sum(value or 0.0 for value in points.values())
    if not problems and total <= 0 and criteria:
        problems[f"w-{criteria[0].key}"] = "At least one criterion has to count."
    if number is None and line:
        problems["line"] = "Write a whole number of people."
    found = None
    if number is not None and criteria and not problems:
        own = {one.key: one.weight for one in criteria}
        others = {key: (value or 0.0) / total for key, value in points.items()}
        found = table.what_if(session(), track_id, seen, own, others, number)
    page = render_template(
        "admin/track_weights.html",
        frame=frame,
        line=_progress(frame, track_id, seen),
        criteria=criteria,
        typed=typed,
        number=line,
        problems=problems,
        total=total,
        found=found,
    )
    return page, 422 if problems else 200


def _points(text: str) -> float | None:
    """A weight in points; None where it is none."""
    try:
        value = float(text.strip()) if len(text) <= 10 else -1.0
    except ValueError:
        return None
    return value if 0 <= value <= MOST_POINTS else None
