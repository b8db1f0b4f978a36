"""The order in which the demo's tables are written: parents first."""

from __future__ import annotations

from matsapply.applications.models import (
    AccommodationRequest,
    AnswerDraft,
    Application,
    Message,
    Reference,
    ReferenceLetter,
    Snapshot,
    StreamApplication,
    Thread,
    TrackChoice,
)
from matsapply.audit.models import AuditEvent
from matsapply.decisions.models import Decision, ReleaseBatch
from matsapply.evaluations.models import EvaluationInvite, InviteStream, Submission, SubmissionVersion
from matsapply.interviews.models import Interview, InterviewSlot, SlotInterviewer
from matsapply.mail.models import Notification
from matsapply.offers.models import Deferral, Fellowship, Offer, RankingEntry, StreamRanking, WaitlistEntry
from matsapply.people.models import Account, EmailAddress, Person, RoleGrant
from matsapply.platform.db import Base
from matsapply.reviews.models import ConflictOfInterest, Review, ReviewAssignment
from matsapply.tracking.models import StateChange

ORDER: tuple[type[Base], ...] = (
    Person,
    Account,
    EmailAddress,
    RoleGrant,
    Application,
    AnswerDraft,
    Snapshot,
    TrackChoice,
    StreamApplication,
    Reference,
    ReferenceLetter,
    EvaluationInvite,
    InviteStream,
    Submission,
    SubmissionVersion,
    InterviewSlot,
    SlotInterviewer,
    Interview,
    ReviewAssignment,
    Review,
    ConflictOfInterest,
    ReleaseBatch,
    Decision,
    StreamRanking,
    RankingEntry,
    Offer,
    WaitlistEntry,
    Deferral,
    Fellowship,
    Thread,
    Message,
    AccommodationRequest,
    Notification,
    StateChange,
    AuditEvent,
)
