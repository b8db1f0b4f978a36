"""Acts in bulk of two coordinators wait for each other and never block each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import TrackChoice
from matsapply.offers.models import Offer
from matsapply.platform.flask_db import db
from matsapply.rules.stages import OfferState, StreamApplicationState as S
from tests.locks import in_order, locks
from tests.pages.team import Team, demo_settings, submitted, team_of
from tests.stream_world import at

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform import clock as clock_module
    from matsapply.platform.settings import Settings

pytestmark = pytest.mark.databases("postgresql")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return demo_settings(settings)


@pytest.fixture
def team(app: Flask, live_session: Session, clock: clock_module.FixedClock) -> Team:
    clock.move_to(at("2027-04-21 09:00"))
    return team_of(app, live_session)


def test_approvals_lock_every_application_before_the_first_stream(app: Flask, team: Team) -> None:
    """The offers were made in the other order than the applications, and in the other order than the streams."""
    world = team.world
    world.red.seats_max = world.blue.seats_max = 2
    ada, bob = world.applicant("Ada"), world.applicant("Bob")
    for application, stream in ((bob, world.blue), (ada, world.red)):
        entry = world.entry(application, stream, S.ASSESSED)
        team.session.add(
            Offer(
                cohort_id=world.cohort.id,
                person_id=application.person_id,
                application_id=application.id,
                stream_application_id=entry.id,
                stream_id=stream.id,
                state=OfferState.DRAFT,
            )
        )
        team.session.flush()
    team.session.commit()
    form = {"choose": list(team.fresh().scalars(sa.select(Offer.id)))}
    with app.app_context():
        engine = db.engine
    for who in ("coordinator", "coordinator2"):
        team[who].get("/account")
        with locks(engine) as taken:
            assert team.post(who, "/offers/approve", form).status_code == 303
        assert {table for table, _ in taken} >= {"application", "stream"}
        assert in_order(taken)
    assert set(team.fresh().scalars(sa.select(Offer.state))) == {OfferState.APPROVED}


def test_decisions_lock_their_applications_by_key(app: Flask, team: Team, clock: clock_module.FixedClock) -> None:
    """The list shows the best first, which is not their order."""
    clock.move_to(at("2027-01-25 09:00"))
    people = [submitted(team.world, name) for name in ("Ada", "Bob", "Cy")]
    for score, application in enumerate(people):
        mine = sa.update(TrackChoice).where(TrackChoice.application_id == application.id)
        team.session.execute(mine.values(score_mean=float(score + 1)))
    team.session.commit()
    choices = list(team.fresh().scalars(sa.select(TrackChoice.id)))
    team["coordinator"].get("/account")
    with app.app_context():
        engine = db.engine
    with locks(engine) as taken:
        form = {"choose": choices, "outcome": "advance"}
        assert team.post("coordinator", "/decisions/empirical", form).status_code == 303
    assert [table for table, _ in taken].count("application") == 1
    assert in_order(taken)
