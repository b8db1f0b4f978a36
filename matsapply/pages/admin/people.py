"""People and their roles, and the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import abort, render_template, request

from matsapply.audit import queries as log_queries
from matsapply.cohorts.models import Stream
from matsapply.mail import outbox
from matsapply.pages import site
from matsapply.pages.account import invitations
from matsapply.pages.admin.frame import blueprint, cohorts_for, go, refused_as, said
from matsapply.pages.guard import actor, allow, needs
from matsapply.people import actions, queries
from matsapply.people.models import RoleGrant
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.keyset import BadCursor
from matsapply.process.accounts import invite
from matsapply.reviews.visibility import people_seen
from matsapply.rules.access import POLICY, Act, Reach, may
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import STAFF, Role, Scope
from matsapply.rules.wall_time import Unresolved, resolve_rule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask.typing import ResponseReturnValue

    from matsapply.pages.site import CohortFrame
    from matsapply.people.queries import PersonRow


@blueprint.get("/people")
@needs(Act.PEOPLE_READ)
def people() -> ResponseReturnValue:
    return _list()


def _list(*, problem: str = "", status: int = 200) -> ResponseReturnValue:
    args = request.args
    role = args.get("role", "")
    if role and role not in set(STAFF):
        abort(400)
    words = args.get("q", "").replace("\x00", "")[:100]
    try:
        page = queries.people_page(
            session(),
            people_seen(actor()),
            now=clock.now(),
            search=words,
            role=Role(role) if role else None,
            after=args.get("after"),
            before=args.get("before"),
        )
    except ValueError:
        abort(400)
    roles = sorted(STAFF, key=list(Role).index)
    may_invite = may(actor(), Act.PEOPLE_GRANT, Reach())
    shown = render_template(
        "admin/people.html", page=page, words=words, role=role, roles=roles, may_invite=may_invite, problem=problem
    )
    return shown, status


@blueprint.post("/people")
@needs(Act.PEOPLE_GRANT)
def invite_person() -> ResponseReturnValue:
    name, email = request.form.get("name", ""), request.form.get("email", "")
    allow(Act.PEOPLE_GRANT, Reach())
    if outbox.normal_address(email.strip()) is None:
        return _list(problem="Write a name on one line and a complete address.", status=422)
    try:
        account = invite(
            session(),
            actor(),
            display_name=name,
            email=email,
            now=clock.now(),
            link_for=invitations.link_for,
            within=invitations.WITHIN,
        )
    except Refused as error:
        return _list(problem=refused_as(error), status=409)
    except ValueError:
        session().rollback()
        return _list(problem="Write a name on one line and a complete address.", status=422)
    said("Invited: a link to set a password is on its way.")
    return go("admin.person", public_id=account.person.public_id)


@blueprint.get("/people/<public_id>")
@needs(Act.PEOPLE_READ)
def person(public_id: str) -> ResponseReturnValue:
    return _person(_found(public_id))


def _found(public_id: str) -> PersonRow:
    found = queries.person_by_public_id(session(), people_seen(actor()), public_id, clock.now())
    if found is None:
        abort(404)
    return found


def _scopes(frames: Iterable[CohortFrame], *, whole: bool = True) -> dict[str, dict[str, str]]:
    """How far a grant may reach, in groups: the ``whole`` programme, or a cohort with its tracks and streams."""
    found = {"Everywhere": {"program:": "The whole programme"}} if whole else {}
    streams = session().execute(
        sa.select(Stream.cohort_id, Stream.id, Stream.name).order_by(Stream.cohort_id, Stream.position)
    )
    of_cohort: dict[int, dict[str, str]] = {}
    for cohort_id, key, name in streams:
        of_cohort.setdefault(cohort_id, {})[f"stream:{key}"] = f"Stream {name}"
    for frame in frames:
        tracks = {f"track:{key}": f"Track {name}" for key, (_, name) in frame.tracks.items()}
        found[f"{frame.label} ({frame.key})"] = (
            {f"cohort:{frame.id}": "The whole cohort"} | tracks | of_cohort.get(frame.id, {})
        )
    return found


def _names(scopes: dict[str, dict[str, str]]) -> dict[str, str]:
    """Each reach in words that stand alone."""
    return {
        key: name if group == "Everywhere" else f"{group}: {name}"
        for group, places in scopes.items()
        for key, name in places.items()
    }


def _person(who: PersonRow, *, problem: str = "", status: int = 200) -> ResponseReturnValue:
    whole = may(actor(), Act.PEOPLE_GRANT, Reach())
    scopes = _scopes(cohorts_for(Act.PEOPLE_GRANT), whole=whole)
    page = render_template(
        "admin/person.html",
        who=who,
        grants=queries.grant_history(session(), people_seen(actor()), who.id),
        scopes=scopes,
        names=_names(_scopes(cohorts_for(Act.PEOPLE_READ))),
        roles=sorted(STAFF, key=list(Role).index),
        may_revoke=lambda one: may(actor(), Act.PEOPLE_GRANT, _reach(one.scope, one.scope_id)),
        problem=problem,
        present=clock.now(),
    )
    return page, status


def _reach(scope: Scope, scope_id: int | None) -> Reach:
    match scope:
        case Scope.COHORT:
            return Reach(cohort_id=scope_id)
        case Scope.TRACK:
            frame = next((one for one in site.cohort_frames() if scope_id in one.tracks), None)
            return Reach(frame.id if frame else None, frozenset({scope_id or 0}))
        case Scope.STREAM:
            cohort_id = session().scalar(sa.select(Stream.cohort_id).where(Stream.id == scope_id))
            return Reach(cohort_id=cohort_id, stream_id=scope_id)
        case _:
            return Reach()


@blueprint.post("/people/<public_id>/grants")
@needs(Act.PEOPLE_GRANT)
def grant(public_id: str) -> ResponseReturnValue:
    who = _found(public_id)
    role, place = request.form.get("role", ""), request.form.get("scope", "")
    if place not in _names(_scopes(site.cohort_frames())):
        site.forget_cohorts()  # its cohort may have been made a moment ago
    if role not in set(STAFF) or place not in _names(_scopes(site.cohort_frames())):
        abort(400)
    kind, _, key = place.partition(":")
    scope, scope_id = Scope(kind), int(key) if key else None
    allow(Act.PEOPLE_GRANT, _reach(scope, scope_id))
    rule, now = request.form.get("ends", "").strip(), clock.now()
    ends = resolve_rule(rule) if rule else None
    if isinstance(ends, Unresolved):
        return _person(who, problem="Write the end as 2027-08-31 EOD AoE, or leave it empty.", status=422)
    try:
        actions.grant(session(), actor(), who.id, Role(role), scope, scope_id, now, ends, now)
    except Refused as error:
        return _person(who, problem=refused_as(error), status=409)
    said("Granted, from now on.")
    return go("admin.person", public_id=public_id)


@blueprint.post("/people/<public_id>/grants/<grant_id>/revoke")
@needs(Act.PEOPLE_GRANT)
def revoke(public_id: str, grant_id: str) -> ResponseReturnValue:
    who = _found(public_id)
    made = session().scalar(sa.select(RoleGrant).where(RoleGrant.public_id == grant_id, RoleGrant.person_id == who.id))
    if made is None:
        abort(404)
    allow(Act.PEOPLE_GRANT, _reach(made.scope, made.scope_id))
    try:
        actions.revoke(session(), actor(), made, clock.now(), reason=request.form.get("reason", ""))
    except Refused as error:
        return _person(who, problem=refused_as(error), status=409)
    said("Revoked: the next page they open is without it.")
    return go("admin.person", public_id=public_id)


# --- the log ------------------------------------------------------------------------------------------------------


@blueprint.get("/log")
@needs(Act.AUDIT_READ)
def log() -> ResponseReturnValue:
    args = request.args
    try:
        wanted = log_queries.LogFilter(
            actors=_actors(args.get("who", "")),
            action=args.get("action", "").replace("\x00", "").strip()[:60],
            subject_type=args.get("subject", "").replace("\x00", "").strip()[:60],
            since=_day(args.get("since", "")),
            until=_day(args.get("until", ""), timedelta(days=1)),
            cohort_ids=_cohorts(),
        )
        page = log_queries.event_page(session(), wanted, after=args.get("after"), before=args.get("before"))
    except (BadCursor, ValueError, OverflowError):
        abort(400)
    keys = [key for row in page.rows for key in (row.actor_id, row.second_actor_id)]
    labels = {frame.id: frame.key for frame in site.cohort_frames()}
    return render_template("admin/log.html", page=page, names=queries.names_of(session(), keys), labels=labels)


def _cohorts() -> tuple[int, ...] | None:
    """None for whoever reads the whole log; otherwise the cohorts of the reader's grants."""
    if may(actor(), Act.AUDIT_READ, Reach()):
        return None
    return tuple(sorted(actor().scope_ids(Scope.COHORT, *POLICY[Act.AUDIT_READ])))


def _actors(words: str) -> sa.Select[int] | None:
    text = words.replace("\x00", "").strip()[:100]
    return queries.matching(people_seen(actor()), text) if text else None


def _day(text: str, more: timedelta = timedelta(0)) -> datetime | None:
    return datetime.fromisoformat(text.strip()[:10]).replace(tzinfo=UTC) + more if text.strip() else None
