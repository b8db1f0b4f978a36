"""Who reads what: progress by reviewer, a plan that is shown before it is applied, and reviewers' own terms."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import abort, render_template, request
from wtforms import SelectChoice

from matsapply.applications.models import Application
from matsapply.cohorts.models import Rubric, Track
from matsapply.pages.admin.assignment_forms import PlanForm, TermsForm, filled
from matsapply.pages.admin.frame import acting_role, blueprint, cohort_at, go, refused_as, said, switcher, visible
from matsapply.pages.guard import actor, allow, needs
from matsapply.people.models import Person, RoleGrant
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.solver import exact_solver
from matsapply.reviews.models import ReaderTerms, ReadingPlan, ReviewAssignment, ReviewRound
from matsapply.reviews.planning import Options, apply_kept, gather, keep_plan, reviewers_of, work_out
from matsapply.reviews.queries import short_code
from matsapply.reviews.rounds import cap_of, ensure_round
from matsapply.reviews.terms import reader_leaves, reader_returns, terms_of
from matsapply.rules.access import POLICY, Act, Reach, may
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import ACTIVE_ASSIGNMENT, AssignmentState, Role, RoundKind, RubricKind

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.pages.site import CohortFrame

COUNTED = ACTIVE_ASSIGNMENT | {AssignmentState.SUBMITTED}
EARLIER = 5
MOST_MOVES = 200
CHANGED = "Things have changed since this plan was shown, so it was made again. Look at the new one."


@dataclass
class Line:
    """A reviewer in the list: what they have done and what is open, and their own terms."""

    public_id: str
    name: str
    states: Counter[str] = field(default_factory=Counter)
    terms: ReaderTerms | None = None
    reads: bool = False


def _lines(frame: CohortFrame) -> list[Line]:
    """Everybody who reads or has read in the central scoring, by name. Two queries."""
    counts: dict[int, Counter[str]] = {}
    for person_id, state, number in session().execute(
        sa.select(ReviewAssignment.reviewer_id, ReviewAssignment.state, sa.func.count())
        .join(ReviewRound, ReviewRound.id == ReviewAssignment.round_id)
        .where(ReviewRound.cohort_id == frame.id, ReviewRound.kind == RoundKind.CENTRAL_SCORE)
        .group_by(ReviewAssignment.reviewer_id, ReviewAssignment.state)
    ):
        counts.setdefault(person_id, Counter())[state.value] += number
    reads = Person.id.in_(reviewers_of(frame.id, clock.now()).with_only_columns(RoleGrant.person_id))
    people = session().execute(
        sa.select(Person.id, Person.public_id, Person.display_name, reads, ReaderTerms)
        .join(ReaderTerms, (ReaderTerms.person_id == Person.id) & (ReaderTerms.cohort_id == frame.id), isouter=True)
        .where(sa.or_(reads, Person.id.in_(counts)))
        .order_by(Person.display_name, Person.id)
    )
    return [
        Line(public_id, name, counts.get(key, Counter()), terms, bool(reading))
        for key, public_id, name, reading, terms in people
    ]


def _default(frame: CohortFrame) -> Options:
    """What the first plan of a cohort is asked for."""
    in_round = (
        sa.select(ReviewRound.readers)
        .where(ReviewRound.cohort_id == frame.id, ReviewRound.kind == RoundKind.CENTRAL_SCORE)
        .limit(1)
    )
    in_rubric = sa.select(sa.func.max(Rubric.readers)).where(
        Rubric.cohort_id == frame.id, Rubric.kind == RubricKind.CENTRAL_SCORE
    )
    readers = session().scalar(sa.select(sa.func.coalesce(in_round.scalar_subquery(), in_rubric.scalar_subquery(), 1)))
    return Options(readers or 1, True, 0, cap_of(session(), frame.id), 1, 0, 1, True)


def _list(
    frame: CohortFrame, form: PlanForm | None = None, *, problem: str = "", status: int = 200
) -> ResponseReturnValue:
    """The page; its form is filled in as for the last plan, where none is given."""
    lines = _lines(frame)
    plans = (
        session()
        .execute(
            sa.select(
                ReadingPlan.public_id,
                ReadingPlan.made_at,
                ReadingPlan.applied_at,
                ReadingPlan.options,
                Person.display_name,
            )
            .join(Person, Person.id == ReadingPlan.made_by_id)
            .where(ReadingPlan.cohort_id == frame.id)
            .order_by(ReadingPlan.id.desc())
            .limit(EARLIER)
        )
        .all()
    )
    if form is None:
        form = filled(Options(**plans[0].options) if plans else _default(frame), formdata=None)
    page = render_template(
        "admin/assignments.html",
        frame=frame,
        cohorts=switcher(frame, Act.COHORT_READ, "admin.assignments"),
        lines=lines,
        done=sum(each.states["submitted"] for each in lines),
        total=sum(each.states[state.value] for each in lines for state in COUNTED),
        form=form,
        plans=plans,
        problem=problem,
        may_assign=may(actor(), Act.ASSIGNMENTS_WRITE, Reach(frame.id)),
    )
    return page, status


@blueprint.get("/<cohort_key>/assignments")
@needs(Act.COHORT_READ)
def assignments(cohort_key: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.COHORT_READ)
    return _list(frame)


def _writing(cohort_key: str) -> tuple[CohortFrame, Role]:
    frame = cohort_at(cohort_key, Act.ASSIGNMENTS_WRITE)
    allow(Act.ASSIGNMENTS_WRITE, Reach(frame.id))
    return frame, acting_role(Reach(frame.id), POLICY[Act.ASSIGNMENTS_WRITE])


def _made(frame: CohortFrame, options: Options) -> ReadingPlan:
    """Work a plan out and keep it. Nothing is held in the database while it is worked out."""
    now = clock.now()
    inputs = gather(session(), frame.id, now)
    session().rollback()
    content = work_out(inputs, options, exact_solver())
    return keep_plan(session(), actor(), frame.id, options, inputs.digest, content, now)


@blueprint.post("/<cohort_key>/assignments")
@needs(Act.ASSIGNMENTS_WRITE)
def make_plan(cohort_key: str) -> ResponseReturnValue:
    frame, _ = _writing(cohort_key)
    form = PlanForm()
    form.cap = cap_of(session(), frame.id)
    if not form.validate():
        return _list(frame, form, status=422)
    plan = _made(frame, form.options)
    return go("admin.reading_plan", cohort_key=frame.key, public_id=plan.public_id)


def _kept(frame: CohortFrame, public_id: str) -> ReadingPlan:
    found = session().scalars(sa.select(ReadingPlan).filter_by(cohort_id=frame.id, public_id=public_id)).one_or_none()
    if found is None:
        abort(404)
    return found


@blueprint.get("/<cohort_key>/assignments/plans/<public_id>")
@needs(Act.COHORT_READ)
def reading_plan(cohort_key: str, public_id: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.COHORT_READ)
    return _plan_page(frame, _kept(frame, public_id))


def _plan_page(frame: CohortFrame, plan: ReadingPlan, *, problem: str = "", status: int = 200) -> ResponseReturnValue:
    """The plan as it was kept. Applications in conflict with the looker are not named, here as anywhere."""
    content: dict[str, Any] = plan.content
    moves = [(*pair, True) for pair in content["removed"]] + [(*pair, False) for pair in content["added"]]
    named = {key for key, *_ in (*content["worst"], *content["unplaced"], *moves[:MOST_MOVES])} | set(content["shared"])
    files = {
        key: (public_id, short_code(public_id))
        for key, public_id in session().execute(
            sa.select(Application.id, Application.public_id).where(Application.id.in_(named), visible(Act.COHORT_READ))
        )
    }
    people = dict(
        session()
        .execute(
            sa.select(Person.id, Person.display_name).where(
                Person.id.in_({key for key, *_ in content["loads"]} | {key for _, key, _ in moves[:MOST_MOVES]})
            )
        )
        .all()
    )
    page = render_template(
        "admin/reading_plan.html",
        frame=frame,
        plan=plan,
        options=Options(**plan.options),
        content=content,
        files=files,
        people=people,
        moves=moves[:MOST_MOVES],
        further=max(0, len(moves) - MOST_MOVES),
        share=_share(content),
        current=plan.applied_at is None and gather(session(), frame.id, clock.now()).digest == plan.inputs,
        problem=problem,
        may_assign=may(actor(), Act.ASSIGNMENTS_WRITE, Reach(frame.id)),
        may_open=may(actor(), Act.APPLICATIONS_READ, Reach(frame.id)),
    )
    return page, status


def _share(content: dict[str, Any]) -> float | None:
    """How much of the greatest possible sum the plan reaches, where that is known."""
    bound = content["bound"]
    return min(1.0, content["total"] / bound) if bound else None


@blueprint.post("/<cohort_key>/assignments/plans/<public_id>")
@needs(Act.ASSIGNMENTS_WRITE)
def apply_reading_plan(cohort_key: str, public_id: str) -> ResponseReturnValue:
    """Apply the plan that was shown, and nothing else: where the world has moved on, a new one is shown instead."""
    frame, role = _writing(cohort_key)
    plan = _kept(frame, public_id)
    if plan.applied_at is not None:
        return _plan_page(frame, plan, problem="This plan was applied already.", status=409)
    if gather(session(), frame.id, clock.now()).digest != plan.inputs:
        said(CHANGED, "warn")
        again = _made(frame, Options(**plan.options))
        return go("admin.reading_plan", cohort_key=frame.key, public_id=again.public_id)
    try:
        round_ = ensure_round(session(), frame.id, RoundKind.CENTRAL_SCORE)
        given, taken = apply_kept(session(), actor(), plan, round_, clock.now(), role=role)
    except Refused as error:
        return _list(frame, problem=refused_as(error), status=409)
    said(f"{given} readings assigned" + (f", {taken} taken back." if taken else "."))
    return go("admin.assignments", cohort_key=frame.key)


# --- one reviewer -----------------------------------------------------------------------------------------------------


def _reader(frame: CohortFrame, public_id: str) -> tuple[int, str]:
    """The key and the name of somebody who reads here, or has terms of their own; else 404."""
    found = (
        session()
        .execute(
            sa.select(Person.id, Person.display_name).where(
                Person.public_id == public_id,
                sa.or_(
                    Person.id.in_({key for key, _ in session().execute(reviewers_of(frame.id, clock.now()))}),
                    Person.id.in_(sa.select(ReaderTerms.person_id).where(ReaderTerms.cohort_id == frame.id)),
                ),
            )
        )
        .one_or_none()
    )
    if found is None:
        abort(404)
    return found[0], found[1]


def _tracks(frame: CohortFrame) -> list[SelectChoice]:
    rows = session().execute(
        sa.select(Track.key, Track.name)
        .where(Track.cohort_id == frame.id, Track.dropped_at.is_(None))
        .order_by(Track.position)
    )
    return [SelectChoice(key, name) for key, name in rows]


def _reader_page(
    frame: CohortFrame, public_id: str, form: TermsForm, *, problem: str = "", status: int = 200
) -> ResponseReturnValue:
    person_id, name = _reader(frame, public_id)
    terms = session().scalars(sa.select(ReaderTerms).filter_by(cohort_id=frame.id, person_id=person_id)).one_or_none()
    opened = session().scalar(
        sa.select(sa.func.count())
        .select_from(ReviewAssignment)
        .join(ReviewRound, ReviewRound.id == ReviewAssignment.round_id)
        .where(
            ReviewRound.cohort_id == frame.id,
            ReviewRound.kind == RoundKind.CENTRAL_SCORE,
            ReviewAssignment.reviewer_id == person_id,
            ReviewAssignment.state.in_(ACTIVE_ASSIGNMENT),
        )
    )
    page = render_template(
        "admin/reader.html",
        frame=frame,
        public_id=public_id,
        name=name,
        form=form,
        left_at=terms.left_at if terms else None,
        opened=opened,
        cap=cap_of(session(), frame.id),
        problem=problem,
        given=request.form.get("reason", "") if problem else "",
    )
    return page, status


@blueprint.get("/<cohort_key>/assignments/readers/<public_id>")
@needs(Act.ASSIGNMENTS_WRITE)
def reader(cohort_key: str, public_id: str) -> ResponseReturnValue:
    frame, _ = _writing(cohort_key)
    return _reader_page(frame, public_id, _terms_form(frame, _reader(frame, public_id)[0]))


def _terms_form(frame: CohortFrame, person_id: int) -> TermsForm:
    own = session().scalars(sa.select(ReaderTerms).filter_by(cohort_id=frame.id, person_id=person_id)).one_or_none()
    form = TermsForm(formdata=None, obj=own)
    form.tracks.choices = _tracks(frame)
    if own is not None:
        form.languages.data = ", ".join(own.languages)
    return form


@blueprint.post("/<cohort_key>/assignments/readers/<public_id>")
@needs(Act.ASSIGNMENTS_WRITE)
def save_reader(cohort_key: str, public_id: str) -> ResponseReturnValue:
    frame, _ = _writing(cohort_key)
    person_id, name = _reader(frame, public_id)
    form = TermsForm()
    form.tracks.choices = _tracks(frame)
    if not form.validate():
        return _reader_page(frame, public_id, form, status=422)
    terms = terms_of(session(), frame.id, person_id)
    terms.tracks, terms.languages, terms.near_zone = list(form.tracks.data or []), form.codes, form.near_zone.data
    terms.least, terms.most, terms.reason = form.least.data or 0, form.most.data, (form.reason.data or "").strip()
    session().flush()
    said(f"The terms of {name} are saved; the next plan keeps to them.")
    return go("admin.assignments", cohort_key=frame.key)


@blueprint.post("/<cohort_key>/assignments/readers/<public_id>/<step>")
@needs(Act.ASSIGNMENTS_WRITE)
def move_reader(cohort_key: str, public_id: str, step: str) -> ResponseReturnValue:
    """E43: a reviewer leaves (their open readings are taken back) or comes back."""
    frame, role = _writing(cohort_key)
    person_id, name = _reader(frame, public_id)
    if step not in {"leave", "return"}:
        abort(404)
    try:
        if step == "leave":
            reason = request.form.get("reason", "")[:500]
            taken = reader_leaves(session(), actor(), frame.id, person_id, reason, clock.now(), role=role)
            said(f"{taken} open readings of {name} are taken back. A new plan gives them to others.")
        else:
            reader_returns(session(), actor(), frame.id, person_id, clock.now(), role=role)
            said(f"{name} is given readings again by the next plan.")
    except Refused as error:
        status = 422 if step == "leave" and not request.form.get("reason", "").strip() else 409
        problem = refused_as(error)
        return _reader_page(frame, public_id, _terms_form(frame, person_id), problem=problem, status=status)
    return go("admin.assignments", cohort_key=frame.key)
