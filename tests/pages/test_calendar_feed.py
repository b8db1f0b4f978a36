"""The applicant's own dates under a private link: what it holds, whose it is, and that it can be revoked."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from icalendar import Calendar

from matsapply.applications.models import Extension
from matsapply.mail.models import CalendarFeed
from matsapply.people.models import Account
from matsapply.rules.stages import ExtensionReason
from tests import candidates
from tests.applicant_site import Applicant, Site, open_site
from tests.stream_world import at
from tests.visitor import Visitor

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock

# The end of a day anywhere on Earth is shown a minute before, on the day people mean.
CLOSING = datetime(2027, 1, 18, 11, 59, tzinfo=UTC)


@pytest.fixture
def site(app: Flask, live_session: Session) -> Site:
    return open_site(app, live_session)


@pytest.fixture
def ada(site: Site) -> Applicant:
    visitor = site.applicant()
    assert visitor.post("/apply").status_code == 303
    return visitor


def link_of(visitor: Visitor) -> str:
    """The path of the visitor's link."""
    found = re.search(r'<input id="link" type="url" value="([^"]+)"', visitor.get("/calendar").text)
    assert found
    return urlsplit(found.group(1)).path


def opened(visitor: Applicant) -> str:
    assert visitor.press("/calendar", "/calendar/link/open").status_code == 303
    return link_of(visitor)


def dates_at(app: Flask, path: str) -> dict[str, datetime]:
    """What a calendar without a session reads there: labels and instants."""
    answer = app.test_client().get(path)
    assert answer.status_code == 200
    assert answer.mimetype == "text/calendar"
    assert "no-store" in answer.headers["Cache-Control"]
    events = Calendar.from_ical(answer.data).walk("VEVENT")
    return {str(event["summary"]): event["dtstart"].dt.astimezone(UTC) for event in events}


def status_at(site: Site, path: str) -> int:
    return site.app.test_client().get(path).status_code


def test_the_link_works_without_a_session_until_it_is_revoked(site: Site, ada: Applicant) -> None:
    path = opened(ada)
    assert dates_at(site.app, path)["T2"] == CLOSING
    assert ada.press("/calendar", "/calendar/link/close").status_code == 303
    assert status_at(site, path) == 404
    again = opened(ada)
    assert again != path
    assert status_at(site, path) == 404
    assert status_at(site, again) == 200


def test_making_a_link_twice_keeps_the_first(site: Site, ada: Applicant) -> None:
    path = opened(ada)
    assert ada.post("/calendar/link/open", form="/calendar").status_code == 303
    assert link_of(ada) == path


@pytest.mark.parametrize("token", ["wrong", "%00", "x" * 5000, "%F0%9F%98%80", "..%2F..", "0" * 43])
def test_a_wrong_token_is_not_found(site: Site, ada: Applicant, token: str) -> None:
    opened(ada)
    assert status_at(site, f"/calendar/{token}.ics") == 404


def test_what_is_kept_does_not_open_the_link(site: Site, ada: Applicant) -> None:
    path = opened(ada)
    kept = site.all(sa.select(CalendarFeed))[0]
    assert kept.token_digest not in path
    assert kept.public_id not in path
    assert status_at(site, f"/calendar/{kept.token_digest}.ics") == 404


def test_a_person_who_may_no_longer_sign_in_has_no_link(site: Site, ada: Applicant) -> None:
    path = opened(ada)
    site.session.execute(sa.update(Account).values(active=False))
    site.session.commit()
    assert status_at(site, path) == 404


def test_only_the_owners_own_extension_moves_their_closing(site: Site, ada: Applicant) -> None:
    bo = site.applicant("Bo Example", "bo@example.org")
    assert bo.post("/apply").status_code == 303
    until = datetime(2027, 1, 25, 15, tzinfo=UTC)
    mine = site.person().id
    site.session.add(
        Extension(
            person_id=mine,
            cohort_id=site.world.cohort.id,
            gate="T2",
            until=until,
            reason_class=next(iter(ExtensionReason)),
            granted_by_id=mine,
        )
    )
    site.session.commit()
    assert dates_at(site.app, opened(ada))["T2"] == until
    assert dates_at(site.app, opened(bo))["T2"] == CLOSING


def test_tasks_and_booked_interviews_of_ones_own_stand_in_the_feed(
    app: Flask, live_session: Session, clock: FixedClock
) -> None:
    scene = candidates.Scene(app, live_session, clock)
    ada, bo = scene.candidate("Ada Example"), scene.candidate("Bo Example")
    path = opened(Applicant(scene.browser(ada).client))
    labels = dates_at(app, path)
    assert "Hand in: Essay" in labels
    assert not any(label.startswith("Interview") for label in labels), "nothing is booked yet"
    scene.book(ada, at("2027-03-12 12:00"))
    scene.book(bo, at("2027-03-12 15:00"))
    labels = dates_at(app, path)
    assert labels["Interview: Red stream"] == at("2027-03-12 12:00")
    assert [label for label in labels if label.startswith("Interview")] == ["Interview: Red stream"]
    clock.move_to(at("2027-03-08 13:00"))
    assert "Hand in: Essay" not in dates_at(app, path), "its time is over"
