"""How long the sections of a form take, measured from those who wrote them.

A page saves after each pause in typing, so the time between two saves of a section, or between opening it and its
first save, is time spent on what the later one changed. A longer gap counts as ``LONGEST_GAP``: somebody thought, or
went away.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from statistics import quantiles
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import AnswerDraft, Application, SectionPace
from matsapply.cohorts.models import FormVersion, Question

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

LONGEST_GAP = timedelta(minutes=3)
LEAST_PEOPLE = 20  # below that, a range would tell of single people rather than of the form
REMEMBERED = timedelta(days=730)


def seconds_spent(saved: Iterable[datetime | None], opened_at: datetime | None, now: datetime) -> int:
    """Seconds since the last sign of work on a section: its saves, or its opening; 0 where there was none."""
    signs = [each for each in (*saved, opened_at) if each is not None and each <= now]
    return round(min(now - max(signs), LONGEST_GAP).total_seconds()) if signs else 0


def pace_of(session: Session, form_version_id: int) -> dict[str, tuple[float, float]]:
    """Minutes by section, as the middle half of those who submitted needed them; empty before enough have."""
    rows = session.execute(
        sa.select(SectionPace.section, SectionPace.low_seconds, SectionPace.high_seconds).where(
            SectionPace.form_version_id == form_version_id
        )
    )
    return {section: (low / 60, high / 60) for section, low, high in rows}


def measure(session: Session, now: datetime) -> int:
    """Count the paces of all published forms anew; returns how many sections have one.

    Who answered the same questions in another form counts too, so that a new cohort begins with the last one's times.
    """
    sections = _sections(session)
    times: dict[Any, list[int]] = defaultdict(list)
    for form_id, section, seconds in _times(session, now):
        times[sections.get((form_id, section))].append(seconds)
    held = {(row.form_version_id, row.section): row for row in session.scalars(sa.select(SectionPace))}
    measured = 0
    for (form_id, section), questions in sections.items():
        found = times[questions]
        if len(found) < LEAST_PEOPLE:
            continue
        low, _, high = quantiles(found, n=4)
        row = held.get((form_id, section)) or SectionPace(form_version_id=form_id, section=section)
        row.people, row.low_seconds, row.high_seconds, row.measured_at = len(found), int(low), int(high), now
        session.add(row)
        measured += 1
    session.flush()
    return measured


def _sections(session: Session) -> dict[tuple[int, str], frozenset[Any]]:
    """What each section of each published form asks: key, type and limit of its questions."""
    found: dict[tuple[int, str], set[Any]] = defaultdict(set)
    rows = session.execute(
        sa.select(Question.form_version_id, Question.section, Question.key, Question.type, Question.limit)
        .join(FormVersion, FormVersion.id == Question.form_version_id)
        .where(FormVersion.published_at.is_not(None))
    )
    for form_id, section, *question in rows:
        found[form_id, section].add(tuple(question))
    return {place: frozenset(asked) for place, asked in found.items()}


def _times(session: Session, now: datetime) -> Any:
    """(form, section, seconds) of each submitted application that was timed."""
    spent = sa.func.sum(AnswerDraft.seconds)
    return session.execute(
        sa.select(Question.form_version_id, Question.section, spent)
        .join(Application, Application.form_version_id == Question.form_version_id)
        .join(
            AnswerDraft,
            sa.and_(AnswerDraft.application_id == Application.id, AnswerDraft.question_key == Question.key),
        )
        .where(Application.submitted_at > now - REMEMBERED)
        .group_by(Question.form_version_id, Question.section, Application.id)
        .having(spent > 0)
    )
