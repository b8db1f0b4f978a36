"""All of the team's pages, gathered: importing this registers every view on the blueprint."""

from __future__ import annotations

from matsapply.pages.admin import (
    application_acts,
    applications,
    assignments,
    batches,
    dashboard,
    dates,
    decisions,
    offers,
    people,
    questions,
    redactions,
    settings,
    setup_views,
    showcase,
    showcase_import,
    streams,
)
from matsapply.pages.admin.frame import blueprint

VIEWS = (
    application_acts,
    applications,
    assignments,
    batches,
    dashboard,
    dates,
    decisions,
    offers,
    people,
    questions,
    redactions,
    settings,
    setup_views,
    showcase,
    showcase_import,
    streams,
)

__all__ = ["VIEWS", "blueprint"]
