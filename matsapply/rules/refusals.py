"""Refusals are values with a code; pages turn the code into a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto


class Code(StrEnum):
    NOT_OPEN_YET = auto()
    CLOSED = auto()
    WRONG_STATE = auto()
    WRONG_ROLE = auto()
    COHORT_NOT_PUBLISHED = auto()
    LIVE_APPLICATION_EXISTS = auto()
    INCOMPLETE = auto()
    NO_TRACK = auto()
    NO_DECISION = auto()
    NOT_DUE = auto()
    REASON_NEEDED = auto()
    SECOND_PERSON_NEEDED = auto()
    STREAM_CLOSED = auto()
    STREAM_LIMIT = auto()
    TRACK_NOT_CHOSEN = auto()
    TRACK_NOT_ADVANCED = auto()
    NOT_ELIGIBLE = auto()
    CONFLICT = auto()
    RANKING_NOT_LOCKED = auto()
    TIES = auto()
    NO_SEAT = auto()
    COHORT_FULL = auto()
    NOT_APPROVED = auto()
    EXPIRED = auto()
    OTHER_ACCEPTED = auto()
    ELIGIBILITY_UNCONFIRMED = auto()
    NOT_RELEASED = auto()
    AI_RULE = auto()
    NOT_FINISHED = auto()
    REMINDER_TOO_SOON = auto()
    REMINDER_LIMIT = auto()
    REBOOK_LIMIT = auto()
    SLOT_TAKEN = auto()
    DOUBLE_BOOKED = auto()
    INCOMPLETE_BATCH = auto()
    UNDO_TOO_LATE = auto()
    SEAT_REUSED = auto()
    NO_CHANGE = auto()
    CAP_REACHED = auto()
    NOT_YOURS = auto()
    REPEATED = auto()
    REACH_TOO_NARROW = auto()
    ADDRESS_TAKEN = auto()
    ENDS_BEFORE_START = auto()
    LAST_ADMIN = auto()
    BELOW_BAR = auto()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a step is not taken. ``detail`` is a short addition for people, such as a name or a number."""

    code: Code
    detail: str = ""


class Refused(Exception):
    """Raised by actions to carry a ``Refusal`` to the page; the unit of work is rolled back."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code.value)
        self.refusal = refusal


def refuse(code: Code, detail: str = "") -> Refused:
    """The exception for ``code``: ``raise refuse(Code.CLOSED)``."""
    return Refused(Refusal(code, detail))
