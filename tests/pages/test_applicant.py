"""An applicant's happy paths over HTTP, without scripts: from the first form to an answered offer."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import Application, Extension, Reference, Snapshot, StreamApplication, TrackChoice
from matsapply.cohorts.models import Cohort
from matsapply.mail.kinds import Mail
from matsapply.rules.stages import (
    ApplicationState,
    BatchScope,
    CloseReason,
    CohortState,
    ExtensionReason,
    OfferState,
    Outcome,
    ReferenceState,
    ReferenceTiming,
    StreamApplicationState,
)
from tests import desk, factories as make
from tests.applicant_site import Applicant, Site, open_site, pdf
from tests.factories import DATES, at
from tests.page_forms import form, forms
from tests.process.road import Road, date
from tests.visitor import PASSWORD, Visitor, link_in, mails

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock

DAY = timedelta(days=1)


@pytest.fixture
def site(app: Flask, live_session: Session) -> Site:
    return open_site(app, live_session)


@pytest.fixture
def ada(site: Site) -> Applicant:
    visitor = site.applicant()
    assert visitor.post("/apply").status_code == 303
    return visitor


def chosen(site: Site) -> list[str]:
    """The names of the streams in the applicant's order."""
    rows = site.all(sa.select(StreamApplication).where(StreamApplication.rank.is_not(None)))
    keys = {stream.id: key for key, stream in site.world.streams.items()}
    return [keys[row.stream_id] for row in sorted(rows, key=lambda row: row.rank or 0)]


def choose(visitor: Applicant, *streams: str, move: str | None = None) -> None:
    page = forms(visitor.get("/application/streams").text)
    whole = next(one for one in page if one.fields.keys() & {"streams", "csrf_token"} and not one.action)
    sent = whole.filled(streams=list(streams), order=list(streams), **({"move": move} if move else {}))
    assert visitor.client.post("/application/streams", data=sent).status_code == 303


def test_from_registering_to_a_receipt(site: Site) -> None:
    ada = Applicant(site.app.test_client())
    joining = {
        "display_name": "Ada Example",
        "email": "ada@example.org",
        "password": PASSWORD,
        "time_zone": "Europe/Berlin",
    }
    assert ada.post("/register", joining).location == "/login"
    ada.get(link_in(mails(site.session, "ada@example.org")[0]))
    assert ada.signed_in or ada.sign_in("ada@example.org").status_code in {302, 303}
    assert ada.post("/apply").status_code == 303
    assert "Ada Example" in ada.get("/application/sections/you").text, "what is known is filled in"
    ada.complete()
    choose(ada, "red", "blue")
    choose(ada, "red", "blue", move="up:blue")
    assert chosen(site) == ["blue", "red"]
    page = ada.section("background")
    sent_file = {**page.filled(links="https://example.org/work"), "cv": (BytesIO(pdf(2)), "cv.pdf")}
    assert ada.client.post("/application/sections/background", data=sent_file).status_code == 303
    ada.post("/application/referees", {"name": "Rita Referee", "email": "rita@example.org", "consent": "yes"})
    check = ada.get("/application/check").text
    for words in ("A small experiment.", "cv.pdf", "Rita Referee", "https://example.org/work", "Stream blue"):
        assert words in check, words
    answer = ada.submit()
    assert answer.status_code == 303
    receipt = ada.get(answer.headers["Location"]).text
    snapshot = site.all(sa.select(Snapshot))[0]
    assert snapshot.digest in receipt
    assert snapshot.content["streams"] == ["blue", "red"]
    letter = next(mail for mail in mails(site.session, "ada@example.org") if mail.kind == Mail.RECEIPT)
    assert snapshot.digest in letter.body_text
    assert "Your application is submitted." in ada.get("/status").text


def test_earlier_answers_are_offered_and_taken_over_once(site: Site) -> None:
    bob = site.applicant("Bob Example", "bob@example.org")
    before = make.cohort(site.session)
    site.session.commit()
    old, _ = make.submitted(site.session, before, site.person("bob@example.org"), evidence="From the year before.")
    old.state, old.close_reason, old.closed_at = ApplicationState.CLOSED, CloseReason.NOT_ADVANCED, make.NOW
    before.cohort.state = CohortState.FINISHED
    site.session.commit()
    assert bob.post("/apply").status_code == 303
    assert "From the year before." not in bob.get("/application/check").text
    assert f"from your application to {before.cohort.label}" in bob.get("/application").text
    assert bob.press("/application", "/application/reuse").status_code == 303
    assert "From the year before." in bob.get("/application/check").text
    assert "/application/reuse" not in bob.get("/application").text
    assert bob.post("/application/reuse", form="/account").status_code == 303, "nothing is empty: nothing is filled in"


def test_what_is_missing_is_listed_with_links_and_nothing_is_submitted(site: Site, ada: Applicant) -> None:
    ada.write("research", evidence="Half of it.")
    page = ada.get("/application/check").text
    assert "/application/sections/choice#tracks-place" in page
    answer = ada.submit()
    assert answer.status_code == 409
    assert "Not submitted" in answer.text
    assert site.all(sa.select(Snapshot)) == []


def test_editing_after_the_submission_changes_nothing_until_it_is_submitted_again(site: Site, ada: Applicant) -> None:
    ada.complete()
    choose(ada, "red")
    assert ada.submit().status_code == 303
    ada.write("research", evidence="Rewritten.")
    ada.write("choice", tracks=["theory"], q_theory="A theorem.")
    first = site.all(sa.select(Snapshot))
    assert [snapshot.content["answers"]["evidence"] for snapshot in first] != ["Rewritten."]
    assert chosen(site) == ["red"], "the choices of the snapshot stand"
    assert "counts only after you submit again" in ada.get("/application").text
    assert ada.submit().status_code == 303
    numbers = [(snapshot.number, snapshot.content["tracks"]) for snapshot in site.all(sa.select(Snapshot))]
    assert numbers == [(1, ["empirical"]), (2, ["theory"])]
    assert [row.track_id for row in site.all(sa.select(TrackChoice)) if row.state.value == "chosen"] == [
        site.world.tracks["theory"].id
    ]


def test_E4_after_the_close_the_check_shows_what_was_submitted(site: Site, ada: Applicant, clock: FixedClock) -> None:
    """Text, tracks and file of the snapshot; what was changed later is named, and nothing of it shown as sent."""

    def upload(name: str, pages: int) -> None:
        sent = {**ada.section("background").filled(links=""), "cv": (BytesIO(pdf(pages)), name)}
        assert ada.client.post("/application/sections/background", data=sent).status_code == 303

    ada.complete()
    choose(ada, "red")
    upload("first.pdf", 2)
    assert ada.submit().status_code == 303
    clock.move_to(at(DATES["T2"]))
    page = ada.get("/application/check").text
    assert "not submitted" not in page
    assert "That is what is read." in ada.get("/application").text
    clock.move_to(at(DATES["T2"]) - DAY)
    ada.write("research", evidence="Rewritten too late.")
    ada.write("choice", tracks=["theory"], q_theory="A theorem.")
    upload("second.pdf", 3)
    assert "Rewritten too late." in ada.get("/application/check").text
    clock.move_to(at(DATES["T2"]))
    page = ada.get("/application/check").text
    assert "Changed after you submitted, and not submitted" in page
    for sent in ("I asked one question and answered half of it.", "A small experiment.", "first.pdf", "Stream red"):
        assert sent in page, sent
    for later in ("Rewritten too late.", "A theorem.", "second.pdf"):
        assert later not in page, later
    link = re.search(r'href="(/application/files/[^"]+)">first.pdf', page)
    assert link is not None
    assert ada.get(link[1]).data == pdf(2)


def test_more_time_is_its_owners_alone_until_it_is_taken_back(site: Site, ada: Applicant, clock: FixedClock) -> None:
    bob = site.applicant("Bob Example", "bob@example.org")
    ada.complete()
    bob.complete()
    team = site.person("bob@example.org")  # whoever gives it
    given = Extension(
        person_id=site.person().id,
        cohort_id=site.world.cohort.id,
        gate="T2",
        until=at(DATES["T2"]) + DAY,
        reason_class=ExtensionReason.TECHNICAL_FAULT,
        granted_by_id=team.id,
    )
    site.session.add(given)
    site.session.commit()
    assert "given you more time" in ada.get("/application").text
    assert "given you more time" not in bob.get("/application").text
    clock.move_to(at(DATES["T2"]) + timedelta(hours=1))
    assert (ada.write("research", evidence="Late.").status_code, ada.submit().status_code) == (303, 303)
    refused = bob.post("/application/submit", form="/account")
    assert (refused.status_code, "deadline has passed" in refused.text) == (409, True)
    given.revoked_at = clock.now()
    site.session.commit()
    later = ada.client.post(
        "/application/sections/research", data={"csrf_token": ada.token("/account"), "evidence": "x"}
    )
    assert later.status_code == 409


def test_withdrawing_wholly_and_taking_it_back(site: Site, ada: Applicant, clock: FixedClock) -> None:
    ada.complete()
    choose(ada, "red", "blue")
    assert ada.submit().status_code == 303
    assert ada.press("/status", "/status/withdraw").status_code == 303
    gone = site.all(sa.select(Application))[0]
    assert (gone.state, gone.close_reason) == (ApplicationState.CLOSED, CloseReason.WITHDRAWN)
    page = ada.get("/status").text
    assert "You withdrew this application." in page
    clock.advance(timedelta(hours=23))
    assert ada.press("/status", "/status/undo").status_code == 303
    assert site.all(sa.select(Application))[0].state is ApplicationState.SUBMITTED
    assert chosen(site) == ["red", "blue"]
    assert ada.press("/status", "/status/withdraw").status_code == 303
    clock.advance(timedelta(hours=25))
    assert "Take the withdrawal back" not in ada.get("/status").text
    assert ada.post("/status/undo", form="/account").status_code == 409


def test_leaving_one_stream_and_coming_back(site: Site, ada: Applicant) -> None:
    ada.complete()
    choose(ada, "red", "blue")
    assert ada.submit().status_code == 303
    red = next(row for row in site.all(sa.select(StreamApplication)) if row.rank == 1)
    assert ada.press("/status", f"/status/streams/{red.public_id}/withdraw").status_code == 303
    assert chosen(site) == ["blue"]
    assert "You left this stream." in ada.get("/status").text
    assert ada.write("research", evidence="Written anew.").status_code == 303
    assert ada.submit().status_code == 303
    assert chosen(site) == ["blue"], "submitting again does not bring back what was left"
    assert ada.press("/status", f"/status/streams/{red.public_id}/undo").status_code == 303
    assert chosen(site) == ["blue", "red"]
    choose(ada, "red", "blue")
    assert chosen(site) == ["blue", "red"], "the last submission stays in force"
    order = re.findall(
        r'data-rank>\s*<input type="hidden" name="order" value="(\w+)"', ada.get("/application/streams").text
    )
    assert order[:2] == ["red", "blue"], "and the page shows what was chosen since"
    assert ada.submit().status_code == 303
    assert chosen(site) == ["red", "blue"]


def test_referees_are_named_replaced_and_limited(site: Site, ada: Applicant) -> None:
    problems = ada.post("/application/referees", {"name": " ", "email": "rita"})
    assert problems.status_code == 422
    for field in ("name", "email", "consent"):
        assert f'id="{field}-error"' in problems.text
        assert f'href="#{field}"' in problems.text
    own = ada.post("/application/referees", {"name": "Me", "email": "ada@example.org", "consent": "yes"})
    assert (own.status_code, "This is your own address" in own.text) == (422, True)
    for name in ("rita", "rolf"):
        sent = {"name": name.title(), "email": f"{name}@example.org", "consent": "yes"}
        assert ada.post("/application/referees", sent).status_code == 303
    page = ada.get("/application/referees").text
    assert "Name a referee" not in page, "two are the most"
    first = site.all(sa.select(Reference).order_by(Reference.id))[0]
    assert ada.press("/application/referees", f"/{first.public_id}/remove").status_code == 303
    assert site.all(sa.select(Reference).order_by(Reference.id))[0].state is ReferenceState.REPLACED
    refused = ada.post("/application/referees", {"name": "Third", "email": "third@example.org"})
    assert refused.status_code == 422
    assert 'value="third@example.org"' in refused.text
    again = ada.post("/application/referees", {"name": "Rolf", "email": "ROLF@example.org", "consent": "yes"})
    assert (again.status_code, "named this address already" in again.text) == (422, True)


def test_a_referee_is_reminded_once_a_day_and_three_times(site: Site, ada: Applicant, clock: FixedClock) -> None:
    site.session.execute(sa.update(Cohort).values(reference_timing=ReferenceTiming.AT_SUBMIT))
    site.session.commit()
    ada.complete()
    ada.post("/application/referees", {"name": "Rita", "email": "rita@example.org", "consent": "yes"})
    assert "Rita has not been asked yet." in ada.get("/application/referees").text
    assert ada.submit().status_code == 303
    rita = site.all(sa.select(Reference))[0]
    path = f"/application/referees/{rita.public_id}/remind"
    page = ada.get("/application/referees").text
    assert (path in page, "You can remind again from" in page) == (False, True), "asked just now"
    early = ada.post(path, form="/application/referees")
    assert (early.status_code, "less than a day ago" in early.text) == (409, True)
    for number in (1, 2, 3):
        clock.advance(timedelta(hours=25))
        assert ada.press("/application/referees", path).status_code == 303, number
        assert f"{number} of 3 reminders sent" in ada.get("/application/referees").text
    clock.advance(timedelta(hours=25))
    assert path not in ada.get("/application/referees").text
    last = ada.post(path, form="/application/referees")
    assert (last.status_code, "that is all we send" in last.text) == (409, True)


class Streams:
    """Ada in the stream phase, as the real actions leave her, and her browser."""

    def __init__(self, app: Flask, session: Session, clock: FixedClock, *names: str) -> None:
        session.expire_on_commit = False
        self.session, self.clock = session, clock
        self.road = Road(session)
        self.names = names
        for name in names:
            self.road.submitted(name, "red", "blue")
        self.road.first_result(*names)
        self.road.to(date("T7"))
        self.app = app

    def browser(self, name: str = "Ada Example") -> Visitor:
        self.session.commit()
        self.clock.move_to(self.road.now)
        return desk.sign_in(self.app, self.session, self.road.people[name].id)


@pytest.fixture
def streams(app: Flask, live_session: Session, clock: FixedClock) -> Streams:
    return Streams(app, live_session, clock, "Ada Example", "Bo Example")


def press(visitor: Visitor, path: str, action: str, **typed: object) -> int:
    page = form(visitor.get(path).text, action)
    return visitor.client.post(page.action or path, data=page.filled(**typed)).status_code


def test_an_offer_is_accepted_with_the_confirmation_and_ends_the_others(streams: Streams) -> None:
    road = streams.road
    road.to(date("T12") - timedelta(hours=1))
    for stream in ("red", "blue"):
        road.rank(stream, "Ada Example", "Bo Example")
        road.decide_stream("Ada Example", stream, Outcome.OFFER)
        road.decide_stream("Bo Example", stream, Outcome.NOT_SELECT)
    road.to(date("T13"))
    road.release(BatchScope.OFFERS)
    ada = streams.browser()
    offer = road.offer("Ada Example", "red").public_id
    streams.session.rollback()
    status = ada.get("/status").text
    assert "An offer from Stream red" in status
    page = f"/offers/{offer}"
    assert "Accepting ends your other open offers: Stream blue" in ada.get(page).text
    assert press(ada, page, "/accept") == 409, "without the confirmation nothing is accepted"
    assert press(ada, page, "/accept", eligible="yes") == 303
    streams.session.expire_all()
    assert road.offer("Ada Example", "red").state is OfferState.ACCEPTED
    assert road.offer("Ada Example", "blue").state is OfferState.SUPERSEDED
    streams.session.rollback()
    assert "You have accepted a place." in ada.get("/status").text


def test_an_offer_is_declined(streams: Streams) -> None:
    road = streams.road
    road.to(date("T12") - timedelta(hours=1))
    for stream in ("red", "blue"):
        road.rank(stream, "Ada Example", "Bo Example")
        for name in streams.names:
            road.decide_stream(name, stream, Outcome.OFFER if stream == "red" else Outcome.NOT_SELECT)
    road.to(date("T13"))
    road.release(BatchScope.OFFERS)
    ada = streams.browser()
    offer = road.offer("Ada Example", "red").public_id
    streams.session.rollback()
    assert press(ada, f"/offers/{offer}", "/decline", reason="Another place.") == 303
    streams.session.expire_all()
    assert road.offer("Ada Example", "red").state is OfferState.DECLINED
    assert road.entry("Ada Example", "red").state is StreamApplicationState.DECLINED
    streams.session.rollback()
    bo = streams.browser("Bo Example")
    assert bo.get(f"/offers/{offer}").status_code == 404
