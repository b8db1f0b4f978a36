"""Edits of a cohort in the web interface hold to the file's rules and are written by the file's writer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from matsapply.audit.models import AuditEvent
from matsapply.cohorts import editing, queries
from matsapply.cohorts.date_changes import DateChange, DateRefused
from matsapply.cohorts.editing import EditRefused, with_evaluation, with_stream, with_track
from matsapply.cohorts.file_types import Moment, Seats, StreamEntry, TaskUse, TrackEntry
from matsapply.cohorts.load import LoadReport
from matsapply.cohorts.load_parts import LoadRefused
from matsapply.cohorts.models import Cohort, Stream
from matsapply.cohorts.stored import dump_cohort
from matsapply.rules.access import Actor
from matsapply.rules.deadlines import eod_aoe
from matsapply.rules.stages import StreamState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from matsapply.cohorts.file_types import CohortFile

PATH = Path(__file__).parents[2] / "config" / "cohorts" / "2027-06.yaml"
NOW = datetime(2027, 1, 10, 9, tzinfo=UTC)


def stream_of(file: CohortFile, key: str) -> StreamEntry:
    return next(one for one in file.streams if one.key == key)


def change_stream(
    session: Session, admin: Actor, key: str, terms: dict[str, Any] | None = None, **values: Any
) -> LoadReport:
    def change(file: CohortFile) -> CohortFile:
        return with_stream(file, replace(stream_of(file, key), **values))

    return editing.edit(session, admin, "2027-06", change, NOW, **(terms or {}))


def test_an_edit_changes_that_and_nothing_else(session: Session, cohort: Cohort, admin: Actor) -> None:
    before = dump_cohort(session, cohort.key)
    report = change_stream(session, admin, "evals", name="Evaluations", seats=Seats(0, 1, 2))
    assert len(report.lines) == 4
    after = dump_cohort(session, cohort.key)
    wanted = replace(stream_of(before, "evals"), name="Evaluations", seats=Seats(0, 1, 2))
    assert after == with_stream(before, wanted)
    event = session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "cohort.edit")).one()
    assert event.actor_id == admin.person_id
    assert any("Evaluations" in line for line in event.detail["changes"])


def test_the_same_again_is_no_change(session: Session, cohort: Cohort, admin: Actor) -> None:
    assert change_stream(session, admin, "evals").unchanged
    assert session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "cohort.edit")).all() == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": " "}, "blank"),
        ({"name": "x" * 161}, "160"),
        ({"seats": Seats(3, 2, 4)}, "min ≤ target ≤ max"),
        ({"track": "nowhere"}, "no track"),
        ({"evaluations": (TaskUse("nothing"),)}, "no evaluation"),
        ({"also_tracks": ("empirical",)}, "already the main track"),
        ({"description": "x" * 5001}, "5000"),
        ({"areas": ("a" * 81,)}, "80"),
    ],
)
def test_what_a_file_may_not_say_a_form_may_not_say(
    session: Session, cohort: Cohort, admin: Actor, values: dict[str, Any], message: str
) -> None:
    before = dump_cohort(session, cohort.key)
    with pytest.raises(EditRefused, match=message):
        change_stream(session, admin, "evals", **values)
    assert dump_cohort(session, cohort.key) == before


def test_seats_never_fall_below_what_offers_hold(session: Session, cohort: Cohort, admin: Actor) -> None:
    session.execute(sa.update(Stream).where(Stream.key == "evals").values(seats_held=2))
    session.expire_all()
    for seats in (Seats(0, 1, 1), None):
        with pytest.raises(LoadRefused, match="2 seats held"):
            change_stream(session, admin, "evals", seats=seats)
    change_stream(session, admin, "evals", seats=Seats(0, 1, 2))
    change_stream(session, admin, "evals", name="Words may change all the same")


def test_own_dates_move_by_the_rules(session: Session, cohort: Cohort, admin: Actor) -> None:
    told: list[DateChange] = []
    later = Moment(eod_aoe(date(2027, 2, 18)), "2027-02-18 EOD AoE")
    terms = {"tell": lambda _session, moves, _now: told.extend(moves)}
    change_stream(session, admin, "unlearning", terms, closes=later)
    assert [(move.code, move.label) for move in told] == [
        ("C:unlearning", "Stream closes: Unlearning and data filtering")
    ]
    soon = NOW + timedelta(days=1)
    with pytest.raises(DateRefused, match="notice"):
        change_stream(
            session,
            admin,
            "unlearning",
            {"confirmed": True, "reason": "why"},
            closes=Moment(soon, f"{soon:%Y-%m-%d %H:%M} UTC"),
        )
    late = Moment(eod_aoe(date(2027, 4, 20)), "2027-04-20 EOD AoE")
    with pytest.raises(EditRefused, match="does not hold"):
        change_stream(session, admin, "unlearning", closes=late)


def test_a_new_stream_is_a_draft_and_a_new_track_counts_all_criteria_alike(
    session: Session, cohort: Cohort, admin: Actor
) -> None:
    def change(file: CohortFile) -> CohortFile:
        file = with_track(file, TrackEntry("law", "Law", 9))
        return with_stream(file, StreamEntry("new", "New", "law", state=StreamState.DRAFT))

    editing.edit(session, admin, cohort.key, change, NOW)
    assert queries.stream_by_key(session, cohort.id, "new") is None
    view = queries.stream_by_key(session, cohort.id, "new", all_states=True)
    assert view is not None
    assert [track.key for track in view.tracks] == ["law"]
    file = dump_cohort(session, cohort.key)
    weighted = [rubric for rubric in file.rubrics if rubric.weights]
    assert weighted
    for rubric in weighted:
        weights = [weight for _, weight in dict(rubric.weights)["law"]]
        assert sum(weights) == pytest.approx(1)
        assert max(weights) - min(weights) < 0.001


def test_what_was_wrong_before_stops_no_edit_elsewhere(session: Session, cohort: Cohort, admin: Actor) -> None:
    session.execute(sa.update(Stream).where(Stream.key == "hardware").values(name=" "))
    session.expire_all()
    change_stream(session, admin, "evals", note="still possible")
    with pytest.raises(EditRefused):
        change_stream(session, admin, "evals", name=" " * 2, seats=Seats(5, 1, 1))


def test_a_task_used_by_two_streams_stays_shared(session: Session, cohort: Cohort, admin: Actor) -> None:
    def change(file: CohortFile) -> CohortFile:
        task = next(one for one in file.evaluations if one.key == "code-screen")
        return with_evaluation(file, replace(task, shared=False))

    with pytest.raises(EditRefused, match="shared"):
        editing.edit(session, admin, cohort.key, change, NOW)
