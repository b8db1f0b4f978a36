"""A referee's page: the letter by its link, without an account."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import Application, Reference, ReferenceLetter
from matsapply.mail.kinds import Mail
from matsapply.rules.stages import ReferenceState, ReferenceTiming
from tests import factories as make
from tests.applicant_site import Applicant, Site, open_site
from tests.visitor import Visitor, mails

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock

RITA = "rita@example.org"
T3 = make.at(make.DATES["T3"])


@pytest.fixture
def site(app: Flask, live_session: Session) -> Site:
    return open_site(app, live_session, reference_timing=ReferenceTiming.AT_SUBMIT)


@pytest.fixture
def ada(site: Site) -> Applicant:
    """Somebody who has handed in with one referee, who was asked."""
    visitor = site.applicant()
    visitor.complete()
    name_referee(visitor)
    assert visitor.submit().status_code == 303
    return visitor


def name_referee(visitor: Visitor, email: str = RITA) -> None:
    sent = {"name": "Rita Referee", "email": email, "consent": "yes"}
    assert visitor.post("/application/referees", sent).status_code == 303


def link(site: Site, kind: Mail = Mail.REFERENCE_REQUEST) -> str:
    letter = [mail for mail in mails(site.session, RITA) if mail.kind == kind][-1]
    found = re.search(r"http://localhost(/reference/[\w-]+)", letter.body_text)
    assert found
    return found[1]


def letters(site: Site) -> list[ReferenceLetter]:
    return site.all(sa.select(ReferenceLetter).order_by(ReferenceLetter.number))


def test_a_letter_is_written_changed_and_closed(site: Site, ada: Applicant, clock: FixedClock) -> None:
    rita, path = Visitor(site.app.test_client()), link(site)
    page = rita.get(path)
    assert page.status_code == 200
    assert "Ada Example" in page.text
    assert make.ANSWERS["evidence"] not in page.text, "nothing of the application"
    assert rita.post(path, {"text": "First thoughts.", "score_research": "2"}).status_code == 303
    assert rita.post(path, {"text": "Better thoughts.", "score_research": "3"}).status_code == 303
    assert [(letter.text, letter.scores) for letter in letters(site)] == [
        ("First thoughts.", {"research": 2}),
        ("Better thoughts.", {"research": 3}),
    ]
    assert "Better thoughts." in rita.get(path).text
    clock.move_to(T3)
    shown = rita.get(path)
    assert "Better thoughts." in shown.text
    assert "<textarea" not in shown.text


def test_a_late_letter_is_taken_and_promised_no_change(site: Site, ada: Applicant, clock: FixedClock) -> None:
    rita, path = Visitor(site.app.test_client()), link(site)
    assert "You can change it" in rita.get(path).text
    clock.move_to(T3)
    assert "marked as late" in rita.get(path).text
    assert "You can change it" not in rita.get(path).text
    assert rita.post(path, {"text": "Late thoughts."}).status_code == 303
    arrived = rita.get(path).text
    assert "Your letter has arrived" in arrived
    assert "change it until" not in arrived


def test_what_is_wrong_is_told_and_the_text_stays(site: Site, ada: Applicant) -> None:
    rita, path = Visitor(site.app.test_client()), link(site)
    for text, words in (
        ("", "Write a few lines"),
        (" \u200b ", "Write a few lines"),
        ("a" * 316, "at most 300"),
        ("good\x00bad", "NUL"),
    ):
        answer = rita.post(path, {"text": text, "score_research": "9"})
        assert answer.status_code == 422, text[:10]
        assert words in answer.text
    assert letters(site) == []
    assert rita.post(path, {"text": "a" * 315}).status_code == 303, "five per cent over is tolerated"


def test_a_reminder_leaves_the_earlier_link_open(site: Site, ada: Applicant, clock: FixedClock) -> None:
    rita, path = Visitor(site.app.test_client()), link(site)
    clock.advance(timedelta(days=2))
    public_id = site.all(sa.select(Reference))[0].public_id
    assert ada.press("/application/referees", f"/{public_id}/remind").status_code == 303
    assert link(site, Mail.REFERENCE_REMINDER) == path
    assert rita.get(path).status_code == 200
    again = ada.post(f"/application/referees/{public_id}/remind", form="/application/referees")
    assert again.status_code == 409
    assert "reminder" in again.text


def test_declining_is_told_to_the_applicant_and_final(site: Site, ada: Applicant) -> None:
    rita, path = Visitor(site.app.test_client()), link(site)
    token = rita.token(path)
    assert rita.client.post(f"{path}/decline", data={"csrf_token": token}).status_code == 303
    assert site.all(sa.select(Reference))[0].state is ReferenceState.DECLINED
    assert "Declined" in ada.get("/application/referees").text
    late = rita.client.post(path, data={"csrf_token": token, "text": "I changed my mind."})
    assert late.status_code == 409
    assert "I changed my mind." in late.text


def test_after_the_application_has_ended_no_letter_is_asked(site: Site, ada: Applicant) -> None:
    rita, path = Visitor(site.app.test_client()), link(site)
    token = rita.token(path)
    assert ada.post("/status/withdraw", form="/status").status_code == 303
    assert "No letter is needed any more" in rita.get(path).text
    answer = rita.client.post(path, data={"csrf_token": token, "text": "Too late for anything."})
    assert answer.status_code == 409
    assert "Too late for anything." in answer.text
    assert letters(site) == []
    assert len(site.all(sa.select(Application))) == 1
