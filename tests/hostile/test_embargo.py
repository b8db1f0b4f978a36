"""Case 5 and invariant 30: accepted and rejected twins get the same bytes until the release, from pages and by mail."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.mail.models import Notification
from matsapply.people.models import Account
from matsapply.process.own_data import PARTS, plain
from matsapply.process.release import release, seal
from matsapply.process.release_letters import preview
from matsapply.process.withdraw import withdraw_application
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import BatchScope, Outcome, Role
from tests import desk, factories as make
from tests.process.road import CO, HOUR, Road, date

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock
    from tests.desk import Member

GOOD, BAD = "Twin Left", "Twin Most"  # names of equal length: not even the size of an answer may differ
PAGES = (
    "/status", "/application", "/application/sections/you", "/application/sections/choice", "/application/check",
    "/application/receipt/1", "/application/streams", "/application/referees", "/apply", "/tasks", "/interviews",
    "/inbox", "/threads", "/accommodation", "/calendar", "/account", "/account/security", "/account/data",
    "/account/data/erasure", "/", "/tracks", "/streams/red", "/streams/blue", "/dates", "/dates.ics", "/showcase",
)  # fmt: skip
PUBLIC_ID = re.compile(r"(?<=[/\"=_-])[0-9a-z]{13}(?=[/\"?<_-])")


class Twins:
    """Two people with the same history, and the browsers they sit at."""

    def __init__(self, app: Flask, session: Session, clock: FixedClock) -> None:
        self.app, self.session, self.clock = app, session, clock
        session.expire_on_commit = False
        self.road = Road(session)
        self.browsers: dict[str, Member] = {}

    def apply(self) -> None:
        for name in (GOOD, BAD):
            address = f"{name.replace(' ', '-').lower()}@example.org"
            self.road.people[name] = make.person(self.session, name, email=address)
            self.road.submitted(name, "red", "blue")

    def sign_in(self) -> None:
        self.session.commit()
        for name in (GOOD, BAD):
            person_id = self.road.people[name].id
            self.browsers[name] = desk.sign_in(self.app, self.session, person_id)

    def seen(self, name: str) -> dict[str, str]:
        """Everything the site tells this person, with what names them taken out."""
        self.session.commit()
        self.clock.move_to(self.road.now)
        browser = self.browsers[name]
        found = {}
        for path in PAGES:
            answer = browser.get(path)
            headers = {key: value for key, value in answer.headers.items() if key not in {"Set-Cookie", "Date"}}
            found[path] = f"{answer.status_code} {headers}\n{answer.text}"
        for path in ("/application/submit", "/application/streams", "/application/sections/research", "/status/undo"):
            answer = browser.post(path, {"submit_key": "again", "streams": ["red", "blue", "green"]}, form="/account")
            found[f"POST {path}"] = f"{answer.status_code}\n{answer.text}"
        self.session.rollback()
        letters = self.session.execute(
            sa.select(Notification.kind, Notification.subject, Notification.body_text, Notification.state)
            .where(Notification.person_id == self.road.people[name].id)
            .order_by(Notification.id)
        )
        # What a copy of one's own data would hold.
        parts = {part: gather(self.session, self.road.people[name].id, self.road.now) for part, gather in PARTS.items()}
        found["export"] = json.dumps(plain(parts), indent=1)
        found["mail"] = "\n".join(str(tuple(row)) for row in letters)
        self.session.rollback()
        return {path: self.plain(name, text) for path, text in found.items()}

    def plain(self, name: str, text: str) -> str:
        address = self.session.scalar(sa.select(Account.email).where(Account.person_id == self.road.people[name].id))
        self.session.rollback()
        for own in (address or "", name, name.split()[0]):
            text = text.replace(own, "TWIN")
        text = re.sub(r'(csrf[-_]token"[^>]*(?:content|value)=")[^"]+', r"\1", text)
        text = re.sub(r'(name="submit_key" value=")[^"]+', r"\1", text)
        text = re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", text)
        return PUBLIC_ID.sub("ID", text)

    def differ(self) -> list[str]:
        left, right = self.seen(GOOD), self.seen(BAD)
        assert left.keys() == right.keys()
        return [path for path in left if left[path] != right[path]]


@pytest.fixture
def twins(app: Flask, live_session: Session, clock: FixedClock) -> Twins:
    made = Twins(app, live_session, clock)
    made.apply()
    return made


def test_case_5_first_result(twins: Twins) -> None:
    road = twins.road
    road.to(date("T5"))
    twins.sign_in()
    assert twins.differ() == []
    for name in (GOOD, BAD):
        road.application(name).score_count = 9  # both have been read; the scores are the team's own
    before = {name: twins.seen(name) for name in (GOOD, BAD)}
    road.decide_track(GOOD, "empirical", Outcome.ADVANCE)
    road.decide_track(BAD, "empirical", Outcome.NOT_ADVANCE)
    assert {name: twins.seen(name) for name in (GOOD, BAD)} == before, "a recorded decision changes nothing"
    batch = road.batch(BatchScope.FIRST_RESULT)
    assert twins.differ() == []
    road.do(seal, road.coordinators[0], batch, role=CO)
    assert {name: twins.seen(name) for name in (GOOD, BAD)} == before, "nor does a sealed batch"
    road.do(release, road.coordinators[0], batch, role=CO)
    assert {"/status", "mail", "export"} <= set(twins.differ()), "after the release each reads their own"


def test_case_5_decisions_of_streams(twins: Twins) -> None:
    road = twins.road
    road.first_result(GOOD, BAD)
    road.to(date("T7"))
    road.to(date("T12") - HOUR)
    twins.sign_in()
    assert twins.differ() == []
    before = {name: twins.seen(name) for name in (GOOD, BAD)}
    for stream in ("red", "blue"):
        road.rank(stream, GOOD, BAD)
    assert {name: twins.seen(name) for name in (GOOD, BAD)} == before, "a locked ranking changes nothing"
    for stream in ("red", "blue"):
        road.decide_stream(GOOD, stream, Outcome.OFFER)
        road.decide_stream(BAD, stream, Outcome.NOT_SELECT)
    assert {name: twins.seen(name) for name in (GOOD, BAD)} == before, "nor do decisions, and seats that are held"
    batch = road.batch(BatchScope.OFFERS)
    road.do(seal, road.coordinators[0], batch, role=CO)
    assert {name: twins.seen(name) for name in (GOOD, BAD)} == before
    road.to(date("T13"))
    assert twins.differ() == [], "the date alone releases nothing"
    road.do(release, road.coordinators[0], batch, role=CO)
    assert {"/status", "mail"} <= set(twins.differ())


def test_case_6_nothing_hidden_can_be_sorted_or_filtered_by(twins: Twins) -> None:
    road = twins.road
    road.to(date("T5"))
    twins.sign_in()
    for name, mean in ((GOOD, 4.9), (BAD, 1.1)):
        road.application(name).score_mean = mean
        road.application(name).score_count = 9
    road.decide_track(GOOD, "empirical", Outcome.ADVANCE)
    twins.session.commit()
    browser = twins.browsers[BAD]
    hidden = ("sort=-score", "sort=calibrated", "filter=decision", "show=done", "order=chance", "outcome=advance")
    for path in (
        "/status",
        "/application/streams",
        "/inbox",
        "/tasks",
        "/streams/red",
        "/tracks",
        "/showcase",
        "/dates",
    ):
        plain = browser.get(path)
        assert plain.status_code == 200, path
        for query in hidden:
            asked = browser.get(f"{path}?{query}")
            if asked.status_code != 400:
                # The foot of a page leads back to the address it has.
                shown, usual = (twins.plain(BAD, one.text).partition("<main")[2] for one in (asked, plain))
                assert usual, path
                assert shown.partition("</main>")[0] == usual.partition("</main>")[0], f"{path}?{query}"


def test_case_37_the_audience_of_a_release_is_frozen_and_whoever_has_left_is_held_back(twins: Twins) -> None:
    road = twins.road
    road.to(date("T5"))
    for name, outcome in ((GOOD, Outcome.ADVANCE), (BAD, Outcome.NOT_ADVANCE)):
        road.application(name).score_count = 9
        road.decide_track(name, "empirical", outcome)
    batch = road.batch(BatchScope.FIRST_RESULT)
    road.do(seal, road.coordinators[0], batch, role=CO)
    ids = [road.application(name).id for name in (GOOD, BAD)]
    assert [each.name for each in preview(road.session, batch, ids, road.now)] == [GOOD, BAD]
    leaving = road.application(BAD)
    road.do(withdraw_application, road.actor(BAD), leaving, role=Role.APPLICANT)
    assert [each.name for each in preview(road.session, batch, ids, road.now)] == [GOOD]
    assert road.do(release, road.coordinators[0], batch, role=CO) == 1
    with pytest.RaisesExc(Refused, check=lambda error: error.refusal.code is Code.WRONG_STATE):
        release(road.session, road.coordinators[0], batch, role=CO, now=road.now)
    told = twins.session.scalars(sa.select(Notification.person_id).where(Notification.kind == "first_result")).all()
    assert told == [road.people[GOOD].id], "once, and only who was still there"
