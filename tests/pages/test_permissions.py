"""Every route × every role, on behaviour: what the policy does not allow is refused and changes nothing, what it allows
never breaks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply import tables
from matsapply.demo.staff import PASSWORD
from matsapply.pages import guard
from matsapply.people import queries as people
from matsapply.platform import clock as clock_module
from matsapply.rules.access import ANONYMOUS, Act, Actor, Reach, may
from tests.pages import visitors as scene
from tests.visitor import Visitor, hashed

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session
    from werkzeug.routing import Rule
    from werkzeug.test import TestResponse

pytestmark = pytest.mark.demo  # where the second factor is not asked for and every page exists

TABLE = Path(__file__).with_name("permissions.txt")
WRITES = ("POST", "PUT", "PATCH", "DELETE")
# Whose things an address names: nobody else has them, whatever their grants.
OWNERS = {
    "/account/data/export/<": "applicant",
    "/account/devices/<": "applicant",
    "/accommodation/<": "applicant",
    "/application/files/<": "applicant",
    "/application/referees/<": "applicant",
    "/inbox/<": "applicant",
    "/interviews/<": "applicant",
    "/offers/<": "applicant",
    "/status/streams/<": "applicant",
    "/tasks/<": "applicant",
    "/threads/<": "applicant",
    "/review/<ref>": "reviewer",
    "/reference/<token>": "referee",
}
# GET of these finds nothing here, for anybody: their token or file is made by a walk of its own, and this interview is
# over.
NOTHING_HERE = {
    "/admin/<cohort_key>/applications/<public_id>/files/<file_id>",
    "/calendar/<token>.ics",
    "/interviews/<public_id>/interview.ics",
    "/invitation/<token>",
    "/stream/<ref>/candidates/<public_id>/files/<file_id>",
    "/stream/<ref>/tasks/mark/<public_id>/file",
}


def rules(app: Flask) -> list[Rule]:
    return sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint))


def lines(app: Flask) -> list[str]:
    """The table: address, methods, act."""
    with app.app_context():
        return [
            f"{rule.rule}  {','.join(sorted((rule.methods or set()) - {'HEAD', 'OPTIONS'}))}  "
            f"{(guard.declared_act(rule.endpoint) or 'UNDECLARED')}"
            for rule in rules(app)
        ]


@pytest.mark.databases("sqlite")
def test_the_reviewed_table_is_the_sites_own(app: Flask) -> None:
    """A new or changed route enters tests/pages/permissions.txt in the same commit, and a person reads the line."""
    assert "\n".join(lines(app)) == TABLE.read_text(encoding="utf-8").strip()


@pytest.mark.databases("sqlite")
def test_an_undeclared_route_answers_403(app: Flask) -> None:
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    answer = app.test_client().get("/forgotten")
    assert answer.status_code == 403
    assert "secret" not in answer.text


def address(rule: Rule, known: dict[str, str]) -> str:
    """The rule with real values: the one for the longest beginning of the route, else the one of that name."""
    path = rule.rule
    for name in rule.arguments:
        where = rule.rule[: rule.rule.index(f"{name}>")]
        begins = max((each for each in known if where.startswith(each)), key=len, default="")
        value = known.get(name) or known[begins]
        for kind in ("", "int:", "path:", "string:"):
            path = path.replace(f"<{kind}{name}>", value)
    return path


@dataclass
class Walker:
    """One visitor, whose session begins anew as it was for every request."""

    name: str
    visitor: Visitor
    actor: Actor
    token: str  # a missing one must not stand in for a missing right
    cookie: str | None
    email: str | None = None

    def ask(self, method: str, path: str) -> TestResponse:
        assert self.cookie is not None
        self.visitor.client.set_cookie("matsapply", self.cookie)
        answer = self.visitor.client.open(path, method=method, headers={"X-CSRFToken": self.token})
        answer.get_data()
        answer.close()
        return answer


@dataclass(frozen=True)
class Step:
    """One request of the walk, and whether it is to be refused."""

    walker: Walker
    method: str
    rule: str
    path: str
    refused: bool

    def __str__(self) -> str:
        return f"{self.method} {self.rule} as {self.walker.name}"


def refused(walker: Walker, rule: str, act: Act, reach: Reach | None) -> bool:
    if not may(walker.actor, act) or (reach is not None and not may(walker.actor, act, reach)):
        return True
    owner = next((who for begins, who in OWNERS.items() if rule.startswith(begins)), walker.name)
    return owner != walker.name


def steps(app: Flask, session: Session, walkers: list[Walker], at: scene.Place, known: dict[str, str]) -> list[Step]:
    found = []
    for rule in rules(app):
        with app.app_context():
            act = guard.declared_act(rule.endpoint)
        assert act is not None, rule.rule
        reach = scene.reach_of(rule.rule, at, session)
        for walker in walkers:
            here = known | {"token": scene.TOKEN} if walker.name == "referee" else known
            for method in sorted((rule.methods or set()) & {"GET", *WRITES}):
                no = refused(walker, rule.rule, act, reach)
                found.append(Step(walker, method, rule.rule, address(rule, here), no))
    return found


def contents(session: Session) -> dict[str, str]:
    """A digest of every table."""
    session.rollback()
    found = {}
    for table in tables.metadata.sorted_tables:
        rows = session.execute(sa.select(table).order_by(*table.primary_key.columns)).all()
        found[table.name] = hashlib.sha256(repr(rows).encode()).hexdigest()
    session.rollback()
    return found


@pytest.fixture
def walkers(app: Flask, live_session: Session) -> list[Walker]:
    now = clock_module.now()
    emails = scene.make_visitors(live_session, scene.place(live_session), hashed(PASSWORD), now)
    live_session.commit()
    found = []
    for name, email in emails.items():
        visitor, actor = Visitor(app.test_client()), ANONYMOUS
        if email is not None:
            assert visitor.sign_in(email, PASSWORD).status_code == 303, name
            account = people.account_by_address(live_session, email)
            assert account is not None
            actor = people.actor_of(live_session, account.person_id, now)
            live_session.commit()  # on SQLite an open transaction would keep the site from writing
        token = visitor.token("/login" if email is None else "/account")
        found.append(Walker(name, visitor, actor, token, visitor.cookie(), email))
    return found


def judge(step: Step, answer: TestResponse) -> str | None:
    """What is wrong with an answer."""
    status, anonymous = answer.status_code, step.walker.actor.anonymous
    if status >= 500:
        return f"{step}: {status}"
    if not step.refused:
        return f"{step}: allowed, but {status}" if status in {401, 405} else None
    to_sign_in = status == 302 and (answer.location or "").startswith("/login?next=")
    fine = status in {401, 404} or to_sign_in if anonymous else status in {403, 404}
    return None if fine else f"{step}: refused, but {status}"


@pytest.mark.slow
def test_every_route_for_every_role(
    app: Flask,
    live_session: Session,
    walkers: list[Walker],
    record_property: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """First everything that is to be refused: it leaves the database as it was. Then everything else."""
    at = scene.place(live_session)
    known = scene.addresses(live_session, at)
    live_session.commit()
    walk = steps(app, live_session, walkers, at, known)
    before = contents(live_session)
    wrong = [judge(step, step.walker.ask(step.method, step.path)) for step in walk if step.refused]
    after = contents(live_session)
    assert not (told := [line for line in wrong if line]), "\n".join(told)
    assert {name for name in before if before[name] != after[name]} == set()
    seen: dict[str, set[int]] = {}
    for step in walk:
        if step.refused:
            continue
        answer = step.walker.ask(step.method, step.path)
        if step.path == "/logout" and step.walker.email is not None:  # its device is signed out
            assert step.walker.visitor.sign_in(step.walker.email, PASSWORD).status_code == 303
            step.walker.token, step.walker.cookie = step.walker.visitor.token("/account"), step.walker.visitor.cookie()
        if step.path == "/account/sign-out-everywhere":  # the old session is over
            step.walker.token = step.walker.visitor.token("/account")
            step.walker.cookie = step.walker.visitor.cookie()
        wrong.append(judge(step, answer))
        if step.method == "GET":
            seen.setdefault(step.rule, set()).add(answer.status_code)
    assert not (told := [line for line in wrong if line]), "\n".join(told)
    assert {rule for rule, found in seen.items() if min(found) >= 400} == NOTHING_HERE, seen
    no = sum(step.refused for step in walk)
    size = f"{len(rules(app))} routes × {len(walkers)} roles, {len(walk)} requests, {no} refused"
    record_property("permission_matrix", size)  # type: ignore[operator]
    with capsys.disabled():
        print(f"\npermission matrix: {size}")  # noqa: T201


@pytest.mark.databases("sqlite")
def test_a_method_no_route_has_is_refused_to_everybody(app: Flask) -> None:
    """405 by the address alone, before anything is looked up; an admin gains nothing by PUT."""
    client = app.test_client()
    app.config["WTF_CSRF_ENABLED"] = False
    with app.app_context():
        paths = {rule.rule: address(rule, dict.fromkeys(rule.arguments, "1")) for rule in rules(app)}
    for rule, path in paths.items():
        taken = {method for each in rules(app) if each.rule == rule for method in each.methods or ()}
        for method in sorted({*WRITES, "GET"} - taken):
            answer = client.open(path, method=method)
            to_sign_in = (answer.location or "").startswith("/login?")  # another route has that address, with a part
            assert to_sign_in or answer.status_code in {401, 404, 405}, f"{method} {rule}"
