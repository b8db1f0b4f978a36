"""What needs two people: the first proposes, somebody else signs. The proposal waits as a task of the team.

The kind of the task says what is proposed, of what and by whom (``sign:<act>:<subject>:<person>``); its text is the
reason. Signing closes the task and hands both people to the action itself, which checks again that they are two.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.models import Application, TeamTask
from matsapply.audit import actions as audit
from matsapply.rules.refusals import Code, refuse

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

PREFIX = "sign"


class Signed(StrEnum):
    """The acts that wait for a second signature."""

    ADVANCE = "advance"  # a track choice by the exception path
    NOT_ADVANCE = "not_advance"
    RESCIND = "rescind"  # an offer
    CANCEL_STREAM = "cancel_stream"
    CORRECT = "correct"  # a released first result: the track choice that advances after all


@dataclass(frozen=True, slots=True)
class Proposal:
    """A first signature. ``subject_id`` is the internal key of what the act concerns."""

    id: int
    public_id: str
    act: Signed
    subject_id: int
    first_id: int
    reason: str
    proposed_at: datetime
    application_id: int | None
    application: str | None


def propose(
    session: Session,
    actor: Actor,
    act: Signed,
    subject_id: int,
    *,
    cohort_id: int,
    application_id: int | None,
    reason: str,
    now: datetime,
) -> None:
    """The first signature. Refused without a reason, or where the same is proposed already."""
    if not reason.strip():
        raise refuse(Code.REASON_NEEDED)
    if actor.person_id is None:
        raise refuse(Code.WRONG_ROLE)
    if find(session, cohort_id, act, subject_id) is not None:
        raise refuse(Code.REPEATED, "It waits for somebody else's signature.")
    task = TeamTask(
        cohort_id=cohort_id,
        application_id=application_id,
        kind=f"{PREFIX}:{act.value}:{subject_id}:{actor.person_id}",
        text=reason.strip(),
        due_at=None,
        created_at=now,
    )
    session.add(task)
    session.flush()
    audit.record(
        session,
        actor,
        "signature.proposed",
        now,
        subject_type="team_task",
        subject_id=task.id,
        cohort_id=cohort_id,
        after=act.value,
        reason=reason,
        detail={"subject": subject_id},
    )


def proposals(
    session: Session, cohort_id: int, act: Signed | None = None, *, visible: sa.ColumnElement[bool] | None = None
) -> list[Proposal]:
    """What waits for a second signature in a cohort, the oldest first; of applications only the ``visible`` ones."""
    seen = sa.true() if visible is None else sa.or_(TeamTask.application_id.is_(None), visible)
    pattern = f"{PREFIX}:{act.value}:%" if act else f"{PREFIX}:%"
    rows = session.execute(
        sa.select(
            TeamTask.id,
            TeamTask.public_id,
            TeamTask.kind,
            TeamTask.text,
            TeamTask.created_at,
            TeamTask.application_id,
            Application.public_id.label("application"),
        )
        .outerjoin(Application, Application.id == TeamTask.application_id)
        .where(TeamTask.cohort_id == cohort_id, TeamTask.done_at.is_(None), TeamTask.kind.like(pattern), seen)
        .order_by(TeamTask.id)
    )
    found = []
    for row in rows:
        _, name, subject, first = row.kind.split(":")
        found.append(
            Proposal(
                row.id,
                row.public_id,
                Signed(name),
                int(subject),
                int(first),
                row.text,
                row.created_at,
                row.application_id,
                row.application,
            )
        )
    return found


def named(session: Session, cohort_id: int, public_id: str) -> Proposal | None:
    """The open proposal of that public id."""
    return next((one for one in proposals(session, cohort_id) if one.public_id == public_id), None)


def find(session: Session, cohort_id: int, act: Signed, subject_id: int) -> Proposal | None:
    """The open proposal of that act on that subject."""
    return next((one for one in proposals(session, cohort_id, act) if one.subject_id == subject_id), None)


def sign(session: Session, actor: Actor, proposal: Proposal, now: datetime) -> None:
    """The second signature: closes the task. Refused (SECOND_PERSON_NEEDED) where it is the first person's again."""
    if actor.person_id is None or actor.person_id == proposal.first_id:
        raise refuse(Code.SECOND_PERSON_NEEDED)
    _close(session, actor, proposal, now)


def take_back(session: Session, actor: Actor, cohort_id: int, proposal: Proposal, now: datetime) -> None:
    """Nobody signs: the proposal is dropped, by whoever made it or by anybody who might have signed."""
    _close(session, actor, proposal, now)
    audit.record(
        session,
        actor,
        "signature.dropped",
        now,
        subject_type="team_task",
        subject_id=proposal.id,
        cohort_id=cohort_id,
        before=proposal.act.value,
    )


def _close(session: Session, actor: Actor, proposal: Proposal, now: datetime) -> None:
    task = session.get_one(TeamTask, proposal.id)
    session.refresh(task, with_for_update=True)
    if task.done_at is not None:
        raise refuse(Code.REPEATED)
    task.done_at, task.done_by_id = now, actor.person_id
    session.flush()
