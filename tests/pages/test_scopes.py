"""Who has a role in one cohort learns nothing of the people, the roles and the log of another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from matsapply.audit import actions as audit
from matsapply.people.models import RoleGrant
from matsapply.rules.access import Actor
from matsapply.rules.stages import ApplicationState, Role, Scope
from tests.pages.team import Team, demo_settings, team_of
from tests.stream_world import World, at

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform import clock as clock_module
    from matsapply.platform.settings import Settings

NOW = at("2027-01-25 09:00")
HELD = "held in another cohort"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return demo_settings(settings)


@pytest.fixture
def team(app: Flask, live_session: Session, clock: clock_module.FixedClock) -> Team:
    """The usual team, and a coordinator, an auditor and an admin of its one cohort."""
    clock.move_to(NOW)
    team = team_of(app, live_session)
    cohort = team.world.cohort.id
    for name, role in (("home-co", Role.COORDINATOR), ("home-auditor", Role.AUDITOR), ("home-admin", Role.ADMIN)):
        team.hire(name, role, Scope.COHORT, cohort)
    team.world.applicant("Ada Athome")
    live_session.commit()
    return team


def elsewhere(team: Team) -> World:
    """Another cohort with people of its own; two of the home cohort's people do something there too."""
    other = World(team.session)
    applicant = other.applicant("Otto Outside")
    other.member("Rhea Remote", Role.STREAM_LEAD, other.red)
    lead = other.person("Tim Trackthere")
    for person, role in ((lead, Role.TRACK_LEAD), (team.people["home-auditor"], Role.REVIEWER)):
        team.session.add(
            RoleGrant(person_id=person.id, role=role, scope=Scope.TRACK, scope_id=other.track.id, starts_at=NOW)
        )
    for who in (lead, team.people["home-co"]):
        audit.record(
            team.session,
            Actor(who.id),
            "application.looked_at",
            NOW,
            subject_type="application",
            subject_id=applicant.id,
            cohort_id=other.cohort.id,
            reason=HELD,
        )
    team.session.commit()
    return other


def shown(team: Team, who: str, path: str) -> str:
    """The page's own part: neither tokens nor the frame around it."""
    answer = team[who].get(path)
    assert answer.status_code == 200
    found = re.search(r"<main.*</main>", answer.text, re.DOTALL)
    assert found is not None
    return re.sub(r'name="csrf_token" value="[^"]*"', "", found[0])


PEOPLE = ("/admin/people", "/admin/people?q=o", "/admin/people?role=reviewer", "/admin/people?role=track_lead")
LOG = ("/admin/log", "/admin/log?who=o", "/admin/log?action=application")


@pytest.mark.parametrize("who", ["home-co", "home-auditor", "home-admin"])
def test_the_people_of_another_cohort_change_nothing_on_the_page(team: Team, who: str) -> None:
    person = team.people["home-auditor"]
    paths = (*PEOPLE, f"/admin/people/{person.public_id}")
    before = [shown(team, who, path) for path in paths]
    other = elsewhere(team)
    assert [shown(team, who, path) for path in paths] == before
    for hidden in (other.lead, other.mentor):
        assert team[who].get(f"/admin/people/{hidden.public_id}").status_code == 404
    for name in ("Otto Outside", "Rhea Remote", "Tim Trackthere"):
        assert name in shown(team, "coordinator", "/admin/people")


def test_the_people_of_the_own_cohort_are_there(team: Team) -> None:
    page = shown(team, "home-co", "/admin/people")
    for name in ("Ada Athome", "Lena Lead", "Milo Mentor", "track-lead", "home-co", "home-auditor", "coordinator2"):
        assert name in page, name
    draft = team.world.applicant("Dora Drafting")
    draft.state = ApplicationState.DRAFT
    team.session.commit()
    assert "Dora Drafting" not in shown(team, "home-co", "/admin/people")


@pytest.mark.parametrize("who", ["home-auditor", "home-admin"])
def test_the_log_of_another_cohort_changes_nothing_on_the_page(team: Team, who: str) -> None:
    for path in LOG:
        team[who].get(path)  # signed in, before the pages are compared
    before = [shown(team, who, path) for path in LOG]
    elsewhere(team)
    assert [shown(team, who, path) for path in LOG] == before
    assert HELD in shown(team, "auditor", "/admin/log")


def test_the_log_is_searched_for_everybody_of_a_name(team: Team) -> None:
    """More people of a name than a page of people holds: nobody's events are left out."""
    for number in range(60):
        person = team.world.person(f"Same Name {number:02}")
    audit.record(
        team.session, Actor(person.id), "test.last", NOW, cohort_id=team.world.cohort.id, subject_type="person"
    )
    team.session.commit()
    assert "test.last" in shown(team, "auditor", "/admin/log?who=same+name")


def test_a_role_may_only_be_given_where_ones_own_reaches(team: Team) -> None:
    other = elsewhere(team)
    who = team.people["reviewer"]
    page = f"/admin/people/{who.public_id}"
    for place in (f"cohort:{other.cohort.id}", "program:", f"stream:{other.red.id}"):
        given = team["home-admin"].post(f"{page}/grants", {"role": "mentor", "scope": place}, form="/account")
        assert given.status_code == 403, place
    form = shown(team, "home-admin", page)
    assert f'value="cohort:{team.world.cohort.id}"' in form
    assert f'value="cohort:{other.cohort.id}"' not in form
    assert 'value="program:"' not in form
    assert "Invite somebody" not in shown(team, "home-admin", "/admin/people")


@pytest.mark.parametrize("role", ["coordinator", "admin", "auditor"])
def test_a_role_for_whole_cohorts_is_not_given_for_less(team: Team, role: str) -> None:
    """A coordinator of one track would release the whole cohort: there is no such grant."""
    who = team.people["reviewer"]
    page = f"/admin/people/{who.public_id}"
    for place in (f"track:{team.world.track.id}", f"stream:{team.world.red.id}"):
        answer = team["admin"].post(f"{page}/grants", {"role": role, "scope": place}, form=page)
        assert answer.status_code == 409
        assert "reaches whole cohorts" in answer.text
    given = {"role": role, "scope": f"cohort:{team.world.cohort.id}"}
    assert team["admin"].post(f"{page}/grants", given, form=page).status_code == 303
