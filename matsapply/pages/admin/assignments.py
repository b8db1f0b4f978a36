"""Giving applications to reviewers: the plan is shown before it is applied."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import render_template, request

from matsapply.applications.models import Application
from matsapply.decisions.actions import required_readers
from matsapply.pages.admin.frame import acting_role, blueprint, cohort_at, go, refused_as, said, switcher
from matsapply.pages.guard import actor, allow, needs
from matsapply.people.models import Person
from matsapply.people.queries import holders
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.reviews.models import ConflictOfInterest, ReviewAssignment, ReviewRound
from matsapply.reviews.rounds import apply_plan, cap_of, ensure_round, open_loads
from matsapply.rules.access import POLICY, Act, Reach, may
from matsapply.rules.assignment import AssignmentPlan, assign
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import (
    ACTIVE_ASSIGNMENT,
    ApplicationState,
    AssignmentState,
    ConflictState,
    Role,
    RoundKind,
)

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.pages.site import CohortFrame

SEED = 1
COUNTED = ACTIVE_ASSIGNMENT | {AssignmentState.SUBMITTED}


def _plan(frame: CohortFrame, readers: int) -> AssignmentPlan:
    """Who would read what, so that every submitted application has ``readers``."""
    now = clock.now()
    reviewers = holders(session(), Role.REVIEWER, now)
    applications = (
        session()
        .scalars(
            sa.select(Application.id).where(
                Application.cohort_id == frame.id, Application.state == ApplicationState.SUBMITTED
            )
        )
        .all()
    )
    central = sa.select(ReviewRound.id).where(
        ReviewRound.cohort_id == frame.id, ReviewRound.kind == RoundKind.CENTRAL_SCORE
    )
    rows = session().execute(
        sa.select(ReviewAssignment.application_id, ReviewAssignment.reviewer_id, ReviewAssignment.state).where(
            ReviewAssignment.round_id.in_(central)
        )
    )
    forbidden, has = set(), Counter[int]()
    for application_id, reviewer_id, state in rows:
        forbidden.add((application_id, reviewer_id))
        has[application_id] += state in COUNTED
    forbidden |= {
        (application_id, person_id)
        for application_id, person_id in session().execute(
            sa.select(ConflictOfInterest.application_id, ConflictOfInterest.person_id).where(
                ConflictOfInterest.state == ConflictState.ACTIVE
            )
        )
    }
    cap = cap_of(session(), frame.id)
    return assign(
        applications,
        reviewers,
        None,
        forbidden,
        {key: max(0, readers - has[key]) for key in applications},
        dict.fromkeys(reviewers, cap),
        SEED,
        held=open_loads(session(), frame.id),
    )


def _page(
    frame: CohortFrame, plan: AssignmentPlan | None, refusal: str | None = None, status: int = 200
) -> ResponseReturnValue:
    rows = session().execute(
        sa.select(ReviewAssignment.reviewer_id, Person.display_name, ReviewAssignment.state, sa.func.count())
        .join(Person, Person.id == ReviewAssignment.reviewer_id)
        .join(ReviewRound, ReviewRound.id == ReviewAssignment.round_id)
        .where(ReviewRound.cohort_id == frame.id, ReviewRound.kind == RoundKind.CENTRAL_SCORE)
        .group_by(ReviewAssignment.reviewer_id, Person.display_name, ReviewAssignment.state)
        .order_by(Person.display_name)
    )
    loads: dict[str, Counter[str]] = {}
    for _, name, state, number in rows:
        loads.setdefault(name, Counter())[state.value] += number
    page = render_template(
        "admin/assignments.html",
        frame=frame,
        cohorts=switcher(frame, Act.COHORT_READ, "admin.assignments"),
        loads=loads,
        done=sum(each["submitted"] for each in loads.values()),
        total=sum(each[state.value] for each in loads.values() for state in COUNTED),
        plan=plan,
        refusal=refusal,
        may_assign=may(actor(), Act.ASSIGNMENTS_WRITE, Reach(frame.id)),
    )
    return page, status


def _readers(frame: CohortFrame) -> int:
    found = session().scalar(
        sa.select(ReviewRound.readers).where(
            ReviewRound.cohort_id == frame.id, ReviewRound.kind == RoundKind.CENTRAL_SCORE
        )
    )
    return found or required_readers(session(), frame.id)


@blueprint.get("/<cohort_key>/assignments")
@needs(Act.COHORT_READ)
def assignments(cohort_key: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.COHORT_READ)
    plan = _plan(frame, _readers(frame)) if request.args.get("plan") else None
    return _page(frame, plan)


@blueprint.post("/<cohort_key>/assignments")
@needs(Act.ASSIGNMENTS_WRITE)
def apply(cohort_key: str) -> ResponseReturnValue:
    """Apply the plan that was shown; if the world has moved on since, the new plan is shown instead."""
    frame = cohort_at(cohort_key, Act.ASSIGNMENTS_WRITE)
    allow(Act.ASSIGNMENTS_WRITE, Reach(frame.id))
    role = acting_role(Reach(frame.id), POLICY[Act.ASSIGNMENTS_WRITE])
    try:
        round_ = ensure_round(session(), frame.id, RoundKind.CENTRAL_SCORE)
        plan = _plan(frame, round_.readers)
        if plan.digest != request.form.get("digest"):
            return _page(frame, plan, "Things have changed since this plan was shown. Look at the new one.", 409)
        made = apply_plan(session(), actor(), round_, plan.pairs, clock.now(), role=role)
    except Refused as error:
        return _page(frame, None, refused_as(error), 409)
    said(f"{made} readings assigned.")
    return go("admin.assignments", cohort_key=frame.key)
