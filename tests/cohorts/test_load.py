"""Loading cohort files: created once, unchanged the second time, and changed only in ways that are fair to people."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.audit.models import AuditEvent
from matsapply.cohorts.date_changes import DateRefused
from matsapply.cohorts.file import dump, parse
from matsapply.cohorts.file_types import CohortFile, MentorEntry, Moment, QuestionEntry, Seats, StreamEntry, TaskUse
from matsapply.cohorts.load import LoadReport, load_cohort
from matsapply.cohorts.load_parts import LoadRefused
from matsapply.cohorts.models import (
    Cohort,
    Criterion,
    FormVersion,
    KeyDate,
    KeyDateRevision,
    Mentor,
    Question,
    Rubric,
    Stream,
    StreamTrack,
    Track,
)
from matsapply.cohorts.stored import NoSuchCohort, dump_cohort
from matsapply.rules.date_moves import MoveProblem
from matsapply.rules.deadlines import eod_aoe
from matsapply.rules.stages import CohortState, MentorKind, QuestionType, StreamState
from matsapply.tracking.models import StateChange

PATH = Path(__file__).parents[2] / "config" / "cohorts" / "2027-06.yaml"
NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
DURING = datetime(2027, 1, 10, 9, tzinfo=UTC)


def demo() -> CohortFile:
    file = parse(PATH.read_bytes()).file
    assert file is not None
    return file


def in_state(file: CohortFile, state: CohortState) -> CohortFile:
    return replace(file, cohort=replace(file.cohort, state=state))


def with_stream(file: CohortFile, stream: StreamEntry) -> CohortFile:
    return replace(file, streams=tuple(stream if old.key == stream.key else old for old in file.streams))


def stream_of(file: CohortFile, key: str) -> StreamEntry:
    return next(stream for stream in file.streams if stream.key == key)


def with_date(file: CohortFile, code: str, day: date | None) -> CohortFile:
    moment = None if day is None else Moment(eod_aoe(day), f"{day} EOD AoE")
    dates = tuple(replace(entry, moment=moment) if entry.code == code else entry for entry in file.key_dates)
    return replace(file, key_dates=dates)


def count(session: Session, model: type) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def test_load_dump_load_changes_nothing(session: Session) -> None:
    file = demo()
    first = load_cohort(session, file, NOW)
    session.commit()
    assert first.created
    stored = dump_cohort(session, "2027-06")
    assert stored == file
    versions = session.execute(sa.select(Stream.key, Stream.version, Stream.updated_at).order_by(Stream.id)).all()
    events = count(session, AuditEvent)
    again = parse(dump(stored)).file
    assert again is not None
    second = load_cohort(session, again, DURING)
    session.commit()
    assert second == LoadReport("2027-06", created=False)
    assert second.unchanged
    assert (
        session.execute(sa.select(Stream.key, Stream.version, Stream.updated_at).order_by(Stream.id)).all() == versions
    )
    assert count(session, AuditEvent) == events


def test_what_is_stored(session: Session) -> None:
    load_cohort(session, demo(), NOW)
    counted = {model: count(session, model) for model in (KeyDate, Track, Stream, Mentor, Question, Rubric, Criterion)}
    assert list(counted.values()) == [20, 5, 20, 53, 28, 6, 20]
    assert count(session, StreamTrack) == 21
    assert count(session, KeyDateRevision) == 0
    form = session.scalars(sa.select(FormVersion)).one()
    assert (form.number, form.published_at) == (1, NOW)
    closes = session.scalars(sa.select(KeyDate).where(KeyDate.code == "T2")).one()
    assert (closes.at, closes.wall_rule) == (datetime(2027, 1, 18, 12, tzinfo=UTC), "2027-01-17 EOD AoE")
    assert session.scalars(sa.select(Stream.seats_max).where(Stream.key == "reasoning")).one() is None


def test_there_is_no_such_cohort(session: Session) -> None:
    with pytest.raises(NoSuchCohort):
        dump_cohort(session, "1999-01")


def test_several_cohorts_stand_side_by_side(session: Session) -> None:
    file = demo()
    other = replace(file, cohort=replace(file.cohort, key="2028-01", label="January–March 2028"))
    load_cohort(session, file, NOW)
    assert load_cohort(session, other, NOW).created
    assert dump_cohort(session, "2027-06") == file
    assert dump_cohort(session, "2028-01") == other


def test_changes_are_said_and_made(session: Session) -> None:
    file = demo()
    load_cohort(session, file, NOW)
    evals = stream_of(file, "evals")
    changed = with_stream(
        file,
        replace(
            evals,
            seats=Seats(1, 2, 3),
            also_tracks=("theory",),
            mentors=(MentorEntry("Ada Example"), *evals.mentors[1:3], MentorEntry("Guest", MentorKind.DELEGATE)),
            evaluations=(TaskUse("code-screen", False, 2.0),),
            state=StreamState.CLOSED,
        ),
    )
    report = load_cohort(session, changed, NOW)
    assert report.changed
    assert dump_cohort(session, "2027-06") == changed
    assert any("seats_max 10 → 3" in line for line in report.lines)
    assert any("state listed → closed" in line for line in report.lines)
    assert all(line.startswith("stream evals") for line in report.lines)
    assert session.scalars(sa.select(StateChange.code)).all() == ["T3"]
    assert load_cohort(session, changed, NOW).unchanged


def test_a_mentor_who_leaves_is_kept_with_an_end(session: Session) -> None:
    file = demo()
    load_cohort(session, file, NOW)
    fewer = with_stream(file, replace(stream_of(file, "oversight"), mentors=stream_of(file, "oversight").mentors[:2]))
    load_cohort(session, fewer, DURING)
    assert dump_cohort(session, "2027-06") == fewer
    assert session.scalars(sa.select(Mentor.ends_at).where(Mentor.ends_at.is_not(None))).all() == [DURING, DURING]
    load_cohort(session, file, DURING)
    assert dump_cohort(session, "2027-06") == file


class TestForms:
    QUESTION = QuestionEntry("extra", "you", QuestionType.LONG, "Anything else?", limit=200)

    def with_question(self, file: CohortFile) -> CohortFile:
        assert file.form is not None
        return replace(file, form=replace(file.form, questions=(*file.form.questions, self.QUESTION)))

    def test_e25_a_published_form_is_followed_by_a_new_version(self, session: Session) -> None:
        file = demo()
        load_cohort(session, file, NOW)
        before = session.scalars(sa.select(Question.id).order_by(Question.id)).all()
        load_cohort(session, self.with_question(file), DURING)
        assert dump_cohort(session, "2027-06") == self.with_question(file)
        assert session.execute(
            sa.select(FormVersion.number, FormVersion.published_at).order_by(FormVersion.number)
        ).all() == [(1, NOW), (2, DURING)]
        assert set(before) < set(session.scalars(sa.select(Question.id)).all())

    def test_a_form_that_nobody_has_seen_is_rewritten(self, session: Session) -> None:
        file = in_state(demo(), CohortState.DRAFT)
        load_cohort(session, file, NOW)
        load_cohort(session, self.with_question(file), NOW)
        assert session.execute(sa.select(FormVersion.number, FormVersion.published_at)).all() == [(1, None)]
        assert count(session, Question) == 29

    def test_publication_by_file_publishes_the_form(self, session: Session) -> None:
        load_cohort(session, in_state(demo(), CohortState.DRAFT), NOW)
        load_cohort(session, demo(), DURING)
        assert session.scalars(sa.select(FormVersion.published_at)).all() == [DURING]


def test_a_changed_rubric_becomes_the_next_number(session: Session) -> None:
    file = demo()
    load_cohort(session, file, NOW)
    rubrics = tuple(replace(rubric, readers=3) if rubric.kind == "central_score" else rubric for rubric in file.rubrics)
    load_cohort(session, replace(file, rubrics=rubrics), DURING)
    assert dump_cohort(session, "2027-06").rubrics == rubrics
    rows = session.execute(sa.select(Rubric.number, Rubric.readers).where(Rubric.kind == "central_score"))
    assert sorted(tuple(row) for row in rows) == [(1, 2), (2, 3)]


class TestDates:
    def test_a_later_date_leaves_a_revision_and_is_told(self, session: Session) -> None:
        load_cohort(session, demo(), NOW)
        report = load_cohort(session, with_date(demo(), "T2", date(2027, 1, 20)), DURING, reason="storm")
        [move] = report.moves
        assert (move.code, move.tells, move.reopened) == ("T2", True, False)
        assert move.old == eod_aoe(date(2027, 1, 17))
        [revision] = session.scalars(sa.select(KeyDateRevision)).all()
        assert (revision.old_at, revision.new_at) == (move.old, eod_aoe(date(2027, 1, 20)))
        assert (revision.reason, revision.announced_at, revision.reopens) == ("storm", DURING, False)
        logged = session.scalars(sa.select(AuditEvent.action).where(AuditEvent.subject_type == "key_date")).all()
        assert logged == ["key_date.later"]

    def test_an_earlier_date_needs_notice_confirmation_and_reason(self, session: Session) -> None:
        load_cohort(session, demo(), NOW)
        soon = with_date(demo(), "T2", date(2027, 1, 11))
        for terms, problem in (
            ({"confirmed": True, "reason": "why"}, MoveProblem.TOO_SHORT_NOTICE),
            ({}, MoveProblem.TOO_SHORT_NOTICE),
        ):
            with pytest.raises(DateRefused) as refused:
                load_cohort(session, soon, DURING, **terms)  # type: ignore[arg-type]
            assert refused.value.refusal.problem is problem
        earlier = with_date(demo(), "T2", date(2027, 1, 14))
        with pytest.raises(DateRefused, match="Confirm"):
            load_cohort(session, earlier, DURING)
        with pytest.raises(DateRefused, match="reason"):
            load_cohort(session, earlier, DURING, confirmed=True)
        assert dump_cohort(session, "2027-06") == demo()
        assert load_cohort(session, earlier, DURING, confirmed=True, reason="agreed").changed

    def test_a_task_moves_by_the_same_rules(self, session: Session) -> None:
        load_cohort(session, demo(), NOW)
        file = demo()
        day = date(2027, 3, 13)
        moved = tuple(
            replace(task, due=Moment(eod_aoe(day), f"{day} EOD AoE")) if task.key == "writing-test" else task
            for task in file.evaluations
        )
        changed = replace(file, evaluations=moved)
        with pytest.raises(DateRefused, match="T9:writing-test"):
            load_cohort(session, changed, eod_aoe(day) - timedelta(hours=71), confirmed=True, reason="why")
        report = load_cohort(session, changed, NOW, confirmed=True, reason="why")
        assert [(move.code, move.label) for move in report.moves] == [
            ("T9:writing-test", "Evaluation due: Writing test")
        ]

    def test_a_draft_cohort_moves_its_dates_freely(self, session: Session) -> None:
        draft = in_state(demo(), CohortState.DRAFT)
        load_cohort(session, draft, NOW)
        report = load_cohort(session, with_date(draft, "T2", date(2026, 12, 20)), NOW)
        assert [move.tells for move in report.moves] == [False]


class TestWhatMayNotGo:
    def test_a_published_cohort_loses_nothing_by_a_file(self, session: Session) -> None:
        file = demo()
        load_cohort(session, file, NOW)
        fewer = replace(file, streams=tuple(stream for stream in file.streams if stream.key != "evals"))
        with pytest.raises(LoadRefused, match="'evals'"):
            load_cohort(session, fewer, NOW)

    def test_a_draft_may_lose_streams_tasks_and_tracks(self, session: Session) -> None:
        file = in_state(demo(), CohortState.DRAFT)
        load_cohort(session, file, NOW)
        smaller = replace(
            file,
            tracks=tuple(track for track in file.tracks if track.key != "theory"),
            streams=tuple(stream for stream in file.streams if stream.track != "theory"),
            evaluations=tuple(task for task in file.evaluations if task.key != "theory-problems"),
            form=None,
            rubrics=(),
        )
        full = replace(smaller, form=file.form, rubrics=file.rubrics)
        assert full.form is not None
        form = replace(full.form, questions=tuple(q for q in full.form.questions if q.when_track != "theory"))
        full = replace(full, form=form)
        load_cohort(session, full, NOW)
        assert dump_cohort(session, "2027-06") == full

    def test_a_state_moves_only_along_the_table(self, session: Session) -> None:
        load_cohort(session, in_state(demo(), CohortState.DRAFT), NOW)
        with pytest.raises(LoadRefused, match="cannot make it finished"):
            load_cohort(session, in_state(demo(), CohortState.FINISHED), NOW)
        session.rollback()
        load_cohort(session, demo(), NOW)
        assert load_cohort(session, in_state(demo(), CohortState.RUNNING), NOW).lines == (
            "cohort 2027-06: state published → running",
        )
        assert session.scalars(sa.select(Cohort.state)).all() == [CohortState.RUNNING]
