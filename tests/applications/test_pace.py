"""The minutes left: measured from the pauses between saves, told as what the middle half of people needed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications import pace
from matsapply.applications.answers import save_answers, write
from matsapply.applications.editing import editing
from matsapply.applications.models import AnswerDraft, Application, SectionPace
from matsapply.process.apply import start
from matsapply.rules.access import Actor
from matsapply.rules.answers import Asked, progress
from matsapply.rules.stages import ApplicationState, QuestionType as Q
from tests import factories as make

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

NOW = make.at("2027-01-10 12:00")
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def test_time_between_saves_counts_and_time_away_does_not(session: Session) -> None:
    world = make.cohort(session)
    ada = make.person(session)
    start(session, Actor(ada.id), cohort_id=world.cohort.id, now=NOW - timedelta(days=1))

    def save(at_second: int, opened_second: int | None = None, **values: str) -> None:
        now = NOW + at_second * SECOND
        held = editing(session, Actor(ada.id), now, lock=True)
        assert held is not None
        versions = dict(session.execute(sa.select(AnswerDraft.question_key, AnswerDraft.version)).all())
        opened = None if opened_second is None else NOW + opened_second * SECOND
        assert not save_answers(
            session, Actor(ada.id), held, held.form(session), values, versions, now, opened
        ).conflicts

    def spent() -> dict[str, int]:
        return dict(session.execute(sa.select(AnswerDraft.question_key, AnswerDraft.seconds)).all())

    save(40, 0, evidence="One")
    save(45, 0, evidence="One two")
    assert spent()["evidence"] == 45, "from opening the page to the last save"
    save(45 + 7200, 0, evidence="One two three")
    assert spent()["evidence"] == 45 + 180, "two hours away count as a pause of three minutes"
    save(45 + 7210, 0, evidence="One two three")
    assert spent()["evidence"] == 45 + 180, "nothing was written"
    save(45 + 7260, 45 + 7200, tracks=["empirical"], q_empirical="Two at once")
    assert (spent()["tracks"], spent()["q_empirical"]) == (30, 30), "shared"


def test_a_pace_is_the_middle_half_of_those_who_submitted(session: Session) -> None:
    world = make.cohort(session)
    for number in range(pace.LEAST_PEOPLE):
        assert pace.measure(session, NOW) == 0, "too few to say"
        someone = make.person(session)
        made = Application(
            person_id=someone.id,
            cohort_id=world.cohort.id,
            form_version_id=world.form.id,
            state=ApplicationState.SUBMITTED,
            snapshot_number=1,
            submitted_at=NOW - MINUTE,
        )
        session.add(made)
        session.flush()
        write(session, made.id, {"evidence": "x"}, NOW - MINUTE, seconds=60 * (number + 1))
    drafted = Application(person_id=make.person(session).id, cohort_id=world.cohort.id, form_version_id=world.form.id)
    session.add(drafted)
    session.flush()
    write(session, drafted.id, {"evidence": "x"}, NOW - MINUTE, seconds=100_000)
    assert pace.measure(session, NOW) == 1
    assert pace.measure(session, NOW + MINUTE) == 1
    (row,) = session.scalars(sa.select(SectionPace))
    assert (row.section, row.people, row.measured_at) == ("research", 20, NOW + MINUTE)
    # Of 1, 2 … 20 minutes the quartiles lie a quarter of the way through 21.
    assert (row.low_seconds, row.high_seconds) == (315, 945)
    assert pace.pace_of(session, world.form.id) == {"research": (5.25, 15.75)}


def test_what_is_open_takes_its_share_of_the_range() -> None:
    questions = [
        Asked("a", "one", Q.LONG, "A", limit=600),
        Asked("b", "one", Q.LONG, "B", limit=600),
        Asked("c", "two", Q.TEXT, "C"),
    ]
    measured = {"one": (10.0, 30.0)}
    one, two = progress(questions, {}, [], {}, 41, measured)
    assert (one.least, one.most, one.measured) == (10, 30, True)
    assert (two.least, two.most, two.measured) == (1, 1, False)
    half, _ = progress(questions, {"a": "Written."}, [], {}, 41, measured)
    assert (half.least, half.most) == (5, 15)
    done, _ = progress(questions, {"a": "Written.", "b": "Too."}, [], {}, 41, measured)
    assert (done.least, done.most) == (0, 0)
