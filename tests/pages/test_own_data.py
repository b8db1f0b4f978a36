"""One's own data: a copy for its owner alone, consents, and an erasure after which no byte names the person."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from matsapply import tables
from matsapply.applications.models import Application, Message, Reference, ReferenceLetter, Snapshot, Thread
from matsapply.audit.models import AuditEvent
from matsapply.files.actions import store_upload
from matsapply.files.models import DataExport, StoredFile
from matsapply.jobs import exports
from matsapply.jobs.exports import build_exports
from matsapply.jobs.work import sweep_files
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.people.models import Account, Consent, DataRequest, Person
from matsapply.platform import storage
from matsapply.process import erasure, own_data
from matsapply.process.due import run_due
from matsapply.process.threads import answer
from matsapply.process.withdraw import undo_withdrawal
from matsapply.reviews.models import Review
from matsapply.rules.access import Actor
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import ApplicationState, CloseReason, Machine, MailState, Role
from matsapply.tracking.models import StateChange
from tests.applicant_site import Site, open_site, pdf
from tests.visitor import Visitor, mails, make_person

if TYPE_CHECKING:
    from datetime import datetime

    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock
    from tests.applicant_site import Applicant

DATA, ERASURE = "/account/data", "/account/data/erasure"
MARK = "Zyzzyva"  # stands nowhere else


@pytest.fixture
def site(app: Flask, live_session: Session) -> Site:
    return open_site(app, live_session)


@pytest.fixture
def ada(site: Site) -> Applicant:
    ada = site.applicant()
    ada.complete()
    assert ada.submit().status_code == 303
    return ada


def test_a_copy_holds_what_is_ones_own_and_expires(site: Site, ada: Applicant, clock: FixedClock) -> None:
    bo = site.applicant("Bo Example", "bo@example.org")
    assert ada.post("/threads", {"subject": "When?", "text": f"I ask {MARK}."}).status_code == 303
    assert ada.post(f"{DATA}/consents", {"consent": ["referral", "research"]}, form=DATA).status_code == 303
    assert ada.post(f"{DATA}/consents", {"consent": ["research"]}, form=DATA).status_code == 303
    assert ada.post(f"{DATA}/consents", {"consent": ["everything"]}, form=DATA).status_code == 400
    withdrawn = {row.purpose: row.withdrawn_at is not None for row in site.all(sa.select(Consent))}
    assert withdrawn == {"referral": True, "research": False}

    assert ada.post(f"{DATA}/export", form=DATA).status_code == 303
    assert ada.post(f"{DATA}/export", form=DATA).status_code == 409, "one at a time"
    waiting = ada.get(DATA).text
    assert "0 of 6" in waiting
    assert "data-poll" in waiting
    assert build_exports(site.app) == 1
    assert build_exports(site.app) == 0
    (request,) = site.all(sa.select(DataRequest))
    path = f"{DATA}/export/{request.public_id}"
    assert path in ada.get(DATA).text
    assert bo.get(path).status_code == 404
    assert site.app.test_client().get(path).status_code == 302
    assert [mail.kind for mail in mails(site.session, "ada@example.org")].count(Mail.EXPORT_READY) == 1

    answer = ada.get(path)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    assert archive.testzip() is None
    data = json.loads(archive.read("data.json"))
    page = archive.read("index.html").decode()
    assert data["person"]["signs_in_with"] == "ada@example.org"
    (application,) = data["applications"]
    assert application["submissions"][0]["answers"]["evidence"] == "I asked one question and answered half of it."
    assert data["written_to_the_team"]["threads"][0]["messages"][0]["text"] == f"I ask {MARK}."
    assert MARK in page
    assert "bo@example.org" not in page
    assert "<script" not in page

    (stored,) = site.all(sa.select(StoredFile.public_id))
    assert ada.get(f"/application/files/{stored}").status_code == 404, "a copy has one way out"

    clock.advance(timedelta(days=7))
    assert ada.get(path).status_code == 404
    assert "has expired" in ada.get(DATA).text
    build_exports(site.app)
    (file,) = site.all(sa.select(StoredFile))
    assert storage.current().exists(file.key)
    clock.advance(timedelta(days=2))
    sweep_files(site.app)
    assert not storage.current().exists(file.key)
    assert site.all(sa.select(DataExport.file_id)) == [None]


def test_a_copy_whose_store_is_down_is_made_later(
    site: Site, ada: Applicant, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ada.post(f"{DATA}/export", form=DATA).status_code == 303

    def down(*_: object) -> None:
        raise storage.UnavailableError("down")

    with monkeypatch.context() as patch:
        patch.setattr(storage.Storage, "put", down)
        assert build_exports(site.app) == 0
    assert build_exports(site.app) == 0, "somebody may still be at it"
    clock.advance(timedelta(minutes=11))
    assert build_exports(site.app) == 1
    assert len(site.all(sa.select(StoredFile))) == 1


def test_erasure_takes_two_steps_and_no_running_application(site: Site, ada: Applicant, clock: FixedClock) -> None:
    """E40."""
    assert "Withdraw it first" in ada.get(ERASURE).text
    assert ada.post(f"{ERASURE}/ask", form=ERASURE).status_code == 409
    assert ada.post(f"{ERASURE}/confirm", {"email": "ada@example.org"}, form=ERASURE).status_code == 409
    assert ada.post("/status/withdraw", form="/status").status_code == 303
    assert ada.post(f"{ERASURE}/confirm", {"email": "ada@example.org"}, form=ERASURE).status_code == 409
    assert ada.post(f"{ERASURE}/ask", form=ERASURE).status_code == 303
    assert ada.post(f"{ERASURE}/ask", form=ERASURE).status_code == 409
    assert [mail.kind for mail in mails(site.session, "ada@example.org")][-1] is Mail.ERASURE_ASKED
    assert ada.post(f"{ERASURE}/take-back", form=ERASURE).status_code == 303
    assert ada.post(f"{ERASURE}/take-back", form=ERASURE).status_code == 409
    assert ada.post(f"{ERASURE}/ask", form=ERASURE).status_code == 303
    wrong = ada.post(f"{ERASURE}/confirm", {"email": "bo@example.org"}, form=ERASURE)
    assert wrong.status_code == 422
    assert 'value="bo@example.org"' in wrong.text
    assert ada.post(f"{ERASURE}/vanish", form=ERASURE).status_code == 404
    assert site.person().display_name == "Ada Example"

    clock.advance(timedelta(days=8))
    assert ada.post(f"{ERASURE}/confirm", {"email": "ada@example.org"}, form=ERASURE).status_code == 409
    assert ada.post(f"{ERASURE}/ask", form=ERASURE).status_code == 303
    done = ada.post(f"{ERASURE}/confirm", {"email": " ADA@example.org"}, form=ERASURE)
    assert done.status_code == 303
    assert not ada.signed_in
    assert Visitor(site.app.test_client()).sign_in("ada@example.org").status_code == 422
    (letter,) = site.all(sa.select(Notification))
    assert (letter.kind, letter.recipient, letter.person_id) == (Mail.ERASED, "ada@example.org", None)
    letter = site.session.get_one(Notification, letter.id)
    letter.state, letter.sent_at = MailState.SENT, clock.now()
    site.session.commit()
    while run_due(site.session, clock.now()):
        site.session.commit()
    site.session.commit()
    assert traces(site.session, "ada@example.org", "Ada Example", "answered half of it") == []
    again = make_person(site.app, site.session, "ada@example.org", name="Ada Anew")
    assert again.id is not None


def test_an_erasure_reaches_all_that_is_about_the_person_and_nothing_of_others(
    site: Site, ada: Applicant, clock: FixedClock
) -> None:
    """A name is no key: whoever is called like a word of every mail empties nobody's messages."""
    session = site.session
    bo = site.applicant("Bo Example", "bo@example.org")
    make_person(site.app, session, "team@example.org", Role.COORDINATOR, name="Team")
    bo.complete()
    assert bo.submit().status_code == 303
    assert ada.post("/threads", {"subject": "When?", "text": "?"}).status_code == 303
    (thread,) = site.all(sa.select(Thread))
    team = site.person("team@example.org").id
    file = store_upload(session, team, io.BytesIO(pdf()), f"{MARK}.pdf", 5, clock.now())
    answer(session, Actor(team), session.get_one(Thread, thread.id), text="Soon.", file=file, now=clock.now())
    session.commit()
    (key,) = site.all(sa.select(StoredFile.key))

    person = site.person()
    (application,) = site.all(sa.select(Application).where(Application.person_id == person.id))
    asked = Reference(application_id=application.id, position=1, name="Ref", email="ref@example.org")
    session.add(asked)
    session.flush()
    move = {"actor_id": None, "at": clock.now(), "reason": MARK, "before": "none", "after": "named"}
    session.add(
        StateChange(
            machine=Machine.REFERENCE, subject_id=asked.id, application_id=application.id, code="R1",
            role=Role.SYSTEM, **move,
        )
    )  # fmt: skip
    event = {"actor_role": "system", "subject_type": "reference", **move}
    session.add(AuditEvent(action="reference.R1", subject_id=asked.id, **event))
    session.add(AuditEvent(action="reference.R1", subject_id=asked.id + 1, **event | {"reason": "another's"}))
    queue = {"now": clock.now(), "person_id": None}
    facts = {"zone": "UTC", "cohort_label": "C", "due_at": None, "link": "/reference/x"}
    for number, applicant in ((asked.id, "Ada Example"), (asked.id + 1, "Bo Example")):
        context = facts | {"name": "Ref", "applicant": applicant}
        cause = f"reference:{number}:R2:now"
        outbox.queue(
            session, Mail.REFERENCE_REQUEST, cause=cause, recipient="ref@example.org", context=context, **queue
        )
    quoting = facts | {"name": "Bo", "subject": "s", "href": "/threads/x"}
    for number, words in enumerate(("As ada@example.org wrote.", "As nada@example.org wrote.")):
        context = quoting | {"text": words}
        outbox.queue(
            session, Mail.TEAM_ANSWER, cause=f"x:{number}", recipient="bo@example.org", context=context, **queue
        )
    session.commit()

    assert (
        ada.post("/account", {"display_name": "application", "time_zone": "UTC", "language": "en"}).status_code == 303
    )
    assert ada.post("/status/withdraw", form="/status").status_code == 303
    assert ada.post(f"{DATA}/export", form=DATA).status_code == 303
    assert ada.post(f"{ERASURE}/ask", form=ERASURE).status_code == 303
    others = sa.select(Notification.id, Notification.body_text).where(
        Notification.recipient.in_(["bo@example.org", "ref@example.org"])
    )
    session.rollback()
    before = {row.id: row.body_text for row in session.execute(others)}
    session.rollback()
    assert ada.post(f"{ERASURE}/confirm", {"email": "ada@example.org"}, form=ERASURE).status_code == 303
    after = {row.id: row.body_text for row in session.execute(others)}
    session.rollback()
    changed = {before[number] for number in before if after.get(number) != before[number]}
    assert len(changed) == 2
    assert any("Ada Example is applying" in text for text in changed)
    assert any("As ada@example.org wrote." in text for text in changed)
    assert traces(session, MARK) == []
    assert site.all(sa.select(AuditEvent.reason).where(AuditEvent.subject_type == "reference", AuditEvent.reason != ""))

    assert build_exports(site.app) == 0, "what was asked for before has ended"
    clock.advance(timedelta(days=2))
    sweep_files(site.app)
    assert not storage.current().exists(key), "what the team sent them goes too"
    with pytest.raises(Refused):
        undo_withdrawal(
            session,
            Actor(person.id),
            session.get_one(Application, application.id),
            role=Role.APPLICANT,
            now=clock.now(),
        )
    session.rollback()


def test_an_erasure_while_a_copy_is_made_leaves_no_copy(
    site: Site, ada: Applicant, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = site.person()
    assert ada.post("/status/withdraw", form="/status").status_code == 303
    assert ada.post(f"{DATA}/export", form=DATA).status_code == 303
    archive, put, kept = exports.archive, storage.Storage.put, []

    def meanwhile(*what: Any) -> Any:
        made = archive(*what)
        erasure.ask(site.session, Actor(person.id), clock.now())
        erasure.erase(site.session, Actor(person.id), clock.now())
        site.session.commit()
        return made

    monkeypatch.setattr(exports, "archive", meanwhile)
    monkeypatch.setattr(storage.Storage, "put", lambda self, key, data: (kept.append(key), put(self, key, data)))
    assert build_exports(site.app) == 0
    assert site.all(sa.select(StoredFile)) == []
    assert [storage.current().exists(key) for key in kept] == [False]
    assert [row.kind for row in site.all(sa.select(Notification))] == [Mail.ERASED]


def test_copies_are_asked_for_a_few_times_a_day(site: Site, ada: Applicant) -> None:
    answers = [ada.post(f"{DATA}/export", form=DATA).status_code for _ in range(7)]
    assert answers == [303, *[409] * 5, 429]


def test_a_copy_that_cannot_be_made_holds_up_no_other(
    site: Site, ada: Applicant, monkeypatch: pytest.MonkeyPatch
) -> None:
    bo = site.applicant("Bo Example", "bo@example.org")
    for visitor in (ada, bo):
        assert visitor.post(f"{DATA}/export", form=DATA).status_code == 303
    gather, broken = own_data.PARTS["applications"], site.person().id

    def gathered(session: Session, person_id: int, now: datetime) -> Any:
        if person_id == broken:
            raise KeyError("answers")
        return gather(session, person_id, now)

    monkeypatch.setitem(own_data.PARTS, "applications", gathered)
    assert build_exports(site.app) == 1
    assert [mail.kind for mail in mails(site.session, "bo@example.org")][-1] is Mail.EXPORT_READY


def test_staff_are_not_erased(app: Flask, live_session: Session) -> None:
    make_person(app, live_session, "team@example.org", Role.REVIEWER)
    person = live_session.scalars(sa.select(Person)).one()
    now = person.created_at + timedelta(days=1)
    with pytest.raises(Refused):
        erasure.ask(live_session, Actor(person.id), now)


def traces(session: Session, *words: str) -> list[str]:
    """The tables in which one of the words stands, wherever."""
    session.rollback()
    found = []
    for table in tables.metadata.sorted_tables:
        rows = repr(session.execute(sa.select(table)).all()).lower()
        found += [f"{table.name}: {word}" for word in words if word.lower() in rows]
    session.rollback()
    return found


@pytest.mark.demo
def test_after_an_erasure_no_text_of_the_person_is_left(live_session: Session, clock: FixedClock) -> None:
    """Invariant 61: every text below an application is marked, and none of the marks is left; the counts stay."""
    session = live_session
    ended = sa.select(Application).where(
        Application.state == ApplicationState.CLOSED,
        Application.close_reason != CloseReason.PLACED,
        sa.exists().where(Review.application_id == Application.id),
    )
    application = session.scalars(ended.order_by(Application.id).limit(1)).first()
    assert application is not None
    who = session.get_one(Person, application.person_id)
    account = session.scalars(sa.select(Account).where(Account.person_id == who.id)).one()
    who.display_name, who.aliases, account.email = f"{MARK} Example", [f"Old {MARK}"], f"{MARK.lower()}@demo.example"
    key = application.id
    thread = Thread(application_id=key, subject=MARK)
    session.add(thread)
    session.flush()
    session.add(Message(thread_id=thread.id, author_id=who.id, text=MARK, sent_at=clock.now()))
    session.add(Reference(application_id=key, position=9, name=MARK, email=f"{MARK.lower()}@example.org"))
    session.flush()
    for number, letter in enumerate(session.scalars(sa.select(Reference).where(Reference.application_id == key)).all()):
        letter.email = f"{MARK.lower()}{number}@demo.example"
        text = ReferenceLetter(reference_id=letter.id, number=90, text=MARK, received_at=clock.now())
        session.add(text)
    last = session.scalars(
        sa.select(Snapshot).where(Snapshot.application_id == key).order_by(Snapshot.number.desc()).limit(1)
    ).one()
    content = {"answers": {"evidence": MARK, "name": MARK}, "tracks": [], "streams": []}
    session.add(
        Snapshot(
            application_id=key,
            number=last.number + 1,
            form_version_id=last.form_version_id,
            received_at=last.received_at,
            content=content,
            digest=last.digest,
            submit_key="marked",
        )
    )
    session.flush()
    for name, columns in erasure.erased_columns().items():
        table = tables.metadata.tables[name]
        texts = {one.name: MARK for one in columns if isinstance(one.type, sa.String) and not one.unique}
        if texts and name != "decision":
            session.execute(sa.update(table).where(erasure._below(name, [key])).values(texts))
    session.execute(
        sa.update(Notification).where(Notification.person_id == who.id).values(subject=MARK, body_text=MARK)
    )
    session.commit()
    marked = {trace.partition(":")[0] for trace in traces(session, MARK)}
    assert {"person", "account", "snapshot", "reference", "reference_letter", "message", "thread", "review"} <= marked
    before = {table.name: session.scalar(sa.select(sa.func.count()).select_from(table)) for table in kept_tables()}
    digests = sorted(session.scalars(sa.select(Snapshot.digest).where(Snapshot.application_id == key)))
    owner = Actor(who.id)
    erasure.ask(session, owner, clock.now())
    erasure.erase(session, owner, clock.now())
    session.execute(sa.delete(Notification).where(Notification.kind == Mail.ERASED))
    session.commit()
    assert traces(session, MARK) == []
    after = {table.name: session.scalar(sa.select(sa.func.count()).select_from(table)) for table in kept_tables()}
    assert after == before
    assert sorted(session.scalars(sa.select(Snapshot.digest).where(Snapshot.application_id == key))) == digests
    assert session.get_one(Person, who.id).display_name == erasure.NOBODY
    with pytest.raises(sa.exc.DBAPIError):
        session.execute(sa.update(Snapshot).where(Snapshot.application_id != key).values(digest="0" * 64))
    session.rollback()


def kept_tables() -> list[sa.Table]:
    """What statistics count."""
    names = (
        "application",
        "snapshot",
        "track_choice",
        "stream_application",
        "review",
        "reference",
        "decision",
        "person",
    )
    return [tables.metadata.tables[name] for name in names]
