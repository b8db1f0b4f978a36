"""Refusal codes as sentences: what happened, why, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matsapply.rules.refusals import Code

if TYPE_CHECKING:
    from matsapply.rules.refusals import Refusal

SENTENCES: dict[Code, str] = {
    Code.NOT_OPEN_YET: "This is not open yet. The dates page says when it opens.",
    Code.CLOSED: "The deadline has passed by the server's clock, so this could not be done. Nothing you wrote is lost.",
    Code.WRONG_STATE: (
        "This has moved on in the meantime, so the step no longer applies. Reload the page to see where it stands."
    ),
    Code.WRONG_ROLE: "Your role does not allow this step.",
    Code.COHORT_NOT_PUBLISHED: "This cohort has not been published yet.",
    Code.LIVE_APPLICATION_EXISTS: "You already have an application in this cohort. Continue that one.",
    Code.INCOMPLETE: "Some required answers are missing or too long. Each is listed below with a link to it.",
    Code.NO_TRACK: "Choose at least one track before you submit.",
    Code.NO_DECISION: "There is no decision to act on yet.",
    Code.NOT_DUE: "It is too early for this.",
    Code.REASON_NEEDED: "Write down a reason; it is kept in the log.",
    Code.SECOND_PERSON_NEEDED: "This needs two different people. Ask a colleague to confirm it.",
    Code.STREAM_CLOSED: "This stream does not take applications now.",
    Code.STREAM_LIMIT: "You have chosen as many streams as this cohort allows.",
    Code.TRACK_NOT_CHOSEN: "This stream belongs to a track you have not chosen. Choose the track first.",
    Code.TRACK_NOT_ADVANCED: "This stream belongs to a track in which you were not advanced.",
    Code.NOT_ELIGIBLE: "One of your eligibility answers rules this out.",
    Code.CONFLICT: "There is a conflict of interest, so this is closed to you.",
    Code.RANKING_NOT_LOCKED: "The ranking is not locked yet.",
    Code.TIES: "The ranking still has ties. Give every person a place of their own, then lock it.",
    Code.NO_SEAT: "No seat is free in this stream.",
    Code.COHORT_FULL: "The cohort's capacity and its over-offer allowance are used up.",
    Code.NOT_APPROVED: "The offer has not been approved by two people yet.",
    Code.EXPIRED: (
        "The offer has expired, so it can no longer be answered. Write to the team if you think this is wrong."
    ),
    Code.OTHER_ACCEPTED: "You have already accepted another offer in this cohort.",
    Code.ELIGIBILITY_UNCONFIRMED: "Confirm the eligibility statement before you accept.",
    Code.NOT_RELEASED: "This has not been released.",
    Code.AI_RULE: "Accept the rule about AI use before you start.",
    Code.NOT_FINISHED: "This is not finished yet.",
    Code.REMINDER_TOO_SOON: "A reminder went out less than a day ago. Try again tomorrow.",
    Code.REMINDER_LIMIT: "Three reminders have been sent; that is all we send. You can name another referee.",
    Code.REBOOK_LIMIT: "You have moved this interview twice. Write to the team to move it again.",
    Code.SLOT_TAKEN: "Somebody else has just taken this slot. Choose another one.",
    Code.DOUBLE_BOOKED: "This overlaps another interview. Choose another slot.",
    Code.INCOMPLETE_BATCH: "Somebody in the batch's scope is neither decided nor excluded. The list below names them.",
    Code.UNDO_TOO_LATE: "The 24 hours in which this can be undone are over. Write to the team.",
    Code.SEAT_REUSED: "The freed seat has been given to somebody else, so this can no longer be undone.",
    Code.NO_CHANGE: "This is already so; nothing was changed.",
    Code.CAP_REACHED: "This reviewer has as many open assignments as allowed.",
    Code.NOT_YOURS: "This is not assigned to you.",
    Code.REPEATED: "This has been done already; nothing was done twice.",
    Code.REACH_TOO_NARROW: "This role reaches whole cohorts. Give it for a cohort or for the whole programme.",
    Code.ADDRESS_TAKEN: "This address belongs to somebody already.",
    Code.ENDS_BEFORE_START: "The end lies before the start. Write a later end, or none.",
    Code.BELOW_BAR: (
        "This application stands clearly below the track's bar. To advance it all the same, use the exception on its"
        " own page: a reason, and a second person."
    ),
    Code.LAST_ADMIN: "This is the last admin. Make another person an admin first.",
}


def sentence(refusal: Refusal) -> str:
    """The refusal in words for the person who met it."""
    return SENTENCES[refusal.code] + (f" {refusal.detail}" if refusal.detail else "")
