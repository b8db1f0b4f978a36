"""Every kind of message; each has templates/mail/<kind>/ with subject.txt, body.txt and body.html."""

from __future__ import annotations

from enum import StrEnum


class Mail(StrEnum):
    # accounts (sent for Flask-Security)
    CONFIRM_ADDRESS = "confirm_address"
    ALREADY_REGISTERED = "already_registered"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of a message
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of a message
    CHANGE_ADDRESS = "change_address"
    ACCOUNT_NOTICE = "account_notice"
    INVITATION = "invitation"
    # the process
    RECEIPT = "receipt"
    NEVER_SUBMITTED = "never_submitted"
    DEADLINE_MOVED = "deadline_moved"
    REFERENCE_REQUEST = "reference_request"
    REFERENCE_REMINDER = "reference_reminder"
    FIRST_RESULT = "first_result"
    TASK_INVITATION = "task_invitation"
    TASK_RECEIVED = "task_received"
    INTERVIEW_SLOTS = "interview_slots"
    INTERVIEW_BOOKED = "interview_booked"
    INTERVIEW_CANCELLED = "interview_cancelled"
    DECISION = "decision"
    OFFER_REMINDER = "offer_reminder"
    OFFER_LAPSED = "offer_lapsed"
    OFFER_ACCEPTED = "offer_accepted"
    OFFER_DECLINED = "offer_declined"
    OFFER_RESCINDED = "offer_rescinded"
    WAITLIST_PROMOTION = "waitlist_promotion"
    WITHDRAWN = "withdrawn"
    STREAM_CANCELLED = "stream_cancelled"
    STREAM_INVITATION = "stream_invitation"
    MENTIONED = "mentioned"
    CLOSED = "closed"
    REOPENED = "reopened"
    # the status page
    HEARTBEAT = "heartbeat"
    TEAM_ANSWER = "team_answer"
    TEAM_ASKED = "team_asked"
    ACCOMMODATION_ANSWER = "accommodation_answer"
    EXPORT_READY = "export_ready"
    ERASURE_ASKED = "erasure_asked"
    ERASED = "erased"


# Messages of an account whose words may stand in the inbox. The others carry a link that works once and proves who
# somebody is: whoever only found a session open must not come by it.
WORDS_SHOWN = frozenset({Mail.PASSWORD_CHANGED, Mail.ACCOUNT_NOTICE})
