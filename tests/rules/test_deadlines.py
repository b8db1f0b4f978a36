"""Key dates and wall times. Codes: section 9 (invariants 2-5) and section 8 (E19-E21, E44) of the process."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, strategies as st

from matsapply.rules.deadlines import (
    KEY_DATES,
    OrderOptions,
    Violation,
    Window,
    closes_at,
    day_ended_by,
    eod_aoe,
    in_time,
    later_close,
    order_violations,
    short_windows,
    week_ends,
    window,
)
from matsapply.rules.wall_time import (
    Unresolved,
    WallProblem,
    parse_shown,
    resolve,
    resolve_rule,
    rule_for,
    shown,
)
from tests.rules.example_dates import EXAMPLE, at

MOMENT = timedelta(microseconds=1)
MILLISECOND = timedelta(milliseconds=1)
days = st.dates(min_value=date(1971, 1, 2), max_value=date(2200, 1, 1))
instants = st.integers(0, 230 * 365 * 86_400 * 10**6).map(
    lambda micros: datetime(1971, 1, 2, tzinfo=UTC) + timedelta(microseconds=micros)
) | st.integers(0, 230 * 365 * 24 * 4).map(lambda n: datetime(1971, 1, 2, tzinfo=UTC) + timedelta(minutes=15 * n))
ODD = ("Australia/Lord_Howe", "Africa/Monrovia")  # clocks that move by half an hour; an offset with odd seconds
zones = st.sampled_from(
    ["AoE", "UTC", "America/Los_Angeles", "Europe/London", "Pacific/Kiritimati", "Asia/Kathmandu", *ODD]
)
# A small grid of instants, so that equal dates and reversed dates are both common.
near = st.integers(0, 12).map(lambda hours: datetime(2027, 1, 1, tzinfo=UTC) + timedelta(hours=hours * 24))
date_sets = st.dictionaries(
    st.sampled_from([*(code for code in KEY_DATES if code not in {"T8", "T9"}), "T8:a", "T9:a", "T8:b", "T9:b"]),
    st.none() | near,
)


class TestInstants:
    @given(days)
    @example(date(2027, 3, 14))  # the clocks change in the United States
    @example(date(2027, 3, 28))  # and in Europe
    def test_invariant_3_a_day_ends_at_noon_utc_of_the_next(self, day: date) -> None:
        ended = eod_aoe(day)
        assert (ended.date(), ended.hour, ended.minute, ended.second) == (day + timedelta(days=1), 12, 0, 0)
        assert ended.tzinfo is UTC
        assert (ended - MOMENT).astimezone(ZoneInfo("Etc/GMT+12")).date() == day
        assert ended.astimezone(ZoneInfo("Etc/GMT+12")).date() == day + timedelta(days=1)
        assert day_ended_by(ended) == day
        assert day_ended_by(ended + MOMENT) is None

    def test_23_59_aoe_is_the_end_of_the_day(self) -> None:
        assert resolve_rule("2027-01-17 23:59 AoE") == resolve_rule("2027-01-17 EOD AoE") == at("2027-01-18T12:00:00Z")

    @given(instants, zones)
    @example(at("2027-11-07T09:30:00Z"), "America/Los_Angeles")  # 01:30 for the second time
    @example(at("2027-11-07T08:30:00Z"), "America/Los_Angeles")  # 01:30 for the first time
    def test_invariant_5_an_instant_survives_being_shown(self, instant: datetime, zone: str) -> None:
        assert parse_shown(shown(instant, zone)) == instant

    @given(instants)
    def test_a_rule_gives_its_instant_back(self, instant: datetime) -> None:
        whole = instant.replace(microsecond=0)
        assert resolve_rule(rule_for(whole)) == whole

    def test_e19_the_same_wall_time_in_london_moves_against_berkeley(self) -> None:
        expected = {"2027-03-12": "09:00", "2027-03-15": "10:00", "2027-03-26": "10:00", "2027-03-29": "09:00"}
        for day, berkeley in expected.items():
            instant = resolve_rule(f"{day} 17:00 Europe/London")
            assert isinstance(instant, datetime)
            assert f"{day} {berkeley} " in shown(instant, "America/Los_Angeles")

    def test_e20_a_deadline_is_shown_with_its_date_and_zone(self) -> None:
        text = shown(eod_aoe(date(2027, 1, 17)), "Pacific/Kiritimati")
        assert text == "2027-01-19 02:00 UTC+14:00 (Pacific/Kiritimati)"
        assert shown(eod_aoe(date(2027, 1, 17)), "AoE") == "2027-01-18 00:00 UTC-12:00 (AoE)"

    def test_e21_a_wall_time_that_is_skipped_is_refused(self) -> None:
        answer = resolve_rule("2027-03-14 02:30 America/Los_Angeles")
        assert isinstance(answer, Unresolved)
        assert (answer.problem, answer.choices) == (WallProblem.NONEXISTENT, ())
        forced = resolve(datetime.fromisoformat("2027-03-14T02:30"), "America/Los_Angeles", second=True)
        assert isinstance(forced, Unresolved)

    def test_e21_a_wall_time_that_occurs_twice_is_asked_about(self) -> None:
        answer = resolve_rule("2027-11-07 01:30 America/Los_Angeles")
        assert isinstance(answer, Unresolved)
        assert answer.problem is WallProblem.AMBIGUOUS
        assert answer.choices == (at("2027-11-07T08:30:00Z"), at("2027-11-07T09:30:00Z"))
        assert resolve_rule("2027-11-07 01:30 America/Los_Angeles first") == answer.choices[0]
        assert resolve_rule("2027-11-07 01:30 America/Los_Angeles second") == answer.choices[1]

    @given(instants, zones)
    def test_every_wall_time_that_clocks_show_is_found_again(self, instant: datetime, zone: str) -> None:
        text = shown(instant, zone)
        wall = datetime.fromisoformat(text.partition(" UTC")[0])
        answer = resolve(wall, zone)
        assert instant in ((answer,) if isinstance(answer, datetime) else answer.choices)

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("2027-01-17 12:00 Europe/Londn", WallProblem.UNKNOWN_ZONE),
            ("2027-01-17 12:00 ../etc/passwd", WallProblem.UNKNOWN_ZONE),
            ("2027-01-17 12:00 Europe", WallProblem.UNKNOWN_ZONE),
            ("2027-02-30 12:00 UTC", WallProblem.UNREADABLE),
            ("2027-01-17 25:00 UTC", WallProblem.UNREADABLE),
            ("9999-12-31 EOD AoE", WallProblem.UNREADABLE),
            ("9999-12-31 12:00 UTC", WallProblem.UNREADABLE),
            ("0001-01-01 12:00 UTC", WallProblem.UNREADABLE),
            ("soon", WallProblem.UNREADABLE),
            ("", WallProblem.UNREADABLE),
        ],
    )
    def test_a_rule_that_cannot_be_read_says_why(self, text: str, problem: WallProblem) -> None:
        answer = resolve_rule(text)
        assert isinstance(answer, Unresolved)
        assert answer.problem is problem


class TestWindows:
    @given(instants, instants)
    def test_invariant_4_gates_are_half_open(self, opens: datetime, closes: datetime) -> None:
        assume(opens < closes - MILLISECOND)
        gate = Window(opens, closes)
        assert gate.contains(opens)
        assert not gate.contains(opens - MOMENT)
        assert gate.contains(closes - MILLISECOND)
        assert not gate.contains(closes)

    def test_e44_without_an_opening_nothing_is_open(self) -> None:
        now = at("2027-01-01T00:00:00Z")
        assert not Window(None, None).contains(now)
        assert not Window(None, now + MOMENT).contains(now)
        assert Window(now, None).contains(now)
        assert not window({"T2": now + MOMENT}, "T1").contains(now)
        assert window({"T8:a": now, "T9:a": now + MOMENT}, "T8:a") == Window(now, now + MOMENT)

    @given(instants, st.none() | instants)
    def test_invariant_2_an_extension_only_gives_time(self, close: datetime, extension: datetime | None) -> None:
        own = later_close(close, extension)
        assert own is not None
        assert own >= close
        assert own == (close if extension is None else max(close, extension))

    def test_a_stream_replaces_the_close_in_either_direction(self) -> None:
        cohort = at("2027-02-23T12:00:00Z")
        for own in (cohort - timedelta(days=40), cohort + timedelta(days=4)):
            assert closes_at(cohort, own) == own
        assert closes_at(cohort, None) == cohort

    def test_grace_is_for_pages_opened_before_the_close(self) -> None:
        close = at("2027-01-18T12:00:00Z")
        grace = timedelta(minutes=15)
        before = close - timedelta(hours=1)
        assert in_time(close - MOMENT, close, grace)
        assert not in_time(close, close, grace)
        assert in_time(close, close, grace, page_opened=before)
        assert in_time(close + grace - MOMENT, close, grace, page_opened=before)
        assert not in_time(close + grace, close, grace, page_opened=before)
        assert not in_time(close + MOMENT, close, grace, page_opened=close)
        assert not in_time(close, close, timedelta(0), page_opened=before)

    @pytest.mark.parametrize(
        ("opens", "closes", "held"),
        [
            ("2027-02-12T18:00:00Z", "2027-02-23T12:00:00Z", 2),
            ("2027-02-23T12:00:00Z", "2027-03-08T12:00:00Z", 2),
            ("2027-02-23T12:00:00Z", "2027-03-08T11:59:59Z", 1),
            ("2027-02-13T12:00:00Z", "2027-02-15T12:00:00Z", 1),
            ("2027-02-13T12:00:01Z", "2027-02-15T12:00:00Z", 0),
            ("2027-02-15T12:00:00Z", "2027-02-19T12:00:00Z", 0),
            ("2026-12-15T17:00:00Z", "2027-01-05T12:00:00Z", 3),
        ],
    )
    def test_week_ends_are_counted_whole(self, opens: str, closes: str, held: int) -> None:
        assert week_ends(at(opens), at(closes)) == held

    @given(instants, st.timedeltas(timedelta(0), timedelta(days=60)))
    def test_week_ends_agree_with_a_slow_count(self, opens: datetime, length: timedelta) -> None:
        closes = opens + length
        noons = (opens.replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=n) for n in range(-1, 63))
        slow = sum(n.weekday() == 5 and opens <= n and n + timedelta(days=2) <= closes for n in noons)
        assert week_ends(opens, closes) == slow

    def test_short_windows_warn(self) -> None:
        assert short_windows(EXAMPLE) == []
        [short] = short_windows({**EXAMPLE, "T9:screen": at("2027-03-05T00:00:00Z")})
        assert (short.opening_code, short.closing_code, short.week_ends) == ("T8:screen", "T9:screen", 1)


class TestOrder:
    def test_the_table_has_every_code_once(self) -> None:
        assert list(KEY_DATES) == [f"T{n}" for n in range(22)]
        assert {row.closes for row in KEY_DATES.values() if row.closes} <= set(KEY_DATES)

    def test_the_example_cohort_is_in_order(self) -> None:
        assert order_violations(EXAMPLE) == []

    def test_letters_asked_for_at_submission_are_due_before_the_first_result(self) -> None:
        assert order_violations(EXAMPLE, OrderOptions(references_at_submit=True)) == [Violation("T3", "T5", "T3 ≤ T5")]

    def test_equal_dates_pass_where_the_rule_says_so(self) -> None:
        moment = at("2027-01-01T00:00:00Z")
        assert order_violations({"T5": moment, "T6": moment}) == []
        assert order_violations({"T6": moment, "T7": moment}) == [Violation("T6", "T7", "T6 < T7")]

    def test_unset_dates_are_skipped_but_not_what_stands_behind_them(self) -> None:
        late, early = at("2027-02-01T00:00:00Z"), at("2027-01-01T00:00:00Z")
        assert order_violations({}) == []
        assert order_violations({"T1": late}) == []
        assert order_violations({"T1": late, "T2": None, "T3": early}) == [Violation("T1", "T3", "T1 < T3")]
        assert order_violations({"T11": late, "T17": late}) == []
        assert order_violations({"T10": late, "T17": late}) == [Violation("T10", "T17", "T10 < T17")]

    def test_an_own_calendar_is_asked_only_about_the_ranking(self) -> None:
        dates = {**EXAMPLE, "T8:task": at("2026-12-15T17:00:00Z"), "T9:task": eod_aoe(date(2027, 1, 4))}
        assert order_violations(dates) == [Violation("T7", "T9:task", "T7 ≤ T9:task")]
        own = OrderOptions(own_calendar=frozenset({"task"}))
        assert order_violations(dates, own) == []
        late = {**dates, "T9:task": at("2027-04-15T00:00:00Z")}
        assert order_violations(late, own) == [Violation("T9:task", "T12", "T9:task ≤ T12")]
        stream = {"O:s": at("2027-01-02T00:00:00Z"), "C:s": at("2027-01-02T00:00:00Z")}
        assert order_violations(stream) == [Violation("O:s", "C:s", "O:s < C:s")]

    @given(date_sets)
    def test_no_violation_means_that_every_rule_holds(self, dates: dict[str, datetime | None]) -> None:
        """The neighbours' report is compared with the plain reading of the rule: all pairs, through all unset dates."""
        pairs = [("T0", "T1", 0), ("T1", "T2", 1), ("T2", "T3", 0), ("T2", "T5", 0), ("T5", "T6", 0), ("T6", "T7", 1)]
        pairs += [("T7", f"T9:{key}", 0) for key in "ab"] + [(f"T8:{key}", f"T9:{key}", 1) for key in "ab"]
        pairs += [("T10", "T11", 1), ("T11", "T12", 0), ("T12", "T13", 0), ("T13", "T14", 0), ("T14", "T15", 0)]
        pairs += [("T15", "T17", 0), ("T14", "T16", 0), ("T16", "T17", 0), ("T17", "T18", 1), ("T18", "T20", 0)]
        pairs += [("T19", "T20", 0), ("T5", "T21", 0)]
        closure = {(a, b): strict for a, b, strict in pairs}
        for _ in range(len(KEY_DATES)):
            for (a, b), first in list(closure.items()):
                for (c, d), second in list(closure.items()):
                    if b == c and closure.get((a, d), -1) < max(first, second):
                        closure[a, d] = max(first, second)
        broken = {
            (a, b)
            for (a, b), strict in closure.items()
            if (x := dates.get(a)) is not None and (y := dates.get(b)) is not None and (y < x or (strict and x == y))
        }
        found = {(violation.code_a, violation.code_b) for violation in order_violations(dates)}
        assert found <= broken
        assert bool(found) == bool(broken)
