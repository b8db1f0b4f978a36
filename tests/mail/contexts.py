"""A context for each kind of message, with the keys its callers give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from matsapply.mail.kinds import Mail

NOON = datetime(2027, 1, 18, 12, tzinfo=UTC)  # the end of 17 January AoE
LATER = NOON + timedelta(days=2)
COHORT = "June 2027"
STREAM = "Sparse features"

_ACCOUNT_LINK = {"link": "/confirm/abc", "within": "2 days"}
_OFFER = {"cohort_label": COHORT, "stream": STREAM, "expires_at": NOON}
_INTERVIEW = {
    "stream": STREAM,
    "starts_at": NOON,
    "ends_at": NOON + timedelta(minutes=45),
    "video_link": "https://video.example/room",
    "href": "/interviews/abc",
}
_REFERENCE = {"applicant": "Ada Example", "cohort_label": COHORT, "link": "/reference/abc", "due_at": NOON}

CONTEXTS: dict[Mail, dict[str, Any]] = {
    Mail.CONFIRM_ADDRESS: _ACCOUNT_LINK,
    Mail.ALREADY_REGISTERED: {"link": "/reset", "confirm_link": "/confirm/abc"},
    Mail.RESET_PASSWORD: _ACCOUNT_LINK,
    Mail.PASSWORD_CHANGED: {},
    Mail.CHANGE_ADDRESS: _ACCOUNT_LINK,
    Mail.ACCOUNT_NOTICE: {"notice": "A passkey was added to your account."},
    Mail.INVITATION: {**_ACCOUNT_LINK, "inviter": "Bo Example"},
    Mail.RECEIPT: {
        "cohort_label": COHORT,
        "number": 2,
        "received_at": NOON,
        "digest": "ab" * 32,
        "edit_until": LATER,
    },
    Mail.NEVER_SUBMITTED: {"cohort_label": COHORT},
    Mail.DEADLINE_MOVED: {
        "date_label": "Applications close",
        "old_at": NOON,
        "new_at": LATER,
        "reason": "The site was down\nfor an hour.",
        "reopened": False,
    },
    Mail.REFERENCE_REQUEST: _REFERENCE,
    Mail.REFERENCE_REMINDER: _REFERENCE,
    Mail.FIRST_RESULT: {
        "cohort_label": COHORT,
        "advanced": True,
        "choice_closes_at": NOON,
        "apology": "We mixed up two lists.\nNothing in your application caused it.",
        "results": [
            {"track": "Interpretability", "outcome": "advanced", "feedback": "A clear plan.\nMore baselines, please."},
            {"track": "Governance", "outcome": "not advanced", "feedback": ""},
        ],
    },
    Mail.TASK_INVITATION: {"task": "Coding task", "href": "/tasks/abc", "due_at": NOON, "streams": [STREAM]},
    Mail.MENTIONED: {"code": "0ABCDE", "href": "/review/0abcdefghijkm#discussion"},
    Mail.TASK_RECEIVED: {"task": "Coding task", "href": "/tasks/abc", "received_at": NOON},
    Mail.INTERVIEW_SLOTS: {"stream": STREAM, "href": "/interviews/abc"},
    Mail.INTERVIEW_BOOKED: {**_INTERVIEW, "moved": False},
    Mail.INTERVIEW_CANCELLED: _INTERVIEW,
    Mail.DECISION: {
        "cohort_label": COHORT,
        "expires_at": NOON,
        "results": [
            {"stream": STREAM, "outcome": "offer", "feedback": "We look forward to this."},
            {"stream": "Oversight", "outcome": "waitlisted", "feedback": ""},
        ],
    },
    Mail.OFFER_REMINDER: {**_OFFER, "hours": 24},
    Mail.OFFER_LAPSED: {"cohort_label": COHORT, "stream": STREAM},
    Mail.OFFER_ACCEPTED: {"cohort_label": COHORT, "stream": STREAM},
    Mail.OFFER_DECLINED: {"stream": STREAM},
    Mail.OFFER_RESCINDED: {"stream": STREAM, "reason": "Two people decided so."},
    Mail.WAITLIST_PROMOTION: _OFFER,
    Mail.WITHDRAWN: {"cohort_label": COHORT},
    Mail.HEARTBEAT: {
        "cohort_label": COHORT,
        "headline": "Your application is being read.",
        "text": "The first result comes to everybody at the same instant.",
        "news_at": LATER,
        "estimate": True,
    },
    Mail.TEAM_ANSWER: {"subject": "A question", "text": "Yes,\nplease do.", "href": "/threads/abc"},
    Mail.TEAM_ASKED: {"cohort_label": COHORT, "about": "question", "href": "/admin/2027-06/threads/abc"},
    Mail.ACCOMMODATION_ANSWER: {"granted": True, "text": "Take it.", "extends": "your application", "until": LATER},
    Mail.EXPORT_READY: {"expires_at": NOON},
    Mail.ERASURE_ASKED: {"until": LATER},
    Mail.ERASED: {},
    Mail.STREAM_CANCELLED: {"cohort_label": COHORT, "stream": STREAM, "replace_until": NOON},
    Mail.STREAM_INVITATION: {"stream": STREAM, "answer_by": NOON},
    Mail.CLOSED: {"cohort_label": COHORT, "reason": "not_selected"},
    Mail.REOPENED: {"cohort_label": COHORT, "until": NOON, "reason": "A page of the form was lost."},
}


def context(kind: Mail, **changes: Any) -> dict[str, Any]:
    """The kind's context, to Ada in Kiribati unless said otherwise."""
    return {"name": "Ada Example", "zone": "Pacific/Kiritimati", "language": None, **CONTEXTS[kind], **changes}
