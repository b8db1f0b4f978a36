"""Hostile cases 3, 11, 17, 21 to 23 and 28 at a referee's page: a link opens its own letter, and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import Reference, ReferenceLetter
from matsapply.mail.kinds import Mail
from matsapply.rules.stages import ReferenceState, ReferenceTiming
from tests.applicant_site import Applicant, Site, open_site
from tests.hostile.test_applicants import MEGABYTE, NAUGHTY
from tests.visitor import Visitor, mails

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session


@pytest.fixture
def site(app: Flask, live_session: Session) -> Site:
    return open_site(app, live_session, reference_timing=ReferenceTiming.AT_SUBMIT)


def asked(site: Site, name: str, email: str, referee: str) -> tuple[Applicant, str]:
    """An applicant who has handed in, and the path of their referee's link."""
    visitor = site.applicant(name, email)
    visitor.complete()
    sent = {"name": "Rita Referee", "email": referee, "consent": "yes"}
    assert visitor.post("/application/referees", sent).status_code == 303
    assert visitor.submit().status_code == 303
    letter = next(mail for mail in mails(site.session, referee) if mail.kind == Mail.REFERENCE_REQUEST)
    found = re.search(r"http://localhost(/reference/[\w-]+)", letter.body_text)
    assert found
    return visitor, found[1]


def letters(site: Site) -> list[ReferenceLetter]:
    return site.all(sa.select(ReferenceLetter).order_by(ReferenceLetter.id))


def test_case_3_a_link_opens_one_letter_and_no_application(site: Site) -> None:
    ada, first = asked(site, "Ada Example", "ada@example.org", "rita@example.org")
    _, second = asked(site, "Bob Example", "bob@example.org", "rolf@example.org")
    rita = Visitor(site.app.test_client())
    page = rita.get(first)
    assert "Ada Example" in page.text
    assert "Bob Example" not in page.text
    references = site.all(sa.select(Reference).order_by(Reference.id))
    tried = [
        first[:-1], first + "A", second[:20] + first[20:], "/reference/" + references[0].public_id,
        "/reference/" + (references[0].token_digest or ""), "/reference/%00", "/reference/" + "a" * 5000,
        "/reference/１",
    ]  # fmt: skip
    for path in tried:
        assert rita.get(path).status_code == 404, path[:60]
        assert rita.client.post(path, data={"text": "x", "csrf_token": rita.token(first)}).status_code == 404
    token = first.removeprefix("/reference/")
    for path in ("/application", "/application/check", "/status", f"/application/files/{token}", "/tasks"):
        assert rita.get(f"{path}?token={token}").status_code == 302, "a link is no sign-in"
    rita.post(first, {"text": "Only for the team."})
    assert "Only for the team." not in Visitor(site.app.test_client()).get(second).text
    for path in ("/status", "/application/referees", "/application/check", "/inbox"):
        assert "Only for the team." not in ada.get(path).text, path
    assert "Only for the team." not in "".join(mail.body_text + mail.body_html for mail in mails(site.session))


def test_case_3_the_link_of_a_replaced_referee_is_dead(site: Site) -> None:
    ada, path = asked(site, "Ada Example", "ada@example.org", "rita@example.org")
    rita = Visitor(site.app.test_client())
    token = rita.token(path)
    public_id = site.all(sa.select(Reference))[0].public_id
    assert ada.press("/application/referees", f"/{public_id}/remove").status_code == 303
    assert rita.get(path).status_code == 404
    assert rita.client.post(path, data={"csrf_token": token, "text": "Too late."}).status_code == 404
    assert letters(site) == []


def test_case_11_extra_fields_change_nothing(site: Site) -> None:
    _, path = asked(site, "Ada Example", "ada@example.org", "rita@example.org")
    rita = Visitor(site.app.test_client())
    sent = {"text": "Good.", "state": "waived", "reference_id": "99", "number": "7", "late": "1",
            "score_research": "99", "score_other": "1"}  # fmt: skip
    assert rita.post(path, sent).status_code == 303
    letter = letters(site)[0]
    assert (letter.number, letter.late, letter.scores) == (1, False, {})
    assert site.all(sa.select(Reference))[0].state is ReferenceState.RECEIVED


def test_case_17_the_link_leads_to_the_configured_host(site: Site) -> None:
    _, path = asked(site, "Ada Example", "ada@example.org", "rita@example.org")
    answer = site.app.test_client().get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 400


def test_case_19_without_a_token_of_the_form_nothing_happens(site: Site) -> None:
    _, path = asked(site, "Ada Example", "ada@example.org", "rita@example.org")
    client = site.app.test_client()
    assert client.post(path, data={"text": "x"}).status_code == 400
    assert client.post(f"{path}/decline").status_code == 400
    client.get(path)
    client.get(f"{path}/decline")
    assert site.all(sa.select(Reference))[0].state is ReferenceState.REQUESTED


def test_case_23_naughty_text_is_kept_or_refused_and_never_breaks(site: Site) -> None:
    _, path = asked(site, "Ada Example", "ada@example.org", "rita@example.org")
    rita = Visitor(site.app.test_client())
    token = rita.token(path)
    for text in (*NAUGHTY, MEGABYTE):
        value = text.encode("utf-8", "surrogatepass")
        data = {"csrf_token": token, "text": [value], "score_research": [value]}
        assert rita.client.post(path, data=data).status_code in {303, 422}, text[:30]
        shown = rita.get(path)
        assert shown.status_code == 200
        assert "<script>alert(1)</script>" not in shown.text
