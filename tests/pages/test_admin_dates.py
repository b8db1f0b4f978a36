"""Key dates in the web interface: several at once, shown first, told to their holders, two admins at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from matsapply.cohorts.models import KeyDateRevision
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.rules.stages import ApplicationState
from tests.pages.team import TYPED, Team, date_of, demo_settings, problems, team_of
from tests.stream_world import at

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

    from matsapply.platform import clock as clock_module
    from matsapply.platform.settings import Settings

NOW = at("2027-01-12 09:00")
SET = "/dates/set"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return demo_settings(settings)


@pytest.fixture
def team(app: Flask, live_session: Session, clock: clock_module.FixedClock) -> Team:
    clock.move_to(NOW)
    return team_of(app, live_session)


def fields_of(page: str) -> dict[str, Any]:
    """What the form would send as it stands."""
    pairs = re.findall(r'<input type="(?:hidden|text)"[^>]*?name="((?:at|was)-T\d+|shown)" value="([^"]*)"', page)
    return dict(pairs)


def both_steps(team: Team, who: str, typed: dict[str, str]) -> tuple[TestResponse, TestResponse]:
    """Look at what moves, then set it as it was shown."""
    fields = fields_of(team.get(who, SET).text) | typed
    shown = team.post(who, SET, fields)
    return shown, team.post(who, SET, fields_of(shown.text) | {"reason": typed.get("reason", "")})


def test_nothing_moves_before_it_has_been_shown(team: Team) -> None:
    draft = team.world.applicant("A draft")
    draft.state, draft.snapshot_number, draft.submitted_at = ApplicationState.DRAFT, None, None
    team.session.commit()
    typed = {"at-T2": "2027-01-20 EOD AoE", "at-T5": "2027-02-14 18:00 UTC", "at-T6": "2027-02-14 18:00 UTC"}
    shown, done = both_steps(team, "coordinator", typed)
    assert shown.status_code == 200
    assert "What would move" in shown.text
    assert "Set 3 dates" in shown.text
    assert done.status_code == 303
    session, cohort_id = team.fresh(), team.world.cohort.id
    assert date_of(session, cohort_id, "T2").wall_rule == "2027-01-20 EOD AoE"
    assert date_of(session, cohort_id, "T6").at == at("2027-02-14 18:00")
    told = session.scalars(sa.select(Notification.person_id).where(Notification.kind == Mail.DEADLINE_MOVED)).all()
    assert told == [draft.person_id]
    page = team.get("auditor", "/dates").text
    assert "18 Jan 2027, 12:00 UTC → 21 Jan 2027, 12:00 UTC" in page


def test_what_was_not_shown_is_shown_again(team: Team) -> None:
    fields = fields_of(team.get("admin", SET).text) | {"at-T15": "2027-05-20 EOD AoE"}
    shown = fields_of(team.post("admin", SET, fields).text)
    other = team.post("admin", SET, shown | {"at-T15": "2027-05-21 EOD AoE"})
    assert other.status_code == 200
    assert "What would move" in other.text
    assert date_of(team.fresh(), team.world.cohort.id, "T15").at == at("2027-05-15 12:00")


def test_dates_that_depend_on_each_other_move_together(team: Team) -> None:
    alone = team.post("admin", SET, fields_of(team.get("admin", SET).text) | {"at-T2": "2027-03-01 EOD AoE"})
    assert alone.status_code == 422
    assert "would break the order" in problems(alone)
    assert 'value="2027-03-01 EOD AoE"' in alone.text
    typed = {"at-T14": "2027-05-19 EOD AoE", "at-T15": "2027-05-20 EOD AoE"}
    assert both_steps(team, "admin", typed)[1].status_code == 303


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"at-T5": "soon"}, "Write it as"),
        ({"at-T5": "2027-02-30 EOD AoE"}, "Write it as"),
        ({"at-T5": "2027-03-14 02:30 America/Los_Angeles"}, "does not exist"),
        ({"at-T5": "2027-11-07 01:30 America/Los_Angeles"}, "first or second"),
        ({"at-T5": "2027-02-12 18:00 Atlantis/City"}, "no such time zone"),
        ({"at-T2": "2027-01-13 EOD AoE"}, "earlier only with notice"),
        ({"at-T2": "2027-01-16 EOD AoE"}, "needs a reason"),
        ({"at-T1": "2027-01-11 12:00 UTC"}, "has passed"),
        ({"at-T5": "x" * 5000}, "Write it"),
        ({"at-T5": "\x00"}, "Write it"),
    ],
)
def test_bad_input_is_named_and_kept(team: Team, typed: dict[str, str], said: str) -> None:
    fields = fields_of(team.get("admin", SET).text) | {"at-T16": "2027-05-22 EOD AoE"} | typed
    if "reason" not in said:
        fields["reason"] = TYPED
    answer = team.post("admin", SET, fields)
    assert answer.status_code == 422
    assert said in problems(answer)
    assert 'value="2027-05-22 EOD AoE"' in answer.text
    assert team.fresh().scalars(sa.select(KeyDateRevision)).all() == []


def test_two_admins_move_one_date(team: Team) -> None:
    mine = fields_of(team.get("admin", SET).text)
    assert both_steps(team, "admin2", {"at-T15": "2027-05-20 EOD AoE"})[1].status_code == 303
    answer = team.post("admin", SET, mine | {"at-T15": "2027-05-25 EOD AoE"})
    assert answer.status_code == 409
    assert "Stored now: 2027-05-20 EOD AoE. Yours: 2027-05-25 EOD AoE." in answer.text
    again = team.post("admin", SET, fields_of(answer.text))
    assert "What would move" in again.text
    assert team.post("admin", SET, fields_of(again.text)).status_code == 303
    assert date_of(team.fresh(), team.world.cohort.id, "T15").wall_rule == "2027-05-25 EOD AoE"


def test_a_date_that_one_left_alone_is_not_put_back(team: Team) -> None:
    mine = fields_of(team.get("admin", SET).text)
    assert both_steps(team, "admin2", {"at-T15": "2027-05-20 EOD AoE"})[1].status_code == 303
    shown = team.post("admin", SET, mine | {"at-T16": "2027-05-22 EOD AoE"})
    assert "Set 1 date<" in shown.text
    assert team.post("admin", SET, fields_of(shown.text)).status_code == 303
    session, cohort_id = team.fresh(), team.world.cohort.id
    assert date_of(session, cohort_id, "T15").wall_rule == "2027-05-20 EOD AoE"


def test_one_date_and_none(team: Team) -> None:
    page = team.get("admin", f"{SET}?code=T5")
    assert set(fields_of(page.text)) == {"at-T5", "was-T5"}
    assert team.get("admin", f"{SET}?code=T99").status_code == 400
    same = team.post("admin", SET, fields_of(team.get("admin", SET).text))
    assert "nothing would move" in same.text


def test_a_window_too_short_for_two_week_ends_is_said(team: Team) -> None:
    typed = {"at-T7": "2027-02-16 EOD AoE", "reason": "r"}
    shown = team.post("admin", SET, fields_of(team.get("admin", SET).text) | typed)
    assert "whole week-ends" in shown.text
