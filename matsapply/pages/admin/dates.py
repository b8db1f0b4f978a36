"""Key dates: the order rule at once, moves with a reason, who is told, and every earlier value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import abort, render_template, request

from matsapply.cohorts import queries
from matsapply.cohorts.actions import set_key_date
from matsapply.cohorts.date_changes import DateRefused
from matsapply.cohorts.file_sections import COHORT_DATES
from matsapply.cohorts.models import Cohort
from matsapply.pages import site
from matsapply.pages.admin.frame import blueprint, cohort_at, go, reach_of, said, switcher
from matsapply.pages.guard import actor, needs
from matsapply.people.queries import names_of
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.process.key_dates import tell_holders
from matsapply.rules.access import Act, may
from matsapply.rules.wall_time import Unresolved, WallProblem, resolve_rule

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.pages.site import CohortFrame

PROBLEMS = {
    WallProblem.UNREADABLE: "Write it as 2027-01-17 EOD AoE, 2027-02-12 18:00 UTC or 2027-03-12 17:00 Europe/London.",
    WallProblem.UNKNOWN_ZONE: "There is no such time zone. Use AoE, UTC or a name such as Europe/London.",
    WallProblem.NONEXISTENT: "The clocks are put forward over that time there: it does not exist. Choose another.",
    WallProblem.AMBIGUOUS: "The clocks show that time twice there. Add the word first or second at the end.",
}


@blueprint.get("/<cohort_key>/dates")
@needs(Act.COHORT_READ)
def dates(cohort_key: str) -> ResponseReturnValue:
    return _page(cohort_at(cohort_key, Act.COHORT_READ))


def _page(frame: CohortFrame, *, problem: str = "", status: int = 200) -> ResponseReturnValue:
    history = queries.key_date_history(session(), frame.id)
    rows = queries.key_dates(session(), frame.id, staff=True)
    editing = request.values.get("code", "")
    page = render_template(
        "admin/dates.html",
        frame=frame,
        cohorts=switcher(frame, Act.COHORT_READ, "admin.dates"),
        rows=rows,
        history=history,
        names=names_of(session(), [row.actor_id for row in history]),
        may_set=may(actor(), Act.KEY_DATES_SET, reach_of(frame)),
        editing=next((row for row in rows if row.code == editing), None),
        problem=problem,
    )
    return page, status


@blueprint.post("/<cohort_key>/dates")
@needs(Act.KEY_DATES_SET)
def set_date(cohort_key: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.KEY_DATES_SET)
    code, rule = request.form.get("code", ""), request.form.get("when", "").strip()
    if code not in COHORT_DATES:
        abort(400)
    at = resolve_rule(rule) if rule else None
    if isinstance(at, Unresolved):
        return _page(frame, problem=PROBLEMS[at.problem], status=422)
    cohort = session().scalars(sa.select(Cohort).where(Cohort.id == frame.id)).one()
    try:
        moved = set_key_date(
            session(),
            actor(),
            cohort,
            code,
            at,
            rule[:60],
            request.form.get("reason", "").strip(),
            request.form.get("confirmed") == "yes",
            clock.now(),
            tell=tell_holders,
        )
    except DateRefused as refusal:
        session().rollback()
        return _page(frame, problem=str(refusal), status=422)
    site.forget_cohorts()
    said(f"{code} is set." if moved else "Nothing was changed.", "good" if moved else "info")
    return go("admin.dates", cohort_key=cohort_key)
