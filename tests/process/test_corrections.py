"""E38: a wrong first result that was released is put right by two admins, as a batch of its own, with an apology."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import TrackChoice
from matsapply.decisions.actions import record_decision
from matsapply.decisions.models import Decision, ReleaseBatch
from matsapply.decisions.queries import released_feedback
from matsapply.mail.models import Notification
from matsapply.process.correct_result import advance_after_all, correctable
from matsapply.process.release import release, seal
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import ApplicationState, BatchScope, BatchState, Outcome, TrackChoiceState
from tests.process.road import CO, Road, date

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

APOLOGY = "We mixed up two lists. Nothing in your application caused it."


def test_e38_a_wrong_result_is_corrected_once_and_the_earlier_fact_stays(session: Session) -> None:
    road = Road(session)
    for name in ("Ada", "Bo"):
        road.submitted(name, "red", "blue")
        road.application(name).score_count = 9
    road.to(date("T5"))
    for name in ("Ada", "Bo"):
        road.decide_track(name, "empirical", Outcome.NOT_ADVANCE)
    wrong = road.batch(BatchScope.FIRST_RESULT)
    road.do(seal, road.coordinators[0], wrong, role=CO)
    road.do(release, road.coordinators[0], wrong, role=CO)
    ada, bo = road.application("Ada"), road.application("Bo")
    [(choice_id, _)] = correctable(session, ada.id)
    choice = session.get_one(TrackChoice, choice_id)
    first, second = road.admins

    for named, code in (
        ({"second_actor_id": first.person_id, "apology": APOLOGY}, Code.SECOND_PERSON_NEEDED),
        ({"second_actor_id": second.person_id, "apology": " "}, Code.REASON_NEEDED),
    ):
        with pytest.RaisesExc(Refused, check=lambda error, code=code: error.refusal.code is code):
            advance_after_all(session, first, choice, now=road.now, **named)  # type: ignore[arg-type]
    batch = road.do(advance_after_all, first, choice, second_actor_id=second.person_id, apology=APOLOGY)
    assert (batch.scope, batch.state, batch.corrects_id) == (BatchScope.CORRECTION, BatchState.RELEASED, wrong.id)
    session.expire_all()
    assert ada.state is ApplicationState.IN_STREAMS
    assert choice.state is TrackChoiceState.ADVANCED
    assert bo.state is ApplicationState.CLOSED, "nobody else is touched"

    told = session.scalars(
        sa.select(Notification).where(Notification.person_id == ada.person_id).order_by(Notification.id)
    ).all()
    results = [each for each in told if each.kind == "first_result"]
    assert len(results) == 2
    assert "not advanced" in results[0].body_text
    assert APOLOGY in results[1].body_text
    assert "Good news" in results[1].body_text
    assert APOLOGY in results[1].body_html
    assert not [each for each in told if each.kind == "reopened"], "one message, not two"
    assert session.scalars(sa.select(ReleaseBatch.state).where(ReleaseBatch.id == wrong.id)).one() == "released"
    kept = session.scalars(
        sa.select(Decision.outcome).where(Decision.application_id == ada.id, Decision.superseded_at.is_not(None))
    ).all()
    assert kept == [Outcome.NOT_ADVANCE]
    with pytest.RaisesExc(Refused, check=lambda error: error.refusal.code is Code.WRONG_STATE):
        advance_after_all(session, first, choice, second_actor_id=second.person_id or 0, apology=APOLOGY, now=road.now)


def test_e38_what_was_written_with_the_other_refusals_is_still_told(session: Session) -> None:
    road = Road(session)
    road.submitted("Ada", "red", tracks=("empirical", "theory"))
    road.application("Ada").score_count = 9
    road.to(date("T5"))
    ada, actor = road.application("Ada"), road.coordinators[0]
    for choice in session.scalars(sa.select(TrackChoice).where(TrackChoice.application_id == ada.id)).all():
        road.do(
            record_decision, actor, role=CO, application=ada, outcome=Outcome.NOT_ADVANCE, track_choice=choice,
            feedback=f"Words on choice {choice.rank}.",
        )  # fmt: skip
    wrong = road.batch(BatchScope.FIRST_RESULT)
    road.do(seal, actor, wrong, role=CO)
    road.do(release, actor, wrong, role=CO)
    told = [one.text for one in released_feedback(session, ada.id)]
    assert sorted(told) == ["Words on choice 1.", "Words on choice 2."]
    choice = session.get_one(TrackChoice, correctable(session, ada.id)[0][0])
    first, second = road.admins
    road.do(advance_after_all, first, choice, second_actor_id=second.person_id, apology=APOLOGY)
    assert [one.text for one in released_feedback(session, ada.id)] == ["Words on choice 2."]
