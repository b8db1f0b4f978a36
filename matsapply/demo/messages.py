"""What the demo's inboxes, threads and requests for accommodation hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from matsapply.applications.models import AccommodationRequest, Message, Thread
from matsapply.cohorts import queries as cohorts
from matsapply.demo.cohort_files import START
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.mail.rendering import Rendered, render
from matsapply.process.heartbeat import facts
from matsapply.rules.stages import ApplicationState as A, MailState, StreamApplicationState as S
from matsapply.rules.visibility import Stage

if TYPE_CHECKING:
    from matsapply.demo.applicants import Draft
    from matsapply.demo.frame import Frame
    from matsapply.demo.rows import Rows

HEARTBEAT_AT = START - timedelta(days=4, hours=3)
NAME = "Name of the Recipient"  # stands in a letter that is rendered once for all whom it says the same
# subject of a thread, what the applicant wrote, what the team answered (None: it waits)
QUESTIONS: tuple[tuple[str, str, str | None], ...] = (
    (
        "May I start a week late?",
        "My examinations end three days after the programme begins. Is a late start possible, and whom would I ask?",
        "Up to a week is possible. If you get an offer, say so when you answer it; it does not count against you.",
    ),
    (
        "A typing mistake in my answer",
        "I wrote 2025 where I meant 2024, and applications are closed. Can it still be changed?",
        None,
    ),
)
REQUESTS: tuple[tuple[str, bool | None, str], ...] = (
    (
        "I use a screen reader, and tables in pictures stay closed to me. Could task texts come as plain text?",
        True,
        "Yes. Every task you are asked for comes as plain text beside the PDF.",
    ),
    ("I type with one hand at present and would need about half more time for written tasks.", None, ""),
)


def write(rows: Rows, frame: Frame, drafts: Sequence[Draft], people: Sequence[tuple[int, str, str, str]]) -> None:
    """Everybody who waits had a heartbeat some days ago; three applicants of the cohort have written to the team."""
    dates = {date.code: date for date in cohorts.key_dates(rows.session, frame.id)}

    @cache
    def letter(stage: Stage, zone: str) -> Rendered:
        context = {"name": NAME, "zone": zone, **facts(stage, dates, HEARTBEAT_AT, frame.cohort.label)}
        return render(Mail.HEARTBEAT, context)

    waiting = []
    for made, (person_id, name, email, zone) in zip(drafts, people, strict=True):
        stage = _stage(made)
        if stage is None:
            continue
        waiting.append(made)
        if made.submitted_at is not None and made.submitted_at <= HEARTBEAT_AT - timedelta(days=3):
            words = letter(stage, zone)
            _send(rows, person_id, email, Mail.HEARTBEAT, f"demo:{made.id}:heartbeat", HEARTBEAT_AT, words, name)
        if not email.startswith("applicant-0") and made.submitted_at is not None:
            _receipt(rows, frame, made, (person_id, name, email, zone))
    named = [made for made, who in zip(drafts, people, strict=True) if made in waiting and "applicant-0" not in who[2]]
    _questions(rows, frame, [*named, *(made for made in waiting if made not in named)])


def _stage(made: Draft) -> Stage | None:
    """The stage of somebody who waits for news; None for everybody else."""
    state = made.steps[-1][1]
    if state is A.SUBMITTED:
        return Stage.UNDER_REVIEW
    if state is not A.IN_STREAMS:
        return None
    states = {choice.steps[-1][1] for choice in made.choices}
    if S.OFFERED in states:
        return None
    return Stage.WAITLISTED if states <= {S.WAITLISTED, S.NOT_SELECTED, S.WITHDRAWN} else Stage.IN_STREAMS


def _send(
    rows: Rows, person_id: int, email: str, kind: Mail, cause: str, at: datetime, words: Rendered, name: str
) -> None:
    rows.add(
        Notification,
        at,
        kind=kind,
        person_id=person_id,
        recipient=email,
        cause=cause,
        dedupe_key=f"{cause}|{email}|{kind.value}",
        subject=words.subject,
        body_text=words.text.replace(NAME, name),
        body_html=words.html.replace(NAME, name),
        calendar="",
        in_portal=True,
        state=MailState.SENT,
        tries=1,
        next_try_at=at,
        sent_at=at,
        last_error="",
    )


def _receipt(rows: Rows, frame: Frame, made: Draft, who: tuple[int, str, str, str]) -> None:
    person_id, name, email, zone = who
    at = made.submitted_at or START
    context: dict[str, Any] = {
        "name": name,
        "zone": zone,
        "cohort_label": frame.cohort.label,
        "number": 1,
        "received_at": at,
        "digest": "0" * 64,
        "edit_until": frame.dates["T2"],
    }
    _send(rows, person_id, email, Mail.RECEIPT, f"demo:{made.id}:receipt", at, render(Mail.RECEIPT, context), name)


def _questions(rows: Rows, frame: Frame, made: Sequence[Draft]) -> None:
    team = frame.coordinators[0]
    for number, (one, (subject, text, answer)) in enumerate(zip(made, QUESTIONS, strict=False)):
        at = START - timedelta(days=6 - number, hours=2)
        thread = rows.add(
            Thread,
            at,
            application_id=one.id,
            subject=subject,
            waits_since=None if answer else at,
            closed_at=None,
        )
        rows.add(Message, at, thread_id=thread, author_id=one.person_id, text=text, sent_at=at)
        if answer:
            later = at + timedelta(hours=20)
            rows.add(Message, later, thread_id=thread, author_id=team, text=answer, sent_at=later)
    for number, (one, (text, granted, answer)) in enumerate(zip(made, REQUESTS, strict=False)):
        at = START - timedelta(days=9 - number, hours=5)
        decided = at + timedelta(days=1) if granted is not None else None
        rows.add(
            AccommodationRequest,
            at,
            application_id=one.id,
            text=text,
            answer=answer,
            granted=granted,
            extends="",
            answered_by_id=team if decided else None,
            answered_at=decided,
        )
