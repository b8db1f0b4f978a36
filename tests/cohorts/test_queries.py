"""Reads about a cohort, and the number of queries they take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.cohorts import forms, queries
from matsapply.cohorts.file import parse
from matsapply.cohorts.file_types import CohortFile
from matsapply.cohorts.load import load_cohort
from matsapply.cohorts.stored import dump_cohort
from matsapply.rules.stages import CohortState, RubricKind

PATH = Path(__file__).parents[2] / "config" / "cohorts" / "2027-06.yaml"
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def demo() -> CohortFile:
    file = parse(PATH.read_bytes()).file
    assert file is not None
    return file


@contextmanager
def counted(session: Session) -> Iterator[list[str]]:
    """The statements sent inside the block."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith("SAVEPOINT"):  # the fixture, not the query
            sent.append(statement)

    engine = session.get_bind()
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def cohort_id(session: Session) -> int:
    load_cohort(session, demo(), NOW)
    session.commit()
    cohort = queries.cohort_by_key(session, "2027-06")
    assert cohort is not None
    return cohort.id


def test_streams_take_four_queries_however_many_they_are(session: Session, cohort_id: int) -> None:
    with counted(session) as sent:
        streams = queries.streams(session, cohort_id)
    assert len(streams) == 20
    assert len(sent) == 4
    pooled = next(stream for stream in streams if stream.key == "ai-control")
    assert len(pooled.mentors) == 5
    assert [task.key for task in pooled.tasks] == ["code-screen", "takehome-5h"]
    assert [track.key for track in next(s for s in streams if s.key == "verification").tracks] == [
        "technical-governance",
        "compute-governance",
    ]
    many = replace(demo(), streams=tuple(replace(demo().streams[1], key=f"s{n}") for n in range(300)))
    other = replace(many, cohort=replace(many.cohort, key="2029-01"), evaluations=demo().evaluations)
    load_cohort(session, other, NOW)
    view = queries.cohort_by_key(session, "2029-01")
    assert view is not None
    with counted(session) as sent:
        assert len(queries.streams(session, view.id)) == 300
    assert len(sent) == 4
    with counted(session) as sent:
        dump_cohort(session, "2029-01")
    assert len(sent) <= 13


def test_dates_for_the_public_and_for_staff(session: Session, cohort_id: int) -> None:
    with counted(session) as sent:
        public = queries.key_dates(session, cohort_id)
    assert len(sent) == 1
    assert [view.code for view in public if view.code in {"T4", "T12"}] == []
    assert [view.code for view in public][:4] == ["T0", "T1", "T2", "T3"]
    assert [view.code for view in public][-2:] == ["T20", "T21"]
    assert len(queries.key_dates(session, cohort_id, staff=True)) == len(public) + 2


def test_the_cohort_in_force(session: Session) -> None:
    def at(text: str) -> str | None:
        found = queries.cohort_in_force(session, datetime.fromisoformat(text).replace(tzinfo=UTC))
        return found.key if found else None

    assert at("2027-01-01") is None
    load_cohort(session, replace(demo(), cohort=replace(demo().cohort, key="2027-01", state=CohortState.DRAFT)), NOW)
    assert at("2027-01-01") is None
    load_cohort(session, demo(), NOW)
    assert at("2027-01-01") == "2027-06"
    unset = tuple(replace(entry, moment=None) for entry in demo().key_dates)
    file = replace(demo(), key_dates=unset, streams=(), evaluations=())
    load_cohort(session, replace(file, cohort=replace(file.cohort, key="2028-01")), NOW)
    assert at("2026-12-01") == "2027-06"  # the next to open
    assert at("2027-01-01") == "2027-06"  # open
    assert at("2027-05-01") == "2028-01"  # neither is open: the newest


def test_the_form_and_a_rubric(session: Session, cohort_id: int) -> None:
    form = forms.published_form(session, cohort_id)
    assert form is not None
    assert form == forms.form_version(session, form.id)
    assert form.sections[:2] == ("you", "background")
    assert [question.key for question in form.in_section("research")] == ["evidence", "setback"]
    asked = {question.key: question for question in form.questions}
    assert (asked["q_theory"].when_track, asked["cv"].accept, asked["cv"].max_mb) == ("theory", ("pdf",), 5)
    assert asked["streams"].max is None
    rubric = forms.rubric_in_force(session, cohort_id, RubricKind.CENTRAL_SCORE)
    assert rubric is not None
    assert rubric == forms.rubric(session, rubric.id)
    assert rubric.third_reader_spread == 2
    assert sum(rubric.weights["theory"].values()) == pytest.approx(1)
    assert rubric.criteria[0].anchors["5"] == "independent result others could build on"
    assert forms.published_form(session, -1) is None
    assert forms.rubric_in_force(session, -1, RubricKind.REFERENCE) is None


def test_names_and_tasks(session: Session, cohort_id: int) -> None:
    assert queries.stream_names(session, cohort_id)["evals"] == "Capability and propensity evaluations"
    assert [task.key for task in queries.tasks(session, cohort_id)][:2] == ["code-screen", "research-taste"]
