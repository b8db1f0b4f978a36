"""What the team's pages share: the blueprint, the cohort of an address and who may go there."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, request, url_for

from matsapply.applications.models import Application
from matsapply.pages import site
from matsapply.pages.guard import actor, allow_or_absent
from matsapply.pages.phrases import sentence
from matsapply.platform.flask_db import session
from matsapply.reviews.visibility import in_conflict, within_grants
from matsapply.rules.access import POLICY, Reach, may, role_for
from matsapply.rules.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from flask.typing import ResponseReturnValue

    from matsapply.pages.site import CohortFrame
    from matsapply.rules.access import Act, Actor
    from matsapply.rules.stages import Role

blueprint = Blueprint("admin", __name__, url_prefix="/admin")

MOST_CHOSEN = 2000


def reach_of(frame: CohortFrame) -> Reach:
    """Where a cohort lies: a track lead of one of its tracks reaches it too."""
    return Reach(cohort_id=frame.id, track_ids=frozenset(frame.tracks))


def reach_of_track(frame: CohortFrame, track_id: int) -> Reach:
    """Where one track of a cohort lies."""
    return Reach(cohort_id=frame.id, track_ids=frozenset({track_id}))


def track_at(frame: CohortFrame, key: str, act: Act) -> int:
    """The internal key of a track of the cohort, if the actor may do ``act`` on it; otherwise it is not there (404)."""
    track_id = next((one for one, (named, _) in frame.tracks.items() if named == key), None)
    if track_id is None:
        abort(404)
    allow_or_absent(act, reach_of_track(frame, track_id))
    return track_id


def cohort_at(key: str, act: Act) -> CohortFrame:
    """The cohort of an address, if the actor may do ``act`` there; otherwise it is not there (404)."""
    frame = next((one for one in site.cohort_frames() if one.key == key), None)
    if frame is None:
        site.forget_cohorts()  # it may have been made a moment ago
        frame = next((one for one in site.cohort_frames() if one.key == key), None)
    if frame is None:
        abort(404)
    allow_or_absent(act, reach_of(frame))
    return frame


def cohorts_for(act: Act) -> list[CohortFrame]:
    """The cohorts in which the actor may do ``act``, the newest first."""
    return [frame for frame in site.cohort_frames() if may(actor(), act, reach_of(frame))]


def visible(act: Act) -> sa.ColumnElement[bool]:
    """The applications the actor may see under ``act``: covered by a grant, not their own, and without a conflict
    of interest."""
    return _visible(actor(), act)


@lru_cache(maxsize=500)
def _visible(who: Actor, act: Act) -> sa.ColumnElement[bool]:
    """The same object for the same reader: what is built on it is found again too."""
    return sa.and_(
        within_grants(who, *POLICY[act]),
        Application.person_id != who.person_id,
        ~in_conflict(who.person_id, Application.id),
    )


def acting_role(reach: Reach, roles: Iterable[Role]) -> Role:
    """The role in which the actor makes a move that ``roles`` may make; 403 where no grant gives one here."""
    role = role_for(actor(), frozenset(roles), reach)
    if role is None:
        abort(403)
    return role


def switcher(frame: CohortFrame, act: Act, endpoint: str) -> list[dict[str, Any]]:
    """The same page for each cohort the actor may see it in, as items of tabs."""
    return [
        {"label": one.label, "href": url_for(endpoint, cohort_key=one.key), "active": one.key == frame.key}
        for one in cohorts_for(act)
    ]


def go(endpoint: str, **values: Any) -> ResponseReturnValue:
    """On to the next page after a POST."""
    return redirect(url_for(endpoint, **values), 303)


def said(text: str, tone: str = "good") -> None:
    flash(text, tone)


def refused_as(error: Refused) -> str:
    """The refusal's sentence for a page that is shown again; what was written is undone."""
    session().rollback()
    return sentence(error.refusal)


def number_of(text: str | None, *, least: int = 0, most: int = 10**9) -> int | None:
    """A whole number from a form or an address; None where it is none. Numbers beyond the bounds are clamped."""
    words = (text or "").strip()
    digits = words.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(words) > 18:
        return None
    return max(least, min(most, int(words)))


def chosen_keys(name: str = "choose") -> list[int]:
    """The internal keys of ticked rows; what is no number is left out."""
    found = (number_of(text) for text in request.form.getlist(name)[:MOST_CHOSEN])
    return list(dict.fromkeys(key for key in found if key))


def each(items: Iterable[Any], act: Callable[[Any], object]) -> tuple[int, dict[str, int]]:
    """Do ``act`` for every item, each whole or not at all; how many were done, and the refusals with their number."""
    done = 0
    refusals: dict[str, int] = {}
    for item in items:
        try:
            with session().begin_nested():
                act(item)
            done += 1
        except Refused as error:
            text = sentence(error.refusal)
            refusals[text] = refusals.get(text, 0) + 1
    return done, refusals


def told_of(refusals: dict[str, int]) -> str:
    """The refusals in one line."""
    return " ".join(f"{number} not: {text}" for text, number in refusals.items())


def as_text(value: Any) -> str:
    """An answer or a detail as text: lists by commas, structures as JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float, str)):
        return str(value)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
