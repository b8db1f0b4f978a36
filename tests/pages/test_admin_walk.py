"""The team's walk on demo data: decide, gather, seal, read, release; rank, offer, approve twice, release."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import Application, StreamApplication, TrackChoice
from matsapply.cohorts.models import Cohort, Stream, Track
from matsapply.decisions.models import BatchExclusion, Decision, ReleaseBatch
from matsapply.demo.staff import PASSWORD
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.offers.models import Offer
from matsapply.pages.admin import figures
from matsapply.pages.admin.application_acts import inert
from matsapply.people.models import Person, RoleGrant
from matsapply.people.queries import actor_of, holders
from matsapply.platform import clock as clock_module
from matsapply.reviews.aggregates import recompute_check
from matsapply.reviews.models import ReviewAssignment
from matsapply.reviews.rounds import apply_plan, ensure_round
from matsapply.rules.stages import (
    ApplicationState,
    AssignmentState,
    BatchState,
    OfferState,
    Role,
    RoundKind,
    StreamApplicationState,
)
from matsapply.rules.standing import clearly_below

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

pytestmark = pytest.mark.demo

OPEN, REVIEW, STREAMS = "2027-06", "2027-05", "2027-04"
START = datetime(2027, 1, 10, 12, tzinfo=UTC)


@pytest.fixture
def demo(app: Flask, live_session: Session) -> Session:
    app.extensions["test.session"] = live_session
    return live_session


def let_go(client: FlaskClient) -> None:
    """The test's own session must hold no lock while the site writes."""
    client.application.extensions["test.session"].rollback()


def token(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found, page[:400]
    return found.group(1)


def signed_in(app: Flask, who: str) -> FlaskClient:
    client = app.test_client()
    let_go(client)
    form = {"email": f"{who}@demo.example", "password": PASSWORD, "csrf_token": token(client.get("/login").text)}
    assert client.post("/login", data=form).status_code in {302, 303}
    return client


def post(client: FlaskClient, address: str, on: str = "/account", **form: object) -> object:
    let_go(client)
    return client.post(address, data={"csrf_token": token(client.get(on).text), **form})


def batch_address(session: Session, key: str) -> str:
    session.expire_all()
    batch = session.scalars(sa.select(ReleaseBatch).order_by(ReleaseBatch.id.desc())).first()
    return f"/admin/{key}/releases/{batch.public_id}"


def test_from_scores_to_first_results(app, demo, clock):
    team, second = signed_in(app, "coordinator"), signed_in(app, "coordinator2")
    cohort = demo.scalars(sa.select(Cohort).where(Cohort.key == REVIEW)).one()
    choices = demo.execute(
        sa.select(
            TrackChoice.id, TrackChoice.track_id, TrackChoice.chance, Application.score_count, Application.public_id
        )
        .join(Application, Application.id == TrackChoice.application_id)
        .where(Application.cohort_id == cohort.id, Application.state == ApplicationState.SUBMITTED)
    ).all()
    keys = {row.id: row.key for row in demo.execute(sa.select(Track.id, Track.key).where(Track.cohort_id == cohort.id))}
    # Too few readings for a no, and too far below the bar for a plain yes: two people and a reason.
    below = {row.id for row in choices if row.chance is not None and clearly_below(row.chance)}
    for row in choices:
        if row.score_count < 2 and row.id in below:
            address = f"/admin/{REVIEW}/applications/{row.public_id}/exception"
            for who in (team, second):
                assert post(who, address, choice=row.id, outcome="advance", reason="A rare method").status_code == 303
    for track_id in {row.track_id for row in choices}:
        for outcome in ("advance", "not_advance"):
            mine = [
                row for row in choices if row.track_id == track_id and (row.score_count >= 2 or row.id not in below)
            ]
            upward = {row.id for row in mine if row.score_count < 2 or (row.id % 2 and row.id not in below)}
            wanted = [row.id for row in mine if (row.id in upward) == (outcome == "advance")]
            address = f"/admin/{REVIEW}/decisions/{keys[track_id]}"
            if wanted:
                assert post(team, address, choose=wanted, outcome=outcome, feedback="Thank you.").status_code == 303
    demo.expire_all()
    recorded = demo.scalar(sa.select(sa.func.count()).select_from(Decision).where(Decision.cohort_id == cohort.id))
    assert recorded == len(choices)

    assert post(team, f"/admin/{REVIEW}/releases", scope="first_result").status_code == 303
    address = batch_address(demo, REVIEW)
    page = team.get(address)
    assert "Everybody in scope is decided or excluded" in page.text
    assert "What people will read" in page.text
    last = re.findall(r"read=(\w+)#messages", page.text)[-1]
    own = team.get(f"{address}?read={last}")
    assert own.text.count('<pre class="mail-text">') == 1, "the message of each can be read, as they will get it"
    assert team.get(f"{address}?read={'0' * 13}").status_code == 404
    assert post(team, f"{address}/seal").status_code == 303
    wrong = post(team, f"{address}/release", count="1")
    assert wrong.status_code == 422
    people = len(set(demo.scalars(sa.select(Decision.application_id).where(Decision.cohort_id == cohort.id))))
    assert f"Type {people} to confirm" in wrong.text
    assert post(team, f"{address}/release", count=str(people)).status_code == 303
    demo.expire_all()
    batch = demo.scalars(sa.select(ReleaseBatch).order_by(ReleaseBatch.id.desc())).first()
    assert batch.state is BatchState.RELEASED
    told = demo.scalar(
        sa.select(sa.func.count())
        .select_from(Notification)
        .where(Notification.kind == Mail.FIRST_RESULT, Notification.cause.like(f"batch:{batch.id}:%"))
    )
    assert told == people
    left = demo.scalar(
        sa.select(sa.func.count())
        .select_from(Application)
        .where(Application.cohort_id == cohort.id, Application.state == ApplicationState.SUBMITTED)
    )
    assert left == 0


def test_from_a_ranking_to_offers(app, demo, clock):
    team, second = signed_in(app, "coordinator"), signed_in(app, "coordinator2")
    stream = demo.scalars(
        sa.select(Stream)
        .join(StreamApplication, StreamApplication.stream_id == Stream.id)
        .join(Cohort, Cohort.id == Stream.cohort_id)
        .where(Cohort.key == STREAMS, StreamApplication.state == StreamApplicationState.ASSESSED)
        .order_by(Stream.id)
    ).first()
    assert stream is not None, "the demo locks one ranking early"
    entry = demo.scalars(
        sa.select(StreamApplication)
        .where(StreamApplication.stream_id == stream.id, StreamApplication.state == StreamApplicationState.ASSESSED)
        .order_by(StreamApplication.id)
    ).first()
    address = f"/admin/{STREAMS}/offers/streams/{stream.key}"
    assert team.get(f"{address}?offers=1&waitlist=1").status_code == 200
    assert post(team, address, **{f"outcome-{entry.public_id}": "offer"}).status_code == 303
    offer = demo.scalars(sa.select(Offer).where(Offer.stream_application_id == entry.id)).one()
    assert offer.state is OfferState.DRAFT
    for who, state in ((team, OfferState.DRAFT), (team, OfferState.DRAFT), (second, OfferState.APPROVED)):
        assert post(who, f"/admin/{STREAMS}/offers/approve", choose=[offer.id]).status_code == 303
        demo.expire_all()
        assert offer.state is state

    assert post(team, f"/admin/{STREAMS}/releases", scope="offers").status_code == 303
    address = batch_address(demo, STREAMS)
    assert "Neither decided nor excluded" in team.get(address).text
    assert post(team, f"{address}/seal").status_code == 409
    batch = demo.scalars(sa.select(ReleaseBatch).order_by(ReleaseBatch.id.desc())).first()
    admin_id = demo.scalars(sa.select(Person.id).where(Person.display_name == "Admin")).one()
    others = demo.scalars(
        sa.select(Application.id).where(
            Application.cohort_id == batch.cohort_id,
            Application.state == ApplicationState.IN_STREAMS,
            Application.id != entry.application_id,
        )
    ).all()
    for key in others:
        demo.add(BatchExclusion(batch_id=batch.id, application_id=key, reason="A later batch.", actor_id=admin_id))
    same = demo.scalars(
        sa.select(StreamApplication).where(
            StreamApplication.application_id == entry.application_id, StreamApplication.id != entry.id
        )
    ).all()
    demo.commit()
    for one in same:
        place = demo.get_one(Stream, one.stream_id)
        post(team, f"/admin/{STREAMS}/offers/streams/{place.key}", **{f"outcome-{one.public_id}": "not_select"})
    assert post(team, f"{address}/gather").status_code == 303
    assert post(team, f"{address}/seal").status_code == 303
    assert post(team, f"{address}/release", count="1").status_code == 303
    demo.expire_all()
    assert offer.state is OfferState.PENDING
    assert offer.expires_at is not None


def test_who_may_open_what(app, demo, clock):
    """A cohort's coordinator sees that cohort only; an auditor changes nothing; nobody else sees any of it."""
    grant = demo.scalars(
        sa.select(RoleGrant).join(Person, Person.id == RoleGrant.person_id).where(Person.display_name == "Coordinator")
    ).one()
    cohort = demo.scalars(sa.select(Cohort).where(Cohort.key == REVIEW)).one()
    demo.execute(sa.update(RoleGrant).where(RoleGrant.id == grant.id).values(scope="cohort", scope_id=cohort.id))
    demo.commit()
    scoped = signed_in(app, "coordinator")
    assert scoped.get(f"/admin/{REVIEW}/applications").status_code == 200
    for address in (f"/admin/{STREAMS}/applications", f"/admin/{STREAMS}", "/admin/none"):
        assert scoped.get(address).status_code == 404
    auditor = signed_in(app, "auditor")
    assert auditor.get("/admin/log").status_code == 200
    assert post(auditor, f"/admin/{REVIEW}/dates/set", **{"at-T2": ""}).status_code == 403
    mentor = signed_in(app, "mentor")
    assert mentor.get(f"/admin/{REVIEW}").status_code == 403


def test_lists_refuse_what_they_do_not_know(app, demo, clock):
    team = signed_in(app, "coordinator")
    base = f"/admin/{REVIEW}/applications"
    for query in ("sort=decision", "sort=-email", "track=none", "state=none", "after=%00", "filter=x", "after=e30"):
        assert team.get(f"{base}?{query}").status_code == 400, query
    for words in ("%25", "_", "\x00", "x" * 5000, "'; DROP TABLE person; --"):
        assert team.get(base, query_string={"q": words}).status_code == 200


@pytest.mark.parametrize("sort", ["-score", "score", "name", "-spread", "submitted"])
@pytest.mark.databases("sqlite", "postgresql")
def test_every_application_is_on_one_page_exactly(app, demo, clock, sort):
    team = signed_in(app, "coordinator")
    seen, address = [], f"/admin/{REVIEW}/applications?sort={sort}"
    while address:
        page = team.get(address).text
        seen += re.findall(rf"/admin/{REVIEW}/applications/([0-9a-z]{{13}})", page)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        address = found.group(1).replace("&amp;", "&") if found else ""
    wanted = demo.scalars(
        sa.select(Application.public_id).join(Cohort, Cohort.id == Application.cohort_id).where(Cohort.key == REVIEW)
    ).all()
    assert sorted(seen) == sorted(wanted)


def test_an_export_is_inert_and_logged(app, demo, clock):
    person = demo.scalars(
        sa.select(Person)
        .join(Application, Application.person_id == Person.id)
        .join(Cohort, Cohort.id == Application.cohort_id)
        .where(Cohort.key == REVIEW)
    ).first()
    person.display_name = "=HYPERLINK(1)"
    demo.commit()
    admin = signed_in(app, "admin")
    answer = post(admin, f"/admin/{REVIEW}/applications.csv")
    assert answer.status_code == 200
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert len(rows) > 10
    assert "'=HYPERLINK(1)" in {row[1] for row in rows}
    assert "applications.exported" in admin.get("/admin/log?action=applications").text


def test_cells_are_inert():
    assert [inert(text) for text in ("=1", "+1", "-1", "@x", "\tx", "\rx", "ok")] == [
        "'=1", "'+1", "'-1", "'@x", "'\tx", "'\rx", "ok",
    ]  # fmt: skip


def test_the_clock_is_for_the_demos_admins(app, demo, clock, settings):
    moving = clock_module.DemoClock(settings.data / "demo-clock")
    moving.move_to(clock.now())
    with clock_module.using(moving):
        admin, team = signed_in(app, "admin"), signed_in(app, "coordinator")
        assert post(team, "/demo/clock", step="day").status_code == 403
        before = clock_module.now()
        assert post(admin, "/demo/clock", step="day").status_code == 303
        assert (clock_module.now() - before).total_seconds() > 86_000
        assert post(admin, "/demo/clock", at="2027-01-01 12:00 UTC").status_code == 422
        assert post(admin, "/demo/clock", at="nonsense").status_code == 422
        assert post(admin, "/demo/clock", at="2027-06-01 12:00 UTC").status_code == 303
        assert admin.get("/account").status_code == 200  # months later, and still signed in


def test_the_invented_reviewers_finish_what_is_assigned(app, demo, clock, settings):
    """By the same actions as anybody's: the queues are empty afterwards and the kept scores are right."""
    admin, team = signed_in(app, "admin"), signed_in(app, "coordinator")
    cohort = demo.scalars(sa.select(Cohort).where(Cohort.key == OPEN)).one()
    submitted = sa.select(Application.id).where(
        Application.cohort_id == cohort.id, Application.state == ApplicationState.SUBMITTED
    )
    waiting = (
        sa.select(sa.func.count())
        .select_from(ReviewAssignment)
        .where(
            ReviewAssignment.application_id.in_(submitted),
            ReviewAssignment.state.in_((AssignmentState.ASSIGNED, AssignmentState.STARTED)),
        )
    )
    actor, now = (
        actor_of(demo, demo.scalars(sa.select(Person.id).where(Person.display_name == "Admin")).one(), START),
        START,
    )
    round_ = ensure_round(demo, cohort.id, RoundKind.CENTRAL_SCORE)
    reviewers = holders(demo, Role.REVIEWER, now)
    first, second = demo.scalars(submitted.order_by(Application.id).limit(2)).all()
    apply_plan(demo, actor, round_, [(first, reviewers[0]), (first, reviewers[1]), (second, reviewers[2])], now)
    demo.commit()
    assert demo.scalar(waiting) == 3
    assert post(team, "/demo/readings", cohort=OPEN).status_code == 403
    assert post(admin, "/demo/readings", cohort="nowhere").status_code == 404
    assert post(admin, "/demo/readings", cohort=OPEN).status_code == 303
    demo.rollback()
    demo.expire_all()
    assert demo.scalar(waiting) == 0
    assert demo.get_one(Application, first).score_count in {2, 3}  # a third where the two disagreed
    assert recompute_check(demo, cohort.id) == []
    post(admin, "/demo/readings", cohort=OPEN)
    assert "Nobody has anything to read" in admin.get(f"/demo?cohort={OPEN}").text


def test_the_dashboard_says_what_waits_for_the_team(app, demo, clock):
    team = signed_in(app, "coordinator")
    shown = team.get(f"/admin/{REVIEW}").text
    assert re.search(r"\d+ applications? read and not decided", shown)
    assert f'href="/admin/{REVIEW}/decisions">Decide</a>' in shown
    assert "without a reader" not in team.get(f"/admin/{OPEN}").text  # still open: nobody reads yet
    clock.move_to(datetime(2027, 1, 18, 13, tzinfo=UTC))
    team = signed_in(app, "coordinator")
    figures.forget()
    shown = team.get(f"/admin/{OPEN}").text
    assert re.search(r"\d+ applications? without a reader", shown)
