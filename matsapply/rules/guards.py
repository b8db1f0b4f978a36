"""The guards of the transition tables: each looks at the facts and returns the code of its refusal, or None."""

from __future__ import annotations

from datetime import timedelta

from matsapply.rules.refusals import Code, Refusal
from matsapply.rules.workflow import UNDO_WITHIN, Facts, effective_close

REMINDER_EVERY = timedelta(days=1)
MOST_REMINDERS = 3
MOST_REBOOKINGS = 2


def cohort_published(facts: Facts) -> Code | None:
    return None if facts.cohort_published else Code.COHORT_NOT_PUBLISHED


def no_other_live_application(facts: Facts) -> Code | None:
    return Code.LIVE_APPLICATION_EXISTS if facts.other_live_application else None


def complete(facts: Facts) -> Code | None:
    return None if facts.complete else Code.INCOMPLETE


def has_track(facts: Facts) -> Code | None:
    return None if facts.has_track else Code.NO_TRACK


def no_snapshot(facts: Facts) -> Code | None:
    return Code.WRONG_STATE if facts.has_snapshot else None


def closed_for_person(facts: Facts) -> Code | None:
    """The person's own closing of the general application has passed, grace included."""
    closes = effective_close(facts, "T2")
    return None if closes is not None and facts.now >= closes + facts.grace else Code.NOT_DUE


def reopening_lies_ahead(facts: Facts) -> Code | None:
    return None if facts.reopened_until is not None and facts.reopened_until > facts.now else Code.CLOSED


def any_advanced(facts: Facts) -> Code | None:
    return None if facts.any_advanced else Code.NO_DECISION


def all_not_advanced(facts: Facts) -> Code | None:
    return None if facts.all_not_advanced else Code.NO_DECISION


def ineligible_found(facts: Facts) -> Code | None:
    return None if facts.ineligible_found else Code.NO_DECISION


def released(facts: Facts) -> Code | None:
    return None if facts.released else Code.NOT_RELEASED


def within_undo(facts: Facts) -> Code | None:
    in_time = facts.exited_at is not None and facts.now < facts.exited_at + UNDO_WITHIN
    return None if in_time else Code.UNDO_TOO_LATE


def seat_not_reused(facts: Facts) -> Code | None:
    return Code.SEAT_REUSED if facts.seat_reused else None


def nothing_pending(facts: Facts) -> Code | None:
    return None if facts.nothing_pending else Code.NOT_FINISHED


def offer_accepted(facts: Facts) -> Code | None:
    return None if facts.offer_accepted else Code.NOT_FINISHED


def deferral_granted(facts: Facts) -> Code | None:
    return None if facts.deferral_granted else Code.NO_DECISION


def stream_open(facts: Facts) -> Code | None:
    """The stream takes applications: its state allows it and now lies in its window (its own replaces the cohort's)."""
    if not facts.stream_open or facts.stream_opens_at is None or facts.now < facts.stream_opens_at:
        return Code.STREAM_CLOSED
    closes = facts.stream_closes_at
    return Code.STREAM_CLOSED if closes is not None and facts.now >= closes else None


def within_stream_limit(facts: Facts) -> Code | None:
    return None if facts.within_stream_limit else Code.STREAM_LIMIT


def track_chosen(facts: Facts) -> Code | None:
    return None if facts.track_chosen else Code.TRACK_NOT_CHOSEN


def track_advanced(facts: Facts) -> Code | None:
    return None if facts.track_advanced else Code.TRACK_NOT_ADVANCED


def eligible(facts: Facts) -> Code | None:
    return None if facts.eligible else Code.NOT_ELIGIBLE


def no_open_conflict(facts: Facts) -> Code | None:
    return None if facts.no_open_conflict else Code.CONFLICT


def task_released(facts: Facts) -> Code | None:
    return None if facts.task_released else Code.NOT_OPEN_YET


def task_finished(facts: Facts) -> Code | None:
    return None if facts.task_finished else Code.NOT_FINISHED


def ranking_locked_or_decided(facts: Facts) -> Code | None:
    return None if facts.ranking_locked or facts.decision_recorded else Code.RANKING_NOT_LOCKED


def decision_recorded(facts: Facts) -> Code | None:
    return None if facts.decision_recorded else Code.NO_DECISION


def stream_cancelled(facts: Facts) -> Code | None:
    return None if facts.stream_cancelled else Code.NO_DECISION


def within_own_window(facts: Facts) -> Code | None:
    """Now lies in [opens_at, closes_at) of the task or slot."""
    if facts.opens_at is not None and facts.now < facts.opens_at:
        return Code.NOT_OPEN_YET
    return Code.CLOSED if facts.closes_at is not None and facts.now >= facts.closes_at else None


def own_window_over(facts: Facts) -> Code | None:
    return None if facts.closes_at is not None and facts.now >= facts.closes_at else Code.NOT_DUE


def ai_rule_accepted(facts: Facts) -> Code | None:
    return None if facts.ai_rule_accepted else Code.AI_RULE


def slot_free(facts: Facts) -> Code | None:
    return None if facts.slot_free else Code.SLOT_TAKEN


def slot_lies_ahead(facts: Facts) -> Code | None:
    return None if facts.opens_at is not None and facts.now < facts.opens_at else Code.CLOSED


def slot_begun(facts: Facts) -> Code | None:
    return None if facts.opens_at is not None and facts.now >= facts.opens_at else Code.NOT_DUE


def no_overlap(facts: Facts) -> Code | None:
    return None if facts.no_overlap else Code.DOUBLE_BOOKED


def may_rebook(facts: Facts) -> Code | None:
    return None if facts.bookings_moved < MOST_REBOOKINGS else Code.REBOOK_LIMIT


def may_remind(facts: Facts) -> Code | Refusal | None:
    if facts.reminders >= MOST_REMINDERS:
        return Code.REMINDER_LIMIT
    too_soon = facts.reminded_at is not None and facts.now < facts.reminded_at + REMINDER_EVERY
    return Code.REMINDER_TOO_SOON if too_soon else None


def seat_free(facts: Facts) -> Code | None:
    """A seat in the stream, unless an override with its reason is recorded."""
    return None if facts.seat_free else Code.NO_SEAT


def capacity_free(facts: Facts) -> Code | None:
    return None if facts.capacity_free else Code.COHORT_FULL


def approved_by_two(facts: Facts) -> Code | None:
    return None if facts.approved_by_two else Code.NOT_APPROVED


def received_before_expiry(facts: Facts) -> Code | None:
    """By the instant at which the server received the answer, even if it is processed later (E12)."""
    received = facts.received_at or facts.now
    return None if facts.closes_at is not None and received < facts.closes_at else Code.EXPIRED


def expired(facts: Facts) -> Code | None:
    return None if facts.closes_at is not None and facts.now >= facts.closes_at else Code.NOT_DUE


def no_other_accepted(facts: Facts) -> Code | None:
    return Code.OTHER_ACCEPTED if facts.other_accepted else None


def eligibility_confirmed(facts: Facts) -> Code | None:
    return None if facts.eligibility_confirmed else Code.ELIGIBILITY_UNCONFIRMED


def expiry_moves_later(facts: Facts) -> Code | None:
    """An expiry only moves later, and never past T15. ``opens_at`` carries the old expiry, ``closes_at`` the new."""
    if facts.opens_at is None or facts.closes_at is None or facts.closes_at <= facts.opens_at:
        return Code.NO_CHANGE
    last = facts.dates.get("T15")
    return Code.CLOSED if last is not None and facts.closes_at > last else None


def batch_complete(facts: Facts) -> Code | None:
    return None if facts.batch_complete else Code.INCOMPLETE_BATCH


def cap_free(facts: Facts) -> Code | None:
    return None if facts.cap_free else Code.CAP_REACHED


def assigned_to_actor(facts: Facts) -> Code | None:
    return None if facts.assigned_to_actor else Code.NOT_YOURS
