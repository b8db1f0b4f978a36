"""Central review in pictures: progress and forecast, how far readers lie apart, how severe each is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import render_template

from matsapply.cohorts.models import KeyDate
from matsapply.pages.admin import figures
from matsapply.pages.admin.frame import blueprint, cohort_at, switcher
from matsapply.pages.guard import needs
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.reviews import figures as reviewing
from matsapply.rules.access import Act

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


@blueprint.get("/<cohort_key>/reviewers")
@needs(Act.PEOPLE_READ)
def reviewers(cohort_key: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.PEOPLE_READ)

    def counted() -> tuple[list[reviewing.ReaderRow], reviewing.Pace, list[tuple[str, int]]]:
        due = session().scalar(sa.select(KeyDate.at).where(KeyDate.cohort_id == frame.id, KeyDate.code == "T4"))
        rows = reviewing.readers(session(), frame.id)
        pace = reviewing.pace(session(), frame.id, rows, due, clock.now())
        return rows, pace, reviewing.spreads(session(), frame.id)

    rows, pace, spreads = figures.remembered("reviewers", frame.id, counted)
    known = [row for row in rows if row.severity is not None]
    reach = max((abs(row.severity) + row.margin for row in known), default=1.0)
    return render_template(
        "admin/reviewers.html",
        frame=frame,
        cohorts=switcher(frame, Act.PEOPLE_READ, "admin.reviewers"),
        rows=rows,
        pace=pace,
        spreads=spreads,
        reach=max(reach, 0.5),
        enough=reviewing.ENOUGH,
    )
