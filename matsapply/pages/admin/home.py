"""The cohorts, each with its pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template

from matsapply.pages.admin.frame import blueprint, cohorts_for
from matsapply.pages.guard import needs
from matsapply.rules.access import Act

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


@blueprint.get("")
@needs(Act.COHORT_READ)
def index() -> ResponseReturnValue:
    return render_template("admin/index.html", cohorts=cohorts_for(Act.COHORT_READ))
