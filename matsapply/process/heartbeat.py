"""The heartbeat: whoever waits and has heard nothing for 14 days is told where they stand and when news is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.facts import letter_to
from matsapply.applications.models import Application
from matsapply.cohorts import queries as cohorts
from matsapply.cohorts.models import Cohort
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.offers.models import Offer
from matsapply.people.models import Account
from matsapply.platform.languages import later as _later
from matsapply.process.applicant_streams import applicant_streams
from matsapply.rules.journey import HEARTBEAT, NEWS
from matsapply.rules.stages import ApplicationState, OfferState
from matsapply.rules.visibility import Released, Stage, application_stage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from sqlalchemy.orm import Session

    from matsapply.cohorts.views import KeyDateView

AT_ONCE = 200
# Where one stands, and what comes next.
WORDS = {
    Stage.SUBMITTED: (
        _later("Your application is submitted."),
        _later("After the close it is read. The first result comes to everybody at the same instant."),
    ),
    Stage.UNDER_REVIEW: (
        _later("Your application is being read."),
        _later("The first result comes to everybody at the same instant."),
    ),
    Stage.IN_STREAMS: (
        _later("Your application is with the streams you chose."),
        _later(
            "A stream may still ask you for a task or an interview; if none does, that does not mean you are out. "
            "The decisions come to everybody at the same instant."
        ),
    ),
    Stage.WAITLISTED: (
        _later("You are on a waitlist."),
        _later("If a seat comes free, you hear at once. Otherwise you hear when the waitlist closes."),
    ),
}


def heartbeats(session: Session, now: datetime) -> int:
    """One bounded piece: write to those who wait and have heard nothing for 14 days. Returns how many were written to.

    What it says hangs on released facts alone, and when it comes on the messages a person got before.
    """
    since = now - HEARTBEAT
    heard = sa.exists().where(
        Notification.person_id == Application.person_id,
        Notification.in_portal.is_(True),
        Notification.created_at > since,
    )
    to_answer = sa.exists().where(
        Offer.application_id == Application.id,
        Offer.state == OfferState.PENDING,
        Offer.released_at.is_not(None),
    )
    due = session.execute(
        sa.select(Application.id, Application.person_id, Application.cohort_id, Application.state, Cohort.label)
        .join(Cohort, Cohort.id == Application.cohort_id)
        .join(Account, Account.person_id == Application.person_id)
        .where(
            Application.state.in_([ApplicationState.SUBMITTED, ApplicationState.IN_STREAMS]),
            Application.submitted_at <= since,
            Account.active,
            ~heard,
            ~to_answer,
        )
        .order_by(Application.id)
        .limit(AT_ONCE)
    ).all()
    dates: dict[int, dict[str, KeyDateView]] = {}
    done = 0
    for application_id, person_id, cohort_id, state, label in due:
        if cohort_id not in dates:
            dates[cohort_id] = {date.code: date for date in cohorts.key_dates(session, cohort_id)}
        streams = applicant_streams(session, application_id, now)
        released = Released(
            state, None, [pick.state for pick in streams.picks], [offer.state for offer in streams.offers]
        )
        stage = application_stage(released, now, {code: date.at for code, date in dates[cohort_id].items()})
        if stage not in WORDS:
            continue  # it ends with the next piece of due work, which tells its owner
        letter = letter_to(session, person_id, **facts(stage, dates[cohort_id], now, label))
        made = outbox.queue(
            session,
            Mail.HEARTBEAT,
            cause=f"application:{application_id}:heartbeat:{now:%Y-%m-%d}",
            now=now,
            person_id=person_id,
            recipient=letter.recipient,
            context=letter.context,
        )
        done += made is not None
    return done


def facts(stage: Stage, dates: Mapping[str, KeyDateView], now: datetime, cohort_label: str) -> dict[str, Any]:
    """What a heartbeat says in a stage of ``WORDS``: a date that has passed is not promised again."""
    headline, text = WORDS[stage]
    date = dates.get(NEWS[stage])
    ahead = date if date is not None and date.at is not None and date.at > now else None
    return {
        "cohort_label": cohort_label,
        "headline": headline,
        "text": text,
        "news_at": ahead.at if ahead else None,
        "estimate": bool(ahead and ahead.estimate),
    }
