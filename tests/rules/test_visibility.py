"""What an applicant may know: the line of a stream and the stage of an application, from released facts alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from matsapply.rules.stages import (
    ApplicationState as A,
    CloseReason,
    OfferState as O,
    StreamApplicationState as S,
)
from matsapply.rules.visibility import Released, Stage, StreamLine, application_stage, stream_line

T2, T13, T15 = (datetime(2027, month, 1, tzinfo=UTC) for month in (1, 4, 5))
DATES: dict[str, datetime | None] = {"T2": T2, "T13": T13, "T15": T15}
MOMENT = timedelta(milliseconds=1)
INTERNAL = (S.IN_REVIEW, S.EVALUATING, S.INTERVIEWING, S.ASSESSED)


@pytest.mark.parametrize("task", [False, True])
@pytest.mark.parametrize("interview", [False, True])
def test_internal_steps_read_the_same_whatever_they_are(task: bool, interview: bool) -> None:
    """S4 to S8: only an open invitation shows, and that is told by itself."""
    lines = {stream_line(state, open_task=task, open_interview=interview) for state in INTERNAL}
    expected = StreamLine.INTERVIEW if interview else StreamLine.TASK if task else StreamLine.UNDER_REVIEW
    assert lines == {expected}


@pytest.mark.parametrize("state", [state for state in S if state not in INTERNAL])
def test_every_other_state_has_a_line_that_open_invitations_do_not_change(state: S) -> None:
    lines = {stream_line(state, open_task=a, open_interview=b) for a in (False, True) for b in (False, True)}
    assert len(lines) == 1
    assert lines <= set(StreamLine)


def stage(
    *streams: S, offers: tuple[O, ...] = (), state: A = A.IN_STREAMS, now: datetime = T13, **more: object
) -> Stage:
    return application_stage(Released(state, streams=streams, offers=offers, **more), now, DATES)  # type: ignore[arg-type]


def test_before_the_streams_the_stage_follows_state_and_close() -> None:
    assert stage(state=A.DRAFT) is Stage.DRAFT
    assert stage(state=A.SUBMITTED, now=T2 - MOMENT) is Stage.SUBMITTED
    assert stage(state=A.SUBMITTED, now=T2) is Stage.UNDER_REVIEW
    undated = application_stage(Released(A.SUBMITTED), T15, {})
    assert undated is Stage.SUBMITTED, "a close that is not set has not passed"


def test_a_closed_application_says_so_before_all_else() -> None:
    assert stage(S.ACCEPTED, offers=(O.ACCEPTED,), state=A.CLOSED, close_reason=CloseReason.PLACED) is Stage.PLACED
    for reason in set(CloseReason) - {CloseReason.PLACED}:
        assert stage(S.OFFERED, offers=(O.PENDING,), state=A.CLOSED, close_reason=reason) is Stage.CLOSED


@pytest.mark.parametrize(
    ("streams", "offers", "now", "expected"),
    [
        ((S.ACCEPTED, S.OFFERED), (O.ACCEPTED, O.PENDING), T13, Stage.PLACED),
        ((S.ACCEPTED,), (O.CONFIRMED,), T13, Stage.PLACED),
        ((S.OFFERED, S.WAITLISTED), (O.PENDING,), T13, Stage.OFFER_PENDING),
        ((S.IN_REVIEW, S.NOT_SELECTED), (), T13 - MOMENT, Stage.IN_STREAMS),
        ((S.NOT_SELECTED,), (), T13 - MOMENT, Stage.IN_STREAMS),
        ((S.NOT_SELECTED,), (), T13, Stage.NOT_SELECTED),
        ((S.WAITLISTED, S.NOT_SELECTED), (), T15 - MOMENT, Stage.WAITLISTED),
        ((S.WAITLISTED, S.NOT_SELECTED), (), T15, Stage.NOT_SELECTED),
        ((S.WITHDRAWN, S.WITHDRAWN), (), T13, Stage.WITHDRAWN),
        ((S.WITHDRAWN, S.NOT_SELECTED), (), T13, Stage.NOT_SELECTED),
        ((S.DECLINED, S.NOT_SELECTED), (O.DECLINED,), T13, Stage.OFFERS_DECLINED),
        ((), (), T13, Stage.NOT_SELECTED),
    ],
)
def test_section_3_3_the_first_line_that_holds(
    streams: tuple[S, ...], offers: tuple[O, ...], now: datetime, expected: Stage
) -> None:
    assert stage(*streams, offers=offers, now=now) is expected


SOME_STREAMS = st.lists(st.sampled_from(sorted(S)), max_size=5)
SOME_OFFERS = st.lists(st.sampled_from(sorted(O)), max_size=3)
INSTANTS = st.sampled_from([T2 - MOMENT, T2, T13 - MOMENT, T13, T15 - MOMENT, T15])


@given(SOME_STREAMS, SOME_OFFERS, INSTANTS, st.randoms(use_true_random=False))
def test_invariant_14_the_stage_is_a_function_of_the_facts_and_not_of_their_order(
    streams: list[S], offers: list[O], now: datetime, random
) -> None:
    first = stage(*streams, offers=tuple(offers), now=now)
    random.shuffle(streams)
    random.shuffle(offers)
    assert stage(*streams, offers=tuple(offers), now=now) is first
    assert isinstance(first, Stage)


@given(SOME_STREAMS, SOME_OFFERS, INSTANTS, st.data())
def test_invariant_30_an_internal_step_never_changes_the_stage(
    streams: list[S], offers: list[O], now: datetime, data: st.DataObject
) -> None:
    """Two histories that differ in internal steps alone give the same stage and the same lines."""
    twin = [data.draw(st.sampled_from(INTERNAL)) if state in INTERNAL else state for state in streams]
    assert stage(*twin, offers=tuple(offers), now=now) is stage(*streams, offers=tuple(offers), now=now)
    assert [stream_line(state) for state in twin] == [stream_line(state) for state in streams]
