"""A stream's ranking: one order, the evidence beside it, and the lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for

from matsapply.cohorts.gates import gates_of
from matsapply.offers.ranking import RANKABLE, current_ranking, save_ranking
from matsapply.pages.guard import needs
from matsapply.pages.mentor.desk import Desk, blueprint, desk, tabs_of
from matsapply.pages.phrases import sentence
from matsapply.pages.widgets import moved
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.process import stream_desk
from matsapply.process.stream_round import lock_ranking
from matsapply.rules.access import Act
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import NEGATIVE_OUTCOMES

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.process.stream_desk import Candidate

MOST_TIERS = 99
Typed = tuple[list[str], dict[str, str]]  # an order of public ids, and what stands in their fields for tiers


def _page(at: Desk, refusal: str = "", *, ties: bool = False, typed: Typed | None = None) -> str:
    """The page; after a refusal with the order as it was ``typed``, and what was saved meanwhile beside it."""
    now = clock.now()
    present = current_ranking(session(), at.stream.id)
    gates = gates_of(session(), at.stream.cohort_id)
    people = stream_desk.all_candidates(
        session(), at.stream, at.reader, RANKABLE | stream_desk.SEEN, present.ranking_id
    )
    by_key = {person.public_id: person for person in people}
    by_id = {person.id: person for person in people}
    order = [by_id[key] for key in present.order if key in by_id]
    tiers = {
        by_id[p.stream_application_id].public_id: str(p.tier or "")
        for p in present.places
        if p.stream_application_id in by_id
    }
    saved: list[str] = []
    if typed is not None:
        if typed[0] != [person.public_id for person in order]:
            saved = [person.name for person in order]
        order = [by_key[key] for key in typed[0] if key in by_key]
        tiers = typed[1]
    ranked = {person.public_id for person in order}
    left = [person for person in people if person.public_id not in ranked and _may_stand(person)]
    editable = at.may_decide and present.locked_at is None and not gates.passed("T12", now)
    return render_template(
        "mentor/ranking.html",
        at=at,
        tabs=tabs_of(at.stream),
        present=present,
        items=[{"key": p.public_id, "label": p.name, "note": _note(p, tiers), "href": _href(at, p)} for p in order],
        order=order,
        left=left,
        tiers=tiers,
        hidden=len(present.places) - sum(place.stream_application_id in by_id for place in present.places),
        editable=editable,
        may_lock=editable and bool(present.places),
        saved=saved,
        locks_at=gates.at("T12"),
        refusal=refusal,
        ties=ties,
    )


def _may_stand(person: Candidate) -> bool:
    return person.state in RANKABLE and person.decision not in NEGATIVE_OUTCOMES


def _href(at: Desk, person: Candidate) -> str:
    return url_for("mentor.candidate", ref=at.stream.ref, public_id=person.public_id)


def _note(person: Candidate, tiers: dict[str, str]) -> str:
    parts = [
        f"{name} {value:.1f}"
        for name, value in (
            ("central", person.score),
            ("own reading", person.review),
            ("tasks", person.marks),
            ("interview", person.interview),
        )
        if value is not None
    ]
    if tiers.get(person.public_id):
        parts.insert(0, f"tier {tiers[person.public_id]}")
    return " · ".join(parts)


@blueprint.get("/<ref>/ranking")
@needs(Act.STREAM_READ)
def ranking(ref: str) -> ResponseReturnValue:
    """The order in force with its evidence."""
    return _page(desk(ref))


@blueprint.post("/<ref>/ranking")
@needs(Act.STREAM_DECIDE)
def save(ref: str) -> ResponseReturnValue:
    """Save the order. Without scripts one press moves, adds or removes one person and saves the result."""
    now = clock.now()
    at = desk(ref, Act.STREAM_DECIDE)
    form = request.form
    order = moved(list(dict.fromkeys(form.getlist("order"))), form.get("move"))
    if (add := form.get("add")) and add not in order:
        order.append(add)
    if form.get("add_all"):
        order.extend(key for key in form.getlist("left") if key not in order)
    order = [key for key in order if key != form.get("remove")]
    typed = {key: form.get(f"tier-{key}", "").strip() for key in order}
    if form.get("drop_tiers"):
        typed = {}
    people = stream_desk.all_candidates(session(), at.stream, at.reader, RANKABLE)
    keys = {person.public_id: person.id for person in people}
    sound = [text for text in typed.values() if text.isdecimal() and len(text) < 5 and 1 <= int(text) <= MOST_TIERS]
    wrong = [text for text in typed.values() if text and text not in sound]
    if wrong:
        return _page(at, f"A tier is a number from 1 to {MOST_TIERS}.", typed=(order, typed)), 422
    number = form.get("number", "")
    try:
        save_ranking(
            session(),
            at.actor,
            at.stream.id,
            [keys.get(key, 0) for key in order],
            based_on=int(number) if number.isdecimal() and len(number) < 9 else -1,
            now=now,
            tiers={keys[key]: int(text) for key, text in typed.items() if text and key in keys},
        )
    except Refused as refused:
        session().rollback()
        return _page(at, sentence(refused.refusal), typed=(order, typed)), 409
    flash("The order is saved.", "good")
    return redirect(url_for("mentor.ranking", ref=at.stream.ref), 303)


@blueprint.post("/<ref>/ranking/lock")
@needs(Act.STREAM_DECIDE)
def lock(ref: str) -> ResponseReturnValue:
    """Lock the order: whoever stands in it is assessed (S8)."""
    now = clock.now()
    at = desk(ref, Act.STREAM_DECIDE)
    try:
        locked = lock_ranking(session(), at.actor, at.row(), at.role("S8"), now)
    except Refused as refused:
        session().rollback()
        return _page(at, sentence(refused.refusal), ties=refused.refusal.code is Code.TIES), 409
    flash(f"The ranking of {len(locked.places)} is locked.", "good")
    return redirect(url_for("mentor.ranking", ref=at.stream.ref), 303)
