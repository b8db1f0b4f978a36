"""Streams in the applicant's own order: S1, S3 and S21b, their windows and their ranks."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.answers import choose_streams
from matsapply.applications.choices import live_streams
from matsapply.applications.models import StreamApplication, TrackChoice
from matsapply.process import apply
from matsapply.process.applicant_streams import applicant_streams
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import (
    ApplicationState,
    StreamApplicationState,
    StreamChoiceMoment,
    StreamState,
    TrackChoiceState,
)
from matsapply.tracking.models import StateChange
from tests import factories as make

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.people.models import Person

S = StreamApplicationState
T6 = make.at(make.DATES["T6"])
T7 = make.at(make.DATES["T7"])


def choose(
    session: Session, who: Person, *keys: str, now: datetime = make.NOW, tracks: tuple[str, ...] = ("empirical",)
) -> None:
    mine = make.held(session, who, now)
    choose_streams(session, make.acting(who), mine, mine.form(session), keys, tracks, now)


def ranks(session: Session, who: Person) -> list[tuple[str, int | None, S]]:
    return [
        (each.key, each.rank, each.state)
        for each in applicant_streams(session, make.held(session, who).id, make.NOW).picks
    ]


@pytest.fixture
def started(session: Session) -> tuple[make.World, Person]:
    world, ada = make.cohort(session), make.person(session)
    make.application(session, world, ada)
    make.answer(session, ada, tracks=["empirical"])
    return world, ada


def test_s1_in_the_applicants_order(session: Session, started: tuple[make.World, Person]) -> None:
    _, ada = started
    choose(session, ada, "blue", "red")
    assert ranks(session, ada) == [("blue", 1, S.CHOSEN), ("red", 2, S.CHOSEN)]
    choose(session, ada, "red", "blue")
    assert ranks(session, ada) == [("red", 1, S.CHOSEN), ("blue", 2, S.CHOSEN)]


def test_s3_and_s21b_keep_one_row_and_close_the_gap(session: Session, started: tuple[make.World, Person]) -> None:
    _, ada = started
    choose(session, ada, "blue", "red")
    choose(session, ada, "red")
    assert ranks(session, ada) == [("red", 1, S.CHOSEN), ("blue", None, S.WITHDRAWN)]
    choose(session, ada, "red", "blue")
    assert ranks(session, ada) == [("red", 1, S.CHOSEN), ("blue", 2, S.CHOSEN)]
    codes = session.scalars(
        sa.select(StateChange.code).where(StateChange.code.like("S%")).order_by(StateChange.id.desc()).limit(4)
    ).all()
    assert codes[:2] == ["S21b", "S3"]
    assert session.scalar(sa.select(sa.func.count()).select_from(StreamApplication)) == 2


@pytest.mark.parametrize(
    ("keys", "tracks", "code"),
    [
        (("green",), ("empirical",), Code.TRACK_NOT_CHOSEN),
        (("red", "blue", "green"), ("empirical", "theory"), Code.STREAM_LIMIT),
        (("nothing",), ("empirical",), Code.STREAM_CLOSED),
    ],
)
def test_s1_refusals(
    session: Session, started: tuple[make.World, Person], keys: tuple[str, ...], tracks: tuple[str, ...], code: Code
) -> None:
    with pytest.raises(Refused) as refused:
        choose(session, started[1], *keys, tracks=tracks)
    assert refused.value.refusal.code is code


def test_s1_a_streams_own_close_is_half_open_and_replaces_the_cohorts(
    session: Session, started: tuple[make.World, Person]
) -> None:
    world, ada = started
    world.streams["red"].closes_at = make.NOW
    session.flush()
    with pytest.raises(Refused) as refused:
        choose(session, ada, "red")
    assert refused.value.refusal.code is Code.STREAM_CLOSED
    choose(session, ada, "red", now=make.NOW - timedelta(milliseconds=1))
    choose(session, ada, "red", "blue")  # what stands may stay and be ordered
    assert live_streams(session, make.held(session, ada).id) == ["red", "blue"]


@pytest.mark.parametrize("state", [StreamState.DRAFT, StreamState.CLOSED, StreamState.CANCELLED])
def test_s1_only_where_the_stream_takes_applications(
    session: Session, started: tuple[make.World, Person], state: StreamState
) -> None:
    world, ada = started
    world.streams["red"].state = state
    session.flush()
    with pytest.raises(Refused) as refused:
        choose(session, ada, "red")
    assert refused.value.refusal.code is Code.STREAM_CLOSED


def test_s1_waits_for_the_next_submission_once_there_is_a_snapshot(
    session: Session, started: tuple[make.World, Person]
) -> None:
    world, ada = started
    choose(session, ada, "red")
    mine, first = make.submitted(session, world, ada)
    assert first.content["streams"] == ["red"]
    choose(session, ada, "blue", "red")
    assert ranks(session, ada) == [("red", 1, S.CHOSEN)]
    second = apply.submit(session, make.acting(ada), submit_key="again", now=make.NOW)
    assert second.content["streams"] == ["blue", "red"]
    assert ranks(session, ada) == [("blue", 1, S.CHOSEN), ("red", 2, S.CHOSEN)]
    assert mine.state is ApplicationState.SUBMITTED


def test_a_stream_leaves_with_its_track_and_its_wish_stays(
    session: Session, started: tuple[make.World, Person]
) -> None:
    world, ada = started
    choose(session, ada, "red")
    make.answer(session, ada, tracks=["theory"])
    assert live_streams(session, make.held(session, ada).id) == []
    _, snapshot = make.submitted(session, world, ada, tracks=["theory"], q_theory="A theorem.")
    assert snapshot.content["streams"] == []
    make.answer(session, ada, tracks=["empirical"])
    again = apply.submit(session, make.acting(ada), submit_key="again", now=make.NOW)
    assert again.content["streams"] == ["red"]
    assert live_streams(session, make.held(session, ada).id) == ["red"]


def test_s1_after_the_first_result_in_advanced_tracks_only(session: Session) -> None:
    world, ada = make.cohort(session, stream_choice=StreamChoiceMoment.AFTER_ADVANCE), make.person(session)
    mine, _ = make.submitted(session, world, ada, tracks=["empirical", "theory"], q_theory="A theorem.")
    with pytest.raises(Refused) as refused:
        choose(session, ada, "red")
    assert refused.value.refusal.code is Code.CLOSED
    for choice in session.scalars(sa.select(TrackChoice).where(TrackChoice.application_id == mine.id)):
        advanced = choice.track_id == world.tracks["empirical"].id
        choice.state = TrackChoiceState.ADVANCED if advanced else TrackChoiceState.NOT_ADVANCED
    mine.state = ApplicationState.IN_STREAMS
    session.flush()
    for when in (T6 - timedelta(milliseconds=1), T7):
        with pytest.raises(Refused) as refused:
            choose(session, ada, "red", now=when)
        assert refused.value.refusal.code is Code.STREAM_CLOSED
    with pytest.raises(Refused) as refused:
        choose(session, ada, "green", now=T6)
    assert refused.value.refusal.code is Code.TRACK_NOT_ADVANCED
    choose(session, ada, "red", now=T6)
    choose(session, ada, "blue", "red", now=T7 - timedelta(milliseconds=1))
    assert ranks(session, ada) == [("blue", 1, S.CHOSEN), ("red", 2, S.CHOSEN)]
