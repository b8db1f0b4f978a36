"""A track's table of decisions: order, views, search, the line and those around it, the bar, other weights."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import TeamTask, TrackChoice
from matsapply.audit.models import AuditEvent
from matsapply.cohorts.models import Criterion, Rubric
from matsapply.decisions.models import Decision
from matsapply.pages.admin import figures
from matsapply.reviews.models import ReaderStanding, Review, ReviewAssignment, TrackStanding
from matsapply.reviews.rounds import THIRD_READER, ensure_round
from matsapply.rules.stages import AssignmentState, DecisionPath, Outcome, RoundKind, RubricKind
from tests.pages.team import Team, demo_settings, problems, submitted, team_of
from tests.stream_world import at

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.applications.models import Application
    from matsapply.platform import clock as clock_module
    from matsapply.platform.settings import Settings

PATH = "/decisions/empirical"
NAMES = ("Ada", "Ben", "Cleo", "Dora", "Emil", "Fay", "Gus", "Hana", "Ira", "Jon", "Kim", "Lea")
APPLICANTS = re.compile(r'data-label="Applicant"><a href="[^"]+">([^<]+)</a>')


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return demo_settings(settings)


@pytest.fixture
def team(app: Flask, live_session: Session, clock: clock_module.FixedClock) -> Team:
    clock.move_to(at("2027-01-25 09:00"))
    return team_of(app, live_session)


def read(team: Team) -> dict[str, Application]:
    """Twelve people, the best first; the calibrated scores stand where the job would leave them, raw ones the other way
    round."""
    found = {}
    for number, name in enumerate(NAMES):
        made = found[name] = submitted(team.world, name)
        choice = team.session.scalars(sa.select(TrackChoice).where(TrackChoice.application_id == made.id)).one()
        choice.calibrated, choice.calibrated_margin = 4.6 - number * 0.3, 0.7
        choice.score_mean = made.score_mean = 2.0 + number * 0.1
        choice.score_sum, made.score_spread = choice.score_mean * 2, 1.0
        made.criterion_means = {"research": 5 - number * 0.3, "execution": 1 + number * 0.3}
    track = team.world.track
    team.session.add(
        TrackStanding(
            track_id=track.id, mean=3.0, quality_variance=0.5, severity_variance=0.1, noise_variance=0.4, readings=24,
            calibrated_at=at("2027-01-25 08:59"),
        )
    )  # fmt: skip
    rubric = team.session.scalars(sa.select(Rubric).where(Rubric.kind == RubricKind.CENTRAL_SCORE)).one_or_none()
    if rubric is None:
        rubric = Rubric(cohort_id=team.world.cohort.id, kind=RubricKind.CENTRAL_SCORE, readers=2, scale=[1, 2, 3, 4, 5])
        team.session.add(rubric)
        team.session.flush()
    rubric.weights = {"empirical": {"research": 0.9, "execution": 0.1}}
    team.session.execute(sa.delete(Criterion).where(Criterion.rubric_id == rubric.id))
    for position, key in enumerate(("research", "execution")):
        team.session.add(Criterion(rubric_id=rubric.id, key=key, label=key.title(), position=position))
    team.session.commit()
    return found


def shown(team: Team, query: str = "") -> list[str]:
    page = team.get("track-lead", PATH + query)
    assert page.status_code == 200, query
    table = page.text.partition('id="decide"')[2]
    return APPLICANTS.findall(table)


def decided(team: Team) -> dict[int, Decision]:
    rows = team.fresh().scalars(sa.select(Decision).where(Decision.superseded_at.is_(None)))
    return {row.application_id: row for row in rows}


def test_the_table_the_bar_and_the_line(team: Team) -> None:
    people = read(team)
    assert shown(team) == list(NAMES), "without a bar the best first"
    assert shown(team, "?sort=-score") == list(reversed(NAMES))
    assert shown(team, "?sort=name&q=a") == [name for name in NAMES if "a" in name.lower()]
    assert shown(team, f"?q={people['Gus'].public_id}") == ["Gus"]
    for wrong in ("sort=severity", "sort=", "show=all", "after=zzz", "secret=1", "top=3&by=luck"):
        assert team.get("track-lead", f"{PATH}?{wrong}").status_code == 400, wrong

    # The bar: a number of places gives each a chance, and the open cases come first.
    for text in ("-1", "3.5", "many", "9" * 30):
        refused = team.post("track-lead", f"{PATH}/places", {"places": text})
        assert refused.status_code == 422
        assert text in refused.text
    assert team.post("auditor", f"{PATH}/places", {"places": "4"}).status_code == 403
    assert team.post("track-lead", f"{PATH}/places", {"places": "4"}).status_code == 303
    page = team.get("track-lead", PATH)
    assert "as many are expected to stand as there are places" in page.text
    chances = {
        row.application_id: row.chance or 0 for row in team.fresh().scalars(sa.select(TrackChoice)) if row.chance
    }
    assert sum(chances.values()) == pytest.approx(4, abs=0.01)
    by_doubt = sorted(NAMES, key=lambda name: abs(chances[people[name].id] - 0.5))
    assert shown(team) == by_doubt
    grey = [name for name in NAMES if 0.1 <= chances[people[name].id] <= 0.9]
    assert sorted(shown(team, "?show=grey")) == grey
    assert 0 < len(grey) < len(NAMES)
    event = team.fresh().scalars(sa.select(AuditEvent).where(AuditEvent.action == "track.places")).one()
    assert (event.before, event.after) == ("", "4")

    # Where more readings change most, and the button that asks for them: once each.
    best = max(chances.values(), key=lambda chance: -abs(chance - 0.5))
    asked = [key for key, chance in chances.items() if chance == best]
    keys = team.fresh().scalars(sa.select(TrackChoice.id).where(TrackChoice.application_id.in_(asked))).all()
    assert "Ask for one more reading" in team.get("coordinator", PATH).text
    assert "Ask for one more reading" not in team.get("track-lead", PATH).text
    assert team.post("track-lead", f"{PATH}/readings", {"choose": keys}).status_code in {403, 404}
    for _ in range(2):
        assert team.post("coordinator", f"{PATH}/readings", {"choose": keys}).status_code == 303
    tasks = team.fresh().scalars(sa.select(TeamTask).where(TeamTask.kind == THIRD_READER)).all()
    assert [task.application_id for task in tasks] == asked

    # The preview of the best so many: those just above the line, and those just below.
    preview = team.get("track-lead", f"{PATH}?top=3").text
    around = preview.partition("Around the line")[2].partition("All 3 by name")[0]
    above, _, below = around.partition("The line:")
    assert APPLICANTS.findall(above) == list(NAMES[:3])
    assert APPLICANTS.findall(below) == list(NAMES[3:8])
    raw = team.get("track-lead", f"{PATH}?top=2&by=score").text.partition("Around the line")[2]
    assert APPLICANTS.findall(raw)[:2] == ["Kim", "Lea"][::-1]
    assert decided(team) == {}, "a preview writes nothing"
    chosen = re.findall(r'name="choose" value="(\d+)"', preview.partition("would be recorded")[0][-600:])
    assert len(chosen) == 3
    assert team.post("track-lead", PATH, {"choose": chosen, "outcome": "advance"}).status_code == 303
    assert {key for key, one in decided(team).items() if one.outcome is Outcome.ADVANCE} == {
        people[name].id for name in NAMES[:3]
    }
    assert "Nobody is left for this" in team.get("track-lead", f"{PATH}?top=3").text

    # Clearly below the bar only by exception, with a reason and a second person.
    last = people["Lea"]
    choice = team.fresh().scalars(sa.select(TrackChoice).where(TrackChoice.application_id == last.id)).one()
    assert team.post("track-lead", PATH, {"choose": choice.id, "outcome": "advance"}).status_code == 303
    assert "stands clearly below the track&#39;s bar" in team.get("track-lead", PATH).text
    assert last.id not in decided(team)
    form = {"choice": choice.id, "outcome": "advance", "reason": "The only work on this question"}
    for who in ("coordinator", "coordinator2"):
        assert team.post(who, f"/applications/{last.public_id}/exception", form).status_code == 303
    assert decided(team)[last.id].path is DecisionPath.EXCEPTION
    assert "exception" in team.get("track-lead", f"{PATH}?show=done").text


def test_other_weights_show_who_would_move_and_save_nothing(team: Team) -> None:
    read(team)
    before = dict(team.session.execute(sa.select(TrackChoice.id, TrackChoice.score_mean)).all())
    url = f"{PATH}/weights"
    assert "Say where the line lies" in team.get("auditor", url).text
    same = team.get("auditor", f"{url}?line=3")
    assert "<strong>0</strong> would come above the line" in same.text
    other = team.get("auditor", f"{url}?line=3&w-research=10&w-execution=90").text
    up = other.partition("Would come above the line")[2].partition("Would fall below the line")
    assert APPLICANTS.findall(up[0]) == ["Lea", "Kim", "Jon"]
    assert APPLICANTS.findall(up[2]) == ["Ada", "Ben", "Cleo"]
    for query, field in (
        ("w-research=x", "w-research"),
        ("w-research=0&w-execution=0", "w-research"),
        ("line=x", "line"),
    ):
        wrong = team.get("auditor", f"{url}?{query}")
        assert wrong.status_code == 422, query
        assert f'href="#{field}"' in wrong.text
        assert problems(wrong)
    assert dict(team.fresh().execute(sa.select(TrackChoice.id, TrackChoice.score_mean)).all()) == before
    assert team.get("reviewer", url).status_code in {403, 404}


def test_the_reviewers_in_pictures_by_name_and_for_the_team_alone(team: Team) -> None:
    world = team.world
    page = team.get("auditor", "/reviewers")
    assert "Nobody reads yet" in page.text
    read(team)
    round_ = ensure_round(team.session, world.cohort.id, RoundKind.CENTRAL_SCORE)
    names = ("Zoe Reader", "Abe Reader")
    for number, name in enumerate(names):
        person = world.person(name)
        team.session.add(
            ReaderStanding(
                cohort_id=world.cohort.id, reviewer_id=person.id, readings=5 - number, severity=0.4, severity_margin=0.3
            )
        )
        for turn in range(3):
            application = submitted(world, f"Applicant {number} {turn}")
            application.score_spread = 1.0
            made = ReviewAssignment(
                round_id=round_.id, reviewer_id=person.id, application_id=application.id,
                target_key=f"application:{application.id}",
                state=AssignmentState.SUBMITTED if turn else AssignmentState.ASSIGNED,
            )  # fmt: skip
            team.session.add(made)
            team.session.flush()
            if turn:
                team.session.add(
                    Review(
                        assignment_id=made.id, application_id=application.id, round_id=round_.id,
                        rubric_id=round_.rubric_id, scores={}, total=3.0, submitted_at=at("2027-01-24 10:00"),
                    )
                )  # fmt: skip
    team.session.commit()
    figures.forget()
    text = team.get("auditor", "/reviewers").text
    assert re.findall(r'data-label="Reader">([^<]+)<', text) == sorted(names), "by name, not by merit"
    assert "+0.40" in text.partition("Zoe Reader")[2], "from five readings on"
    assert "too few readings to say" in text.partition("Abe Reader")[2].partition("Zoe Reader")[0]
    assert "At this pace the rest is read by" in text
    assert "4 of 6" in text
    for who in ("track-lead", "reviewer"):
        assert team.get(who, "/reviewers").status_code in {403, 404}
