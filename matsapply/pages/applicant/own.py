"""The actor's own application, as every page of theirs begins."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from flask import abort, redirect, request, session as cookie, url_for

from matsapply.applications.editing import editing
from matsapply.pages.guard import actor
from matsapply.pages.site import speak_of
from matsapply.platform import clock
from matsapply.platform.flask_db import session

if TYPE_CHECKING:
    from matsapply.applications.editing import Editing


def own(*, lock: bool = False) -> Editing:
    """The actor's application, or the page that begins one."""
    opened = page_opened_at() if lock else None
    found = editing(session(), actor(), clock.now(), lock=lock, page_opened_at=opened)
    if found is None:
        abort(redirect(url_for("applicant.begin")) if request.method == "GET" else 404)
    speak_of(found.cohort_id)
    return found


def page_opened_at() -> datetime | None:
    """When the page now sent was fetched, by its signed session; decides the silent grace and nothing else."""
    text = cookie.get("page_opened_at")
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def note_opening() -> None:
    """Remember in the session when a page to write on was fetched."""
    cookie["page_opened_at"] = clock.now().isoformat()
