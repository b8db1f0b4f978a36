"""What a cohort file must say as a whole: every name it uses exists, and its dates stand in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime

from matsapply.cohorts.file_errors import Rule, suggestion
from matsapply.cohorts.file_fields import Findings
from matsapply.cohorts.file_types import CohortFile
from matsapply.rules.deadlines import (
    OrderOptions,
    base_code,
    evaluation_due,
    evaluation_opens,
    order_violations,
    short_windows,
    stream_closes,
    stream_opens,
)
from matsapply.rules.stages import ReferenceTiming


def dates_of(file: CohortFile) -> dict[str, datetime | None]:
    """Every date of the file by its code: the cohort's, evaluations' (T8:key, T9:key) and streams' (O:key, C:key)."""
    dates: dict[str, datetime | None] = {
        entry.code: entry.moment.at if entry.moment else None for entry in file.key_dates
    }
    for evaluation in file.evaluations:
        dates[evaluation_opens(evaluation.key)] = evaluation.opens_at
        dates[evaluation_due(evaluation.key)] = evaluation.due.at if evaluation.due else None
    for stream in file.streams:
        dates[stream_opens(stream.key)] = stream.opens_at
        dates[stream_closes(stream.key)] = stream.closes.at if stream.closes else None
    return dates


def order_options(file: CohortFile) -> OrderOptions:
    """Which order rules apply: an evaluation runs by its streams' own calendar when all streams that use it do."""
    usual = {use.key for stream in file.streams if not stream.own_calendar for use in stream.evaluations}
    own = {use.key for stream in file.streams if stream.own_calendar for use in stream.evaluations}
    return OrderOptions(
        references_at_submit=file.stages.reference_timing is ReferenceTiming.AT_SUBMIT,
        own_calendar=frozenset(own - usual),
    )


def check(file: CohortFile, findings: Findings) -> None:
    """Add what is wrong with ``file`` as a whole to ``findings``."""
    _check_names(file, findings)
    _check_tasks(file, findings)
    _check_weights(file, findings)
    _check_dates(file, findings)


def _known(findings: Findings, place: tuple[str, ...], kind: str, name: str, names: Collection[str]) -> None:
    if name and name not in names:
        message = f"there is no {kind} {name!r}{suggestion(name, names)}"
        findings.error_at(place, Rule.REFERENCE, message)


def _check_names(file: CohortFile, findings: Findings) -> None:
    tracks = {track.key for track in file.tracks}
    evaluations = {evaluation.key for evaluation in file.evaluations}
    for stream in file.streams:
        _known(findings, ("stream", stream.key, "track"), "track", stream.track, tracks)
        for track in stream.also_tracks:
            _known(findings, ("stream", stream.key, "also_track"), "track", track, tracks)
            if track == stream.track:
                message = f"{track!r} is already the main track of this stream"
                findings.error_at(("stream", stream.key, "also_track"), Rule.DUPLICATE_NAME, message)
        for use in stream.evaluations:
            _known(findings, ("stream", stream.key, "evaluations"), "evaluation", use.key, evaluations)
    for question in file.form.questions if file.form else ():
        _known(findings, ("question", question.key, "when_track"), "track", question.when_track, tracks)


def _check_tasks(file: CohortFile, findings: Findings) -> None:
    users = Counter(use.key for stream in file.streams for use in stream.evaluations)
    for evaluation in file.evaluations:
        if not users[evaluation.key]:
            message = f"no stream uses the evaluation {evaluation.key!r}"
            findings.warning_at(("evaluation", evaluation.key), Rule.UNUSED, message)
        if users[evaluation.key] > 1 and not evaluation.shared:
            message = (
                f"{users[evaluation.key]} streams use {evaluation.key!r}; write shared: true, or give each its own"
            )
            findings.error_at(("evaluation", evaluation.key, "shared"), Rule.REFERENCE, message)


def _check_weights(file: CohortFile, findings: Findings) -> None:
    tracks = [track.key for track in file.tracks]
    for rubric in file.rubrics:
        weighted = [track for track, _ in rubric.weights]
        for track in weighted:
            _known(findings, ("weights", track), "track", track, tracks)
        for track in tracks if weighted else ():
            if track not in weighted:
                message = f"the track {track!r} has no weights"
                findings.error_at(("rubric", rubric.kind, "weights"), Rule.WEIGHTS, message)


def _check_dates(file: CohortFile, findings: Findings) -> None:
    dates = dates_of(file)
    for violation in order_violations(dates, order_options(file)):
        first, second = dates[violation.code_a], dates[violation.code_b]
        message = (
            f"{violation.rule} does not hold: {violation.code_a} is {first:%Y-%m-%d %H:%M} UTC, "
            f"{violation.code_b} is {second:%Y-%m-%d %H:%M} UTC"
        )
        # A stream's or a task's date is more likely to be the wrong one than the cohort's.
        own_first = ":" in violation.code_a and ":" not in violation.code_b
        findings.error_at(_place_of(violation.code_a if own_first else violation.code_b), Rule.DATE_ORDER, message)
    wanted = file.status_policy.min_weekends_per_window
    for short in short_windows(dates, wanted):
        message = (
            f"between {short.opening_code} and {short.closing_code} people have {short.week_ends} whole week-ends; "
            f"{short.wanted} are wanted"
        )
        findings.warning_at(_place_of(short.closing_code), Rule.SHORT_WINDOW, message)


def _place_of(code: str) -> tuple[str, ...]:
    """Where a date stands in the file."""
    base, _, key = code.partition(":")
    match base_code(code):
        case "T8":
            return ("evaluation", key, "open")
        case "T9":
            return ("evaluation", key, "due")
        case "O" | "C":
            return ("stream", key, "closes")
    return ("date", base)
