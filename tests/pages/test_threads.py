"""Writing to the team, asking for accommodation: who reads it, who answers, and what follows."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import AccommodationRequest, Extension, Message, Thread
from matsapply.mail.kinds import Mail
from matsapply.pages.account import limits
from matsapply.process import threads as acts
from matsapply.rules.access import Actor
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import ExtensionReason, Role
from tests.applicant_site import Site, open_site, pdf
from tests.pages.team import TYPED, demo_settings
from tests.visitor import Visitor, mails, make_person

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock
    from matsapply.platform.settings import Settings
    from tests.applicant_site import Applicant

LATER = "2027-01-21 12:00 UTC"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return demo_settings(settings)


@pytest.fixture
def site(app: Flask, live_session: Session) -> Site:
    return open_site(app, live_session)


@pytest.fixture
def ada(site: Site) -> Applicant:
    ada = site.applicant()
    assert ada.post("/apply").status_code == 303
    return ada


def member(site: Site, email: str, *roles: Role) -> Visitor:
    make_person(site.app, site.session, email, *roles, name=email.split("@")[0])
    visitor = Visitor(site.app.test_client())
    assert visitor.sign_in(email).status_code == 303
    return visitor


def test_a_question_is_answered_by_the_team_and_read_by_nobody_else(site: Site, ada: Applicant) -> None:
    base = f"/admin/{site.world.cohort.key}/threads"
    team = member(site, "team@example.org", Role.COORDINATOR)
    auditor = member(site, "auditor@example.org", Role.AUDITOR)
    others = [member(site, f"{role.value}@example.org", role) for role in (Role.REVIEWER, Role.TRACK_LEAD)]
    bo = site.applicant("Bo Example", "bo@example.org")

    empty = ada.post("/threads", {"subject": " ", "text": ""})
    assert empty.status_code == 422
    assert "Say in a few words" in empty.text
    kept = ada.post("/threads", {"subject": "x" * 121, "text": TYPED})
    assert kept.status_code == 422
    assert "Typed with care" in kept.text
    bad = {"subject": "A file", "text": "Here.", "file": (io.BytesIO(b"no pdf"), "cv.pdf")}
    refused = ada.post("/threads", bad)
    assert refused.status_code == 422
    assert "is not a PDF" in refused.text
    assert site.all(sa.select(Thread)) == []

    file = (io.BytesIO(pdf()), "proof.pdf")
    sent = ada.post("/threads", {"subject": "A question", "text": TYPED, "file": file})
    assert sent.status_code == 303
    path = sent.location or ""
    page = ada.get(path).text
    assert "&lt;b&gt;" in page
    assert "With the team" in ada.get("/threads").text
    download = f"{path}/files/" + page.split(f"{path}/files/")[1][:13]
    assert ada.get(download).headers["Content-Disposition"].startswith("attachment")
    thread = site.all(sa.select(Thread))[0]
    in_admin = f"{base}/{thread.public_id}"

    told = mails(site.session, "team@example.org")
    assert [mail.kind for mail in told] == [Mail.TEAM_ASKED]
    assert "Typed" not in told[0].body_text, "the words stay behind the sign-in"
    assert ada.post(path, {"text": "One thing more."}).status_code == 303
    assert len(mails(site.session, "team@example.org")) == 1, "one mail for each time an answer is owed"

    for other in (*others, bo):
        assert other.get(base).status_code in {403, 404}
        assert other.get(in_admin).status_code in {403, 404}
        assert other.get(path).status_code in {403, 404}
        assert other.get(download).status_code in {403, 404}
        assert other.post(f"{in_admin}/answer", {"text": "no"}, form="/account").status_code in {403, 404}
    assert "A question" in auditor.get(base).text
    assert auditor.post(f"{in_admin}/answer", {"text": "no"}, form="/account").status_code == 403

    dashboard = f"/admin/{site.world.cohort.key}"
    assert "1 applicant with a question that waits" in team.get(dashboard).text
    assert "A question" in team.get(base).text
    assert "Typed with care" in team.get(in_admin).text
    assert team.get(f"{in_admin}/files/{download[-13:]}").status_code == 200
    assert team.post(f"{in_admin}/answer", {"text": " "}, form=in_admin).status_code == 422
    assert team.post(f"{in_admin}/answer", {"text": "Yes, do."}, form=in_admin).status_code == 303
    assert "A question" not in team.get(base).text
    assert "with a question" not in team.get(dashboard).text
    assert "A question" in team.get(f"{base}?all=yes").text
    answered = ada.get(path).text
    assert "Yes, do." in answered
    assert "team@example.org" not in answered
    (letter,) = [mail for mail in mails(site.session, "ada@example.org") if mail.kind is Mail.TEAM_ANSWER]
    assert letter.in_portal
    assert "> Yes, do." in letter.body_text

    assert team.post(f"{in_admin}/close", form=in_admin).status_code == 303
    assert team.post(f"{in_admin}/close", form=in_admin).status_code == 409
    assert team.post(f"{in_admin}/vanish", form=in_admin).status_code == 404
    assert ada.post(path, {"text": "Open again?"}).status_code == 303
    assert "A question" in team.get(base).text
    assert len(site.all(sa.select(Message))) == 4
    for wrong in ("?all=yes&after=x", "?what=x", "?after=%00"):
        assert team.get(base + wrong).status_code == 400


def test_no_more_than_ten_questions_wait(site: Site, ada: Applicant) -> None:
    for number in range(10):
        assert ada.post("/threads", {"subject": f"Question {number}", "text": "?"}).status_code == 303
    answer = ada.post("/threads", {"subject": "The eleventh", "text": TYPED})
    assert answer.status_code == 409
    assert "Typed with care" in answer.text
    assert len(site.all(sa.select(Thread))) == 10


def test_a_full_thread_takes_no_more_and_keeps_what_was_typed(
    site: Site, ada: Applicant, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = member(site, "team@example.org", Role.COORDINATOR)
    path = ada.post("/threads", {"subject": "One", "text": "?"}).location or ""
    monkeypatch.setattr(acts, "MOST_SHOWN", 2)
    monkeypatch.setattr(acts, "MOST_FILES", 0)
    refused = ada.post(path, {"text": TYPED, "file": (io.BytesIO(pdf()), "a.pdf")})
    assert refused.status_code == 409
    assert ada.post(path, {"text": "Two."}).status_code == 303
    full = ada.post(path, {"text": TYPED})
    assert full.status_code == 409
    assert "Typed with care" in full.text
    assert "Begin a new one" in full.text
    in_admin = f"/admin/{site.world.cohort.key}{path}"
    answer = team.post(f"{in_admin}/answer", {"text": TYPED}, form=in_admin)
    assert answer.status_code == 409
    assert "as many messages" in answer.text
    assert "Typed with care" in answer.text
    assert len(site.all(sa.select(Message))) == 2


def test_asking_and_taking_back_is_no_way_to_flood_the_team(
    site: Site, ada: Applicant, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_person(site.app, site.session, "team@example.org", Role.COORDINATOR)
    monkeypatch.setitem(limits.LIMITS, "threads.accommodation", (replace(limits.OWN_REQUESTS, most=2),))
    answers = []
    for _ in range(3):
        answers.append(ada.post("/accommodation", {"text": "?"}).status_code)
        for request in site.all(sa.select(AccommodationRequest)):
            assert ada.post(f"/accommodation/{request.public_id}/take-back", form="/accommodation").status_code == 303
    assert answers == [303, 303, 429]
    assert len(mails(site.session, "team@example.org")) == 2


def test_a_request_taken_back_while_it_is_decided_is_no_failure(site: Site, ada: Applicant, clock: FixedClock) -> None:
    make_person(site.app, site.session, "team@example.org", Role.COORDINATOR)
    assert ada.post("/accommodation", {"text": "?"}).status_code == 303
    request = site.session.scalars(sa.select(AccommodationRequest)).one()  # as the page has loaded it
    site.session.commit()
    assert ada.post(f"/accommodation/{request.public_id}/take-back", form="/accommodation").status_code == 303
    actor = Actor(site.person("team@example.org").id)
    with pytest.raises(Refused) as refused:
        acts.decide_accommodation(
            site.session, actor, request, role=Role.COORDINATOR, granted=False, answer="No.", now=clock.now()
        )
    assert refused.value.refusal.code is Code.NO_CHANGE
    site.session.rollback()


def test_more_time_is_granted_as_a_recorded_extension(site: Site, ada: Applicant) -> None:
    base = f"/admin/{site.world.cohort.key}/accommodation"
    team = member(site, "team@example.org", Role.COORDINATOR)
    reviewer = member(site, "reviewer@example.org", Role.REVIEWER)
    assert ada.post("/accommodation", {"text": ""}).status_code == 422
    assert ada.post("/accommodation", {"text": TYPED}).status_code == 303
    assert ada.post("/accommodation", {"text": "Another one."}).status_code == 303
    second, first = site.all(sa.select(AccommodationRequest).order_by(AccommodationRequest.id.desc()))
    bo = site.applicant("Bo Example", "bo@example.org")
    assert bo.post(f"/accommodation/{second.public_id}/take-back", form="/account").status_code == 404
    assert ada.post(f"/accommodation/{second.public_id}/take-back", form="/accommodation").status_code == 303
    assert ada.post(f"/accommodation/{second.public_id}/take-back", form="/accommodation").status_code == 404
    one = f"{base}/{first.public_id}"
    for path in (base, one):
        assert reviewer.get(path).status_code == 403
    assert "Typed with care" in team.get(base).text
    grant = {"granted": "yes", "more_time": "T2", "until": LATER, "answer": "Take three days."}
    for wrong in (
        {"granted": ""},
        {"until": "soon"},
        {"until": "2026-01-01 12:00 UTC"},
        {"until": "9999-12-31 20:00 UTC"},
        {"more_time": "T9"},
        {"answer": ""},
    ):
        answer = team.post(one, grant | wrong, form=one)
        assert answer.status_code == 422, wrong
    early = team.post(one, grant | {"until": "2027-01-15 12:00 UTC"}, form=one)
    assert early.status_code == 409
    assert "later than the present one" in early.text
    assert site.all(sa.select(Extension)) == []
    assert team.post(one, grant, form=one).status_code == 303
    (extension,) = site.all(sa.select(Extension))
    assert (extension.gate, extension.reason_class) == ("T2", ExtensionReason.ACCOMMODATION)
    assert extension.until == datetime.fromisoformat("2027-01-21T12:00:00+00:00")
    assert team.post(one, grant, form=one).status_code == 409
    page = ada.get("/accommodation").text
    assert "Granted" in page
    assert "Take three days." in page
    (letter,) = [mail for mail in mails(site.session, "ada@example.org") if mail.kind is Mail.ACCOMMODATION_ANSWER]
    assert "more time for your application" in letter.body_text
    assert "2027-01-21" in ada.get("/status").text
    assert ada.post(f"/accommodation/{first.public_id}/take-back", form="/accommodation").status_code == 404
    assert team.get(f"{base}?all=yes").text.count("Granted") == 1
