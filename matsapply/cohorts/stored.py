"""A cohort of the database as the value a cohort file has, so that the two can be compared and written out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from matsapply.cohorts.file_sections import COHORT_DATES
from matsapply.cohorts.file_types import (
    CohortEntry,
    CohortFile,
    CriterionEntry,
    EvaluationEntry,
    ExceptionPath,
    FormEntry,
    KeyDateEntry,
    MarkedKey,
    MentorEntry,
    Moment,
    OfferPolicy,
    ProgramEntry,
    QuestionEntry,
    ReviewPolicy,
    RubricEntry,
    Seats,
    Stages,
    StatusPolicy,
    StreamEntry,
    TaskUse,
    TimePolicy,
    TrackEntry,
)
from matsapply.cohorts.models import (
    Cohort,
    Criterion,
    Evaluation,
    FormVersion,
    KeyDate,
    Mentor,
    Program,
    Question,
    Rubric,
    Stream,
    StreamEvaluation,
    StreamTrack,
    Track,
)
from matsapply.rules.deadlines import KEY_DATES, Audience
from matsapply.rules.stages import RubricKind
from matsapply.rules.wall_time import utc_rule

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

Policy = TypeVar("Policy", ReviewPolicy, OfferPolicy, StatusPolicy)


class NoSuchCohort(LookupError):
    """There is no cohort with that key."""


def dump_cohort(session: Session, key: str) -> CohortFile:
    """The cohort ``key`` as a file's value; a fixed number of queries. Raises ``NoSuchCohort``."""
    row = session.execute(
        sa.select(Cohort, Program).join(Program, Program.id == Cohort.program_id).where(Cohort.key == key)
    ).one_or_none()
    if row is None:
        raise NoSuchCohort(f"there is no cohort with the key {key!r}")
    cohort, program = row
    policies = cohort.policies
    time, stages = policies.get("time", {}), policies.get("stages", {})
    tracks = session.scalars(
        sa.select(Track).where(Track.cohort_id == cohort.id).order_by(Track.position, Track.id)
    ).all()
    return CohortFile(
        program=ProgramEntry(program.name, program.member_term, program.older_term),
        cohort=_cohort(cohort),
        tracks=tuple(
            TrackEntry(track.key, track.name, track.position, track.description)
            for track in tracks
            if track.dropped_at is None
        ),
        time_policy=TimePolicy(
            default_deadline_zone=time.get("default_deadline_zone", "AoE"),
            silent_grace_minutes=cohort.silent_grace_minutes,
            min_notice_hours_for_earlier_move=cohort.min_notice_hours,
            show=tuple(time.get("show", TimePolicy().show)),
        ),
        stages=Stages(
            stream_choice=cohort.stream_choice,
            reference_timing=cohort.reference_timing,
            rolling_review=stages.get("rolling_review", False),
            order=tuple(stages.get("order", Stages().order)),
        ),
        key_dates=_key_dates(session, cohort.id),
        streams=_streams(session, cohort.id, {track.id: track.key for track in tracks}),
        evaluations=_evaluations(session, cohort.id),
        form=_form(session, cohort.id, {track.id: track.key for track in tracks}),
        rubrics=_rubrics(session, cohort.id),
        review_policy=_policy(ReviewPolicy, policies.get("review", {})),
        offer_policy=_policy(OfferPolicy, policies.get("offer", {})),
        status_policy=_policy(StatusPolicy, policies.get("status", {})),
        notifications=tuple(policies.get("notifications", ())),
    )


def moment_of(at: datetime | None, rule: str) -> Moment | None:
    """An instant with its rule; one that was set without a rule is told in UTC."""
    return None if at is None else Moment(at, rule or utc_rule(at))


def marked(entries: tuple[MarkedKey, ...]) -> list[dict[str, str]]:
    return [{name: value for name, value in asdict(entry).items() if value} for entry in entries]


def policies_of(file: CohortFile) -> dict[str, Any]:
    """What a cohort keeps in its ``policies`` column."""
    return {
        "time": {"default_deadline_zone": file.time_policy.default_deadline_zone, "show": list(file.time_policy.show)},
        "stages": {"rolling_review": file.stages.rolling_review, "order": list(file.stages.order)},
        "review": asdict(file.review_policy) | {"conflict_sources": list(file.review_policy.conflict_sources)},
        "offer": asdict(file.offer_policy),
        "status": asdict(file.status_policy),
        "notifications": list(file.notifications),
    }


def _policy(kind: type[Policy], stored: dict[str, Any]) -> Policy:
    names = {field.name for field in fields(kind)}
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in stored.items() if name in names
    }
    return kind(**values)


def _cohort(cohort: Cohort) -> CohortEntry:
    return CohortEntry(
        key=cohort.key,
        label=cohort.label,
        length_weeks=cohort.length_weeks,
        locations=tuple(MarkedKey(**entry) for entry in cohort.locations),
        capacity=cohort.capacity,
        over_offer_allowance=cohort.over_offer_allowance,
        stipend_text=cohort.stipend_text,
        compute_text=cohort.compute_text,
        eligibility=tuple(MarkedKey(**entry) for entry in cohort.eligibility),
        prior_safety_experience=cohort.prior_safety_experience,
        state=cohort.state,
    )


def _key_dates(session: Session, cohort_id: int) -> tuple[KeyDateEntry, ...]:
    rows = {date.code: date for date in session.scalars(sa.select(KeyDate).where(KeyDate.cohort_id == cohort_id))}
    entries = []
    for code in COHORT_DATES:
        date = rows.get(code)
        if date is None:
            entries.append(KeyDateEntry(code, KEY_DATES[code].label, audience=KEY_DATES[code].audience))
            continue
        entries.append(
            KeyDateEntry(
                code=code,
                label=date.label,
                moment=moment_of(date.at, date.wall_rule),
                audience=Audience(date.audience),
                note=date.note,
                bound=date.bound,
                estimate=date.estimate,
                src=date.src,
            )
        )
    return tuple(entries)


def _streams(session: Session, cohort_id: int, track_keys: dict[int, str]) -> tuple[StreamEntry, ...]:
    streams = session.scalars(
        sa.select(Stream).where(Stream.cohort_id == cohort_id).order_by(Stream.position, Stream.id)
    ).all()
    own = sa.select(Stream.id).where(Stream.cohort_id == cohort_id)
    main: dict[int, str] = {}
    also: dict[int, list[str]] = defaultdict(list)
    for link in session.scalars(sa.select(StreamTrack).where(StreamTrack.stream_id.in_(own)).order_by(StreamTrack.id)):
        if link.is_main:
            main[link.stream_id] = track_keys[link.track_id]
        else:
            also[link.stream_id].append(track_keys[link.track_id])
    mentors: dict[int, list[MentorEntry]] = defaultdict(list)
    for mentor in session.scalars(
        sa.select(Mentor).where(Mentor.stream_id.in_(own), Mentor.ends_at.is_(None)).order_by(Mentor.position)
    ):
        mentors[mentor.stream_id].append(MentorEntry(mentor.name, mentor.kind))
    uses: dict[int, list[TaskUse]] = defaultdict(list)
    for use, key in session.execute(
        sa.select(StreamEvaluation, Evaluation.key)
        .join(Evaluation, Evaluation.id == StreamEvaluation.evaluation_id)
        .where(StreamEvaluation.stream_id.in_(own))
        .order_by(StreamEvaluation.position, StreamEvaluation.id)
    ):
        uses[use.stream_id].append(TaskUse(key, use.required, use.weight))
    return tuple(
        StreamEntry(
            key=stream.key,
            name=stream.name,
            track=main.get(stream.id, ""),
            also_tracks=tuple(also[stream.id]),
            mentors=tuple(mentors[stream.id]),
            seats=_seats(stream),
            evaluations=tuple(uses[stream.id]),
            interview=stream.interview,
            mode=stream.mode,
            ai_policy=stream.ai_policy,
            own_calendar=stream.own_calendar,
            opens_at=stream.opens_at,
            closes=moment_of(stream.closes_at, stream.closes_rule),
            state=stream.state,
            description=stream.description,
            areas=tuple(stream.areas),
            locations=tuple(stream.locations),
            note=stream.note,
        )
        for stream in streams
    )


def _seats(stream: Stream) -> Seats | None:
    if stream.seats_min is None or stream.seats_target is None or stream.seats_max is None:
        return None
    return Seats(stream.seats_min, stream.seats_target, stream.seats_max)


def _evaluations(session: Session, cohort_id: int) -> tuple[EvaluationEntry, ...]:
    rows = session.scalars(
        sa.select(Evaluation).where(Evaluation.cohort_id == cohort_id).order_by(Evaluation.position, Evaluation.id)
    )
    return tuple(
        EvaluationEntry(
            key=row.key,
            title=row.title,
            kind=row.kind,
            effort_h=row.effort_hours,
            ai_policy=row.ai_policy,
            shared=row.shared,
            opens_at=row.opens_at,
            due=moment_of(row.due_at, row.due_rule),
            personal_clock_min=row.personal_clock_minutes,
            dry_run=row.dry_run,
            attempts=row.attempts,
            brief=row.brief,
            answer_limit=row.answer_limit,
        )
        for row in rows
    )


def latest_form(session: Session, cohort_id: int) -> FormVersion | None:
    """The form version with the highest number, published or not."""
    return session.scalars(
        sa.select(FormVersion).where(FormVersion.cohort_id == cohort_id).order_by(FormVersion.number.desc()).limit(1)
    ).one_or_none()


def _form(session: Session, cohort_id: int, track_keys: dict[int, str]) -> FormEntry | None:
    form = latest_form(session, cohort_id)
    if form is None:
        return None
    rows = session.scalars(
        sa.select(Question).where(Question.form_version_id == form.id).order_by(Question.position, Question.id)
    )
    questions = []
    for row in rows:
        settings = row.settings
        questions.append(
            QuestionEntry(
                key=row.key,
                section=row.section,
                type=row.type,
                label=row.label,
                required=row.required,
                blind=row.blind,
                hint=row.hint,
                limit=row.limit,
                when_track="" if row.when_track_id is None else track_keys[row.when_track_id],
                options=tuple(settings.get("options", ())),
                accept=tuple(settings.get("accept", ())),
                max_mb=settings.get("max_mb"),
                min=settings.get("min"),
                max=settings.get("max"),
            )
        )
    return FormEntry(tuple(questions), form.stated_minutes, form.ai_policy)


def latest_rubrics(session: Session, cohort_id: int) -> dict[RubricKind, Rubric]:
    """For each kind the rubric with the highest number."""
    rows = session.scalars(sa.select(Rubric).where(Rubric.cohort_id == cohort_id).order_by(Rubric.number))
    return {row.kind: row for row in rows}


def _rubrics(session: Session, cohort_id: int) -> tuple[RubricEntry, ...]:
    rubrics = latest_rubrics(session, cohort_id)
    criteria: dict[int, list[CriterionEntry]] = defaultdict(list)
    for row in session.scalars(
        sa.select(Criterion)
        .where(Criterion.rubric_id.in_([rubric.id for rubric in rubrics.values()]))
        .order_by(Criterion.position, Criterion.id)
    ):
        criteria[row.rubric_id].append(CriterionEntry(row.key, row.label, tuple(row.anchors.items()), row.src))
    return tuple(_rubric(rubrics[kind], tuple(criteria[rubrics[kind].id])) for kind in RubricKind if kind in rubrics)


def _rubric(row: Rubric, criteria: tuple[CriterionEntry, ...]) -> RubricEntry:
    settings = row.settings
    return RubricEntry(
        kind=row.kind,
        scale=tuple(str(step) for step in row.scale),
        criteria=criteria,
        readers=row.readers,
        negative_needs=settings.get("negative_needs", ""),
        third_reader_if_spread_at_least=row.third_reader_spread,
        blind=tuple(row.blind),
        by_question=settings.get("by_question", False),
        structured=settings.get("structured", False),
        integrity_flag=settings.get("integrity_flag", ""),
        free_text_limit=settings.get("free_text_limit"),
        weights=tuple((track, tuple(weights.items())) for track, weights in row.weights.items()),
        exception_paths=tuple(ExceptionPath(**path) for path in settings.get("exception_paths", ())),
    )
