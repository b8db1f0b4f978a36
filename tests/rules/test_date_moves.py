"""Moving key dates. Codes: section 9 (invariant 6) of the process."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from hypothesis import given, strategies as st

from matsapply.rules.date_moves import Move, MoveKind, MoveProblem, MoveRefusal, MoveTerms, plan_move, plan_moves
from matsapply.rules.deadlines import KEY_DATES, eod_aoe, order_violations
from matsapply.rules.stages import KeyDateKind
from tests.rules.example_dates import EXAMPLE, at

MOMENT = timedelta(microseconds=1)
NOW = at("2027-01-10T00:00:00Z")
DAY = timedelta(days=1)


def moved(code: str, new: datetime | None, now: datetime = NOW, **terms: object) -> Move | MoveRefusal:
    return plan_move(code, new, EXAMPLE, now, MoveTerms(**terms))  # type: ignore[arg-type]


def problem(answer: Move | MoveRefusal) -> MoveProblem:
    assert isinstance(answer, MoveRefusal)
    return answer.problem


def kind(answer: Move | MoveRefusal) -> MoveKind:
    assert isinstance(answer, Move)
    return answer.kind


class TestMoves:
    def test_later_is_always_allowed_and_told(self) -> None:
        close = EXAMPLE["T2"]
        assert close is not None
        answer = moved("T2", close + DAY, now=close - MOMENT)
        assert answer == Move("T2", MoveKind.LATER, close, close + DAY, tells=True)

    def test_earlier_needs_notice_a_confirmation_and_a_reason(self) -> None:
        soonest = NOW + timedelta(hours=72)
        refused = moved("T2", soonest - MOMENT, confirmed=True, reason="why")
        assert refused == MoveRefusal(MoveProblem.TOO_SHORT_NOTICE, "T2", earliest=soonest)
        assert problem(moved("T2", soonest)) is MoveProblem.NEEDS_CONFIRMATION
        assert problem(moved("T2", soonest, confirmed=True, reason="  ")) is MoveProblem.NEEDS_REASON
        assert kind(moved("T2", soonest, confirmed=True, reason="why")) is MoveKind.EARLIER

    def test_a_passed_gate_is_reopened_and_never_turned_back(self) -> None:
        close = EXAMPLE["T2"]
        assert close is not None
        now = close + DAY
        assert problem(moved("T2", close - DAY, now, confirmed=True, reason="why")) is MoveProblem.PASSED
        assert problem(moved("T2", now, now, confirmed=True, reason="why")) is MoveProblem.PASSED
        assert problem(moved("T2", None, now, confirmed=True, reason="why")) is MoveProblem.PASSED
        assert problem(moved("T2", now + DAY, now, confirmed=True)) is MoveProblem.NEEDS_REASON
        assert kind(moved("T2", now + DAY, now, confirmed=True, reason="why")) is MoveKind.REOPENED

    def test_dates_that_are_only_shown_need_no_notice(self) -> None:
        assert kind(moved("T4", NOW + MOMENT)) is MoveKind.EARLIER
        assert KEY_DATES["T4"].kind is KeyDateKind.DISPLAY

    def test_before_publication_only_the_order_counts(self) -> None:
        assert kind(moved("T2", NOW, published=False)) is MoveKind.EARLIER
        assert problem(moved("T2", EXAMPLE["T1"], published=False)) is MoveProblem.ORDER

    def test_taking_a_date_back_needs_a_confirmation(self) -> None:
        assert problem(moved("T7", None)) is MoveProblem.NEEDS_CONFIRMATION
        assert kind(moved("T7", None, confirmed=True, reason="why")) is MoveKind.UNSET

    def test_a_first_close_gives_the_same_notice_as_an_earlier_one(self) -> None:
        unset = {**EXAMPLE, "T2": None}
        assert problem(plan_move("T2", NOW + DAY, unset, NOW)) is MoveProblem.TOO_SHORT_NOTICE
        terms = MoveTerms(confirmed=True)
        assert plan_move("T2", NOW + 5 * DAY, unset, NOW, terms) == Move(
            "T2", MoveKind.FIRST, None, NOW + 5 * DAY, tells=True
        )
        assert plan_move("T1", NOW, {}, NOW) == Move("T1", MoveKind.FIRST, None, NOW, tells=False)

    def test_unknown_codes_are_refused(self) -> None:
        for code in ("T22", "T8", "T9", "T2:x", ""):
            assert problem(moved(code, NOW)) is MoveProblem.UNKNOWN_CODE
        assert kind(moved("C:stream", NOW + 10 * DAY, confirmed=True, reason="why")) is MoveKind.FIRST

    def test_dates_that_depend_on_each_other_move_together(self) -> None:
        later: dict[str, datetime | None] = {
            code: old + 10 * DAY for code in ("T14", "T15") if (old := EXAMPLE[code]) is not None
        }
        assert problem(plan_move("T14", eod_aoe(date(2027, 5, 15)), EXAMPLE, NOW)) is MoveProblem.ORDER
        answer = plan_moves(later, EXAMPLE, NOW)
        assert not isinstance(answer, MoveRefusal)
        assert [move.kind for move in answer] == [MoveKind.LATER] * 2

    @given(
        st.lists(
            st.tuples(
                st.sampled_from([code for code in KEY_DATES if code not in {"T8", "T9"}]),
                st.none() | st.integers(-40, 40).map(lambda n: n * timedelta(hours=24)),
                st.booleans(),
                st.timedeltas(timedelta(0), timedelta(days=20)),
            ),
            max_size=20,
        )
    )
    def test_invariant_6_no_sequence_of_edits_breaks_the_order(
        self, edits: list[tuple[str, timedelta | None, bool, timedelta]]
    ) -> None:
        dates, now = dict(EXAMPLE), at("2026-12-01T00:00:00Z")
        for code, shift, confirmed, passes in edits:
            now += passes
            base = dates[code] or now
            new = None if shift is None else base + shift
            answer = plan_move(code, new, dates, now, MoveTerms(confirmed=confirmed, reason="why"))
            if isinstance(answer, Move):
                was = dates[code]
                dates[code] = answer.new
                gate = KEY_DATES[code].kind is not KeyDateKind.DISPLAY
                if gate and was is not None and was <= now and answer.kind is not MoveKind.UNCHANGED:
                    assert answer.kind is MoveKind.REOPENED  # nobody's past is rewritten
                    assert answer.new is not None
                    assert answer.new > now
            assert order_violations(dates) == []
