"""Sending, to a real mail server: each message once, whatever fails in between."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.mail import actions, outbox, sender
from matsapply.mail.calendar import interview_invite
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.people.models import EmailAddress, Person
from matsapply.platform.db import configure_engine
from matsapply.rules.stages import MailState
from tests.mail.contexts import NOON, context

MINUTE = timedelta(minutes=1)


class Time:
    """The instant the sender is told; it moves only when a test moves it."""

    def __init__(self):
        self.now = NOON

    def __call__(self):
        return self.now


@pytest.fixture
def tell_time():
    return Time()


@pytest.fixture
def write(live_engine):
    """Puts ``number`` receipts to different people into the outbox, really committed."""

    def write(number=1, kind=Mail.RECEIPT, calendar="", recipient="applicant{}@demo.example", **changes):
        with Session(live_engine) as session:
            for i in range(number):
                outbox.queue(
                    session,
                    kind,
                    cause=f"application:{i}:{kind.value}",
                    now=NOON,
                    person_id=None,
                    recipient=recipient.format(i),
                    context=context(kind, **changes),
                    calendar=calendar,
                )
            session.commit()

    return write


@pytest.fixture
def rows(live_engine):
    def rows():
        with Session(live_engine) as session:
            return session.scalars(sa.select(Notification).order_by(Notification.id)).all()

    return rows


def states(rows):
    return [row.state for row in rows()]


def words(mail, kind):
    return mail.get_body((kind,)).get_content().replace("\r\n", "\n").strip()


def test_a_message_arrives_as_it_was_written(live_engine, smtp_settings, running, write, rows, tell_time):
    write()
    assert sender.deliver_all(live_engine, smtp_settings, tell_time) == sender.Delivery(sent=1)
    (mail,) = running.inbound.mails
    (row,) = rows()
    assert running.inbound.recipients == [["applicant0@demo.example"]]
    assert mail["To"] == "applicant0@demo.example"
    assert mail["From"] == f"The admissions team <{smtp_settings.mail_from}>"
    assert mail["Subject"].strip() == row.subject
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] == f"<{row.public_id}@demo.example>"
    assert words(mail, "plain") == row.body_text.strip()
    assert words(mail, "html") == row.body_html.strip()
    assert (row.state, row.sent_at, row.tries, row.leased_until, row.last_error) == (MailState.SENT, NOON, 1, None, "")


def test_letters_of_every_script_arrive(live_engine, smtp_settings, running, write, tell_time):
    write(name="Łódź 王小明 🙂", cohort_label="Été 2027")
    sender.deliver_all(live_engine, smtp_settings, tell_time)
    (mail,) = running.inbound.mails
    assert "Été 2027" in mail["Subject"]
    assert "Łódź 王小明 🙂" in mail.get_body(("plain",)).get_content()


def test_an_invitation_travels_as_a_part_and_as_a_file(live_engine, smtp_settings, running, write, tell_time):
    invitation = interview_invite("i@x", 1, NOON, NOON + 30 * MINUTE, "Talk", "", "a@demo.example", "b@demo.example")
    write(kind=Mail.INTERVIEW_BOOKED, calendar=invitation)
    sender.deliver_all(live_engine, smtp_settings, tell_time)
    (mail,) = running.inbound.mails
    parts = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    assert [part.get_param("method") for part in parts] == ["REQUEST", "REQUEST"]
    assert [part.get_filename() for part in parts] == [None, "interview.ics"]
    assert all("DTSTART:20270118T120000Z" in part.get_content() for part in parts)


def test_names_with_line_breaks_make_no_headers_and_no_recipients(
    live_engine, smtp_settings, running, write, tell_time
):
    """Case 21."""
    evil = "Ada\r\nBcc: evil@example.org\r\nTo: evil@example.org\r\n\r\nbody"
    write(kind=Mail.REFERENCE_REQUEST, name=evil, applicant=evil, cohort_label=evil)
    write(kind=Mail.WITHDRAWN, recipient="a{}@demo.example\r\nBcc: evil@example.org")
    sender.deliver_all(live_engine, smtp_settings, tell_time)
    (mail,) = running.inbound.mails
    assert running.inbound.recipients == [["applicant0@demo.example"]]
    assert mail["Bcc"] is None
    assert mail.get_all("To") == ["applicant0@demo.example"]
    assert mail["Subject"].strip().startswith("Ada Bcc: evil@example.org")


def test_mail_down_for_an_hour_and_then_each_message_once(
    live_engine, smtp_settings, mail_server, write, rows, tell_time
):
    """Case 34."""
    write(30)
    for _ in range(60):
        assert sender.deliver_all(live_engine, smtp_settings, tell_time).reachable is False
        tell_time.now += MINUTE
    assert set(states(rows)) == {MailState.QUEUED}
    assert any(str(mail_server.port) in row.last_error for row in rows())
    mail_server.start()
    for _ in range(60):
        assert sender.deliver_all(live_engine, smtp_settings, tell_time).reachable is True
        tell_time.now += MINUTE
    assert set(states(rows)) == {MailState.SENT}
    ids = mail_server.inbound.ids
    assert len(ids) == len(set(ids)) == 30
    assert {to for (to,) in mail_server.inbound.recipients} == {f"applicant{i}@demo.example" for i in range(30)}


def test_a_server_that_goes_away_in_the_middle(live_engine, smtp_settings, running, write, rows, tell_time):
    write(10)
    seen: list[str] = []

    def breaks_off(address):
        seen.append(address)
        return "421 closing" if len(seen) == 4 else None

    running.inbound.answer = breaks_off
    first = sender.deliver_all(live_engine, smtp_settings, tell_time)
    assert (first.sent, first.reachable) == (3, False)
    assert sorted(states(rows)) == [MailState.QUEUED] * 7 + [MailState.SENT] * 3
    assert sorted(row.tries for row in rows() if row.state is MailState.QUEUED) == [0] * 6 + [1]
    tell_time.now += MINUTE
    assert sender.deliver_all(live_engine, smtp_settings, tell_time).sent == 7
    assert len(set(running.inbound.ids)) == len(running.inbound.ids) == 10


def test_two_senders_at_once_send_each_message_once(live_database, smtp_settings, running, write, rows, tell_time):
    write(60)
    barrier = threading.Barrier(2)
    sent: list[int] = []
    errors: list[BaseException] = []

    def send():
        engine = sa.create_engine(live_database)
        configure_engine(engine)
        try:
            barrier.wait(10)
            sent.append(sender.deliver_all(engine, smtp_settings, tell_time).sent)
        except BaseException as error:
            errors.append(error)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors
    # One of the two may have found everything taken for a moment and stopped; what it had claimed it has sent.
    assert sum(sent) == 60
    assert len(set(running.inbound.ids)) == len(running.inbound.ids) == 60
    assert set(states(rows)) == {MailState.SENT}
    assert {row.tries for row in rows()} == {1}


def test_a_sender_that_dies_leaves_a_lease_that_runs_out(
    live_engine, smtp_settings, running, write, rows, tell_time, monkeypatch
):
    """The message went out, the mark did not: it is sent again, under the same id, and not before the lease is over."""
    write()
    with monkeypatch.context() as patch:
        patch.setattr(sender, "_mark_sent", _die)
        patch.setattr(sender, "_release", lambda *_: None)
        with pytest.raises(SystemExit):
            sender.deliver_all(live_engine, smtp_settings, tell_time)
    assert states(rows) == [MailState.SENDING]
    tell_time.now += sender.LEASE - timedelta(seconds=1)
    assert not sender.deliver_all(live_engine, smtp_settings, tell_time).any
    tell_time.now += timedelta(seconds=1)
    assert sender.deliver_all(live_engine, smtp_settings, tell_time).sent == 1
    assert len(running.inbound.ids) == 2
    assert len(set(running.inbound.ids)) == 1
    assert states(rows) == [MailState.SENT]


def _die(*_):
    raise SystemExit


def test_a_sender_that_slept_past_its_lease_does_not_undo_the_other_ones_mark(
    live_engine, smtp_settings, running, write, rows, tell_time
):
    write()
    (stale,) = sender._claim(live_engine, NOON, 5)
    tell_time.now += sender.LEASE
    assert sender.deliver_all(live_engine, smtp_settings, tell_time).sent == 1
    sender._put_back(live_engine, stale, tell_time.now, "too late")
    assert states(rows) == [MailState.SENT]
    assert rows()[0].last_error == ""


def test_pauses_double_and_after_twelve_tries_it_is_given_up(
    live_engine, smtp_settings, running, write, rows, tell_time
):
    write()
    running.inbound.answer = lambda _address: "451 4.3.0 try later"
    pauses = []
    for _ in range(sender.TRIES):
        assert sender.deliver_all(live_engine, smtp_settings, tell_time).refused == 1
        (row,) = rows()
        pauses.append(row.next_try_at - tell_time.now)
        tell_time.now = row.next_try_at - timedelta(seconds=1)
        assert not sender.deliver_all(live_engine, smtp_settings, tell_time).any
        tell_time.now = row.next_try_at
    assert pauses[:3] == [timedelta(seconds=30), MINUTE, 2 * MINUTE]
    assert max(pauses) == sender.LONGEST_PAUSE
    assert sum(pauses, timedelta()) > timedelta(hours=12)
    (row,) = rows()
    assert row.state is MailState.FAILED
    assert row.last_error == "451 4.3.0 try later"
    running.inbound.answer = lambda _address: None
    assert not sender.deliver_all(live_engine, smtp_settings, tell_time).any
    with Session(live_engine) as session:
        assert actions.send_again(session, row.public_id, tell_time.now)
        assert not actions.send_again(session, row.public_id, tell_time.now)
        session.commit()
    assert sender.deliver_all(live_engine, smtp_settings, tell_time).sent == 1


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("550 5.1.1 no such user", MailState.BOUNCED),
        ("550 no such user", MailState.BOUNCED),
        ("550 5.7.1 we do not like you", MailState.QUEUED),
        ("554 policy", MailState.QUEUED),
        ("452 4.2.2 mailbox full", MailState.QUEUED),
    ],
)
def test_an_address_that_nobody_has_comes_back_at_once(
    live_engine, live_session, smtp_settings, running, write, rows, tell_time, answer, state
):
    """E39: outcome mail must not vanish. What may be our own fault is tried again instead."""
    person = Person(display_name="Ada")
    live_session.add(person)
    live_session.flush()
    live_session.add(EmailAddress(person_id=person.id, address="applicant0@demo.example", verified_at=NOON))
    live_session.commit()
    write(2)
    running.inbound.answer = lambda address: answer if address.startswith("applicant0") else None
    assert sender.deliver_all(live_engine, smtp_settings, tell_time) == sender.Delivery(sent=1, refused=1)
    first, second = rows()
    assert (first.state, second.state) == (state, MailState.SENT)
    bounced = live_session.scalar(sa.select(EmailAddress.bounced_at))
    assert bounced == (NOON if state is MailState.BOUNCED else None)


def test_where_encryption_is_asked_for_nothing_goes_in_the_clear(
    live_engine, smtp_settings, running, write, rows, tell_time
):
    write()
    settings = type(smtp_settings)(
        **{field: getattr(smtp_settings, field) for field in smtp_settings.__slots__} | {"smtp_starttls": True}
    )
    assert sender.deliver_all(live_engine, settings, tell_time).reachable is False
    assert running.inbound.mails == []
    assert states(rows) == [MailState.QUEUED]


def test_mails_leave_in_no_particular_order(live_engine, smtp_settings, running, write, tell_time):
    write(40)
    sender.deliver_all(live_engine, smtp_settings, tell_time)
    order = [to for (to,) in running.inbound.recipients]
    assert order != sorted(order, key=lambda address: int(address.removeprefix("applicant").partition("@")[0]))


def test_a_clock_that_was_set_back_keeps_no_new_mail_waiting(live_engine, smtp_settings, running, write, tell_time):
    write()
    tell_time.now -= timedelta(days=90)
    assert sender.deliver_all(live_engine, smtp_settings, tell_time).sent == 1


def test_into_files(live_engine, settings, write, rows, tell_time):
    write(3)
    assert sender.deliver_all(live_engine, settings, tell_time).sent == 3
    files = sorted((settings.data / "mail").iterdir())
    assert [file.name for file in files] == sorted(f"{row.public_id}.eml" for row in rows())
    assert all(b"Subject: We received" in file.read_bytes() for file in files)
    assert set(states(rows)) == {MailState.SENT}
