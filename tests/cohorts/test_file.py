"""Cohort files: every mistake at its line with its rule, and a file written from a value reads back equal."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from matsapply.cohorts.file import Parsed, dump, parse
from matsapply.cohorts.file_errors import FileError, Rule
from matsapply.cohorts.file_types import CohortFile, MentorEntry, TaskUse, TrackEntry, unnamed_mentors
from matsapply.cohorts.yaml_tree import MAX_BYTES
from matsapply.rules.stages import InterviewPlan, MentorKind, SelectionMode

PATH = Path(__file__).parents[2] / "config" / "cohorts" / "2027-06.yaml"
TEXT = PATH.read_text(encoding="utf-8")
SMALL = """\
program: {name: MATS}
cohort: {key: 2028-01, label: January}
tracks:
  - {key: theory, name: Theory}
  - {key: empirical, name: Empirical}
streams:
  - {key: proofs, name: Proofs, track: theory, mentors: 1, seats: {min: 1, target: 2, max: 3}}
"""


def loaded(text: str) -> CohortFile:
    parsed = parse(text)
    assert parsed.errors == ()
    assert parsed.file is not None
    return parsed.file


def only(text: str | bytes) -> FileError:
    """The single error of a text."""
    parsed = parse(text)
    assert parsed.file is None
    assert len(parsed.errors) == 1, [str(error) for error in parsed.errors]
    return parsed.errors[0]


def changed(old: str, new: str, text: str = TEXT) -> tuple[str, int]:
    """The text with one place changed, and the line of that place."""
    assert text.count(old) == 1, (old, text.count(old))
    return text.replace(old, new), text[: text.index(old)].count("\n") + 1


class TestTheDemoCohort:
    def test_it_has_no_mistakes_and_no_warnings(self) -> None:
        parsed = parse(PATH.read_bytes())
        assert (parsed.errors, parsed.warnings) == ((), ())

    def test_its_traits(self) -> None:
        file = loaded(TEXT)
        streams = {stream.key: stream for stream in file.streams}
        dates = {date.code: date.moment.at for date in file.key_dates if date.moment}
        assert len(file.tracks) == 5
        assert len(file.streams) == 20
        assert len(file.evaluations) == 9
        assert [track.name for track in file.tracks][2] == "Policy & strategy"
        early = streams["mech-interp"]
        assert early.own_calendar
        assert early.interview is InterviewPlan.NONE
        assert early.closes is not None
        assert early.closes.at == datetime(2027, 1, 5, 12, tzinfo=UTC)
        assert streams["ai-control"].mode is SelectionMode.POOLED
        assert streams["ai-control"].mentors == unnamed_mentors(5)
        assert streams["verification"].also_tracks == ("compute-governance",)
        assert streams["reasoning"].seats is None
        assert streams["forecasting"].seats is not None
        assert streams["forecasting"].seats.max == 0
        assert sum(TaskUse("code-screen") in stream.evaluations for stream in file.streams) == 8
        assert dates["T3"] > dates["T5"] == dates["T6"]
        assert dates["T2"] == datetime(2027, 1, 18, 12, tzinfo=UTC)
        assert file.form is not None
        assert len(file.form.questions) == 28
        assert next(question for question in file.form.questions if question.key == "hours").options == ("40", "20")
        assert next(rubric for rubric in file.rubrics if rubric.kind == "stream_review").scale[0] == "no"

    def test_it_survives_being_written(self) -> None:
        file = loaded(TEXT)
        text = dump(file)
        assert loaded(text) == file
        assert dump(loaded(text)) == text
        assert "!!" not in text
        assert "at: 2026-12-08T17:00:00Z" in text
        assert "eod_aoe: 2027-01-17" in text

    def test_a_cohort_may_be_published_without_dates(self) -> None:
        file = loaded(SMALL.replace("label: January", "label: January, state: published"))
        assert [date.moment for date in file.key_dates] == [None] * 20
        assert "key_dates" not in dump(file)


# One place of the demo cohort changed, and the rule and the words that the message must hold.
MISTAKES = [
    ("capacity: 120", "capacty: 120", Rule.UNKNOWN_KEY, "did you mean 'capacity'"),
    ("over_offer_allowance: 6", "over_offer_allowance: 6\n  over_offer_allowance: 7", Rule.DUPLICATE_KEY, "line"),
    ("capacity: 120", "capacity: many", Rule.WRONG_TYPE, "whole number"),
    ("capacity: 120", "capacity: -1", Rule.OUT_OF_RANGE, "from 0"),
    ("length_weeks: 12", "length_weeks: [12]", Rule.WRONG_TYPE, "a list"),
    ("rolling_review: false", "rolling_review: no", Rule.WRONG_TYPE, "true or false"),
    ("state: published\n", "state: publishd\n", Rule.NOT_A_CHOICE, "did you mean 'published'"),
    ('label: "June–August 2027"', 'label: ""', Rule.BAD_TEXT, "blank"),
    ('label: "June–August 2027"', r'label: "a\0b"', Rule.BAD_TEXT, "U+0000"),
    ('label: "June–August 2027"', r'label: "a\nb"', Rule.BAD_TEXT, "single line"),
    ("key: 2027-06", "key: 2027/06", Rule.BAD_KEY, "small letters"),
    ("default_deadline_zone: AoE", "default_deadline_zone: Mars", Rule.WALL_TIME, "time zone"),
    ("at: 2026-12-08T17:00:00Z", "at: 2026-12-08T17:00:00", Rule.NAIVE_INSTANT, "names no zone"),
    ("at: 2026-12-08T17:00:00Z", "at: 2026-12-08", Rule.BAD_DATE, "eod_aoe"),
    ("at: 2026-12-08T17:00:00Z", "at: 2026-13-08T17:00:00Z", Rule.BAD_DATE, "calendar"),
    ("at: 2026-12-08T17:00:00Z", "at: soon", Rule.BAD_DATE, "no instant"),
    ("at: 2026-12-08T17:00:00Z", "at: 0026-12-08T17:00:00Z", Rule.BAD_DATE, "year"),
    ("closes, eod_aoe: 2027-01-17", "closes, eod_aoe: 2027-02-30", Rule.BAD_DATE, "calendar"),
    ("closes, eod_aoe: 2027-01-17", "closes, eod_aoe: 9999-12-31", Rule.BAD_DATE, "year"),
    ("due, at: 2027-02-09T17:00:00Z", "due, wall: 2027-03-14 02:30 America/Los_Angeles", Rule.WALL_TIME, "not exist"),
    ("due, at: 2027-02-09T17:00:00Z", "due, wall: 2026-11-01 01:30 America/Los_Angeles", Rule.WALL_TIME, "twice"),
    ("due, at: 2027-02-09T17:00:00Z", "due, wall: 2027-02-09 02:30 Mars/Olympus", Rule.WALL_TIME, "time zone"),
    ("closes, eod_aoe: 2027-01-17", "closes, at: 2027-01-17T00:00:00Z, eod_aoe: 2027-01-17", Rule.BAD_DATE, "one of"),
    ("closes, eod_aoe: 2027-01-17", "closes, eod_aoe: 2026-12-01", Rule.DATE_ORDER, "T1 < T2"),
    ("T21: {", "T22: {", Rule.UNKNOWN_KEY, "did you mean 'T2"),
    ("name: AI security, track: empirical", "name: AI security, track: empirica", Rule.REFERENCE, "did you mean"),
    ("name: AI security, track: empirical", "name: AI security, trak: x, track: theory", Rule.UNKNOWN_KEY, "'track'"),
    ("also_track: compute-governance", "also_track: technical-governance", Rule.DUPLICATE_NAME, "main track"),
    ("[code-screen, takehome-5h]", "[code-screen, takehome-6h]", Rule.REFERENCE, "takehome-5h"),
    ("[code-screen, takehome-5h]", "[code-screen, code-screen]", Rule.DUPLICATE_NAME, "twice"),
    ("seats: {min: 8, target: 12, max: 14}", "seats: {min: 8, target: 12, max: 11}", Rule.SEATS, "8, 12, 11"),
    ("seats: {min: 8, target: 12, max: 14}", "seats: {min: 8, target: 12}", Rule.MISSING_KEY, "'max'"),
    ("interview: two", "interview: three", Rule.NOT_A_CHOICE, "two"),
    ("{key: forecasting, name", "{key: international, name", Rule.DUPLICATE_KEY, "already a stream"),
    ("kind: take_home", "kind: take_hom", Rule.NOT_A_CHOICE, "did you mean 'take_home'"),
    ("kind: coding, shared: true", "kind: coding, shared: false", Rule.REFERENCE, "8 streams"),
    ("when_track: theory", "when_track: theories", Rule.REFERENCE, "did you mean 'theory'"),
    ("type: timezone", "type: zone", Rule.NOT_A_CHOICE, "timezone"),
    ("type: file, accept: [pdf]", "type: file, accept: [exe]", Rule.NOT_A_CHOICE, "pdf"),
    ("options: [40, 20]", "options: [40]", Rule.MISSING_KEY, "two options"),
    ("type: timezone", "type: timezone, limit: 5", Rule.UNKNOWN_KEY, "has no limit"),
    ("type: long, limit: 1200", "type: long, limit: 0", Rule.OUT_OF_RANGE, "from 1"),
    ("type: referees, min: 0, max: 2", "type: referees, min: 3, max: 2", Rule.OUT_OF_RANGE, "min is 3"),
    ("{key: setback, section", "{key: version, section", Rule.BAD_KEY, "the form's own page uses"),
    ("{key: setback, section", "{key: keep-it, section", Rule.BAD_KEY, "another key"),
    ("{key: setback, section", "{key: evidence, section", Rule.DUPLICATE_KEY, "already a question"),
    ("research: 0.35, execution: 0.10", "research: 0.40, execution: 0.10", Rule.WEIGHTS, "sum to 1.05"),
    ("research: 0.35, execution: 0.10", "research: 0.45, executon: 0.10", Rule.UNKNOWN_KEY, "execution"),
    ("      theory: {research", "      theorie: {research", Rule.REFERENCE, "theory"),
    ("extend_until: T15", "extend_until: T55", Rule.REFERENCE, "no key date"),
    ("notifications: [receipt,", "notifications: [reciept,", Rule.NOT_A_CHOICE, "did you mean 'receipt'"),
    ("program: {name: MATS", "program: {nom: MATS", Rule.UNKNOWN_KEY, "name"),
    ("program: {", "programme: {", Rule.UNKNOWN_KEY, "did you mean 'program'"),
]


class TestMistakes:
    @pytest.mark.parametrize(("old", "new", "rule", "words"), MISTAKES)
    def test_each_names_its_line_and_its_rule(self, old: str, new: str, rule: Rule, words: str) -> None:
        text, line = changed(old, new)
        parsed = parse(text)
        assert parsed.file is None
        found = [error for error in parsed.errors if error.rule is rule]
        assert found, [str(error) for error in parsed.errors]
        last = line + new.count("\n")
        assert line <= found[0].line <= last
        assert words in found[0].message
        assert str(found[0]).startswith(f"{found[0].line}:")
        assert str(found[0]).endswith(f"[{rule}]")

    def test_one_run_reports_all_of_them_in_order(self) -> None:
        text = SMALL.replace("name: MATS", "nam: MATS").replace("mentors: 1", "mentors: x").replace("min: 1", "min: 9")
        lines = [error.line for error in parse(text).errors]
        assert lines == sorted(lines)
        assert {error.rule for error in parse(text).errors} == {
            Rule.UNKNOWN_KEY,
            Rule.MISSING_KEY,
            Rule.WRONG_TYPE,
            Rule.SEATS,
        }

    def test_a_path_says_where(self) -> None:
        text, _ = changed("seats: {min: 8, target: 12, max: 14}", "seats: {min: 8, target: 12, max: 1.5}")
        assert parse(text).errors[0].path == "streams[2].seats.max"

    def test_missing_sections(self) -> None:
        assert [error.message for error in parse("cohort: {key: a, label: b}").errors] == [
            "'program' is missing",
            "'tracks' is missing",
        ]

    def test_a_list_of_streams_is_not_one_stream(self) -> None:
        assert only(SMALL.partition("streams:")[0] + "streams: {key: a}").rule is Rule.WRONG_TYPE

    def test_t8_and_t9_belong_to_evaluations(self) -> None:
        error = only(SMALL + "key_dates: {T9: {at: 2028-01-01T00:00:00Z}}\n")
        assert (error.line, error.path) == (8, "key_dates.T9")
        assert "evaluations" in error.message

    def test_references_at_submission_bind_their_due_date(self) -> None:
        text, _ = changed("reference_timing: after_advance", "reference_timing: at_submit")
        error = only(text)
        assert error.rule is Rule.DATE_ORDER
        assert "T3 ≤ T5" in error.message

    def test_a_stream_with_an_own_calendar_meets_the_ranking(self) -> None:
        text, line = changed("close_eod_aoe: 2027-01-04}, ai_policy", "close_eod_aoe: 2027-04-20}, ai_policy")
        error = only(text)
        assert (error.line, error.rule) == (line, Rule.DATE_ORDER)
        assert "C:mech-interp ≤ T12" in error.message
        text, _ = changed("own_calendar: {open: 2026-12-15T17:00:00Z, close_eod_aoe: 2027-01-04}, ", "")
        assert "T7 ≤ T9:research-task" in only(text).message


class TestWarnings:
    def test_few_week_ends(self) -> None:
        text, line = changed("Stream choice closes, eod_aoe: 2027-02-22", "Stream choice closes, eod_aoe: 2027-02-19")
        parsed = parse(text)
        assert parsed.file is not None
        assert [(warning.line, warning.rule) for warning in parsed.warnings] == [(line, Rule.SHORT_WINDOW)]

    def test_an_evaluation_that_nobody_uses(self) -> None:
        text, _ = changed("[code-screen, takehome-5h]", "[code-screen]")
        assert [warning.rule for warning in parse(text).warnings] == [Rule.UNUSED]

    def test_a_form_without_tracks(self) -> None:
        form = "form: {questions: [{key: a, section: b, type: text, label: c}]}\n"
        assert [warning.rule for warning in parse(SMALL + form).warnings] == [Rule.INCOMPLETE]


class TestHostileFiles:
    @pytest.mark.parametrize(
        ("content", "rule"),
        [
            (b"", Rule.SYNTAX),
            (b"# nothing\n", Rule.SYNTAX),
            (b"\xff\xfe\x00a", Rule.ENCODING),
            (SMALL.encode("utf-16"), Rule.ENCODING),
            ("cohort: café".encode("latin-1"), Rule.ENCODING),
            (b"%PDF-1.7\n\x00\x01\x02", Rule.ENCODING),
            (b"\x00" * 100, Rule.ENCODING),
            (b"cohort: \x1b[31mred", Rule.ENCODING),
            (b"a" * (MAX_BYTES + 1), Rule.SIZE),
            (b"cohort: [", Rule.SYNTAX),
            (b"cohort: {a: b\nprogram: x", Rule.SYNTAX),
            (b"\tcohort: x", Rule.SYNTAX),
            (b"? [a]\n: b", Rule.SYNTAX),
            (b"a: 1\n---\nb: 2", Rule.SYNTAX),
            (b"a: &x [1]\nb: *x", Rule.ALIAS),
            (b"a: *x", Rule.SYNTAX),
            (b"a: &a [x]\nb: &b [*a, *a]\nc: &c [*b, *b]", Rule.ALIAS),
            (b"a: !!python/object/apply:os.system [id]", Rule.TAG),
            (b"a: !!int '3'", Rule.TAG),
            (b"a: !x y", Rule.TAG),
            (b"[" * 5000 + b"]" * 5000, Rule.NESTING),
            (b"[" * 400_000, Rule.NESTING),
            (b"a: [" + b"1," * 120_000 + b"1]", Rule.NESTING),
            (b"just words", Rule.WRONG_TYPE),
            (b"- a\n- b", Rule.WRONG_TYPE),
        ],
    )
    def test_one_clear_error(self, content: bytes, rule: Rule) -> None:
        error = only(content)
        # A file without the anchor an alias names is refused by the parser or by us; both say what is wrong.
        assert error.rule is rule or (rule is Rule.SYNTAX and error.rule is Rule.ALIAS)
        assert error.line >= 1

    def test_half_a_character(self) -> None:
        assert only("cohort: \ud800").rule is Rule.ENCODING
        assert only('program: {name: "\\ud800"}').rule in {Rule.BAD_TEXT, Rule.SYNTAX}

    def test_the_line_of_a_wrong_byte(self) -> None:
        assert only(b"a: 1\nb: 2\nc: \xff").line == 3

    def test_merge_keys_are_only_unknown_keys(self) -> None:
        assert any(error.rule is Rule.UNKNOWN_KEY and error.line == 8 for error in parse(SMALL + "<<: {a: b}\n").errors)

    def test_a_byte_order_mark_is_no_mistake(self) -> None:
        assert parse(b"\xef\xbb\xbf" + SMALL.encode()).errors == ()

    @settings(max_examples=300)
    @given(st.binary(max_size=300))
    def test_any_bytes_get_an_answer(self, content: bytes) -> None:
        self.answered(parse(content))

    @settings(max_examples=300)
    @given(st.data())
    def test_any_damage_gets_an_answer(self, data: st.DataObject) -> None:
        start = data.draw(st.integers(0, len(TEXT)))
        length = data.draw(st.integers(0, 40))
        patch = data.draw(st.text(alphabet=st.sampled_from(list("{}[]:,-#&*!|>'\"%@ \n\tnul~0T9é")), max_size=6))
        self.answered(parse(TEXT[:start] + patch + TEXT[start + length :]))

    @staticmethod
    def answered(parsed: Parsed) -> None:
        assert (parsed.file is None) == bool(parsed.errors)
        for error in parsed.errors:
            assert error.line >= 1
            assert error.message
        if parsed.file is not None:
            assert parse(dump(parsed.file)).file == parsed.file


lines = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cn")))
names = lines.map(lambda text: text[:60]).filter(lambda text: bool(text.strip()))
AWKWARD = ["yes", "null", "~", "2027-01-01", "1e3", "0x1F", "- a", "a: b", "#c", "'", "&", "2027-06-07T16:00:00Z"]


class TestRoundTrip:
    @given(names, lines, st.sampled_from(AWKWARD))
    def test_any_text_survives(self, name: str, description: str, awkward: str) -> None:
        file = loaded(SMALL)
        tracks = (
            TrackEntry("theory", name, 1, description[:500]),
            TrackEntry("empirical", awkward, 2, f"{awkward}\n{name}\n\n  {awkward}"),
        )
        written = replace(file, tracks=tracks)
        assert loaded(dump(written)) == written

    @given(st.lists(st.tuples(names, st.sampled_from(MentorKind)), max_size=5))
    def test_named_mentors_survive(self, mentors: list[tuple[str, MentorKind]]) -> None:
        file = loaded(SMALL)
        stream = replace(file.streams[0], mentors=tuple(MentorEntry(name, kind) for name, kind in mentors))
        written = replace(file, streams=(stream,))
        assert loaded(dump(written)) == written

    def test_moments_keep_the_way_they_were_given(self) -> None:
        dates = """key_dates:
  T1: {at: 2027-12-01T12:00:30+02:00}
  T2: {eod_aoe: 2027-12-20}
  T5: {wall: 2028-01-10 17:00 Europe/London}
  T13: {wall: 2028-11-05 01:30 America/Los_Angeles second, estimate: true}
"""
        file = loaded(SMALL + dates)
        moments = {entry.code: entry.moment for entry in file.key_dates if entry.moment}
        assert moments["T1"].at == datetime(2027, 12, 1, 10, 0, 30, tzinfo=UTC)
        assert moments["T13"].at == datetime(2028, 11, 5, 9, 30, tzinfo=UTC)
        text = dump(file)
        assert loaded(text) == file
        assert "at: 2027-12-01T10:00:30Z" in text
        assert "eod_aoe: 2027-12-20" in text
        assert re.search(r"wall: '?2028-01-10 17:00 Europe/London'?}", text)
        assert re.search(r"wall: '?2028-11-05 01:30 America/Los_Angeles second'?, estimate: true", text)

    def test_a_large_cohort_is_read_quickly_enough(self) -> None:
        """300 streams (E45); the limit is generous because machines differ, a quadratic reader would miss it by far."""
        stream = "  - {key: s%d, name: Stream %d, track: theory, mentors: 2, seats: {min: 1, target: 2, max: 3}}\n"
        text = SMALL + "".join(stream % (n, n) for n in range(300))
        started = datetime.now(UTC)
        assert len(loaded(text).streams) == 301
        assert datetime.now(UTC) - started < timedelta(seconds=10)
