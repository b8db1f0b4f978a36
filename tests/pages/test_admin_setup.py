"""Editing a cohort in the web interface: tracks, streams, tasks, mentors, words, and the end of a stream."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from matsapply.applications.models import StreamApplication, TeamTask, TrackChoice
from matsapply.cohorts.models import Evaluation, Mentor, Stream, Track
from matsapply.cohorts.stored import dump_cohort
from matsapply.evaluations.models import EvaluationInvite
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.offers.models import Offer
from matsapply.process import invariants
from matsapply.process.stream_round import invite_to_task
from matsapply.rules.stages import (
    EvaluationState,
    OfferState,
    Role,
    StreamApplicationState as S,
    StreamState,
    TrackChoiceState,
)
from tests.pages.team import TYPED, Team, demo_settings, problems, team_of
from tests.stream_world import DURING_TASKS, at

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform import clock as clock_module
    from matsapply.platform.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return demo_settings(settings)


@pytest.fixture
def team(app: Flask, live_session: Session, clock: clock_module.FixedClock) -> Team:
    clock.move_to(DURING_TASKS)
    return team_of(app, live_session)


RED = "/settings/stream/red"


def stream(team: Team, key: str = "red") -> Stream:
    cohort_id = team.world.cohort.id
    return team.fresh().scalars(sa.select(Stream).where(Stream.cohort_id == cohort_id, Stream.key == key)).one()


class TestStreams:
    def test_a_form_that_nobody_touched_changes_nothing(self, team: Team) -> None:
        before = dump_cohort(team.session, team.world.cohort.key)
        assert team.post("admin", RED, team.fields_of("admin", RED)).status_code == 303
        assert dump_cohort(team.fresh(), team.world.cohort.key) == before

    def test_words_seats_tracks_tasks_and_dates(self, team: Team) -> None:
        fields = team.fields_of("admin", RED) | {
            "name": "Redder",
            "description": TYPED,
            "areas": "one\ntwo\n\none",
            "also_tracks": ["theory"],
            "seats_min": "0",
            "seats_target": "4",
            "seats_max": "5",
            "use_1": "optional",
            "weight_1": "0.5",
            "closes": "2027-03-20 EOD AoE",
            "own_calendar": "y",
            "ai_policy": "forbidden",
            "reason": "agreed",
            "confirmed": "y",
        }
        assert team.post("admin", RED, fields).status_code == 303
        entry = next(one for one in dump_cohort(team.fresh(), team.world.cohort.key).streams if one.key == "red")
        assert (entry.name, entry.description, entry.areas) == ("Redder", TYPED, ("one", "two"))
        assert (entry.track, entry.also_tracks) == ("empirical", ("theory",))
        assert entry.seats is not None
        assert (entry.seats.min, entry.seats.target, entry.seats.max) == (0, 4, 5)
        assert [(use.key, use.required, use.weight) for use in entry.evaluations] == [
            ("code-screen", True, 1.0),
            ("take-home", False, 0.5),
        ]
        assert entry.closes is not None
        assert entry.closes.rule == "2027-03-20 EOD AoE"

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ({"name": ""}, "fill this in"),
            ({"name": "x" * 161}, "160"),
            ({"seats_min": "3", "seats_target": "2", "seats_max": "4"}, "does not hold"),
            ({"seats_min": "3", "seats_target": "", "seats_max": ""}, "all three numbers"),
            ({"seats_min": "-1"}, "whole number"),
            ({"closes": "soon"}, "Write it as"),
            ({"closes": "2027-03-14 02:30 America/Los_Angeles"}, "does not exist"),
            ({"closes": "2027-04-25 EOD AoE"}, "does not hold"),
            ({"track": "nowhere"}, "valid choice"),
            ({"name": "a\x00b"}, "cannot be stored"),
            ({"name": "a\nb"}, "single line"),
            ({"areas": "\n".join(f"area {number}" for number in range(25))}, "at most 20"),
            ({"weight_0": "heavy"}, "number"),
        ],
    )
    def test_bad_input_is_named_and_nothing_typed_is_lost(self, team: Team, typed: dict[str, str], said: str) -> None:
        before = dump_cohort(team.session, team.world.cohort.key)
        fields = team.fields_of("admin", RED) | {"note": TYPED, "reason": "why", "confirmed": "y"} | typed
        answer = team.post("admin", RED, fields)
        assert answer.status_code == 422
        assert said in problems(answer)
        assert "Typed with care, 7 × “quoted” &lt;b&gt;" in answer.text
        assert dump_cohort(team.fresh(), team.world.cohort.key) == before

    def test_a_close_moved_earlier_needs_a_reason_and_tells_those_who_chose_it(self, team: Team) -> None:
        ada = team.world.applicant("Ada")
        team.world.entry(ada, team.world.red, S.CHOSEN)
        team.session.commit()
        earlier = team.fields_of("admin", RED) | {"closes": "2027-03-20 EOD AoE"}
        refused = team.post("admin", RED, earlier)
        assert refused.status_code == 422
        assert "Confirm that this is meant" in problems(refused)
        assert team.post("admin", RED, earlier | {"reason": "r", "confirmed": "y"}).status_code == 303
        told = team.fresh().scalars(sa.select(Notification).where(Notification.kind == Mail.DEADLINE_MOVED)).all()
        assert [one.person_id for one in told] == [ada.person_id]

    def test_seats_below_what_offers_hold(self, team: Team) -> None:
        team.session.execute(sa.update(Stream).where(Stream.id == team.world.red.id).values(seats_held=2))
        team.session.commit()
        fields = team.fields_of("admin", RED) | {"seats_min": "0", "seats_target": "1", "seats_max": "1"}
        answer = team.post("admin", RED, fields)
        assert answer.status_code == 422
        assert "2 seats held by offers" in problems(answer)

    def test_two_admins_edit_one_stream(self, team: Team) -> None:
        mine, theirs = team.fields_of("admin", RED), team.fields_of("admin2", RED)
        assert team.post("admin2", RED, theirs | {"name": "Theirs"}).status_code == 303
        answer = team.post("admin", RED, mine | {"name": "Mine", "note": TYPED})
        assert answer.status_code == 409
        assert "Somebody else has changed this" in problems(answer)
        assert "Theirs" in answer.text
        assert 'value="Mine"' in answer.text
        assert stream(team).name == "Theirs"
        again = team.post("admin", RED, mine | {"name": "Mine", "seen": team.fields_of("admin", RED)["seen"]})
        assert again.status_code == 303
        assert stream(team).name == "Mine"

    def test_a_new_stream_is_a_draft_until_it_is_listed(self, team: Team) -> None:
        page = team.get("admin", "/settings/stream")
        assert page.status_code == 200
        fields = {"key": "green", "name": "Green", "track": "theory", "mode": "single", "interview": "one"}
        fields["ai_policy"] = ""
        assert team.post("admin", "/settings/stream", fields).status_code == 303
        assert stream(team, "green").state is StreamState.DRAFT
        twice = team.post("admin", "/settings/stream", fields | {"note": TYPED})
        assert twice.status_code == 422
        assert "already a stream with this key" in problems(twice)
        assert "Typed with care" in twice.text
        bad = team.post("admin", "/settings/stream", fields | {"key": "Not A Key"})
        assert bad.status_code == 422
        assert "cannot be a key" in problems(bad)
        green = "/settings/stream/green"
        for step, state in (("T1", StreamState.LISTED), ("T2", StreamState.OPEN), ("T3", StreamState.CLOSED)):
            assert team.post("admin", f"{green}/state", {"step": step}).status_code == 303
            assert stream(team, "green").state is state
        assert team.post("admin", f"{green}/state", {"step": "T1"}).status_code == 409
        assert team.post("admin", f"{green}/state", {"step": "T4"}).status_code == 400

    def test_what_is_not_there(self, team: Team) -> None:
        for path in ("/settings/stream/none", "/settings/cat", "/settings/cat/red", "/settings/track/none"):
            assert team.get("admin", path).status_code == 404, path
            assert team.post("admin", path, {}).status_code == 404, path


class TestMentors:
    def test_they_come_change_and_go(self, team: Team, clock: clock_module.FixedClock) -> None:
        account = f"{RED}/mentors"
        assert team.post("admin", account, {"mentor-name": "Mentor 9", "mentor-kind": "delegate"}).status_code == 303
        mentor = team.fresh().scalars(sa.select(Mentor).where(Mentor.name == "Mentor 9")).one()
        address = f"{account}/{mentor.public_id}"
        fields = {"mentor-name": "Mentor 10", "mentor-kind": "lead", "mentor-account": "nobody@example.org"}
        refused = team.post("admin", address, fields)
        assert refused.status_code == 422
        assert "Nobody has an account" in refused.text
        assert 'value="Mentor 10"' in refused.text
        assert team.post("admin", address, fields | {"mentor-account": ""}).status_code == 303
        team.session.refresh(mentor)
        assert (mentor.name, mentor.kind.value, mentor.person_id) == ("Mentor 10", "lead", None)
        clock.advance(timedelta(days=1))
        assert team.post("admin", f"{address}/end").status_code == 303
        assert team.post("admin", f"{address}/end").status_code == 409
        team.session.refresh(mentor)
        assert mentor.ends_at is not None

    def test_an_account_is_linked_by_its_address(self, team: Team) -> None:
        person = team.people["reviewer"]
        address = team.session.scalar(sa.text("SELECT email FROM account WHERE person_id = :id"), {"id": person.id})
        team.session.execute(
            sa.text(
                "INSERT INTO email_address (public_id, created_at, updated_at, version, person_id, address)"
                " VALUES ('0123456789abc', :now, :now, 1, :id, :address)"
            ),
            {"now": "2027-01-01 00:00:00+00:00", "id": person.id, "address": address},
        )
        fields = {"mentor-name": "Mentor 3", "mentor-kind": "lead", "mentor-account": address}
        assert team.post("admin", f"{RED}/mentors", fields).status_code == 303
        linked = team.fresh().scalar(sa.select(Mentor.person_id).where(Mentor.name == "Mentor 3"))
        assert linked == person.id

    @pytest.mark.parametrize("name", ["", "x" * 201, "a\x00b"])
    def test_a_name_that_cannot_be_one(self, team: Team, name: str) -> None:
        answer = team.post("admin", f"{RED}/mentors", {"mentor-name": name, "mentor-kind": "lead"})
        assert answer.status_code == 422


class TestTasks:
    def test_dates_and_the_ai_rule(self, team: Team) -> None:
        path = "/settings/task/take-home"
        fields = team.fields_of("admin", path)
        assert fields["due"] == "2027-03-08 12:00 UTC"
        wanted = fields | {"due": "2027-03-12 18:00 UTC", "ai_policy": "forbidden", "brief": TYPED, "effort": "2.5"}
        assert team.post("admin", path, wanted).status_code == 303
        task = team.fresh().scalars(sa.select(Evaluation).where(Evaluation.key == "take-home")).one()
        assert (task.due_at, task.due_rule) == (at("2027-03-12 18:00"), "2027-03-12 18:00 UTC")
        assert (task.ai_policy.value, task.brief, task.effort_hours) == ("forbidden", TYPED, 2.5)

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ({"due": "2027-02-01 EOD AoE"}, "does not hold"),
            ({"effort": "0"}, "out of range"),
            ({"attempts": "0"}, "out of range"),
            ({"clock": "99999"}, "out of range"),
            ({"title": ""}, "fill this in"),
            ({"kind": "magic"}, "valid choice"),
        ],
    )
    def test_bad_input(self, team: Team, typed: dict[str, str], said: str) -> None:
        path = "/settings/task/take-home"
        fields = team.fields_of("admin", path) | {"brief": TYPED, "reason": "r", "confirmed": "y"} | typed
        answer = team.post("admin", path, fields)
        assert answer.status_code == 422
        assert said in problems(answer)
        assert "Typed with care" in answer.text

    def test_a_new_one(self, team: Team) -> None:
        fields: dict[str, Any] = {"key": "essay", "title": "Essay", "kind": "writing", "effort": "3", "attempts": "1"}
        assert team.post("admin", "/settings/task", fields | {"ai_policy": "allowed"}).status_code == 303
        assert "None yet. Choose the task on a stream" in team.get("admin", "/settings/task/essay").text


class TestTracks:
    def test_words_and_a_new_track(self, team: Team) -> None:
        path = "/settings/track/theory"
        fields = team.fields_of("admin", path) | {"name": "Theories", "description": TYPED}
        assert team.post("admin", path, fields).status_code == 303
        track = team.fresh().scalars(sa.select(Track).where(Track.key == "theory")).one()
        assert (track.name, track.description) == ("Theories", TYPED)
        assert team.post("admin", "/settings/track", {"key": "law", "name": "Law", "order": "3"}).status_code == 303
        assert "No stream is in this track yet" in team.get("admin", "/settings/track/law").text

    def test_dropping_one_leaves_nobody_behind(self, team: Team) -> None:
        ada = team.world.applicant("Ada")
        choice = TrackChoice(application_id=ada.id, track_id=team.world.other_track.id, rank=2)
        team.session.add(choice)
        team.session.commit()
        busy = team.post("admin", "/settings/track/empirical/drop", {"reason": TYPED})
        assert busy.status_code == 409
        assert "It is the main track of Red stream, Blue stream" in problems(busy)
        assert "Typed with care" in busy.text
        assert team.post("admin", "/settings/track/theory/drop", {"reason": ""}).status_code == 409
        assert team.post("admin", "/settings/track/theory/drop", {"reason": "no mentors"}).status_code == 303
        team.session.refresh(choice)
        assert choice.state is TrackChoiceState.NOT_APPLICABLE
        assert "dropped" in team.get("admin", "/settings").text


class TestTheCohort:
    def test_words_and_capacity(self, team: Team) -> None:
        fields = team.fields_of("admin", "/settings") | {"capacity": "31", "stipend": TYPED}
        assert team.post("admin", "/settings", fields).status_code == 303
        cohort = dump_cohort(team.fresh(), team.world.cohort.key).cohort
        assert (cohort.capacity, cohort.stipend_text) == (31, TYPED)

    @pytest.mark.parametrize("typed", [{"label": ""}, {"capacity": "many"}, {"allowance": "-1"}, {"length_weeks": "0"}])
    def test_an_error_keeps_the_text(self, team: Team, typed: dict[str, str]) -> None:
        fields = team.fields_of("admin", "/settings") | {"stipend": TYPED, "compute": "Compute words"} | typed
        answer = team.post("admin", "/settings", fields)
        assert answer.status_code == 422
        assert problems(answer)
        assert "Typed with care" in answer.text
        assert "Compute words" in answer.text

    def test_two_admins(self, team: Team) -> None:
        mine = team.fields_of("admin", "/settings")
        theirs = team.fields_of("admin2", "/settings") | {"capacity": "55"}
        assert team.post("admin2", "/settings", theirs).status_code == 303
        answer = team.post("admin", "/settings", mine | {"capacity": "66"})
        assert answer.status_code == 409
        assert ">55<" in answer.text
        assert ">66<" in answer.text

    def test_its_state(self, team: Team) -> None:
        assert team.post("admin", "/settings/state/C3").status_code == 303
        again = team.post("admin", "/settings/state/C3")
        assert again.status_code == 409
        assert "moved on" in problems(again)
        assert team.post("admin", "/settings/state/C9").status_code == 404

    def test_the_questions_as_applicants_meet_them(self, team: Team) -> None:
        page = team.get("auditor", "/settings/questions").text
        for words in ("About you", "Hidden from reviewers", "Asked only of those who choose Theory"):
            assert words in page, words


class TestCancelling:
    def test_two_admins_end_a_stream_and_everybody_concerned_is_told(self, team: Team) -> None:
        world = team.world
        ada, bob, cleo = (world.applicant(name) for name in ("Ada", "Bob", "Cleo"))
        entries = [world.entry(one, world.red) for one in (ada, bob)]
        elsewhere = world.entry(ada, world.blue)
        left = world.entry(cleo, world.red, S.WITHDRAWN)
        invite_to_task(team.session, world.actor(world.lead), entries[1], world.own, Role.STREAM_LEAD, DURING_TASKS)
        team.session.commit()
        assert team.post("admin", f"{RED}/cancel", {"reason": " "}).status_code == 409
        assert team.post("admin", f"{RED}/cancel", {"reason": TYPED}).status_code == 303
        assert stream(team).state is StreamState.OPEN
        mine = team.get("admin", RED).text
        assert "Another admin has to confirm it" in mine
        self_signed = team.post("admin", f"{RED}/cancel", {"reason": TYPED})
        assert self_signed.status_code == 409
        assert "two different people" in problems(self_signed)
        assert "Confirm the cancellation" in team.get("admin2", RED).text
        assert team.post("admin2", f"{RED}/cancel").status_code == 303
        assert stream(team).state is StreamState.CANCELLED
        states = {one.id: one.state for one in team.session.scalars(sa.select(StreamApplication))}
        assert [states[one.id] for one in entries] == [S.CANCELLED_BY_STREAM] * 2
        assert states[elsewhere.id] is S.IN_REVIEW
        assert states[left.id] is S.WITHDRAWN
        told = team.session.scalars(sa.select(Notification).where(Notification.kind == Mail.STREAM_CANCELLED)).all()
        assert sorted(one.person_id or 0 for one in told) == sorted([ada.person_id, bob.person_id])
        assert "Typed with care" not in told[0].body_text
        open_tasks = [EvaluationState.INVITED, EvaluationState.STARTED]
        left_open = sa.select(EvaluationInvite.id).where(EvaluationInvite.state.in_(open_tasks))
        assert team.session.scalars(left_open).all() == []
        # The world's snapshots are made by hand and have no true digest.
        assert [one for one in invariants.violations(team.session) if "digest" not in one] == []
        assert team.post("admin", f"{RED}/cancel", {"reason": "again"}).status_code == 409
        assert team["admin"].get("/streams/red").status_code == 404

    def test_an_offer_that_waits_for_its_answer_is_settled_first(self, team: Team) -> None:
        world = team.world
        entry = world.entry(world.applicant("Ada"), world.red, S.OFFERED)
        team.session.commit()
        answer = team.post("admin", f"{RED}/cancel", {"reason": TYPED})
        assert answer.status_code == 409
        assert "wait for an answer: 1" in problems(answer)
        assert "Typed with care" in answer.text
        assert team.fresh().get_one(StreamApplication, entry.id).state is S.OFFERED

    def test_a_prepared_offer_is_dropped_and_its_seat_free(self, team: Team) -> None:
        world = team.world
        ada = world.applicant("Ada")
        entry = world.entry(ada, world.red, S.ASSESSED)
        offer = Offer(
            cohort_id=world.cohort.id,
            person_id=ada.person_id,
            application_id=ada.id,
            stream_application_id=entry.id,
            stream_id=world.red.id,
        )
        team.session.add(offer)
        team.session.commit()
        assert team.post("admin", f"{RED}/cancel", {"reason": "r"}).status_code == 303
        assert team.post("admin2", f"{RED}/cancel").status_code == 303
        assert team.fresh().get_one(Offer, offer.id).state is OfferState.CANCELLED
        assert stream(team).seats_held == 0

    def test_the_request_can_be_dropped(self, team: Team) -> None:
        team.post("admin", f"{RED}/cancel", {"reason": "r"})
        task = team.fresh().scalars(sa.select(TeamTask)).one()
        drop = f"/signatures/{task.public_id}/drop"
        assert team.post("coordinator", drop).status_code == 403
        assert team.post("admin2", drop).status_code == 303
        assert team.post("admin2", drop).status_code == 404
        assert stream(team).state is StreamState.OPEN
        assert team.post("admin2", f"{RED}/cancel", {"reason": "r"}).status_code == 303
        assert stream(team).state is StreamState.OPEN  # it is a new request, not a signature
