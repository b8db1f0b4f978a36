"""All of the team's pages, gathered: importing this registers every view on the blueprint."""

from __future__ import annotations

from matsapply.pages.admin import (
    application_acts,
    applications,
    assignments,
    batches,
    conflicts,
    dashboard,
    dates,
    decisions,
    offers,
    people,
    questions,
    redactions,
    reviewers,
    settings,
    setup_views,
    showcase,
    showcase_import,
    showcase_links,
    streams,
    threads,
    track_table,
)
from matsapply.pages.admin.frame import blueprint

VIEWS = (
    application_acts,
    applications,
    assignments,
    batches,
    conflicts,
    dashboard,
    dates,
    decisions,
    offers,
    people,
    questions,
    redactions,
    reviewers,
    settings,
    setup_views,
    showcase,
    showcase_import,
    showcase_links,
    streams,
    track_table,
    threads,
)

__all__ = ["VIEWS", "blueprint"]
