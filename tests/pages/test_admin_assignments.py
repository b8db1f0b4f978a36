"""Plans of readings and conflicts of interest by their pages: shown before applied, refusals beside the field."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import Application, TeamTask
from matsapply.cohorts.models import Rubric
from matsapply.people.models import Account
from matsapply.platform import clock as clocks
from matsapply.reviews.models import ConflictOfInterest, ReaderTerms, ReadingPlan, ReviewAssignment
from matsapply.rules.stages import AssignmentState, ConflictKind, ConflictSource, ConflictState, Role, RubricKind, Scope
from tests.pages.team import TYPED, Team, demo_settings, submitted, team_of
from tests.stream_world import at

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform import clock as clock_module
    from matsapply.platform.settings import Settings

REVIEWING = at("2027-01-25 09:00")
ASKED = {"goal": "floor", "readers": "2", "least": "0", "most": "9", "shared": "1", "shared_readers": "1",
         "moves": "stay", "seed": "1"}  # fmt: skip


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return demo_settings(settings)


@pytest.fixture
def team(app: Flask, live_session: Session, clock: clock_module.FixedClock) -> Team:
    clock.move_to(REVIEWING)
    team = team_of(app, live_session)
    rubric = Rubric(cohort_id=team.world.cohort.id, kind=RubricKind.CENTRAL_SCORE, scale=["1", "2"], readers=2)
    team.session.add(rubric)
    team.session.commit()
    for name in ("reader one", "reader two", "reader three"):
        team.hire(name, Role.REVIEWER, Scope.COHORT, team.world.cohort.id)
    for name in ("Ada", "Bob", "Cy"):
        submitted(team.world, name, readings=0)
    team.session.commit()
    return team


def readings(team: Team, *states: AssignmentState) -> set[tuple[int, int]]:
    rows = team.fresh().scalars(
        sa.select(ReviewAssignment).where(ReviewAssignment.state.in_(states or (AssignmentState.ASSIGNED,)))
    )
    found = {(row.application_id, row.reviewer_id) for row in rows}
    team.let_go()
    return found


def plan(team: Team, **asked: str) -> str:
    """Ask for a plan; the path of its page."""
    answer = team.post("coordinator", "/assignments", ASKED | asked)
    assert answer.status_code == 303, answer.text
    return answer.location.removeprefix(team.base)


def test_a_plan_is_shown_then_applied_as_it_was_and_again_only_after_another_look(team: Team) -> None:
    path = plan(team)
    page = team.get("coordinator", path).text
    assert readings(team) == set(), "shown is not applied"
    kept = team.fresh().scalars(sa.select(ReadingPlan)).one()
    shown = {tuple(pair) for pair in kept.content["added"]}
    team.let_go()
    assert len(shown) == 7, "three applications with two readers, and one of them shared with a third"
    for words in ("Open readings a reviewer, afterwards", "reader two", "7", "The worst served", "100.000 %"):
        assert words in page
    # Somebody comes in: what would be applied is no longer what was shown.
    submitted(team.world, "Dee", readings=0)
    team.session.commit()
    answer = team.post("coordinator", path)
    assert answer.status_code == 303
    assert "Things have changed" in team["coordinator"].get(answer.location).text
    assert readings(team) == set()
    latest = team.fresh().scalars(sa.select(ReadingPlan).order_by(ReadingPlan.id.desc()).limit(1)).one()
    path, shown = f"/assignments/plans/{latest.public_id}", {tuple(pair) for pair in latest.content["added"]}
    team.let_go()
    assert answer.location == team.base + path
    assert team.post("coordinator", path).status_code == 303
    assert readings(team) == shown
    assert team.post("coordinator", path).status_code == 409
    assert readings(team) == shown
    again = team.get("coordinator", plan(team)).text
    assert "there is nothing to assign" in again
    # One more reader is asked for: the next plan gives that application one, and nothing else.
    asked = min(key for key, _ in shown)
    team.session.add(TeamTask(cohort_id=team.world.cohort.id, application_id=asked, kind="third_reader"))
    team.session.commit()
    plan(team, shared="0")
    more = team.fresh().scalars(sa.select(ReadingPlan).order_by(ReadingPlan.id.desc()).limit(1)).one().content
    team.let_go()
    assert [key for key, _ in more["added"]] == [asked]
    assert more["removed"] == []
    # An auditor sees the plan and cannot apply it; somebody else's cohort has no such plan.
    assert "Assign these readings" not in team.get("auditor", path).text
    assert team.post("auditor", path).status_code in {403, 404}
    assert team.get("coordinator", "/assignments/plans/0000000000000").status_code == 404


def test_bad_options_stand_beside_their_fields_and_nothing_typed_is_lost(team: Team) -> None:
    bad = {"readers": "0", "least": "8", "most": "5", "seed": "many", "shared": "-1"}
    answer = team.post("coordinator", "/assignments", ASKED | bad)
    assert answer.status_code == 422
    for name, value in bad.items():
        assert re.search(
            rf'aria-invalid="true"[^>]*name="{name}"|name="{name}"[^>]*aria-invalid="true"', answer.text
        ) or (name == "least"), name
        assert f'value="{value}"' in answer.text, name
    above = team.post("coordinator", "/assignments", ASKED | {"most": "61"})
    assert above.status_code == 422
    assert "The cohort allows 60" in above.text
    assert team.fresh().scalars(sa.select(ReadingPlan)).all() == []
    team.let_go()


def test_E43_a_reviewer_leaves_and_only_their_readings_move(team: Team) -> None:
    assert team.post("coordinator", plan(team, shared="0")).status_code == 303
    before = readings(team)
    gone = team.people["reader one"]
    page = f"/assignments/readers/{gone.public_id}"
    assert team.post("coordinator", f"{page}/leave", {"reason": " "}).status_code == 422
    assert team.post("coordinator", f"{page}/leave", {"reason": "a new job"}).status_code == 303
    kept = {pair for pair in before if pair[1] != gone.id}
    assert readings(team) == kept
    assert len(readings(team, AssignmentState.REASSIGNED)) == len(before) - len(kept) > 0
    assert team.post("coordinator", plan(team, shared="0")).status_code == 303
    after = readings(team)
    assert kept <= after, "the others stay where they were"
    assert gone.id not in {reviewer for _, reviewer in after}
    assert "has left" in team.get("coordinator", "/assignments").text
    assert team.post("coordinator", f"{page}/leave", {"reason": "again"}).status_code == 409
    assert team.post("coordinator", f"{page}/return").status_code == 303


def test_invariant_25_a_load_of_ones_own_has_its_reason_and_is_kept_with_the_readings(team: Team) -> None:
    cohort = team.world.cohort
    cohort.policies = {"review": {"max_active_per_reader": 1}}
    team.session.commit()
    page = f"/assignments/readers/{team.people['reader one'].public_id}"
    terms = {"tracks": ["empirical"], "languages": "en, DE", "least": "0", "most": "3", "reason": ""}
    refused = team.post("coordinator", page, terms)
    assert refused.status_code == 422
    assert "Say why" in refused.text
    assert 'value="en, DE"' in refused.text
    wrong = team.post("coordinator", page, terms | {"languages": "<b>", "reason": TYPED})
    assert wrong.status_code == 422
    assert "Write codes" in wrong.text
    assert team.post("coordinator", page, terms | {"reason": "asked for more"}).status_code == 303
    stored = team.fresh().scalars(sa.select(ReaderTerms)).one()
    assert (stored.tracks, stored.languages, stored.most) == (["empirical"], ["en", "de"], 3)
    team.let_go()
    path = plan(team, most="1", shared="0")
    shown = team.get("coordinator", path).text
    assert "asked for more" in shown
    assert team.post("coordinator", path).status_code == 303
    rows = team.fresh().scalars(sa.select(ReviewAssignment)).all()
    own = [row.override_reason for row in rows if row.reviewer_id == team.people["reader one"].id]
    assert own == ["asked for more"] * 3
    others = [(row.reviewer_id, row.override_reason) for row in rows if row.override_reason != "asked for more"]
    assert len(others) == len({reviewer for reviewer, _ in others}) == 3, "one each, as the cohort allows"
    team.let_go()


def test_a_proposed_conflict_is_confirmed_or_dismissed_and_an_own_one_is_not(team: Team) -> None:
    session = team.session
    ada, bob = (session.scalars(sa.select(Application).order_by(Application.id)).all()[index] for index in (0, 1))
    reader, own = team.people["reader one"], team.people["coordinator"]
    guesses = [
        ConflictOfInterest(
            person_id=person.id, application_id=application.id, kind=ConflictKind.COAUTHOR,
            source=ConflictSource.DETECTED, state=ConflictState.PROPOSED, basis="Both stand on a paper <i>.",
        )
        for person, application in ((reader, ada), (reader, bob), (own, ada))
    ]  # fmt: skip
    session.add_all(guesses)
    session.commit()
    one, other, mine = (f"/assignments/conflicts/{guess.public_id}" for guess in guesses)
    page = team.get("coordinator", "/assignments/conflicts").text
    assert "Both stand on a paper &lt;i&gt;." in page
    assert "somebody else decides about you" in page
    # No plan gives a proposed pair.
    content = team.post("coordinator", plan(team, shared="0"))
    assert content.status_code == 303
    assert (ada.id, reader.id) not in readings(team)
    assert team.post("coordinator", f"{one}/confirm").status_code == 303
    assert team.post("coordinator", f"{one}/confirm").status_code == 409
    empty = team.post("coordinator", f"{other}/dismiss", {"reason": ""})
    assert empty.status_code == 422
    assert team.post("coordinator", f"{other}/dismiss", {"reason": "another person"}).status_code == 303
    assert team.post("coordinator", f"{mine}/dismiss", {"reason": "not at all"}).status_code == 409
    assert team.post("coordinator", f"{one}/explode").status_code == 404
    states = [row.state for row in team.fresh().scalars(sa.select(ConflictOfInterest).order_by(ConflictOfInterest.id))]
    assert states == [ConflictState.ACTIVE, ConflictState.DISMISSED, ConflictState.PROPOSED]
    team.let_go()
    assert team.post("auditor", f"{one}/dismiss", {"reason": "no"}).status_code in {403, 404}


def test_case_4_a_conflict_of_staff_hides_the_application_on_every_page_of_theirs(team: Team) -> None:
    session = team.session
    ada = session.scalars(sa.select(Application).order_by(Application.id)).first()
    assert ada is not None
    assert team.post("coordinator", plan(team)).status_code == 303
    latest = team.fresh().scalars(sa.select(ReadingPlan).order_by(ReadingPlan.id.desc()).limit(1)).one()
    address = session.scalar(sa.select(Account.email).where(Account.person_id == ada.person_id))
    code, public_id = ada.public_id[:6].upper(), ada.public_id
    session.add(TeamTask(cohort_id=team.world.cohort.id, application_id=ada.id, kind="new_reader", text="More."))
    account = session.scalar(sa.select(Account.email).where(Account.person_id == team.people["coordinator"].id))
    session.commit()
    pages = [
        "", "/applications", f"/applications?q={address}", "/assignments", f"/assignments/plans/{latest.public_id}",
        "/assignments/conflicts", "/decisions", "/releases", "/offers", "/redactions", "/threads", "/accommodation",
    ]  # fmt: skip
    told = [path for path in pages if public_id in team.get("coordinator", path).text]
    assert "/applications" in told
    assert "/assignments/conflicts" in told
    counted = team.get("coordinator", "/applications").text
    declared = team.post(
        "admin",
        "/assignments/conflicts",
        {"person": account, "application": f"#{code}", "kind": "family", "note": "A cousin."},
    )
    assert declared.status_code == 303, declared.text
    for path in pages:
        answer = team.get("coordinator", path)
        assert answer.status_code == 200, path
        assert public_id not in answer.text, path
        assert code not in answer.text, path
    assert team.get("coordinator", f"/applications/{public_id}").status_code == 404
    export = team.post("coordinator", "/applications.csv")
    assert export.status_code == 200
    assert public_id not in export.text
    assert address not in export.text
    assert counted != team.get("coordinator", "/applications").text
    # To others nothing has changed, and the conflict with its note stands where they see to it.
    assert public_id in team.get("admin", "/applications").text
    assert "A cousin." in team.get("admin", "/assignments/conflicts").text
    wrong = team.post(
        "admin", "/assignments/conflicts", {"person": "nobody@demo.example", "application": "#ZZ", "kind": "family"}
    )
    assert wrong.status_code == 422
    assert "There is no such application" in wrong.text
    assert 'value="nobody@demo.example"' in wrong.text


def test_a_plan_of_a_conflict_found_between_looking_and_assigning_is_made_again(team: Team) -> None:
    path = plan(team, shared="0")
    kept = team.fresh().scalars(sa.select(ReadingPlan)).one()
    application_id, reviewer_id = kept.content["added"][0]
    team.session.add(
        ConflictOfInterest(
            person_id=reviewer_id, application_id=application_id, kind=ConflictKind.FAMILY,
            source=ConflictSource.DECLARED, created_at=clocks.now() + timedelta(seconds=1),
        )
    )  # fmt: skip
    team.session.commit()
    assert "changed since this plan was made" in team.get("coordinator", path).text
    assert team.post("coordinator", path).location != team.base + path
    assert readings(team) == set()


def test_invariant_49_a_coordinators_own_application_is_on_none_of_the_teams_pages(team: Team) -> None:
    ada = team.session.scalars(sa.select(Application).order_by(Application.id)).first()
    assert ada is not None
    ada.person_id = team.people["coordinator"].id
    team.session.commit()
    for path in ("", "/applications", "/decisions", "/redactions", f"/decisions/{team.world.track.key}"):
        answer = team.get("coordinator", path)
        assert answer.status_code == 200, path
        assert ada.public_id not in answer.text, path
    assert team.get("coordinator", f"/applications/{ada.public_id}").status_code == 404
    assert ada.public_id not in team.post("coordinator", "/applications.csv").text
    assert team.get("coordinator2", f"/applications/{ada.public_id}").status_code == 200
    assert team.get("coordinator", f"/decisions/{team.world.track.key}?top=--5").status_code == 200


def test_a_lead_of_one_track_rules_nobody_out_of_the_others(team: Team) -> None:
    ada = team.session.scalars(sa.select(Application).order_by(Application.id)).first()
    assert ada is not None
    path = f"/applications/{ada.public_id}"
    assert "Not eligible" not in team.get("track-lead", path).text
    assert team.post("track-lead", f"{path}/ineligible", {"reason": "r"}).status_code == 403
    assert "Not eligible" in team.get("coordinator", path).text
