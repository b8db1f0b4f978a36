"""Key dates, seats, streams and mentors in the web interface's actions, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.audit.models import AuditEvent
from matsapply.cohorts import actions, queries, stream_actions
from matsapply.cohorts.date_changes import DateChange, DateRefused
from matsapply.cohorts.file import parse
from matsapply.cohorts.file_checks import dates_of, order_options
from matsapply.cohorts.load import load_cohort
from matsapply.cohorts.models import Cohort, Evaluation, FormVersion, KeyDate, KeyDateRevision, Mentor, Stream, Track
from matsapply.cohorts.stored import dump_cohort
from matsapply.people.models import Person
from matsapply.rules.access import Actor
from matsapply.rules.deadlines import eod_aoe, order_violations
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import CohortState, MentorKind, StreamState

PATH = Path(__file__).parents[2] / "config" / "cohorts" / "2027-06.yaml"
NOW = datetime(2027, 1, 10, 9, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def cohort(session: Session) -> Cohort:
    file = parse(PATH.read_bytes()).file
    assert file is not None
    load_cohort(session, file, datetime(2026, 12, 1, tzinfo=UTC))
    session.commit()
    return session.scalars(sa.select(Cohort)).one()


@pytest.fixture
def admin(session: Session) -> Actor:
    person = Person(display_name="An Admin")
    session.add(person)
    session.flush()
    return Actor(person.id)


def stream(session: Session, key: str) -> Stream:
    return session.scalars(sa.select(Stream).where(Stream.key == key)).one()


def state_of(session: Session) -> CohortState:
    return session.scalars(sa.select(Cohort.state)).one()


class TestKeyDates:
    def test_a_move_keeps_the_old_value_in_sight(self, session: Session, cohort: Cohort, admin: Actor) -> None:
        told: list[DateChange] = []
        change = actions.set_key_date(
            session,
            admin,
            cohort,
            "T2",
            eod_aoe(date(2027, 1, 20)),
            "2027-01-20 EOD AoE",
            "a storm",
            False,
            NOW,
            tell=lambda _session, moves, _now: told.extend(moves),
        )
        assert change is not None
        assert told == [change]
        view = next(view for view in queries.key_dates(session, cohort.id) if view.code == "T2")
        assert (view.at, view.wall_rule) == (eod_aoe(date(2027, 1, 20)), "2027-01-20 EOD AoE")
        assert (view.moved_from, view.moved_on) == (eod_aoe(date(2027, 1, 17)), NOW)
        assert view.reason == ""  # for staff only
        [revision] = session.scalars(sa.select(KeyDateRevision)).all()
        assert (revision.actor_id, revision.reason) == (admin.person_id, "a storm")
        [history] = queries.key_date_history(session, cohort.id)
        assert (history.code, history.reason) == ("T2", "a storm")

    def test_the_same_value_is_no_move(self, session: Session, cohort: Cohort, admin: Actor) -> None:
        at = eod_aoe(date(2027, 1, 17))
        assert actions.set_key_date(session, admin, cohort, "T2", at, "", "", False, NOW) is None
        assert session.scalars(sa.select(KeyDateRevision)).all() == []

    def test_the_order_rule_holds(self, session: Session, cohort: Cohort, admin: Actor) -> None:
        with pytest.raises(DateRefused, match="T2 ≤ T5"):
            actions.set_key_date(session, admin, cohort, "T2", eod_aoe(date(2027, 3, 1)), "", "", False, NOW)
        later = {code: (eod_aoe(date(2027, 5, 20)), "") for code in ("T14", "T15")}
        assert len(actions.set_key_dates(session, admin, cohort, later, "", False, NOW)) == 2
        file = dump_cohort(session, cohort.key)
        assert order_violations(dates_of(file), order_options(file)) == []

    def test_e22_nobody_is_made_late_inside_the_notice(self, session: Session, cohort: Cohort, admin: Actor) -> None:
        with pytest.raises(DateRefused, match="2027-01-13 09:00 UTC"):
            actions.set_key_date(session, admin, cohort, "T2", NOW + 2 * DAY, "", "why", True, NOW)
        change = actions.set_key_date(session, admin, cohort, "T2", NOW + 3 * DAY, "", "why", True, NOW)
        assert change is not None
        assert change.tells

    def test_a_passed_gate_is_opened_again(self, session: Session, cohort: Cohort, admin: Actor) -> None:
        after = eod_aoe(date(2027, 1, 18))
        with pytest.raises(DateRefused, match="past stays"):
            actions.set_key_date(session, admin, cohort, "T2", after - timedelta(hours=1), "", "why", True, after)
        change = actions.set_key_date(session, admin, cohort, "T2", after + DAY, "", "why", True, after)
        assert change is not None
        assert change.reopened
        assert session.scalars(sa.select(KeyDateRevision.reopens)).all() == [True]

    @pytest.mark.parametrize("code", ["T8", "T9", "T9:code-screen", "T22", "C:evals", ""])
    def test_only_the_cohorts_own_dates(self, session: Session, cohort: Cohort, admin: Actor, code: str) -> None:
        with pytest.raises(DateRefused, match="no key date"):
            actions.set_key_date(session, admin, cohort, code, NOW + 30 * DAY, "", "why", True, NOW)

    def test_a_rule_that_says_something_else_is_not_kept(self, session: Session, cohort: Cohort, admin: Actor) -> None:
        at = datetime(2027, 5, 20, 15, tzinfo=UTC)
        actions.set_key_date(session, admin, cohort, "T15", at, "2027-05-14 EOD AoE", "", False, NOW)
        row = session.scalars(sa.select(KeyDate).where(KeyDate.code == "T15")).one()
        assert (row.at, row.wall_rule) == (at, "2027-05-20 15:00 UTC")

    def test_words_beside_a_date(self, session: Session, cohort: Cohort, admin: Actor) -> None:
        row = session.scalars(sa.select(KeyDate).where(KeyDate.code == "T15")).one()
        actions.describe_key_date(session, admin, row, NOW, label="Waiting ends", note="at the latest", estimate=True)
        view = next(view for view in queries.key_dates(session, cohort.id) if view.code == "T15")
        assert (view.label, view.note, view.estimate, view.moved_on) == ("Waiting ends", "at the latest", True, None)


class TestCohortAndTracks:
    def test_publication_publishes_the_form(self, session: Session, admin: Actor) -> None:
        file = parse(PATH.read_text(encoding="utf-8").replace("state: published", "state: draft")).file
        assert file is not None
        load_cohort(session, file, NOW)
        cohort = session.scalars(sa.select(Cohort)).one()
        assert queries.cohort_in_force(session, NOW) is None
        actions.publish_cohort(session, admin, cohort, NOW)
        assert state_of(session) is CohortState.PUBLISHED
        assert session.scalars(sa.select(FormVersion.published_at)).all() == [NOW]
        with pytest.raises(Refused):
            actions.publish_cohort(session, admin, cohort, NOW)
        actions.move_cohort(session, admin, cohort, "C5", NOW, "too early")
        assert state_of(session) is CohortState.DRAFT

    def test_editing_is_logged(self, session: Session, cohort: Cohort, admin: Actor) -> None:
        values = {"stipend_text": "s", "compute_text": "c"}
        actions.edit_cohort(session, admin, cohort, NOW, label="L", capacity=9, over_offer_allowance=1, **values)
        event = session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "cohort.edit")).one()
        assert (event.before, event.after, event.actor_id) == ("(120, 6)", "(9, 1)", admin.person_id)

    def test_tracks(self, session: Session, cohort: Cohort, admin: Actor) -> None:
        track = stream_actions.create_track(session, admin, cohort, NOW, key="law", name="Law")
        with pytest.raises(Refused) as refused:
            stream_actions.create_track(session, admin, cohort, NOW, key="law", name="Law")
        assert refused.value.refusal.code is Code.REPEATED
        stream_actions.edit_track(session, admin, track, NOW, name="Law & order", description="d", position=0)
        assert queries.tracks(session, cohort.id)[0].name == "Law & order"
        with pytest.raises(Refused):
            stream_actions.drop_track(session, admin, track, NOW, " ")
        stream_actions.drop_track(session, admin, track, NOW, "no mentors")
        assert [view.key for view in queries.tracks(session, cohort.id)].count("law") == 0
        assert [view.key for view in queries.tracks(session, cohort.id, dropped=True)].count("law") == 1


class TestStreams:
    def test_a_new_stream_is_a_draft_until_it_is_listed(self, session: Session, cohort: Cohort, admin: Actor) -> None:
        theory, empirical = (
            session.scalars(sa.select(Track).where(Track.key == key)).one() for key in ("theory", "empirical")
        )
        new = stream_actions.create_stream(
            session, admin, cohort, NOW, key="new", name="New", track=theory, also=(empirical,), description="d"
        )
        assert queries.stream_by_key(session, cohort.id, "new") is None
        stream_actions.move_stream(session, admin, new, "T1", NOW)
        view = queries.stream_by_key(session, cohort.id, "new")
        assert view is not None
        assert [(track.key, track.is_main) for track in view.tracks] == [("theory", True), ("empirical", False)]
        assert new.state is StreamState.LISTED
        stream_actions.set_stream_tracks(session, admin, new, NOW, track=empirical)
        view = queries.stream_by_key(session, cohort.id, "new")
        assert view is not None
        assert view.main_track is not None
        assert view.main_track.key == "empirical"
        with pytest.raises(TypeError):
            stream_actions.edit_stream(session, admin, new, NOW, state=StreamState.CANCELLED)

    def test_seats(self, session: Session, cohort: Cohort, admin: Actor) -> None:
        evals = stream(session, "evals")
        stream_actions.set_seats(session, admin, evals, NOW, (0, 1, 2))
        assert (evals.seats_min, evals.seats_target, evals.seats_max) == (0, 1, 2)
        evals.seats_held = 2
        session.flush()
        for seats in ((0, 1, 1), None):
            with pytest.raises(Refused) as refused:
                stream_actions.set_seats(session, admin, evals, NOW, seats)
            assert refused.value.refusal.code is Code.NO_SEAT
        with pytest.raises(ValueError, match="wanted"):
            stream_actions.set_seats(session, admin, evals, NOW, (3, 2, 4))
        evals.seats_held = 0
        stream_actions.set_seats(session, admin, evals, NOW, None)
        assert evals.seats_max is None

    def test_own_dates_move_by_the_rules(self, session: Session, cohort: Cohort, admin: Actor) -> None:
        unlearning = stream(session, "unlearning")
        told: list[DateChange] = []
        later = eod_aoe(date(2027, 2, 18))
        stream_actions.set_stream_dates(
            session,
            admin,
            cohort,
            unlearning,
            NOW,
            opens_at=None,
            closes_at=later,
            reason="",
            confirmed=False,
            tell=lambda _session, moves, _now: told.extend(moves),
        )
        assert (unlearning.closes_at, unlearning.closes_rule) == (later, "2027-02-18 EOD AoE")
        assert [(move.code, move.label) for move in told] == [
            ("C:unlearning", "Stream closes: Unlearning and data filtering")
        ]
        for closes in (NOW + DAY, eod_aoe(date(2027, 4, 20))):
            with pytest.raises(DateRefused):
                stream_actions.set_stream_dates(
                    session,
                    admin,
                    cohort,
                    unlearning,
                    NOW,
                    opens_at=None,
                    closes_at=closes,
                    reason="why",
                    confirmed=True,
                )

    def test_tasks_of_a_stream(self, session: Session, cohort: Cohort, admin: Actor) -> None:
        reasoning = stream(session, "reasoning")
        screen = session.scalars(sa.select(Evaluation).where(Evaluation.key == "code-screen")).one()
        stream_actions.set_stream_task(session, admin, reasoning, screen, NOW, used=True, required=False, weight=0.5)
        view = queries.stream_by_key(session, cohort.id, "reasoning")
        assert view is not None
        assert {(task.key, task.required, task.weight) for task in view.tasks} == {
            ("research-taste", True, 1.0),
            ("code-screen", False, 0.5),
        }
        stream_actions.set_stream_task(session, admin, reasoning, screen, NOW, used=False)
        view = queries.stream_by_key(session, cohort.id, "reasoning")
        assert view is not None
        assert [task.key for task in view.tasks] == ["research-taste"]

    def test_mentors_come_and_go(self, session: Session, cohort: Cohort, admin: Actor) -> None:
        theirs = stream(session, "hardware")
        guest = stream_actions.add_mentor(session, admin, theirs, NOW, name="Guest", kind=MentorKind.DELEGATE)
        first = session.scalars(sa.select(Mentor).where(Mentor.stream_id == theirs.id, Mentor.position == 1)).one()
        stream_actions.edit_mentor(
            session, admin, theirs, first, NOW, name="Ada", kind=MentorKind.LEAD, person_id=admin.person_id
        )
        view = queries.stream_by_key(session, cohort.id, "hardware")
        assert view is not None
        assert [mentor.name for mentor in view.mentors] == ["Ada", "Mentor 2", "Guest"]
        stream_actions.end_mentor(session, admin, theirs, guest, NOW + DAY)
        view = queries.stream_by_key(session, cohort.id, "hardware")
        assert view is not None
        assert [mentor.name for mentor in view.mentors] == ["Ada", "Mentor 2"]
        with pytest.raises(Refused):
            stream_actions.end_mentor(session, admin, theirs, guest, NOW + DAY)
