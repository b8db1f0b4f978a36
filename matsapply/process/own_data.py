"""A person's own data, as they may take it along: what they wrote and were told, and nothing that is not released.

What readers and the team noted about them is not theirs to take: reviews, marks, rankings, decisions before their
release, and what referees wrote.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications import threads
from matsapply.applications.models import (
    AnswerDraft,
    Application,
    DemographicAnswers,
    Extension,
    Reference,
    Snapshot,
    TrackChoice,
)
from matsapply.audit import actions as audit
from matsapply.audit.models import AuditEvent
from matsapply.cohorts.models import Cohort, Evaluation, Track
from matsapply.decisions.queries import released_feedback
from matsapply.evaluations.models import EvaluationInvite, Submission, SubmissionVersion
from matsapply.evaluations.queries import task_lines
from matsapply.files.models import DataExport, StoredFile
from matsapply.mail.kinds import WORDS_SHOWN
from matsapply.mail.models import Notification
from matsapply.mail.outbox import QUEUED
from matsapply.people.consents import consents
from matsapply.people.models import Account, DataRequest, Device, EmailAddress, Person
from matsapply.process.applicant_streams import applicant_streams
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import ReferenceState
from matsapply.rules.visibility import stream_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

    Part = dict[str, Any] | list[dict[str, Any]]

EXPORT_TYPE = "application/zip"


def person(session: Session, person_id: int, _now: datetime) -> Part:
    """The account: names, addresses, sign-ins, consents."""
    who = session.get_one(Person, person_id)
    account = session.scalars(sa.select(Account).where(Account.person_id == person_id)).one()
    addresses = session.scalars(sa.select(EmailAddress).where(EmailAddress.person_id == person_id))
    devices = session.scalars(sa.select(Device).where(Device.account_id == account.id).order_by(Device.id))
    return {
        "name": who.display_name,
        "former_names": list(who.aliases),
        "time_zone": who.time_zone,
        "language": who.language,
        "account_since": who.created_at,
        "signs_in_with": account.email,
        "password_changed_at": account.password_changed_at,
        "last_sign_ins": [
            {"at": account.current_login_at, "network_address": account.current_login_ip},
            {"at": account.last_login_at, "network_address": account.last_login_ip},
        ],
        "addresses": [{"address": row.address, "confirmed_at": row.verified_at} for row in addresses],
        "devices": [{"name": row.name, "since": row.created_at, "until": row.ends_at} for row in devices],
        "consents": [
            {"purpose": row.purpose, "given_at": row.given_at, "withdrawn_at": row.withdrawn_at}
            for row in consents(session, person_id)
        ],
    }


def applications(session: Session, person_id: int, now: datetime) -> Part:
    """Every application with all that its owner wrote and was told."""
    rows = session.execute(
        sa.select(Application, Cohort.label)
        .join(Cohort, Cohort.id == Application.cohort_id)
        .where(Application.person_id == person_id)
        .order_by(Application.id)
    ).all()
    return [_application(session, row, label, now) for row, label in rows]


def _application(session: Session, row: Application, label: str, now: datetime) -> dict[str, Any]:
    key = row.id
    streams = applicant_streams(session, key, now)
    drafts = session.scalars(
        sa.select(AnswerDraft).where(AnswerDraft.application_id == key).order_by(AnswerDraft.question_key)
    )
    snapshots = session.scalars(sa.select(Snapshot).where(Snapshot.application_id == key).order_by(Snapshot.number))
    extensions = session.scalars(
        sa.select(Extension)
        .where(Extension.person_id == row.person_id, Extension.cohort_id == row.cohort_id)
        .order_by(Extension.id)
    )
    demographics = session.scalar(sa.select(DemographicAnswers).where(DemographicAnswers.application_id == key))
    tracks = session.execute(
        sa.select(Track.name, TrackChoice.rank, TrackChoice.state)
        .join(Track, Track.id == TrackChoice.track_id)
        .where(TrackChoice.application_id == key)
        .order_by(TrackChoice.rank, TrackChoice.id)
    )
    referees = session.scalars(
        sa.select(Reference).where(Reference.application_id == key).order_by(Reference.position, Reference.id)
    )
    return {
        "cohort": label,
        "state": row.state,
        "close_reason": row.close_reason,
        "begun_at": row.created_at,
        "submitted_at": row.submitted_at,
        "closed_at": row.closed_at,
        "answers_in_the_making": [
            {"question": each.question_key, "answer": each.value, "saved_at": each.saved_at} for each in drafts
        ],
        "submissions": [
            {
                "number": each.number,
                "received_at": each.received_at,
                "fingerprint": each.digest,
                **each.content,
            }
            for each in snapshots
        ],
        "tracks": [{"track": name, "rank": rank, "state": state} for name, rank, state in tracks],
        "streams": [
            {"stream": pick.name, "rank": pick.rank, "state": stream_line(pick.state)} for pick in streams.picks
        ],
        "offers": [
            {"stream": offer.stream, "state": offer.state, "answer_by": offer.expires_at} for offer in streams.offers
        ],
        "interviews": [
            {"stream": line.stream, "state": line.state, "starts_at": line.starts_at, "ends_at": line.ends_at}
            for line in streams.interviews
        ],
        "tasks": _tasks(session, row, now),
        "feedback": [{"about": one.about, "text": one.text} for one in released_feedback(session, key)],
        "referees": [
            {"name": each.name, "address": each.email, "state": _referee_state(each.state)} for each in referees
        ],
        "more_time": [{"for": each.gate, "until": each.until, "revoked_at": each.revoked_at} for each in extensions],
        "separate_answers": dict(demographics.answers) if demographics else {},
    }


def _referee_state(state: ReferenceState) -> ReferenceState:
    """Whether a referee has opened the request is theirs to tell."""
    return ReferenceState.REQUESTED if state is ReferenceState.OPENED else state


def _tasks(session: Session, row: Application, now: datetime) -> list[dict[str, Any]]:
    """What was asked, as the pages say it, and every version that was handed in; no mark."""
    lines = {line.public_id: line for line in task_lines(session, row.id, now)} if row.submitted_at else {}
    found = []
    invites = session.execute(
        sa.select(EvaluationInvite, Evaluation.title)
        .join(Evaluation, Evaluation.id == EvaluationInvite.evaluation_id)
        .where(EvaluationInvite.application_id == row.id, EvaluationInvite.public_id.in_(lines))
        .order_by(EvaluationInvite.id)
    ).all()
    for invite, title in invites:
        line = lines[invite.public_id]
        versions = session.scalars(
            sa.select(SubmissionVersion)
            .join(Submission, Submission.id == SubmissionVersion.submission_id)
            .where(Submission.invite_id == invite.id)
            .order_by(SubmissionVersion.number)
        )
        found.append(
            {
                "task": title,
                "state": line.state,
                "until": line.ends_at,
                "begun_at": invite.started_at,
                "draft": invite.draft_answer,
                "handed_in": [
                    {
                        "number": each.number,
                        "received_at": each.received_at,
                        "fingerprint": each.digest,
                        "answer": each.answer,
                    }
                    for each in versions
                ],
            }
        )
    return found


def written(session: Session, person_id: int, _now: datetime) -> Part:
    """Threads with the team, and requests for accommodation."""
    found = []
    for line in reversed(threads.own_threads(session, person_id)):
        thread = threads.own_thread(session, person_id, line.public_id)
        if thread is None:
            continue
        found.append(
            {
                "subject": line.subject,
                "messages": [
                    {
                        "at": one.at,
                        "from": "the team" if one.by_team else "you",
                        "text": one.text,
                        "file": one.file_name,
                    }
                    for one in threads.messages(session, thread.id)
                ],
            }
        )
    requests = [
        {
            "asked_at": one.created_at,
            "text": one.text,
            "granted": one.granted,
            "answer": one.answer,
            "more_time_for": one.extends,
            "until": one.extended_until,
        }
        for one in reversed(threads.own_requests(session, person_id))
    ]
    return {"threads": found, "accommodation": requests}


def mails(session: Session, person_id: int, _now: datetime) -> Part:
    """Every message that was written to the person; of those with a link that works once, not the words."""
    rows = session.scalars(
        sa.select(Notification)
        .where(Notification.person_id == person_id)
        .order_by(Notification.created_at, Notification.id)
    )
    return [
        {
            "written_at": row.created_at,
            "to": row.recipient,
            "subject": row.subject,
            "text": row.body_text if row.in_portal or row.kind in WORDS_SHOWN else None,
        }
        for row in rows
    ]


def log(session: Session, person_id: int, _now: datetime) -> Part:
    """What the person did here, by the log."""
    rows = session.execute(
        sa.select(AuditEvent.at, AuditEvent.action).where(AuditEvent.actor_id == person_id).order_by(AuditEvent.id)
    )
    return [{"at": at, "did": action} for at, action in rows]


PARTS: dict[str, Callable[[Session, int, datetime], Part]] = {
    "person": person,
    "applications": applications,
    "written_to_the_team": written,
    "mails": mails,
    "log": log,
}
STEPS = len(PARTS) + 1  # the parts, then the archive


def own_files(session: Session, person_id: int) -> list[StoredFile]:
    """The documents the person uploaded, the oldest first."""
    return list(
        session.scalars(
            sa.select(StoredFile)
            .where(
                StoredFile.owner_id == person_id,
                StoredFile.removed_at.is_(None),
                StoredFile.content_type != EXPORT_TYPE,
            )
            .order_by(StoredFile.id)
        )
    )


def plain(value: Any) -> Any:
    """The value as JSON holds it: instants in ISO 8601, UTC; words for what is one of several."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return value


def ask_for_export(session: Session, actor: Actor, now: datetime) -> None:
    """Ask for a copy of one's data; the jobs build it. Refused (NO_CHANGE) while one is being made."""
    person_id = actor.person_id or 0
    session.execute(sa.select(Person.id).where(Person.id == person_id).with_for_update())
    waiting = sa.select(DataRequest.id).where(
        DataRequest.person_id == person_id, DataRequest.kind == "export", DataRequest.done_at.is_(None)
    )
    if session.scalars(waiting.limit(1)).first() is not None:
        raise refuse(Code.NO_CHANGE)
    request = DataRequest(person_id=person_id, kind="export", created_at=now)
    session.add(request)
    session.flush()
    session.add(DataExport(request_id=request.id, parts=STEPS))
    session.flush()
    audit.record(session, actor, "export.asked", now, subject_type="person", subject_id=person_id)
    session.info[QUEUED] = True
