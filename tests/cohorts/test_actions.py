"""Key dates, states, tracks and mentors in the web interface's actions, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.cohorts import actions, queries, stream_actions
from matsapply.cohorts.date_changes import DateChange, DateRefused
from matsapply.cohorts.file import parse
from matsapply.cohorts.file_checks import dates_of, order_options
from matsapply.cohorts.load import load_cohort
from matsapply.cohorts.models import Cohort, FormVersion, KeyDate, KeyDateRevision, Mentor, Stream, Track
from matsapply.cohorts.stored import dump_cohort
from matsapply.rules.access import Actor
from matsapply.rules.deadlines import eod_aoe, order_violations
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import CohortState, MentorKind

PATH = Path(__file__).parents[2] / "config" / "cohorts" / "2027-06.yaml"
NOW = datetime(2027, 1, 10, 9, tzinfo=UTC)
DAY = timedelta(days=1)


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

    def test_a_track_is_dropped_for_a_reason(self, session: Session, cohort: Cohort, admin: Actor) -> None:
        track = session.scalars(sa.select(Track).where(Track.key == "theory")).one()
        with pytest.raises(Refused):
            stream_actions.drop_track(session, admin, track, NOW, " ")
        stream_actions.drop_track(session, admin, track, NOW, "no mentors")
        assert [view.key for view in queries.tracks(session, cohort.id)].count("theory") == 0
        assert [view.key for view in queries.tracks(session, cohort.id, dropped=True)].count("theory") == 1


class TestMentors:
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
