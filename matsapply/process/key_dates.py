"""What a move of a date means for people: open offers are kept, and whoever relies on the date is told.

Each holder of a draft or an open task is told once for each move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Application, StreamApplication
from matsapply.cohorts.date_changes import DateRefused
from matsapply.cohorts.models import Evaluation, Stream
from matsapply.evaluations.models import EvaluationInvite
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.offers.models import Offer
from matsapply.people.models import Account, Person
from matsapply.rules.date_moves import MoveProblem, MoveRefusal
from matsapply.rules.stages import LIVE_STREAM_APPLICATION, ApplicationState, EvaluationState, OfferState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.cohorts.date_changes import DateChange

_DRAFT, _SUBMITTED, _IN_STREAMS = ApplicationState.DRAFT, ApplicationState.SUBMITTED, ApplicationState.IN_STREAMS
# Whose application rests on a date. Dates that only staff see, or that gate nothing of an application, are not here.
HOLDERS: dict[str, frozenset[ApplicationState]] = {
    "T1": frozenset({_DRAFT, _SUBMITTED}),
    "T2": frozenset({_DRAFT, _SUBMITTED}),
    "T3": frozenset({_DRAFT, _SUBMITTED, _IN_STREAMS}),
    "T5": frozenset({_SUBMITTED}),
    "T6": frozenset({_SUBMITTED, _IN_STREAMS}),
    "T7": frozenset({_SUBMITTED, _IN_STREAMS}),
    "T10": frozenset({_IN_STREAMS}),
    "T11": frozenset({_IN_STREAMS}),
    "T13": frozenset({_IN_STREAMS}),
    "T14": frozenset({_IN_STREAMS}),
    "T15": frozenset({_IN_STREAMS}),
    "T17": frozenset({_IN_STREAMS}),
    "T18": frozenset({_IN_STREAMS}),
}
_OPEN_TASK = (EvaluationState.INVITED, EvaluationState.STARTED)


def keep_offers(session: Session, cohort_id: int, instants: Mapping[str, datetime | None]) -> None:
    """Refuse a closing of the waitlist (T15) before the end of an open offer: an offer's end only moves later, and
    never past T15 (invariant 43). Raises ``DateRefused``."""
    closing = instants.get("T15")
    if closing is None:
        return
    last = session.scalar(
        sa.select(sa.func.max(Offer.expires_at)).where(
            Offer.cohort_id == cohort_id, Offer.state.in_((OfferState.APPROVED, OfferState.PENDING))
        )
    )
    if last is not None and closing < last:
        raise DateRefused(MoveRefusal(MoveProblem.OPEN_OFFERS, "T15", earliest=last))


def tell_holders(session: Session, moves: tuple[DateChange, ...], now: datetime) -> None:
    """Write to everybody whom a move concerns; the teller for ``cohorts.actions.set_key_date`` and for loads.

    A move that may not be is refused here too (see ``keep_offers``): no way of moving a date goes past the teller.

    The reason stays in the log: it is written for colleagues and may speak of what is not released.
    """
    for move in moves:
        keep_offers(session, move.cohort_id, {move.code: move.new})
        if not move.tells:
            continue
        people = _holders(move.cohort_id, move.code)
        if people is None:
            continue
        rows = session.execute(
            sa.select(Person.id, Person.display_name, Person.time_zone, Person.language, Account.email)
            .join(Account, Account.person_id == Person.id)
            .where(Person.id.in_(people), Person.erased_at.is_(None))
        )
        context: dict[str, Any] = {
            "date_label": move.label,
            "old_at": move.old,
            "new_at": move.new,
            "reopened": move.reopened,
        }
        messages = [
            outbox.Message(
                person_id, address, {**context, "name": name, "zone": zone, "language": language}, move.cause
            )
            for person_id, name, zone, language, address in rows
        ]
        outbox.queue_many(session, Mail.DEADLINE_MOVED, messages, now)


def how_many(session: Session, cohort_id: int, code: str) -> int:
    """How many people a move of that date would be told to now."""
    people = _holders(cohort_id, code)
    if people is None:
        return 0
    reached = sa.select(sa.func.count()).where(Person.id.in_(people), Person.erased_at.is_(None))
    return session.scalar(reached.where(sa.exists().where(Account.person_id == Person.id))) or 0


def _holders(cohort_id: int, code: str) -> sa.Select[int] | None:
    """The people who hold something that the date gates; None for a date that concerns nobody's application."""
    base, _, key = code.partition(":")
    if base in {"T8", "T9"}:
        return (
            sa.select(Application.person_id)
            .join(EvaluationInvite, EvaluationInvite.application_id == Application.id)
            .join(Evaluation, Evaluation.id == EvaluationInvite.evaluation_id)
            .where(
                Evaluation.cohort_id == cohort_id,
                Evaluation.key == key,
                EvaluationInvite.state.in_(_OPEN_TASK),
            )
        )
    if base in {"O", "C"}:
        return (
            sa.select(Application.person_id)
            .join(StreamApplication, StreamApplication.application_id == Application.id)
            .join(Stream, Stream.id == StreamApplication.stream_id)
            .where(
                Stream.cohort_id == cohort_id,
                Stream.key == key,
                StreamApplication.state.in_(LIVE_STREAM_APPLICATION),
            )
        )
    states = HOLDERS.get(base)
    if states is None:
        return None
    return sa.select(Application.person_id).where(Application.cohort_id == cohort_id, Application.state.in_(states))
