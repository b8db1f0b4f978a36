"""Decisions, batches, offers, waitlists, assignments, people: each form's happy path and its refusals, text kept."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from matsapply.applications.models import Extension, StreamApplication, TeamTask, TrackChoice
from matsapply.decisions.models import BatchExclusion, Decision, ReleaseBatch
from matsapply.offers.models import Offer, StreamRanking, WaitlistEntry
from matsapply.people.models import Account, RoleGrant
from matsapply.rules.stages import (
    BatchState,
    DecisionPath,
    ExtensionReason,
    OfferState,
    Outcome,
    StreamApplicationState as S,
    WaitlistState,
)
from tests.pages.team import TYPED, Team, demo_settings, problems, submitted, team_of
from tests.stream_world import at

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.applications.models import Application
    from matsapply.platform import clock as clock_module
    from matsapply.platform.settings import Settings

REVIEWING = at("2027-01-25 09:00")
OFFERING = at("2027-04-21 09:00")
ESCAPED = "Typed with care, 7 × “quoted” &lt;b&gt;"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return demo_settings(settings)


@pytest.fixture
def team(app: Flask, live_session: Session, clock: clock_module.FixedClock) -> Team:
    clock.move_to(REVIEWING)
    return team_of(app, live_session)


def choice_of(team: Team, application: Application) -> TrackChoice:
    query = sa.select(TrackChoice).where(TrackChoice.application_id == application.id)
    return team.fresh().scalars(query).one()


def decisions(team: Team) -> list[Decision]:
    return list(team.fresh().scalars(sa.select(Decision).order_by(Decision.id)))


class TestDecisions:
    def test_in_bulk_each_whole_or_not_at_all(self, team: Team) -> None:
        read, unread = submitted(team.world, "Read"), submitted(team.world, "Unread", readings=0)
        keys = [choice_of(team, one).id for one in (read, unread)]
        path = "/decisions/empirical"
        form = {"choose": keys, "outcome": "not_advance", "feedback": TYPED}
        assert team.post("track-lead", path, form).status_code == 303
        assert "1 recorded. 1 not: This is not finished yet." in team.get("track-lead", path).text
        [decision] = decisions(team)
        assert (decision.application_id, decision.feedback) == (read.id, TYPED)
        assert team.post("track-lead", path, {"choose": [], "outcome": "advance"}).status_code == 303
        assert "Tick at least one" in team.get("track-lead", path).text
        assert team.post("track-lead", path, {"choose": keys, "outcome": "crown"}).status_code == 400
        assert team.post("track-lead", "/decisions/theory", {"outcome": "advance"}).status_code == 404

    def test_the_exception_path_takes_two_and_keeps_what_was_typed(self, team: Team) -> None:
        ada = submitted(team.world, "Ada", readings=0)
        choice = choice_of(team, ada).id
        page = f"/applications/{ada.public_id}"
        form = {"choice": choice, "outcome": "advance", "reason": " "}
        assert team.post("coordinator", f"{page}/exception", form).status_code == 409
        form["reason"] = TYPED
        assert team.post("coordinator", f"{page}/exception", form).status_code == 303
        again = team.post("coordinator", f"{page}/exception", form)
        assert again.status_code == 409
        assert "two different people" in problems(again)
        assert ESCAPED in again.text
        assert decisions(team) == []
        assert team.post("coordinator2", f"{page}/exception", form).status_code == 303
        [decision] = decisions(team)
        first, second = team.people["coordinator"].id, team.people["coordinator2"].id
        assert (decision.path, decision.actor_id, decision.second_actor_id) == (DecisionPath.EXCEPTION, second, first)
        assert team.post("coordinator", f"{page}/exception", form | {"choice": 10**12}).status_code == 400

    def test_a_waiting_signature_can_be_dropped(self, team: Team) -> None:
        ada = submitted(team.world, "Ada")
        form = {"choice": choice_of(team, ada).id, "outcome": "advance", "reason": "r"}
        team.post("coordinator", f"/applications/{ada.public_id}/exception", form)
        assert "Waiting for a second signature" in team.get("track-lead", "/decisions").text
        task = team.fresh().scalars(sa.select(TeamTask)).one()
        assert team.post("auditor", f"/signatures/{task.public_id}/drop").status_code == 403
        assert team.post("track-lead", f"/signatures/{task.public_id}/drop").status_code == 303
        assert "Waiting for a second signature" not in team.get("track-lead", "/decisions").text
        assert decisions(team) == []

    def test_not_eligible(self, team: Team) -> None:
        ada = submitted(team.world, "Ada")
        path = f"/applications/{ada.public_id}/ineligible"
        assert team.post("coordinator", path, {"reason": ""}).status_code == 409
        assert team.post("coordinator", path, {"reason": "under age"}).status_code == 303
        [decision] = decisions(team)
        assert (decision.outcome, decision.reason_code) == (Outcome.INELIGIBLE, "under age")
        team.session.execute(sa.update(type(ada)).values(state="in_streams"))
        team.session.commit()
        late = team.post("coordinator", path, {"reason": TYPED})
        assert late.status_code == 409
        assert ESCAPED in late.text


class TestOneApplication:
    def test_more_time_and_its_refusals(self, team: Team) -> None:
        ada = submitted(team.world, "Ada")
        page = f"/applications/{ada.public_id}"
        for until, reason, status in (
            ("nonsense", TYPED, 422),
            ("2027-01-01 EOD AoE", TYPED, 422),
            ("2027-02-01 EOD AoE", "", 409),
        ):
            answer = team.post("coordinator", f"{page}/extend", {"until": until, "reason": reason})
            assert answer.status_code == status, until
            assert f'value="{until}"' in answer.text
        form = {"until": "2027-02-01 EOD AoE", "reason": TYPED, "reason_class": "accommodation"}
        assert team.post("coordinator", f"{page}/extend", form | {"reason_class": "whim"}).status_code == 400
        assert team.post("coordinator", f"{page}/extend", form).status_code == 303
        granted = team.fresh().scalars(sa.select(Extension)).one()
        assert (granted.person_id, granted.until, granted.reason) == (ada.person_id, at("2027-02-02 12:00"), TYPED)
        assert granted.reason_class is ExtensionReason.ACCOMMODATION
        assert team.post("coordinator", f"{page}/reopen", form).status_code == 303
        assert team.post("coordinator", f"{page}/burn", form).status_code == 404
        bob = submitted(team.world, "Bob")
        take = {"extension": granted.public_id, "reason": TYPED}
        assert team.post("coordinator", f"/applications/{bob.public_id}/revoke", take).status_code == 404, "another's"
        assert team.post("coordinator", f"{page}/revoke", take | {"reason": ""}).status_code == 409
        assert team.post("coordinator", f"{page}/revoke", take).status_code == 303
        assert team.fresh().scalars(sa.select(Extension)).one().revoked_at is not None
        assert team.post("coordinator", f"{page}/revoke", take).status_code == 404, "once"

    def test_withdrawn_on_request(self, team: Team) -> None:
        ada = submitted(team.world, "Ada")
        path = f"/applications/{ada.public_id}/withdraw"
        assert team.post("coordinator", path, {"reason": ""}).status_code == 409
        assert team.post("coordinator", path, {"reason": "by letter"}).status_code == 303
        twice = team.post("coordinator", path, {"reason": TYPED})
        assert twice.status_code == 409
        assert "Withdrawn" in twice.text


def batch_of(team: Team) -> ReleaseBatch:
    return team.fresh().scalars(sa.select(ReleaseBatch).order_by(ReleaseBatch.id.desc()).limit(1)).one()


class TestBatches:
    def test_all_who_are_missing_can_be_left_out_at_once_with_one_reason(self, team: Team) -> None:
        people = [submitted(team.world, name) for name in ("Ada", "Bob", "Cleo")]
        team.post("coordinator", "/releases", {"scope": "first_result", "label": ""})
        batch = team.fresh().scalars(sa.select(ReleaseBatch)).one()
        path = f"/releases/{batch.public_id}"
        assert "Leave 3 people out of this batch?" in team.get("coordinator", path).text
        empty = team.post("coordinator", f"{path}/exclude", {"everybody": "yes", "reason": " "})
        assert empty.status_code == 409
        assert team.fresh().scalars(sa.select(BatchExclusion)).all() == []
        assert team.post("coordinator", f"{path}/exclude", {"everybody": "yes", "reason": TYPED}).status_code == 303
        left = team.fresh().scalars(sa.select(BatchExclusion)).all()
        assert {(one.application_id, one.reason) for one in left} == {(one.id, TYPED) for one in people}
        assert "Everybody in scope is decided or excluded." in team.get("coordinator", path).text

    def test_gather_exclude_seal_open_seal_release_and_every_second_click(self, team: Team) -> None:
        ada, bob = submitted(team.world, "Ada"), submitted(team.world, "Bob")
        form: dict[str, Any] = {"choose": [choice_of(team, ada).id], "outcome": "advance"}
        team.post("coordinator", "/decisions/empirical", form)
        assert team.post("coordinator", "/releases", {"scope": "first_result", "label": "First"}).status_code == 303
        path = f"/releases/{batch_of(team).public_id}"
        early = team.post("coordinator", f"{path}/seal")
        assert early.status_code == 409
        assert "neither decided nor excluded" in problems(early)
        assert "Bob" in early.text
        empty = team.post("coordinator", f"{path}/exclude", {"application": bob.public_id, "reason": " "})
        assert empty.status_code == 409
        left = {"application": bob.public_id, "reason": TYPED}
        assert team.post("coordinator", f"{path}/exclude", left).status_code == 303
        assert team.fresh().scalars(sa.select(BatchExclusion.application_id)).all() == [bob.id]
        assert team.post("coordinator", f"{path}/seal").status_code == 303
        twice = team.post("coordinator", f"{path}/seal")
        assert twice.status_code == 409
        assert "moved on" in problems(twice)
        assert batch_of(team).state is BatchState.SEALED
        assert team.post("coordinator", f"{path}/gather").status_code == 409
        assert team.post("coordinator", f"{path}/unseal").status_code == 303
        assert team.post("coordinator", f"{path}/unseal").status_code == 409
        assert team.post("coordinator", f"{path}/seal").status_code == 303
        for count in ("", "2", "one", "-1"):
            wrong = team.post("coordinator", f"{path}/release", {"count": count})
            assert wrong.status_code == 422, count
        assert team.post("coordinator", f"{path}/release", {"count": "1"}).status_code == 303
        assert batch_of(team).state is BatchState.RELEASED
        released_at = batch_of(team).released_at
        second = team.post("coordinator2", f"{path}/release", {"count": "1"})
        assert second.status_code == 409
        assert "Released" in second.text
        assert batch_of(team).released_at == released_at
        assert team.post("coordinator", f"{path}/cancel", {"reason": "r"}).status_code == 409
        assert team.post("coordinator", f"{path}/burn").status_code == 404

    def test_cancelled_with_a_reason(self, team: Team) -> None:
        assert team.post("coordinator", "/releases", {"scope": "nonsense"}).status_code == 400
        team.post("coordinator", "/releases", {"scope": "early"})
        path = f"/releases/{batch_of(team).public_id}"
        assert team.post("coordinator", f"{path}/cancel", {"reason": ""}).status_code == 409
        assert team.post("coordinator", f"{path}/cancel", {"reason": "a mistake"}).status_code == 303
        assert batch_of(team).state is BatchState.CANCELLED


def drafted(team: Team, name: str, state: OfferState = OfferState.DRAFT) -> Offer:
    """An offer with the stream application behind it in the state that belongs to it."""
    ada = team.world.applicant(name)
    entry = team.world.entry(ada, team.world.red, S.ASSESSED if state is OfferState.DRAFT else S.OFFERED)
    offer = Offer(
        cohort_id=team.world.cohort.id,
        person_id=ada.person_id,
        application_id=ada.id,
        stream_application_id=entry.id,
        stream_id=team.world.red.id,
        state=state,
    )
    if state is not OfferState.DRAFT:
        offer.approved_by_id, offer.second_approver_id = (
            team.people["coordinator"].id,
            team.people["coordinator2"].id,
        )
        offer.released_at, offer.expires_at = OFFERING - timedelta(days=1), at("2027-04-28 12:00")
    team.session.add(offer)
    team.session.commit()
    return offer


class TestOffers:
    @pytest.fixture(autouse=True)
    def _in_april(self, clock: clock_module.FixedClock, team: Team) -> None:
        clock.move_to(OFFERING)

    def test_two_people_approve(self, team: Team) -> None:
        offer = drafted(team, "Ada")
        for who, state in (
            ("coordinator", OfferState.DRAFT),
            ("coordinator", OfferState.DRAFT),
            ("coordinator2", OfferState.APPROVED),
        ):
            assert team.post(who, "/offers/approve", {"choose": [offer.id]}).status_code == 303
            assert team.fresh().get_one(Offer, offer.id).state is state
        assert "seat is held from the second approval" in team.get("auditor", "/offers").text

    def test_outcomes_of_a_stream(self, team: Team) -> None:
        entry = team.world.entry(team.world.applicant("Ada"), team.world.red)
        team.session.commit()
        path = "/offers/streams/red"
        assert team.post("coordinator", path, {f"outcome-{entry.public_id}": "offer"}).status_code == 303
        assert "0 recorded. 1 not: The ranking is not locked yet." in team.get("coordinator", path).text
        assert team.post("coordinator", path, {f"outcome-{entry.public_id}": "not_select"}).status_code == 303
        assert [one.outcome for one in decisions(team)] == [Outcome.NOT_SELECT]
        assert team.post("coordinator", "/offers/streams/none", {}).status_code == 404

    def test_more_time_to_answer(self, team: Team) -> None:
        offer = drafted(team, "Ada", OfferState.PENDING)
        path = f"/offers/{offer.public_id}/extend"
        wrong = team.post("coordinator", path, {"reason": "next week"})
        assert wrong.status_code == 422
        assert 'value="next week"' in wrong.text
        past = team.post("coordinator", path, {"reason": "2027-06-01 EOD AoE"})
        assert past.status_code == 409
        assert 'value="2027-06-01 EOD AoE"' in past.text
        assert team.post("coordinator", path, {"reason": "2027-05-03 EOD AoE"}).status_code == 303
        assert team.fresh().get_one(Offer, offer.id).expires_at == at("2027-05-04 12:00")
        assert team.post("coordinator", f"/offers/{offer.public_id}/burn").status_code == 404
        early = team.post("coordinator", f"/offers/{offer.public_id}/confirm")
        assert early.status_code == 409

    def test_two_admins_rescind(self, team: Team) -> None:
        offer = drafted(team, "Ada", OfferState.PENDING)
        path = f"/offers/{offer.public_id}/rescind"
        assert team.post("coordinator", path, {"reason": TYPED}).status_code == 403
        assert team.post("admin", path, {"reason": " "}).status_code == 409
        assert team.post("admin", path, {"reason": "a false statement"}).status_code == 303
        alone = team.post("admin", path, {"reason": TYPED})
        assert alone.status_code == 409
        assert ESCAPED in alone.text
        assert team.post("admin2", path).status_code == 303
        assert team.fresh().get_one(Offer, offer.id).state is OfferState.RESCINDED

    def test_the_waitlist(self, team: Team) -> None:
        waiting = []
        for position, name in enumerate(("Ada", "Bob"), start=1):
            entry = team.world.entry(team.world.applicant(name), team.world.red, S.WAITLISTED)
            waiting.append(
                WaitlistEntry(stream_application_id=entry.id, stream_id=team.world.red.id, position=position)
            )
        team.session.add_all(waiting)
        order = StreamRanking(stream_id=team.world.red.id, number=1, actor_id=team.world.lead.id, saved_at=OFFERING)
        team.session.add(order)
        team.session.commit()
        first, second = waiting
        empty = team.post("coordinator", f"/waitlist/{first.public_id}/skip", {"reason": " "})
        assert empty.status_code == 409
        out_of_turn = team.post("coordinator", f"/waitlist/{second.public_id}/promote", {"hours": "96"})
        assert out_of_turn.status_code == 409
        assert team.post("coordinator", f"/waitlist/{first.public_id}/skip", {"reason": TYPED}).status_code == 303
        assert team.post("coordinator", f"/waitlist/{second.public_id}/promote", {"hours": "96"}).status_code == 303
        twice = team.post("coordinator", f"/waitlist/{second.public_id}/promote", {"hours": "96"})
        assert twice.status_code == 409
        session = team.fresh()
        assert session.get_one(WaitlistEntry, second.id).state is WaitlistState.PROMOTED
        assert session.get_one(StreamApplication, second.stream_application_id).state is S.OFFERED
        assert session.scalar(sa.select(sa.func.count()).select_from(Offer)) == 1


class TestPeople:
    def grants(self, team: Team, name: str) -> list[RoleGrant]:
        mine = sa.select(RoleGrant).where(RoleGrant.person_id == team.people[name].id).order_by(RoleGrant.id)
        return list(team.fresh().scalars(mine))

    def test_invited_by_name_and_address(self, team: Team) -> None:
        form = {"name": "Neo New", "email": "neo@example.org"}
        assert team["admin"].post("/admin/people", form).status_code == 303
        assert team.fresh().scalars(sa.select(Account.email).where(Account.email == "neo@example.org")).one()
        for bad in ({"name": "Neo", "email": "nowhere"}, {"name": "", "email": "x@example.org"}):
            answer = team["admin"].post("/admin/people", bad)
            assert answer.status_code == 422, bad
            assert f'value="{bad["email"]}"' in answer.text

    def test_a_role_with_reach_and_end(self, team: Team, clock: clock_module.FixedClock) -> None:
        who = team.people["reviewer"]
        page = f"/admin/people/{who.public_id}"
        place = f"track:{team.world.track.id}"
        form = {"role": "track_lead", "scope": place, "ends": "someday"}
        wrong = team["admin"].post(f"{page}/grants", form, form=page)
        assert wrong.status_code == 422
        assert 'value="someday"' in wrong.text
        form["ends"] = "2027-08-31 EOD AoE"
        assert team["admin"].post(f"{page}/grants", form, form=page).status_code == 303
        made = self.grants(team, "reviewer")[-1]
        assert (made.scope_id, made.ends_at) == (team.world.track.id, at("2027-09-01 12:00"))
        for bad in ({"role": "king"}, {"scope": "track:999999"}, {"scope": "cohort:x"}, {"role": "applicant"}):
            assert team["admin"].post(f"{page}/grants", form | bad, form=page).status_code == 400, bad
        of_stream = {"role": "mentor", "scope": f"stream:{team.world.blue.id}", "ends": ""}
        assert team["admin"].post(f"{page}/grants", of_stream, form=page).status_code == 303
        assert "Stream Blue stream" in team["admin"].get(page).text
        assert (self.grants(team, "reviewer")[-1].scope_id, team["reviewer"].get("/stream/blue").status_code) == (
            team.world.blue.id,
            200,
        )
        clock.advance(timedelta(days=1))
        revoke = f"{page}/grants/{made.public_id}/revoke"
        assert team["admin"].post(revoke, {"reason": "moved on"}, form=page).status_code == 303
        again = team["admin"].post(revoke, {"reason": "moved on"}, form=page)
        assert again.status_code == 409
        assert team["coordinator"].post(f"{page}/grants", form, form="/account").status_code == 403
