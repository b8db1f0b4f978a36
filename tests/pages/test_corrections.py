"""A wrong result that was released, put right on the application's page by two admins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import Application, TrackChoice
from matsapply.decisions.models import Decision, ReleaseBatch
from matsapply.rules.stages import (
    ApplicationState,
    BatchScope,
    BatchState,
    CloseReason,
    Outcome,
    TrackChoiceState,
)
from tests.pages.team import TYPED, demo_settings, problems, submitted, team_of
from tests.stream_world import at

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform import clock as clock_module
    from matsapply.platform.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return demo_settings(settings)


def test_two_admins_and_an_apology(app: Flask, live_session: Session, clock: clock_module.FixedClock) -> None:
    clock.move_to(at("2027-02-10 09:00"))
    team = team_of(app, live_session)
    ada = submitted(team.world, "Ada")
    [choice] = team.session.scalars(sa.select(TrackChoice).where(TrackChoice.application_id == ada.id)).all()
    released = at("2027-02-08 12:00")
    batch = ReleaseBatch(
        cohort_id=ada.cohort_id, scope=BatchScope.FIRST_RESULT, label="First results", state=BatchState.RELEASED,
        sealed_at=released, released_at=released, released_by_id=team.people["coordinator"].id, member_count=1,
    )  # fmt: skip
    team.session.add(batch)
    team.session.flush()
    team.session.add(
        Decision(
            cohort_id=ada.cohort_id, application_id=ada.id, track_choice_id=choice.id, outcome=Outcome.NOT_ADVANCE,
            actor_id=team.people["coordinator"].id, recorded_at=released, batch_id=batch.id,
        )
    )  # fmt: skip
    ada.state_before_close, ada.state = ApplicationState.SUBMITTED, ApplicationState.CLOSED
    ada.close_reason, ada.closed_at = CloseReason.NOT_ADVANCED, released
    choice.state = TrackChoiceState.NOT_ADVANCED
    team.session.commit()

    page = f"/applications/{ada.public_id}"
    assert "Was this result wrong?" in team.get("admin", page).text
    assert "Was this result wrong?" not in team.get("coordinator", page).text
    form = {"choice": choice.id, "apology": TYPED}
    assert team.post("coordinator", f"{page}/correct", form).status_code == 403
    assert team.post("admin", f"{page}/correct", form | {"choice": 10**12}).status_code == 400
    assert team.post("admin", f"{page}/correct", form | {"apology": " "}).status_code == 409
    assert team.post("admin", f"{page}/correct", form).status_code == 303
    waiting = team.get("admin2", page).text
    assert "Sign and release the correction" in waiting
    assert "Typed with care" in waiting
    again = team.post("admin", f"{page}/correct", form)
    assert again.status_code == 409
    assert "two different people" in problems(again)
    assert team.post("admin2", f"{page}/correct", form).status_code == 303
    session = team.fresh()
    assert session.scalar(sa.select(Application.state).where(Application.id == ada.id)) is ApplicationState.IN_STREAMS
    correction = session.scalars(sa.select(ReleaseBatch).where(ReleaseBatch.corrects_id == batch.id)).one()
    assert (correction.scope, correction.state) == (BatchScope.CORRECTION, BatchState.RELEASED)
    shown = team.get("auditor", f"/releases/{correction.public_id}")
    assert shown.status_code == 200
    assert "Correction of First results" in shown.text
    assert team.post("admin", f"{page}/correct", form).status_code == 400, "nothing is left to correct"
