"""Refusal codes as sentences: what happened, why, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matsapply.platform.languages import lazy_gettext as _l
from matsapply.rules.refusals import Code

if TYPE_CHECKING:
    from matsapply.rules.refusals import Refusal

SENTENCES: dict[Code, str] = {
    Code.NOT_OPEN_YET: _l("This is not open yet. The dates page says when it opens."),
    Code.CLOSED: _l(
        "The deadline has passed by the server's clock, so this could not be done. Nothing you wrote is lost."
    ),
    Code.WRONG_STATE: (
        _l("This has moved on in the meantime, so the step no longer applies. Reload the page to see where it stands.")
    ),
    Code.WRONG_ROLE: _l("Your role does not allow this step."),
    Code.COHORT_NOT_PUBLISHED: _l("This cohort has not been published yet."),
    Code.LIVE_APPLICATION_EXISTS: _l("You already have an application in this cohort. Continue that one."),
    Code.INCOMPLETE: _l("Some required answers are missing or too long. Each is listed below with a link to it."),
    Code.NO_TRACK: _l("Choose at least one track before you submit."),
    Code.NO_DECISION: _l("There is no decision to act on yet."),
    Code.NOT_DUE: _l("It is too early for this."),
    Code.REASON_NEEDED: _l("Write down a reason; it is kept in the log."),
    Code.SECOND_PERSON_NEEDED: _l("This needs two different people. Ask a colleague to confirm it."),
    Code.STREAM_CLOSED: _l("This stream does not take applications now."),
    Code.STREAM_LIMIT: _l("You have chosen as many streams as this cohort allows."),
    Code.TRACK_NOT_CHOSEN: _l("This stream belongs to a track you have not chosen. Choose the track first."),
    Code.TRACK_NOT_ADVANCED: _l("This stream belongs to a track in which you were not advanced."),
    Code.NOT_ELIGIBLE: _l("One of your eligibility answers rules this out."),
    Code.CONFLICT: _l("There is a conflict of interest, so this is closed to you."),
    Code.RANKING_NOT_LOCKED: _l("The ranking is not locked yet."),
    Code.TIES: _l("The ranking still has ties. Give every person a place of their own, then lock it."),
    Code.NO_SEAT: _l("No seat is free in this stream."),
    Code.COHORT_FULL: _l("The cohort's capacity and its over-offer allowance are used up."),
    Code.NOT_APPROVED: _l("The offer has not been approved by two people yet."),
    Code.EXPIRED: (
        _l("The offer has expired, so it can no longer be answered. Write to the team if you think this is wrong.")
    ),
    Code.OTHER_ACCEPTED: _l("You have already accepted another offer in this cohort."),
    Code.ELIGIBILITY_UNCONFIRMED: _l("Confirm the eligibility statement before you accept."),
    Code.NOT_RELEASED: _l("This has not been released."),
    Code.AI_RULE: _l("Accept the rule about AI use before you start."),
    Code.NOT_FINISHED: _l("This is not finished yet."),
    Code.REMINDER_TOO_SOON: _l("A reminder went out less than a day ago. Try again tomorrow."),
    Code.REMINDER_LIMIT: _l("Three reminders have been sent; that is all we send. You can name another referee."),
    Code.REBOOK_LIMIT: _l("You have moved this interview twice. Write to the team to move it again."),
    Code.SLOT_TAKEN: _l("Somebody else has just taken this slot. Choose another one."),
    Code.DOUBLE_BOOKED: _l("This overlaps another interview. Choose another slot."),
    Code.INCOMPLETE_BATCH: _l(
        "Somebody in the batch's scope is neither decided nor excluded. The list below names them."
    ),
    Code.UNDO_TOO_LATE: _l("The 24 hours in which this can be undone are over. Write to the team."),
    Code.SEAT_REUSED: _l("The freed seat has been given to somebody else, so this can no longer be undone."),
    Code.NO_CHANGE: _l("This is already so; nothing was changed."),
    Code.CAP_REACHED: _l("This reviewer has as many open assignments as allowed."),
    Code.NOT_YOURS: _l("This is not assigned to you."),
    Code.REPEATED: _l("This has been done already; nothing was done twice."),
    Code.REACH_TOO_NARROW: _l("This role reaches whole cohorts. Give it for a cohort or for the whole programme."),
    Code.ADDRESS_TAKEN: _l("This address belongs to somebody already."),
    Code.ENDS_BEFORE_START: _l("The end lies before the start. Write a later end, or none."),
    Code.BELOW_BAR: (
        _l(
            "This application stands clearly below the track's bar. To advance it all the same, use the exception on"
            " its own page: a reason, and a second person."
        )
    ),
    Code.LAST_ADMIN: _l("This is the last admin. Make another person an admin first."),
}


def sentence(refusal: Refusal) -> str:
    """The refusal in words for the person who met it."""
    return SENTENCES[refusal.code] + (f" {refusal.detail}" if refusal.detail else "")
