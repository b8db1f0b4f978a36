"""Referees and letters: R1 to R6, tokens that open one letter only, and a missing letter that blocks nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications import references
from matsapply.applications.models import Application, Reference, ReferenceLetter
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.mail.tokens import digest_of
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import ReferenceState, ReferenceTiming
from tests import factories as make

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from matsapply.people.models import Person

R = ReferenceState
T3 = make.at(make.DATES["T3"])
DAY = timedelta(days=1)


def name(
    session: Session, who: Person, mine: Application, email: str = "rita@example.org", *, consent: bool = True
) -> Reference:
    return references.name_referee(
        session, make.acting(who), mine, name="Rita Referee", email=email, consent=consent, most=2, now=make.NOW
    )


def asked(session: Session) -> tuple[Person, Application, Reference, str]:
    """A submitted application whose referee has just been asked, and the token of the link in the mail."""
    world, ada = make.cohort(session, reference_timing=ReferenceTiming.AT_SUBMIT), make.person(session)
    mine = make.application(session, world, ada)
    reference = name(session, ada, mine)
    make.submitted(session, world, ada)
    return ada, mine, reference, token_of(session, Mail.REFERENCE_REQUEST)


def token_of(session: Session, kind: Mail) -> str:
    letter = session.scalars(sa.select(Notification).where(Notification.kind == kind).order_by(Notification.id)).all()
    found = re.search(r"/reference/([\w-]+)", letter[-1].body_text)
    assert found is not None
    return found[1]


def refusal(call: object, *args: object, **more: object) -> Code:
    with pytest.raises(Refused) as refused:
        call(*args, **more)  # type: ignore[operator]
    return refused.value.refusal.code


def test_r1_names_with_consent_once_each_and_not_oneself(session: Session) -> None:
    world, ada = make.cohort(session), make.person(session, email="ada@example.org")
    mine = make.application(session, world, ada)
    assert name(session, ada, mine).state is R.NAMED
    assert refusal(name, session, ada, mine, "other@example.org", consent=False) is Code.NOT_FINISHED
    assert refusal(name, session, ada, mine, "RITA@example.org") is Code.REPEATED
    assert refusal(name, session, ada, mine, "Ada@Example.org") is Code.CONFLICT
    assert refusal(name, session, ada, mine, "not an address") is Code.INCOMPLETE
    name(session, ada, mine, "second@example.org")
    assert refusal(name, session, ada, mine, "third@example.org") is Code.CAP_REACHED


def test_no_more_than_a_dozen_strangers_are_written_to_for_one_application(session: Session) -> None:
    """Naming, being written for, taking off again: the site is nobody's way to send mail to whom they like."""
    world, ada = make.cohort(session, reference_timing=ReferenceTiming.AT_SUBMIT), make.person(session)
    mine = make.application(session, world, ada)
    make.submitted(session, world, ada)
    for number in range(references.MOST_EVER):
        held = name(session, ada, mine, f"r{number}@example.org")
        references.replace_referee(session, make.acting(ada), held, now=make.NOW)
    assert refusal(name, session, ada, mine, "more@example.org") is Code.REMINDER_LIMIT


def test_r2_asks_once_and_keeps_only_the_digest_of_the_token(session: Session) -> None:
    _, mine, reference, token = asked(session)
    assert reference.state is R.REQUESTED
    assert reference.token_digest == digest_of(token)
    assert token not in str(reference.__dict__)
    assert references.request_references(session, [mine], make.NOW) == 0


def test_r2_nobody_is_asked_before_the_cohorts_moment(session: Session) -> None:
    world, ada = make.cohort(session, reference_timing=ReferenceTiming.AFTER_ADVANCE), make.person(session)
    mine = make.application(session, world, ada)
    reference = name(session, ada, mine)
    make.submitted(session, world, ada)
    assert reference.state is R.NAMED
    assert session.scalars(sa.select(Notification).where(Notification.kind == Mail.REFERENCE_REQUEST)).all() == []


def test_r3_r3e_each_save_is_a_version_until_t3(session: Session) -> None:
    _, _, reference, _ = asked(session)
    references.save_letter(session, reference, scores={"research": 2}, text="Good.", now=make.NOW)
    assert reference.state is R.RECEIVED
    second = references.save_letter(session, reference, scores={"research": 3}, text="Very good.", now=T3 - DAY)
    assert (second.number, second.late) == (2, False)
    late = refusal(references.save_letter, session, reference, scores={}, text="Too late.", now=T3)
    assert late is Code.CLOSED
    assert session.scalar(sa.select(sa.func.count()).select_from(ReferenceLetter)) == 2


def test_r3_a_first_letter_after_t3_is_taken_and_marked_late(session: Session) -> None:
    _, _, reference, _ = asked(session)
    assert references.overdue(session, T3) == 1
    assert references.overdue(session, T3) == 0
    assert reference.state is R.OVERDUE
    assert references.save_letter(session, reference, scores={}, text="Sorry.", now=T3 + DAY).late


def test_r4_replaced_the_link_is_dead_and_the_place_free(session: Session) -> None:
    ada, mine, reference, token = asked(session)
    references.replace_referee(session, make.acting(ada), reference, now=make.NOW)
    session.flush()
    assert reference.state is R.REPLACED
    assert references.by_token(session, token) is None
    assert name(session, ada, mine).id != reference.id


def test_r4r_one_reminder_a_day_three_in_all_each_with_the_same_link(session: Session) -> None:
    ada, _, reference, token = asked(session)
    actor = make.acting(ada)
    now = make.NOW
    assert refusal(references.remind_referee, session, actor, reference, now=now) is Code.REMINDER_TOO_SOON
    for number in (1, 2, 3):
        now += DAY
        references.remind_referee(session, actor, reference, now=now)
        session.flush()
        assert reference.reminders == number
        assert token_of(session, Mail.REFERENCE_REMINDER) == token
        assert references.by_token(session, token) is reference, "the link of the first letter still opens"
    assert refusal(references.remind_referee, session, actor, reference, now=now + DAY) is Code.REMINDER_LIMIT


def test_two_references_have_two_links_and_a_replaced_one_gets_none_back(session: Session) -> None:
    ada, mine, first, token = asked(session)
    second = name(session, ada, mine, "second@example.org")
    references.request_references(session, [mine], make.NOW)
    other = token_of(session, Mail.REFERENCE_REQUEST)
    assert other != token
    references.replace_referee(session, make.acting(ada), first, now=make.NOW)
    session.flush()
    assert references.by_token(session, token) is None
    assert references.by_token(session, other) is second


def test_r5_is_not_due_a_moment_before_t3(session: Session) -> None:
    _, _, reference, _ = asked(session)
    assert references.overdue(session, T3 - timedelta(milliseconds=1)) == 0
    assert reference.state is R.REQUESTED


def test_r6_declined_and_then_no_letter(session: Session) -> None:
    _, _, reference, _ = asked(session)
    references.decline(session, reference, now=make.NOW)
    assert reference.state is R.DECLINED
    assert refusal(references.save_letter, session, reference, scores={}, text="x", now=make.NOW) is Code.WRONG_STATE


def test_case_3_a_token_opens_its_own_letter_only(session: Session) -> None:
    _, _, reference, token = asked(session)
    for wrong in (token[:-1], token + "x", "", "\ud800", reference.public_id, reference.token_digest or ""):
        assert references.by_token(session, wrong) is None
    found = references.by_token(session, token)
    assert found is reference
