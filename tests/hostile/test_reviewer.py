"""Cases 4, 6 to 10, 23 and 28 for reviewers, and invariant 29: no byte tells a blind reader who applied."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import Application, Reference
from matsapply.demo.staff import PASSWORD
from matsapply.people.models import Account, Person, RoleGrant
from matsapply.platform import clock
from matsapply.reviews.models import ConflictOfInterest, ReviewAssignment
from matsapply.rules.stages import ACTIVE_ASSIGNMENT, ConflictKind, ConflictSource, Role
from tests.visitor import Visitor

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

pytestmark = pytest.mark.demo

READER = "reviewer@demo.example"


@pytest.fixture
def reader(app: Flask) -> Visitor:
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
    for path in ("", "/offline.txt", "/recuse", "?question=evidence"):
        assert reader.get(f"/review/{chosen.public_id}{path}").status_code == 404, path
    text = reader.get("/review/offline.txt").text
    assert (chosen.public_id in text, other.public_id in text) == (False, True)
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


def listed(reader: Visitor, query: str = "") -> list[str]:
    """The applications of the queue, in its order."""
    answer = reader.get(f"/review{query}")
    assert answer.status_code == 200, query
    return re.findall(r'<th scope="row"[^>]*><a href="/review/(\w+)"', answer.text)


def test_case_6_a_sort_or_filter_on_what_is_hidden_changes_nothing(reader: Visitor) -> None:
    """A queue has one order; parameters it does not know are not looked at."""
    plain = listed(reader)
    assert len(plain) >= 5
    for query in ("sort=score_mean", "sort=-decision", "filter=name", "order=spread", "sort=", "state=submitted"):
        assert listed(reader, f"?{query}") == plain, query


def test_case_28_odd_numbers_in_the_address_are_answered(reader: Visitor) -> None:
    for query in ("page=-1", f"page={10**18}", "per_page=1000000", "q=%00%FF", "track=" + "x" * 5000, "q[]=1&q=2"):
        assert reader.get(f"/review?{query}").status_code == 200, query
        assert reader.get(f"/review/done?{query}").status_code == 200, query
    for ref in ("-1", str(10**18), "%00", "..%2f..%2fetc", "x" * 3000, "%F0%9F%92%A9"):
        assert reader.get(f"/review/{ref}").status_code in {400, 404}, ref[:20]


NAUGHTY = ("<script>alert(1)</script>", "a\x00b", "\u202e\U0001f600" * 50, "\ufffe\uffff", "=1+1", "x" * 900_000)


@pytest.mark.parametrize("text", NAUGHTY, ids=range(len(NAUGHTY)))
def test_case_23_naughty_text_is_kept_or_refused(reader: Visitor, live_session: Session, text: str) -> None:
    chosen = own(live_session)[0]
    page = f"/review/{chosen.public_id}"
    scores = {f"score-{text[:50]}": text[:50], "confidence": text, "minutes": text, "version": text}
    for path in (f"{page}/draft", f"{page}/skip", f"{page}/discussion", page, f"{page}/recuse", f"{page}/return"):
        fields = {"note": text, "feedback": text, "reason": text, "kind": text[:50], **scores}
        fields |= {"comment": text, "post_key": text, "to": text}
        assert reader.post(path, fields, form="/review").status_code in {303, 404, 409, 413, 422}, path
    for minutes in ("nan", "inf", "-1e400", "1e400", "1_0", "²"):
        answer = reader.post(f"{page}/draft", {"minutes": minutes, "version": "0"}, form="/review")
        assert answer.status_code in {303, 404, 409}, minutes


def test_case_9_a_grant_that_ended_closes_every_page_at_once(reader: Visitor, live_session: Session) -> None:
    chosen = own(live_session)[0]
    assert reader.get("/review").status_code == 200
    held = sa.update(RoleGrant).where(RoleGrant.person_id == chosen.reviewer_id, RoleGrant.role == Role.REVIEWER)
    live_session.execute(held.values(ends_at=clock.now()))
    live_session.commit()
    own_pages = ("", "/recuse", "/offline.txt", "?question=evidence")
    for path in ("", "/done", "/offline", "/offline.txt", *(f"/{chosen.public_id}{page}" for page in own_pages)):
        assert reader.get(f"/review{path}").status_code in {403, 404}, path
    for path in ("", "/draft", "/return", "/recuse", "/skip", "/discussion"):
        sent = reader.post(f"/review/{chosen.public_id}{path}", {"note": "still here"}, form="/account")
        assert sent.status_code in {403, 404}, path
    live_session.rollback()
    assert live_session.get_one(ReviewAssignment, chosen.id).draft_note != "still here"


@pytest.mark.parametrize("who", ["auditor", "mentor", "applicant-review"])
def test_case_10_nobody_else_writes_a_review(app: Flask, reader: Visitor, live_session: Session, who: str) -> None:
    chosen = own(live_session)[0]
    other = Visitor(app.test_client())
    assert other.sign_in(f"{who}@demo.example", PASSWORD).status_code in {302, 303}
    for path in ("", "/draft", "/return", "/recuse", "/skip", "/discussion", "/discussion/0/take-back"):
        sent = other.post(f"/review/{chosen.public_id}{path}", {"note": "mine now"}, form="/account")
        assert sent.status_code == 403, path
    for path in ("/review/claim", "/review/offline"):
        assert other.post(path, {"text": "mine now"}, form="/account").status_code == 403, path


def test_case_4_and_8_no_export_and_no_file_is_a_reviewers(reader: Visitor) -> None:
    """A blind reader has no export, and no file but the text of their own readings: the routes that give any refuse."""
    routes = reader.client.application.url_map.iter_rules()
    rules = [rule for rule in routes if "file" in rule.rule or ".csv" in rule.rule]
    assert rules
    for rule in rules:
        path = re.sub(r"<[^>]+>", "0000000000000", rule.rule)
        if "static" in path:
            continue
        answer = reader.get(path) if "GET" in (rule.methods or ()) else reader.post(path, form="/account")
        assert answer.status_code in {403, 404}, path
