"""Every route × every role, on behaviour: what the policy does not allow is refused, what it allows never breaks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import Application, StreamApplication
from matsapply.decisions.models import ReleaseBatch
from matsapply.demo.load import load_demo
from matsapply.demo.staff import APPLICANT_SIGN_INS, PASSWORD, STAFF_SIGN_INS
from matsapply.evaluations.models import EvaluationInvite, Submission
from matsapply.interviews.models import Interview, InterviewSlot
from matsapply.offers.models import Offer, WaitlistEntry
from matsapply.pages import guard
from matsapply.pages.account.passwords import hash_password
from matsapply.people import queries as people
from matsapply.people.models import Person
from matsapply.platform import clock as clock_module
from matsapply.platform.settings import Settings
from matsapply.reviews.models import ReviewAssignment
from matsapply.rules.access import ANONYMOUS, Act, Actor, may
from tests.visitor import Visitor

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session
    from werkzeug.routing import Rule

TABLE = Path(__file__).with_name("permissions.txt")
ROLES = (
    {"anonymous": None}
    | {line.email.split("@")[0]: line.email for line in STAFF_SIGN_INS}
    | {"applicant": APPLICANT_SIGN_INS[3].email}
)
PRIVATE = {401, 403, 404}


@pytest.fixture
def settings(tmp_path: Path, live_database: str) -> Settings:
    """The demo, where the second factor is not asked for and every page exists."""
    return Settings(
        data=tmp_path,
        demo=True,
        database_url=live_database,
        secret_key="a secret for tests only",
        password_salt="a salt for tests only",
        base_url="http://localhost",
        jobs="none",
    )


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


def examples(session: Session) -> dict[str, str]:
    """A real value for every part of an address, of one and the same cohort where that matters."""
    first = {
        "application": sa.select(Application.public_id),
        "entry": sa.select(StreamApplication.public_id),
        "assignment": sa.select(ReviewAssignment.public_id),
        "invite": sa.select(EvaluationInvite.public_id),
        "submission": sa.select(Submission.public_id),
        "interview": sa.select(Interview.public_id),
        "slot": sa.select(InterviewSlot.public_id),
        "offer": sa.select(Offer.public_id),
        "waitlist": sa.select(WaitlistEntry.public_id),
        "batch": sa.select(ReleaseBatch.public_id),
        "person": sa.select(Person.public_id),
    }
    found = {name: session.scalar(query.limit(1)) or "0000000000000" for name, query in first.items()}
    return found | {
        "cohort_key": "2027-04",
        "stream_key": "oversight",
        "track_key": "empirical",
        "key": "oversight",
        "section": "you",
        "slug": "nobody",
        "token": "no-such-token",
        "filename": "css/base.css",
        "number": "1",
        "act": "withdraw",
        "step": "seal",
        "answer": "decline",
    }


def address(rule: Rule, known: dict[str, str]) -> str:
    parts = {}
    for name in rule.arguments:
        word = next((word for word in known if word in rule.rule), "application")
        parts[name] = known.get(name) or known[word]
    path = rule.rule
    for name in rule.arguments:
        for kind in ("", "int:", "path:", "string:"):
            path = path.replace(f"<{kind}{name}>", str(parts[name]))
    return path


def test_every_route_for_every_role(app: Flask, live_session: Session) -> None:
    with app.app_context():
        secret = hash_password(PASSWORD)
    load_demo(live_session, applications=60, seed=3, password_hash=secret)
    live_session.commit()
    known = examples(live_session)
    live_session.commit()  # on SQLite an open transaction would keep the site from writing
    visitors, actors = {}, {}
    for role, email in ROLES.items():
        visitors[role] = Visitor(app.test_client())
        actors[role] = ANONYMOUS
        if email is not None:
            assert visitors[role].sign_in(email, PASSWORD).status_code in {302, 303}
            account = people.account_by_address(live_session, email)
            assert account is not None
            actors[role] = people.actor_of(live_session, account.person_id, clock_module.now())
            live_session.commit()
    app.config["WTF_CSRF_ENABLED"] = False
    checked = 0
    for rule in rules(app):
        if rule.endpoint.startswith("security.") or rule.rule.startswith(("/account", "/demo/clock", "/theme")):
            continue  # accounts have walks of their own; signing out in the middle would spoil this one
        with app.app_context():
            act = guard.declared_act(rule.endpoint)
        assert act is not None, rule.rule
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            for role, visitor in visitors.items():
                answer = visitor.client.open(address(rule, known), method=method)
                _judge(f"{method} {rule.rule} as {role}", act, actors[role], answer.status_code)
                answer.close()
                checked += 1
    assert checked > 500


def _judge(what: str, act: Act, actor: Actor, status: int) -> None:
    assert status < 500, f"{what}: {status}"
    if may(actor, act):
        assert status != 401, f"{what}: {status}"
    elif actor.anonymous:
        assert status in {*PRIVATE, 302}, f"{what}: {status}"
    else:
        assert status in PRIVATE, f"{what}: {status}"
