"""What a release tells each person: read once, for the message that is sent and for the preview before it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Application, StreamApplication, TrackChoice
from matsapply.cohorts.gates import gates_of
from matsapply.cohorts.models import Cohort, Stream, Track
from matsapply.decisions import actions as decisions
from matsapply.decisions.models import Decision, ReleaseBatch
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.mail.rendering import render
from matsapply.people.models import Account, Person
from matsapply.platform.languages import later as _later
from matsapply.rules.stages import ApplicationState, BatchScope, Outcome, TrackChoiceState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

DEFAULT_REPLY = timedelta(days=7)
FEW = 200
RESULT_WORDS = {
    Outcome.ADVANCE: _later("advanced"),
    Outcome.NOT_ADVANCE: _later("not advanced"),
    Outcome.INELIGIBLE: _later("not eligible"),
    Outcome.OFFER: _later("offer"),
    Outcome.WAITLIST: _later("waitlisted"),
    Outcome.NOT_SELECT: _later("not selected"),
}


@dataclass(slots=True)
class Members:
    """The decisions of a batch by application: those its release carries out, and those of people who have left."""

    present: dict[int, list[Decision]]
    gone: list[Decision]


def members(session: Session, batch: ReleaseBatch, only: Collection[int] | None = None) -> Members:
    """Whoever left after the sealing must not stop everybody else: their decisions are passed over. One query."""
    query = (
        sa.select(Decision, Application.state, StreamApplication.state)
        .join(Application, Application.id == Decision.application_id)
        .outerjoin(StreamApplication, StreamApplication.id == Decision.stream_application_id)
        .where(Decision.batch_id == batch.id, Decision.superseded_at.is_(None))
        .order_by(Decision.application_id, Decision.id)
    )
    if only is not None:
        query = query.where(Decision.application_id.in_(only))
    found = Members(defaultdict(list), [])
    for decision, application, entry in session.execute(query):
        if decision.stream_application_id is None:
            stays = application is ApplicationState.SUBMITTED
        else:
            stays = application is ApplicationState.IN_STREAMS and entry in decisions.DECIDABLE
        if stays:
            found.present[decision.application_id].append(decision)
        else:
            found.gone.append(decision)
    return found


def kind_of(batch: ReleaseBatch) -> Mail:
    return Mail.FIRST_RESULT if on_tracks(batch) else Mail.DECISION


def on_tracks(batch: ReleaseBatch) -> bool:
    """Whether its decisions are about tracks: the first results, and what corrects them."""
    return batch.scope in {BatchScope.FIRST_RESULT, BatchScope.CORRECTION}


def reply_by(cohort: Cohort, dates: Mapping[str, datetime | None], now: datetime) -> datetime:
    """Until when an offer released now can be answered: T14, or so many days; never past T15 (invariant 43)."""
    wanted = dates.get("T14")
    if wanted is None or wanted <= now:
        days = cohort.policies.get("offer", {}).get("reply_days")
        wanted = now + (timedelta(days=days) if days else DEFAULT_REPLY)
    last = dates.get("T15")
    return wanted if last is None else min(wanted, last)


def letters(
    session: Session,
    batch: ReleaseBatch,
    present: Mapping[int, Sequence[Decision]],
    now: datetime,
    apology: str = "",
) -> dict[int, outbox.Message]:
    """The message to each application in ``present``, as a release at ``now`` sends it. Five queries, however many.

    They are written from the decisions and the present states, so they must be asked for before anything is moved.
    """
    cohort = session.get_one(Cohort, batch.cohort_id)
    dates = gates_of(session, cohort.id).dates
    recipients = session.execute(
        sa.select(Application.id, Person.id, Person.display_name, Person.time_zone, Person.language, Account.email)
        .join(Person, Person.id == Application.person_id)
        .join(Account, Account.person_id == Person.id)
        .where(Application.id.in_(_of(batch, present)))
    )
    first = on_tracks(batch)
    results = _track_results(session, batch, present) if first else _stream_results(session, batch, present)
    made = {}
    for application_id, person_id, name, zone, language, address in recipients:
        if application_id not in present:
            continue
        outcomes = {decision.outcome for decision in present[application_id]}
        context: dict[str, Any] = {
            "name": name,
            "zone": zone,
            "language": language,
            "cohort_label": cohort.label,
            "results": results[application_id],
        }
        if first:
            advanced = Outcome.ADVANCE in outcomes and Outcome.INELIGIBLE not in outcomes
            closes = dates.get("T7") if advanced else None
            context |= {"advanced": advanced, "choice_closes_at": closes, "apology": apology}
        else:
            context["expires_at"] = reply_by(cohort, dates, now) if Outcome.OFFER in outcomes else None
        cause = f"batch:{batch.id}:application:{application_id}"
        made[application_id] = outbox.Message(person_id, address, context, cause)
    return made


@dataclass(frozen=True, slots=True)
class Preview:
    """One person's message, as they would read it if the batch were released now."""

    application_id: int
    name: str
    subject: str
    text: str


def preview(session: Session, batch: ReleaseBatch, application_ids: Sequence[int], now: datetime) -> list[Preview]:
    """The messages to some people of a batch that is not released yet, in the order asked for."""
    made = letters(session, batch, members(session, batch, application_ids).present, now)
    shown = []
    for application_id in application_ids:
        if (message := made.get(application_id)) is not None:
            words = render(kind_of(batch), message.context)
            shown.append(Preview(application_id, message.context["name"], words.subject, words.text))
    return shown


def _of(batch: ReleaseBatch, present: Mapping[int, Any]) -> Any:
    """The applications, as the right side of IN: by number where they are few, by their batch where they are many."""
    if len(present) <= FEW:
        return list(present)
    return sa.select(Decision.application_id).where(Decision.batch_id == batch.id)


def _track_results(
    session: Session, batch: ReleaseBatch, present: Mapping[int, Sequence[Decision]]
) -> dict[int, list[dict[str, Any]]]:
    """One line for each chosen track, in the applicant's order; an ineligible application has the same on each."""
    rows = session.execute(
        sa.select(TrackChoice.application_id, TrackChoice.id, Track.name)
        .join(Track, Track.id == TrackChoice.track_id)
        .where(TrackChoice.application_id.in_(_of(batch, present)), TrackChoice.state == TrackChoiceState.CHOSEN)
        .order_by(TrackChoice.rank, TrackChoice.id)
    )
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for application_id, choice_id, name in rows:
        by_choice = {decision.track_choice_id: decision for decision in present.get(application_id, ())}
        decision = by_choice.get(None) or by_choice.get(choice_id)
        if decision is not None:
            words = {"track": name, "outcome": RESULT_WORDS[decision.outcome], "feedback": decision.feedback}
            found[application_id].append(words)
    return found


def _stream_results(
    session: Session, batch: ReleaseBatch, present: Mapping[int, Sequence[Decision]]
) -> dict[int, list[dict[str, Any]]]:
    names = dict(
        session.execute(
            sa.select(StreamApplication.id, Stream.name)
            .join(Stream, Stream.id == StreamApplication.stream_id)
            .where(StreamApplication.application_id.in_(_of(batch, present)))
        ).all()
    )
    return {
        application_id: [
            {"stream": names[key], "outcome": RESULT_WORDS[decision.outcome], "feedback": decision.feedback}
            for decision in held
            if (key := decision.stream_application_id) is not None
        ]
        for application_id, held in present.items()
    }


__all__ = ["DEFAULT_REPLY", "Members", "Preview", "kind_of", "letters", "members", "on_tracks", "preview", "reply_by"]
