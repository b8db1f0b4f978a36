"""Writing messages: one cause tells one person once, in the transaction of the cause."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.people.models import Person
from matsapply.platform.db import configure_engine
from matsapply.rules.stages import MailState
from tests.mail.contexts import NOON, context

pytestmark = pytest.mark.usefixtures("settings")


def write(session, *, cause="application:1:receipt:1", recipient="ada@demo.example", kind=Mail.RECEIPT, **more):
    return outbox.queue(
        session,
        kind,
        cause=cause,
        now=NOON,
        person_id=more.pop("person_id", None),
        recipient=recipient,
        context=context(kind, **more),
    )


def count(session):
    return session.scalar(sa.select(sa.func.count()).select_from(Notification))


def test_a_message_is_written_with_its_cause(session):
    person = Person(display_name="Ada Example")
    session.add(person)
    session.flush()
    made = write(session, person_id=person.id)
    assert made is not None
    assert made.state is MailState.QUEUED
    assert made.dedupe_key == "application:1:receipt:1|ada@demo.example|receipt"
    assert made.in_portal is True
    assert made.next_try_at == made.created_at == NOON
    assert len(made.public_id) == 13
    assert "version 2" in made.body_text


def test_the_same_cause_tells_once(session):
    assert write(session) is not None
    assert write(session) is None
    assert write(session, number=3) is None
    assert count(session) == 1
    assert write(session, cause="application:1:receipt:2") is not None
    assert write(session, recipient="bo@demo.example") is not None
    assert write(session, kind=Mail.WITHDRAWN) is not None
    assert count(session) == 4


def test_a_rollback_takes_the_message_back(session):
    write(session)
    session.rollback()
    assert count(session) == 0
    assert write(session) is not None


def test_a_message_to_nobody_in_particular_is_in_no_inbox(session):
    assert write(session, person_id=None).in_portal is False


@pytest.mark.parametrize(
    "recipient",
    [
        "ada@demo.example\r\nBcc: evil@example.org",
        "ada@demo.example, evil@example.org",
        "Ada <ada@demo.example>",
        "ada@demo.example\n",
        "ada",
        "",
        "ada@" + "x" * 300 + ".example",
        "ada@[127.0.0.1]",
    ],
)
def test_what_is_not_one_address_is_kept_and_never_sent(session, recipient):
    """Case 21. The cause goes on: nobody's submission fails because of an address."""
    made = write(session, recipient=recipient)
    assert made.state is MailState.FAILED
    assert made.last_error == "This is not a mail address."
    assert "\n" not in made.recipient
    assert len(made.recipient) <= 255


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ada@demo.example", "ada@demo.example"),
        ("Ada@DEMO.example", "Ada@demo.example"),
        ("ada+x@bücher.example", "ada+x@xn--bcher-kva.example"),
    ],
)
def test_an_address_is_kept_in_the_form_it_is_sent_to(typed, kept):
    assert outbox.normal_address(typed) == kept


@pytest.mark.parametrize("cause", ["", "x" * 121])
def test_a_cause_has_a_length(session, cause):
    with pytest.raises(ValueError, match="1 to 120 characters"):
        write(session, cause=cause)


def test_two_processes_with_one_cause_write_one_message(live_engine, live_database):
    """Both are within their transactions at the same time; the database's key decides."""
    barrier = threading.Barrier(8)
    made: list[bool] = []
    errors: list[BaseException] = []

    def retry() -> None:
        engine = sa.create_engine(live_database)
        configure_engine(engine)
        try:
            barrier.wait(10)
            with Session(engine) as session:
                made.append(write(session) is not None)
                session.commit()
        except BaseException as error:
            errors.append(error)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=retry) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not errors
    assert sorted(made) == [False] * 7 + [True]
    with Session(live_engine) as session:
        assert count(session) == 1


def release(number):
    return [
        outbox.Message(None, f"applicant{i}@demo.example", context(Mail.DECISION), f"batch:1:application:{i}")
        for i in range(number)
    ]


def test_a_release_writes_to_everybody_once(session):
    messages = release(2200)
    started = time.process_time()
    assert outbox.queue_many(session, Mail.DECISION, messages, NOON) == 2200
    assert time.process_time() - started < 4  # about a second here; the bound is for a busy machine
    assert outbox.queue_many(session, Mail.DECISION, messages, NOON) == 0
    assert outbox.queue_many(session, Mail.DECISION, [*messages, *release(2201)], NOON) == 1
    assert count(session) == 2201


def test_the_keys_of_a_release_follow_no_rank(session):
    messages = release(50)
    outbox.queue_many(session, Mail.DECISION, messages, NOON)
    order = session.scalars(sa.select(Notification.recipient).order_by(Notification.id)).all()
    assert order != [message.recipient for message in messages]
    assert sorted(order) == sorted(message.recipient for message in messages)


def test_one_bad_address_does_not_stop_a_release(session):
    messages = [*release(3), replace(release(1)[0], recipient="nonsense", cause="batch:1:application:9")]
    assert outbox.queue_many(session, Mail.DECISION, messages, NOON) == 4
    states = session.scalars(sa.select(Notification.state)).all()
    assert sorted(states) == [MailState.FAILED] + [MailState.QUEUED] * 3


def test_an_empty_release_is_one(session):
    assert outbox.queue_many(session, Mail.DECISION, [], NOON) == 0
    assert outbox.QUEUED not in session.info
