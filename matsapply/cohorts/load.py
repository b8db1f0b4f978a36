"""Bringing a cohort file into the database: created or updated by keys, and a second time nothing changes.

Nothing that people may already rely on is taken away: tracks, streams and evaluations that a file no longer names are
an error once the cohort is published, a published form is followed by a new version, and dates move by the same rules
as in the web interface. Any refusal is raised before the caller commits, so a load happens whole or not at all.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.audit import actions as audit
from matsapply.cohorts.date_changes import DateChange, DateRefused, plan_changes, record_moves
from matsapply.cohorts.file_checks import dates_of, order_options
from matsapply.cohorts.load_parts import (
    Changes,
    LoadRefused,
    remove_missing,
    save_evaluations,
    save_form,
    save_rubrics,
    save_tracks,
)
from matsapply.cohorts.load_streams import save_streams
from matsapply.cohorts.models import Cohort, KeyDate, Program
from matsapply.cohorts.states import move_state
from matsapply.cohorts.stored import NoSuchCohort, dump_cohort, latest_form, marked, policies_of
from matsapply.rules.access import ANONYMOUS
from matsapply.rules.date_moves import Move, MoveTerms
from matsapply.rules.deadlines import KEY_DATES
from matsapply.rules.stages import CohortState, Machine

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.cohorts.file_types import CohortFile, KeyDateEntry
    from matsapply.rules.access import Actor

__all__ = ["DateRefused", "LoadRefused", "LoadReport", "dump_cohort", "load_cohort"]


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load did. ``lines`` says each change in words; ``moves`` are the dates whose holders must be told."""

    key: str
    created: bool
    lines: tuple[str, ...] = ()
    moves: tuple[DateChange, ...] = field(default=())

    @property
    def changed(self) -> bool:
        return bool(self.lines) and not self.created

    @property
    def unchanged(self) -> bool:
        return not self.created and not self.lines

    def __str__(self) -> str:
        if self.unchanged:
            return f"cohort {self.key}: unchanged"
        if self.created:
            return f"cohort {self.key}: created ({len(self.lines)} entries)"
        return "\n".join((f"cohort {self.key}: {len(self.lines)} changes", *(f"  {line}" for line in self.lines)))


def load_cohort(
    session: Session,
    file: CohortFile,
    now: datetime,
    actor: Actor | None = None,
    *,
    confirmed: bool = False,
    reason: str = "",
    action: str = "cohort.load",
) -> LoadReport:
    """Create or update the cohort of ``file``; the caller commits, or rolls back when this raises.

    ``confirmed`` and ``reason`` are for dates of a published cohort that move earlier, open again or are taken back;
    ``action`` is what the log calls it.
    Raises ``DateRefused`` for a date that may not move so and ``LoadRefused`` for whatever else may not change.
    """
    actor = actor or ANONYMOUS
    key = file.cohort.key
    try:
        current = dump_cohort(session, key)
    except NoSuchCohort:
        current = None
    if current == file:
        return LoadReport(key, created=False)
    changes = Changes()
    program = _save_program(session, file, changes)
    cohort = session.scalars(sa.select(Cohort).where(Cohort.key == key).with_for_update()).one_or_none()
    moves: tuple[Move, ...] = ()
    if cohort is not None and current is not None:
        moves = _plan_dates(cohort, current, file, now, MoveTerms(confirmed=confirmed, reason=reason))
    cohort = _save_cohort(session, program, cohort, file, changes)
    _save_key_dates(session, cohort, file.key_dates, changes)
    tracks = save_tracks(session, cohort, file.tracks, changes)
    evaluations = save_evaluations(session, cohort, file.evaluations, changes)
    save_streams(session, cohort, file.streams, (tracks, evaluations), now, actor, changes)
    if file.form is not None:
        save_form(session, cohort, current.form if current else None, file.form, tracks, now, changes)
    save_rubrics(session, cohort, current.rubrics if current else (), file.rubrics, changes)
    remove_missing(session, cohort, file, changes)
    _save_state(session, cohort, file.cohort.state, now, actor, changes)
    told = record_moves(session, cohort, moves, actor, now, reason)
    audit.record(
        session,
        actor,
        action,
        now,
        subject_type=Machine.COHORT.value,
        subject_id=cohort.id,
        cohort_id=cohort.id,
        reason=reason,
        detail={"created": current is None, "changes": list(changes.lines[:200])},
    )
    session.flush()
    return LoadReport(key, current is None, tuple(changes.lines), told)


def _plan_dates(
    cohort: Cohort, current: CohortFile, file: CohortFile, now: datetime, terms: MoveTerms
) -> tuple[Move, ...]:
    """The moves between the stored dates and the file's, by the rules; raises ``DateRefused``."""
    before, after = dates_of(current), dates_of(file)
    codes = [code for code in {**before, **after} if before.get(code) != after.get(code)]
    return plan_changes(
        {code: after.get(code) for code in codes},
        before,
        now,
        MoveTerms(
            min_notice=timedelta(hours=cohort.min_notice_hours),
            published=cohort.state is not CohortState.DRAFT,
            confirmed=terms.confirmed,
            reason=terms.reason,
            order=order_options(file),
        ),
    )


def _save_program(session: Session, file: CohortFile, changes: Changes) -> Program:
    program = session.scalars(sa.select(Program).where(Program.name == file.program.name)).one_or_none()
    if program is None:
        program = Program(**asdict(file.program))
        session.add(program)
        session.flush()
        changes.created(f"program {program.name}")
    else:
        changes.assign(program, f"program {program.name}", **asdict(file.program))
    return program


def _save_cohort(
    session: Session, program: Program, cohort: Cohort | None, file: CohortFile, changes: Changes
) -> Cohort:
    entry = file.cohort
    values: dict[str, Any] = {
        "program_id": program.id,
        "label": entry.label,
        "length_weeks": entry.length_weeks,
        "locations": marked(entry.locations),
        "capacity": entry.capacity,
        "over_offer_allowance": entry.over_offer_allowance,
        "stipend_text": entry.stipend_text,
        "compute_text": entry.compute_text,
        "eligibility": marked(entry.eligibility),
        "prior_safety_experience": entry.prior_safety_experience,
        "silent_grace_minutes": file.time_policy.silent_grace_minutes,
        "min_notice_hours": file.time_policy.min_notice_hours_for_earlier_move,
        "stream_choice": file.stages.stream_choice,
        "reference_timing": file.stages.reference_timing,
        "policies": policies_of(file),
    }
    if cohort is None:
        cohort = Cohort(key=entry.key, state=entry.state, **values)
        session.add(cohort)
        session.flush()
        changes.created(f"cohort {entry.key}")
    else:
        changes.assign(cohort, f"cohort {entry.key}", **values)
    return cohort


def _save_key_dates(session: Session, cohort: Cohort, entries: tuple[KeyDateEntry, ...], changes: Changes) -> None:
    rows = {row.code: row for row in session.scalars(sa.select(KeyDate).where(KeyDate.cohort_id == cohort.id))}
    for entry in entries:
        values: dict[str, Any] = {
            "label": entry.label,
            "kind": KEY_DATES[entry.code].kind,
            "audience": entry.audience.value,
            "at": entry.moment.at if entry.moment else None,
            "wall_rule": entry.moment.rule if entry.moment else "",
            "estimate": entry.estimate,
            "note": entry.note,
            "bound": entry.bound,
            "src": entry.src,
        }
        if entry.code in rows:
            changes.assign(rows[entry.code], f"key date {entry.code}", **values)
        else:
            session.add(KeyDate(cohort_id=cohort.id, code=entry.code, **values))
            changes.created(f"key date {entry.code}")
    session.flush()


def _save_state(
    session: Session, cohort: Cohort, state: CohortState, now: datetime, actor: Actor, changes: Changes
) -> None:
    before = cohort.state
    if before is state:
        return
    move_state(session, Machine.COHORT, cohort, state, now, actor, cohort.id)
    changes.lines.append(f"cohort {cohort.key}: state {before} → {state}")
    form = latest_form(session, cohort.id)
    if state is not CohortState.DRAFT and form is not None and form.published_at is None:
        form.published_at = now
