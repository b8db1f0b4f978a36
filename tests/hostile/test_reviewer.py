"""Cases 4, 7 and 10 for reviewers, and invariant 29: no byte of any answer tells a blind reader who applied."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import Application, Reference
from matsapply.demo.load import load_demo
from matsapply.demo.staff import PASSWORD
from matsapply.pages.account.passwords import hash_password
from matsapply.people.models import Account, Person
from matsapply.platform.settings import Settings
from matsapply.reviews.models import ConflictOfInterest, ReviewAssignment
from matsapply.rules.stages import ACTIVE_ASSIGNMENT, ConflictKind, ConflictSource
from tests.visitor import Visitor

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask
    from sqlalchemy.orm import Session

READER = "reviewer@demo.example"


@pytest.fixture
def settings(tmp_path: Path, live_database: str) -> Settings:
    """The demo, where a reviewer needs no second factor."""
    return Settings(
        data=tmp_path,
        demo=True,
        database_url=live_database,
        secret_key="a secret for tests only",
        password_salt="a salt for tests only",
        base_url="http://localhost",
        jobs="none",
    )


@pytest.fixture
def reader(app: Flask, live_session: Session) -> Visitor:
    with app.app_context():
        secret = hash_password(PASSWORD)
    # Few reviewers, so that the one who signs in has a queue worth the name.
    load_demo(live_session, applications=120, seed=5, password_hash=secret, reviewers=6)
    live_session.commit()
    visitor = Visitor(app.test_client())
    assert visitor.sign_in(READER, PASSWORD).status_code in {302, 303}
    return visitor


def own(session: Session) -> list[ReviewAssignment]:
    mine = sa.select(Account.person_id).where(Account.email == READER).scalar_subquery()
    found = session.scalars(
        sa.select(ReviewAssignment)
        .where(ReviewAssignment.reviewer_id == mine, ReviewAssignment.state.in_(ACTIVE_ASSIGNMENT))
        .order_by(ReviewAssignment.id)
    ).all()
    # Taken out of the session before it lets go of its transaction, which on SQLite keeps the site from writing.
    session.expunge_all()
    session.commit()
    return list(found)


def secrets_of(session: Session, assignments: list[ReviewAssignment]) -> set[str]:
    """Names and addresses of the applicants and of their referees."""
    ids = [one.application_id for one in assignments]
    people = session.execute(
        sa.select(Person.display_name, Account.email)
        .join(Account, Account.person_id == Person.id)
        .join(Application, Application.person_id == Person.id)
        .where(Application.id.in_(ids))
    )
    referees = session.execute(sa.select(Reference.name, Reference.email).where(Reference.application_id.in_(ids)))
    found = {text for row in (*people, *referees) for text in row}
    session.commit()
    return found


def test_invariant_29_no_page_of_a_blind_reader_holds_a_name_or_an_address(
    reader: Visitor, live_session: Session
) -> None:
    assignments = own(live_session)
    secrets = secrets_of(live_session, assignments)
    assert len(assignments) >= 5
    assert len(secrets) > 2 * len(assignments)
    paths = ["/review", "/review/done", "/inbox", *(f"/review/{one.public_id}" for one in assignments)]
    for path in paths:
        answer = reader.get(path)
        assert answer.status_code == 200, path
        told = answer.get_data() + repr(sorted(answer.headers)).encode()
        assert [secret for secret in secrets if secret.encode() in told] == [], path
    # The pages do show the applications: what is searched for would be found if it were there.
    assert re.search(r"Application #\w{6}", reader.get(f"/review/{assignments[0].public_id}").text)


def test_case_7_a_search_for_a_name_or_an_address_finds_nothing(reader: Visitor, live_session: Session) -> None:
    assignments = own(live_session)
    rows = re.compile(r"<tbody>(.*?)</tbody>", re.DOTALL)
    everything = rows.search(reader.get("/review").text)
    assert everything is not None
    assert all(one.public_id in everything.group(1) for one in assignments)
    for secret in sorted(secrets_of(live_session, assignments))[:12]:
        found = rows.search(reader.client.get("/review", query_string={"q": secret}).text)
        assert found is None or not any(one.public_id in found.group(1) for one in assignments), secret


def test_case_4_a_conflict_hides_the_application_at_once(reader: Visitor, live_session: Session) -> None:
    chosen, other = own(live_session)[:2]
    assert reader.get(f"/review/{chosen.public_id}").status_code == 200
    live_session.add(
        ConflictOfInterest(
            person_id=chosen.reviewer_id,
            application_id=chosen.application_id,
            kind=ConflictKind.COLLEAGUE,
            source=ConflictSource.DECLARED,
        )
    )
    live_session.commit()
    assert reader.get(f"/review/{chosen.public_id}").status_code == 404
    page = reader.get("/review").text
    assert chosen.public_id not in page
    assert other.public_id in page
    refused = reader.client.post(f"/review/{chosen.public_id}", data={"csrf_token": reader.token("/review/done")})
    assert refused.status_code == 404


def test_case_4_what_is_assigned_to_somebody_else_is_like_what_is_not_there(
    reader: Visitor, live_session: Session
) -> None:
    mine = own(live_session)[0].reviewer_id
    foreign = live_session.scalars(
        sa.select(ReviewAssignment.public_id)
        .where(ReviewAssignment.reviewer_id != mine, ReviewAssignment.state.in_(ACTIVE_ASSIGNMENT))
        .limit(1)
    ).one()
    live_session.commit()
    answers = [reader.get(f"/review/{ref}") for ref in (foreign, "0000000000000")]
    assert [answer.status_code for answer in answers] == [404, 404]
    # The CSRF token tells the second of its signing, and the page knows its own address; nothing else may differ.
    bodies = [
        re.sub(r'name="csrf[-_]token"[^>]*', "", answer.text).replace(ref, "…")
        for ref, answer in zip((foreign, "0000000000000"), answers, strict=True)
    ]
    assert bodies[0] == bodies[1]
