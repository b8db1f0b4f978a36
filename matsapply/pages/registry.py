"""Every blueprint of the site, by audience."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matsapply.pages.account.data import blueprint as own_data
from matsapply.pages.account.views import blueprint as account
from matsapply.pages.admin.routes import blueprint as admin
from matsapply.pages.applicant.feed import blueprint as calendar
from matsapply.pages.applicant.interviews import blueprint as interviews
from matsapply.pages.applicant.receipts import blueprint as receipts
from matsapply.pages.applicant.referees import blueprint as referees
from matsapply.pages.applicant.sections import blueprint as sections
from matsapply.pages.applicant.status import blueprint as status
from matsapply.pages.applicant.streams import blueprint as choice
from matsapply.pages.applicant.tasks import blueprint as tasks
from matsapply.pages.applicant.threads import blueprint as threads
from matsapply.pages.applicant.views import blueprint as applicant
from matsapply.pages.demo.clock import blueprint as demo_clock
from matsapply.pages.demo.views import blueprint as demo_mail
from matsapply.pages.mentor.routes import blueprint as mentor
from matsapply.pages.public.showcase_routes import blueprint as showcase
from matsapply.pages.public.views import blueprint as public
from matsapply.pages.referee.views import blueprint as referee
from matsapply.pages.reviewer.routes import blueprint as reviewer

if TYPE_CHECKING:
    from flask import Blueprint

    from matsapply.platform.settings import Settings

BLUEPRINTS: tuple[Blueprint, ...] = (
    public,
    showcase,
    account,
    own_data,
    choice,
    referees,
    applicant,
    receipts,
    sections,
    status,
    tasks,
    threads,
    interviews,
    calendar,
    referee,
    reviewer,
    mentor,
    admin,
)
DEMO_BLUEPRINTS: tuple[Blueprint, ...] = (demo_mail, demo_clock)


def blueprints(settings: Settings) -> tuple[Blueprint, ...]:
    """Those of this site. What belongs to the demo has no address anywhere else."""
    return BLUEPRINTS + DEMO_BLUEPRINTS if settings.demo else BLUEPRINTS
