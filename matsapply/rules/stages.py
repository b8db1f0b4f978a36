"""The closed sets of the process: states, outcomes and kinds, each named once.

Codes such as A2 or S14 refer to the transition tables in ``rules/workflow_tables.py``.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Who acts. A referee acts by token; ``system`` is the programme itself (jobs, cascades)."""

    APPLICANT = "applicant"
    REFEREE = "referee"
    REVIEWER = "reviewer"
    MENTOR = "mentor"
    STREAM_LEAD = "stream_lead"
    TRACK_LEAD = "track_lead"
    COORDINATOR = "coordinator"
    ADMIN = "admin"
    AUDITOR = "auditor"
    SYSTEM = "system"


STAFF = frozenset(
    {Role.REVIEWER, Role.MENTOR, Role.STREAM_LEAD, Role.TRACK_LEAD, Role.COORDINATOR, Role.ADMIN, Role.AUDITOR}
)


class Scope(StrEnum):
    """How far a role grant reaches."""

    PROGRAM = "program"
    COHORT = "cohort"
    TRACK = "track"
    STREAM = "stream"


class Machine(StrEnum):
    """Each entity whose state only moves by the tables."""

    COHORT = "cohort"
    STREAM = "stream"
    APPLICATION = "application"
    TRACK_CHOICE = "track_choice"
    STREAM_APPLICATION = "stream_application"
    REFERENCE = "reference"
    ASSIGNMENT = "assignment"
    EVALUATION = "evaluation"
    INTERVIEW = "interview"
    BATCH = "batch"
    OFFER = "offer"
    WAITLIST = "waitlist"
    FELLOWSHIP = "fellowship"


class CohortState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    RUNNING = "running"
    FINISHED = "finished"
    ARCHIVED = "archived"


class StreamState(StrEnum):
    DRAFT = "draft"
    LISTED = "listed"
    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class ApplicationState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_STREAMS = "in_streams"
    CLOSED = "closed"


class CloseReason(StrEnum):
    NEVER_SUBMITTED = "never_submitted"
    WITHDRAWN = "withdrawn"
    INELIGIBLE = "ineligible"
    NOT_ADVANCED = "not_advanced"
    NOT_SELECTED = "not_selected"
    OFFERS_DECLINED = "offers_declined"
    PLACED = "placed"
    DEFERRED = "deferred"
    RESCINDED = "rescinded"
    MERGED = "merged"
    COHORT_CANCELLED = "cohort_cancelled"


class TrackChoiceState(StrEnum):
    CHOSEN = "chosen"
    ADVANCED = "advanced"
    NOT_ADVANCED = "not_advanced"
    WITHDRAWN = "withdrawn"
    NOT_APPLICABLE = "not_applicable"


class StreamApplicationState(StrEnum):
    CHOSEN = "chosen"
    APPLIED = "applied"
    IN_REVIEW = "in_review"
    EVALUATING = "evaluating"
    INTERVIEWING = "interviewing"
    ASSESSED = "assessed"
    WAITLISTED = "waitlisted"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    NOT_SELECTED = "not_selected"
    WITHDRAWN = "withdrawn"
    CANCELLED_BY_STREAM = "cancelled_by_stream"
    DECLINED = "declined"
    LAPSED = "lapsed"
    RELEASED_BY_PLACEMENT = "released_by_placement"
    RESCINDED = "rescinded"


LIVE_STREAM_APPLICATION = frozenset(
    {
        StreamApplicationState.CHOSEN,
        StreamApplicationState.APPLIED,
        StreamApplicationState.IN_REVIEW,
        StreamApplicationState.EVALUATING,
        StreamApplicationState.INTERVIEWING,
        StreamApplicationState.ASSESSED,
        StreamApplicationState.WAITLISTED,
        StreamApplicationState.OFFERED,
    }
)


class StreamApplicationOrigin(StrEnum):
    OWN = "own"
    SUGGESTED = "suggested"
    INVITED = "invited"


class ReferenceState(StrEnum):
    NAMED = "named"
    REQUESTED = "requested"
    OPENED = "opened"
    RECEIVED = "received"
    DECLINED = "declined"
    BOUNCED = "bounced"
    REPLACED = "replaced"
    OVERDUE = "overdue"
    WAIVED = "waived"


class AssignmentState(StrEnum):
    PROPOSED = "proposed"
    ASSIGNED = "assigned"
    STARTED = "started"
    SUBMITTED = "submitted"
    RECUSED = "recused"
    RETURNED = "returned"
    REASSIGNED = "reassigned"
    EXPIRED = "expired"
    VOIDED = "voided"


ACTIVE_ASSIGNMENT = frozenset({AssignmentState.PROPOSED, AssignmentState.ASSIGNED, AssignmentState.STARTED})


class EvaluationState(StrEnum):
    """Of one applicant's invitation to one evaluation."""

    INVITED = "invited"
    STARTED = "started"
    SUBMITTED = "submitted"
    MARKED = "marked"
    EXPIRED = "expired"
    WAIVED = "waived"
    WITHDRAWN = "withdrawn"


class InterviewState(StrEnum):
    OFFERED = "offered"
    BOOKED = "booked"
    HELD = "held"
    NO_SHOW_APPLICANT = "no_show_applicant"
    NO_SHOW_INTERVIEWER = "no_show_interviewer"
    CANCELLED = "cancelled"


class BatchState(StrEnum):
    OPEN = "open"
    SEALED = "sealed"
    RELEASED = "released"
    CANCELLED = "cancelled"


class OfferState(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    PENDING = "pending"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    LAPSED = "lapsed"
    SUPERSEDED = "superseded"
    RESCINDED = "rescinded"
    VACATED = "vacated"
    DEFERRED = "deferred"
    CANCELLED = "cancelled"


SEAT_HOLDING = frozenset({OfferState.APPROVED, OfferState.PENDING, OfferState.ACCEPTED, OfferState.CONFIRMED})


class WaitlistState(StrEnum):
    ACTIVE = "active"
    PROMOTED = "promoted"
    SKIPPED = "skipped"
    LEFT = "left"
    CLOSED = "closed"


class FellowshipState(StrEnum):
    PLACED = "placed"
    TO_BE_PLACED = "to_be_placed"
    ENDED = "ended"


class FellowshipPhase(StrEnum):
    MAIN = "main"
    EXTENSION = "extension"


class DeferralState(StrEnum):
    REQUESTED = "requested"
    GRANTED = "granted"
    REFUSED = "refused"
    USED = "used"
    EXPIRED = "expired"


class Outcome(StrEnum):
    """What a Decision says."""

    ADVANCE = "advance"
    NOT_ADVANCE = "not_advance"
    INELIGIBLE = "ineligible"
    OFFER = "offer"
    WAITLIST = "waitlist"
    NOT_SELECT = "not_select"


NEGATIVE_OUTCOMES = frozenset({Outcome.NOT_ADVANCE, Outcome.INELIGIBLE, Outcome.NOT_SELECT})


class DecisionPath(StrEnum):
    STANDARD = "standard"
    EXCEPTION = "exception"


class BatchScope(StrEnum):
    FIRST_RESULT = "first_result"
    OFFERS = "offers"
    EARLY = "early"
    CORRECTION = "correction"


class RoundKind(StrEnum):
    CENTRAL_SCREEN = "central_screen"
    CENTRAL_SCORE = "central_score"
    STREAM_REVIEW = "stream_review"
    TASK_MARKING = "task_marking"
    INTERVIEW = "interview"


class RubricKind(StrEnum):
    CENTRAL_SCREEN = "central_screen"
    CENTRAL_SCORE = "central_score"
    STREAM_REVIEW = "stream_review"
    TASK_MARKING = "task_marking"
    INTERVIEW = "interview"
    REFERENCE = "reference"


class ReviewerKind(StrEnum):
    HUMAN = "human"
    AUTOMATIC = "automatic"


class MentorKind(StrEnum):
    LEAD = "lead"
    CO_MENTOR = "co_mentor"
    DELEGATE = "delegate"


class EvaluationKind(StrEnum):
    CODING = "coding"
    WORK_TEST = "work_test"
    TAKE_HOME = "take_home"
    WRITING = "writing"
    RESEARCH_TASK = "research_task"
    QUESTIONNAIRE = "questionnaire"


class AiPolicy(StrEnum):
    FORBIDDEN = "forbidden"
    ALLOWED_DISCLOSE = "allowed_disclose"
    ALLOWED = "allowed"


class InterviewPlan(StrEnum):
    NONE = "none"
    ONE = "one"
    TWO = "two"


class SelectionMode(StrEnum):
    SINGLE = "single"
    POOLED = "pooled"


class StreamChoiceMoment(StrEnum):
    AT_GENERAL = "at_general"
    AFTER_ADVANCE = "after_advance"
    BOTH = "both"


class ReferenceTiming(StrEnum):
    AT_SUBMIT = "at_submit"
    AFTER_ADVANCE = "after_advance"
    ON_DEMAND = "on_demand"


class QuestionType(StrEnum):
    TEXT = "text"
    LONG = "long"
    EMAIL = "email"
    TIMEZONE = "timezone"
    CHOICE = "choice"
    MULTI = "multi"
    BOOL = "bool"
    FILE = "file"
    URLS = "urls"
    TRACK_RANK = "track_rank"
    STREAM_INTEREST = "stream_interest"
    REFEREES = "referees"
    SEPARATE_STORE = "separate_store"


class KeyDateKind(StrEnum):
    GATE = "gate"
    RANGE = "range"
    DISPLAY = "display"


class ConflictKind(StrEnum):
    FAMILY = "family"
    COLLEAGUE = "colleague"
    ADVISOR = "advisor"
    COAUTHOR = "coauthor"
    REFEREE = "referee"
    MAIL_DOMAIN = "mail_domain"
    EARLIER_MENTOR = "earlier_mentor"
    OTHER = "other"


class ConflictSource(StrEnum):
    DECLARED = "declared"
    DETECTED = "detected"


class ConflictState(StrEnum):
    PROPOSED = "proposed"
    ACTIVE = "active"
    DISMISSED = "dismissed"


class ExtensionReason(StrEnum):
    ACCOMMODATION = "accommodation"
    TECHNICAL_FAULT = "technical_fault"
    OTHER = "other"


class MailState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    BOUNCED = "bounced"
