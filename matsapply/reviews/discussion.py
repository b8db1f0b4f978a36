"""What the readers of an application say to each other, each after their own review.

Readers are known to each other by numbers, in the order in which they first submitted; a number never changes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.facts import letter_to
from matsapply.audit import actions as audit
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.people.models import Person
from matsapply.platform.db import fetch
from matsapply.reviews.actions import Held, hold
from matsapply.reviews.aggregates import counts
from matsapply.reviews.models import Review, ReviewAssignment, ReviewComment
from matsapply.reviews.queries import short_code
from matsapply.reviews.visibility import in_conflict
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import ApplicationState, AssignmentState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

MOST_COMMENT = 4000
MENTION = re.compile(r"@\s?(?:reader\s?)?(\d{1,3}|all)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Comment:
    """One thing that was said, by the reader of that number; an empty text where it was taken back."""

    public_id: str
    reader: int
    mine: bool
    text: str
    posted_at: datetime
    withdrawn: bool


_NUMBERS = (
    sa.select(Review.assignment_id)
    .where(
        Review.application_id == sa.bindparam("application_id"),
        Review.round_id == sa.bindparam("round_id"),
        Review.number == 1,
    )
    .order_by(Review.id)
)

_SAID = (
    sa.select(
        ReviewComment.public_id,
        ReviewComment.assignment_id,
        ReviewComment.text,
        ReviewComment.posted_at,
        ReviewComment.withdrawn_at,
    )
    .join(ReviewAssignment, ReviewAssignment.id == ReviewComment.assignment_id)
    .where(
        ReviewComment.application_id == sa.bindparam("application_id"),
        ReviewComment.round_id == sa.bindparam("round_id"),
        ~in_conflict(ReviewAssignment.reviewer_id, ReviewComment.application_id),
    )
    .order_by(ReviewComment.id)
)


def numbers(session: Session, application_id: int, round_id: int) -> dict[int, int]:
    """The number of each reader, by the key of their assignment."""
    rows = fetch(session, _NUMBERS, application_id=application_id, round_id=round_id)
    return {row.assignment_id: number for number, row in enumerate(rows, 1)}


def said(
    session: Session, application_id: int, round_id: int, own_id: int, known: Mapping[int, int]
) -> tuple[Comment, ...]:
    """What was said, the oldest first; nothing by anybody in conflict. For readers whose own review is in."""
    rows = fetch(session, _SAID, application_id=application_id, round_id=round_id)
    return tuple(
        Comment(
            row.public_id,
            known.get(row.assignment_id, 0),
            row.assignment_id == own_id,
            "" if row.withdrawn_at else row.text,
            row.posted_at,
            row.withdrawn_at is not None,
        )
        for row in rows
    )


@dataclass(frozen=True, slots=True)
class Spoken:
    """One thing that was said, as the team reads it: by whom, in words that may have been taken back."""

    name: str
    text: str
    posted_at: datetime
    withdrawn_at: datetime | None


def for_team(session: Session, application_id: int) -> list[Spoken]:
    """Everything that was said about an application, the oldest first; what was taken back too."""
    rows = session.execute(
        sa.select(Person.display_name, ReviewComment.text, ReviewComment.posted_at, ReviewComment.withdrawn_at)
        .join(ReviewAssignment, ReviewAssignment.id == ReviewComment.assignment_id)
        .join(Person, Person.id == ReviewAssignment.reviewer_id)
        .where(ReviewComment.application_id == application_id)
        .order_by(ReviewComment.id)
    )
    return [Spoken(*row) for row in rows]


def mentioned(text: str, there: Iterable[int]) -> set[int]:
    """The readers a text speaks to, out of the numbers ``there``: "@2", "@Reader 2", "@all"."""
    found = {match.lower() for match in MENTION.findall(text)}
    return {number for number in there if "all" in found or str(number) in found}


def say(
    session: Session,
    actor: Actor,
    assignment: ReviewAssignment,
    text: str,
    post_key: str,
    now: datetime,
    *,
    to: Iterable[int] = (),
) -> bool:
    """Add a comment and write to those it mentions (in the text or in ``to``); False where this form was sent before.

    Refuses NOT_YOURS, CONFLICT, NOT_FINISHED (one's own review is not in), WRONG_STATE (the application moved on).
    """
    held = _may_speak(session, actor, assignment)
    again = session.scalar(
        sa.select(ReviewComment.id).where(
            ReviewComment.assignment_id == assignment.id, ReviewComment.post_key == post_key
        )
    )
    if again is not None:
        return False
    comment = ReviewComment(
        application_id=held.application.id,
        round_id=held.round.id,
        assignment_id=held.assignment.id,
        text=text[:MOST_COMMENT],
        post_key=post_key,
        posted_at=now,
    )
    session.add(comment)
    session.flush()
    _log(session, actor, held, "review_comment.posted", now)
    _tell(session, held, comment, set(to), now)
    return True


def take_back(session: Session, actor: Actor, assignment: ReviewAssignment, public_id: str, now: datetime) -> bool:
    """Take one's own comment back: its text is shown no more. False where there is no such comment."""
    held = _may_speak(session, actor, assignment)
    comment = session.scalars(
        sa.select(ReviewComment).where(
            ReviewComment.assignment_id == assignment.id, ReviewComment.public_id == public_id
        )
    ).one_or_none()
    if comment is None:
        return False
    if comment.withdrawn_at is None:
        comment.withdrawn_at = now
        _log(session, actor, held, "review_comment.taken_back", now)
    return True


def _may_speak(session: Session, actor: Actor, assignment: ReviewAssignment) -> Held:
    held = hold(session, assignment.id)
    if held.assignment.reviewer_id != actor.person_id:
        raise refuse(Code.NOT_YOURS)
    if held.conflict:
        raise refuse(Code.CONFLICT)
    if held.assignment.state is not AssignmentState.SUBMITTED:
        raise refuse(Code.NOT_FINISHED, "Submit your own review first.")
    if held.application.state is not ApplicationState.SUBMITTED:
        raise refuse(Code.WRONG_STATE)
    return held


def _log(session: Session, actor: Actor, held: Held, what: str, now: datetime) -> None:
    audit.record(
        session, actor, what, now, subject_type="application", subject_id=held.application.id,
        cohort_id=held.application.cohort_id,
    )  # fmt: skip


def _tell(session: Session, held: Held, comment: ReviewComment, to: set[int], now: datetime) -> None:
    """Write to the readers who are spoken to and still take part: their review counts, and it is not the speaker."""
    known = numbers(session, held.application.id, held.round.id)
    wanted = to | mentioned(comment.text, known.values())
    rows = session.execute(
        sa.select(ReviewAssignment.id, ReviewAssignment.public_id, ReviewAssignment.reviewer_id)
        .join(Review, Review.assignment_id == ReviewAssignment.id)
        .where(Review.application_id == held.application.id, Review.round_id == held.round.id, counts())
    )
    for assignment_id, public_id, reviewer_id in rows:
        if known.get(assignment_id) not in wanted or assignment_id == held.assignment.id:
            continue
        letter = letter_to(
            session,
            reviewer_id,
            code=short_code(held.application.public_id),
            href=f"/review/{public_id}#discussion",
        )
        outbox.queue(
            session,
            Mail.MENTIONED,
            cause=f"comment:{comment.id}:{assignment_id}",
            now=now,
            person_id=letter.person_id,
            recipient=letter.recipient,
            context=letter.context,
        )
