"""Cohort files: ``parse`` reads one and reports every mistake, ``dump`` writes one that reads back equal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from matsapply.cohorts.file_checks import check
from matsapply.cohorts.file_dump import dump
from matsapply.cohorts.file_errors import FileError, Stop
from matsapply.cohorts.file_fields import Fields, Findings
from matsapply.cohorts.file_form import read_form, read_rubrics
from matsapply.cohorts.file_sections import (
    read_cohort,
    read_evaluations,
    read_key_dates,
    read_notifications,
    read_offer_policy,
    read_program,
    read_review_policy,
    read_stages,
    read_status_policy,
    read_streams,
    read_time_policy,
    read_tracks,
)
from matsapply.cohorts.file_types import (
    CohortEntry,
    CohortFile,
    OfferPolicy,
    ProgramEntry,
    ReviewPolicy,
    Stages,
    StatusPolicy,
    TimePolicy,
)
from matsapply.cohorts.yaml_tree import read_tree

__all__ = ["CohortFile", "FileError", "Parsed", "dump", "parse"]

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Parsed:
    """What came of reading: ``file`` is None exactly where there are errors. Findings stand in the file's order."""

    file: CohortFile | None
    errors: tuple[FileError, ...]
    warnings: tuple[FileError, ...]


def parse(source: bytes | str) -> Parsed:
    """Read a cohort file. Never raises: whatever the bytes are, the answer is a file or errors with their lines."""
    try:
        tree = read_tree(source)
    except Stop as stop:
        return Parsed(None, (stop.error,), ())
    findings = Findings()
    file = _read(Fields(tree, "", findings))
    check(file, findings)
    errors = tuple(sorted(set(findings.errors)))
    return Parsed(None if errors else file, errors, tuple(sorted(set(findings.warnings))))


def _section(top: Fields, key: str, read: Callable[[Fields], Part], default: Part) -> Part:
    fields = top.mapping(key)
    if fields is None:
        return default
    value = read(fields)
    fields.finish()
    return value


def _read(top: Fields) -> CohortFile:
    for key in ("program", "cohort", "tracks"):
        top.required(key)
    dates = top.mapping("key_dates")
    file = CohortFile(
        program=_section(top, "program", read_program, ProgramEntry("")),
        cohort=_section(top, "cohort", read_cohort, CohortEntry("", "")),
        tracks=read_tracks(top),
        time_policy=_section(top, "time_policy", read_time_policy, TimePolicy()),
        stages=_section(top, "stages", read_stages, Stages()),
        key_dates=read_key_dates(dates),
        streams=read_streams(top),
        evaluations=read_evaluations(top),
        form=_section(top, "form", read_form, None),
        rubrics=_section(top, "rubrics", read_rubrics, ()),
        review_policy=_section(top, "review_policy", read_review_policy, ReviewPolicy()),
        offer_policy=_section(top, "offer_policy", read_offer_policy, OfferPolicy()),
        status_policy=_section(top, "status_policy", read_status_policy, StatusPolicy()),
        notifications=read_notifications(top),
    )
    if dates:
        dates.finish()
    top.finish()
    return file
