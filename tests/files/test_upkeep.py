"""Removed and replaced files: their bytes go after a day, and never those that something still points at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.answer_files import attach as attach_answer
from matsapply.evaluations.actions import attach as attach_task, start_task, submit_task
from matsapply.evaluations.models import SubmissionVersion
from matsapply.files import actions
from matsapply.files.models import StoredFile
from matsapply.files.upkeep import GRACE
from matsapply.jobs.work import sweep_files
from matsapply.pages import site
from matsapply.platform import storage
from matsapply.platform.clock import SystemClock
from matsapply.platform.flask_db import db
from tests import factories
from tests.evaluations.test_tasks import asked, person
from tests.hostile.test_files import pdf
from tests.stream_world import DURING_TASKS, World
from tests.visitor import PASSWORD, Visitor, make_person

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock

ADA = "ada@example.org"
LATER = GRACE + timedelta(minutes=1)


@dataclass
class Sweeper:
    app: Flask
    session: Session
    clock: FixedClock

    def upload(self, owner_id: int) -> StoredFile:
        file = actions.store_upload(self.session, owner_id, BytesIO(pdf()), "cv.pdf", 5, self.clock.now())
        assert isinstance(file, StoredFile)
        return file

    def sweep(self) -> int:
        """What a run of the job removes."""
        self.session.commit()  # on SQLite an open transaction would keep the job from writing
        return sweep_files(self.app)

    def kept(self) -> tuple[set[str], set[str]]:
        """The keys of all rows, and of all bytes."""
        rows = set(self.session.scalars(sa.select(StoredFile.key)))
        self.session.commit()
        return rows, {item.key for item in storage.current().listing()}


@pytest.fixture
def sweeper(app: Flask, live_session: Session, clock: FixedClock) -> Sweeper:
    return Sweeper(app, live_session, clock)


def test_a_replaced_answer_goes_after_a_day_and_the_new_one_stays(sweeper: Sweeper, live_session: Session) -> None:
    world = factories.cohort(live_session)
    ada = factories.person(live_session)
    factories.application(live_session, world, ada)
    old, new = sweeper.upload(ada.id), sweeper.upload(ada.id)
    for file in (old, new):
        attach_answer(live_session, factories.held(live_session, ada), "cv", file, sweeper.clock.now())
    both, stays = {old.key, new.key}, {new.key}
    assert sweeper.sweep() == 0
    assert sweeper.kept() == (both, both)
    sweeper.clock.advance(LATER)
    assert sweeper.sweep() == 1
    assert sweeper.kept() == (stays, stays)
    assert sweeper.sweep() == 0


def test_what_was_submitted_stays_when_the_draft_replaces_it(sweeper: Sweeper, live_session: Session) -> None:
    world = factories.cohort(live_session)
    ada = factories.person(live_session)
    factories.application(live_session, world, ada)
    old, new = sweeper.upload(ada.id), sweeper.upload(ada.id)
    attach_answer(live_session, factories.held(live_session, ada), "cv", old, sweeper.clock.now())
    factories.submitted(live_session, world, ada)
    attach_answer(live_session, factories.held(live_session, ada), "cv", new, sweeper.clock.now())
    sweeper.clock.advance(LATER)
    assert sweeper.sweep() == 0
    both = {old.key, new.key}
    assert sweeper.kept() == (both, both)


def test_a_replaced_file_of_a_task_goes_and_one_that_was_handed_in_stays(
    sweeper: Sweeper, live_session: Session
) -> None:
    world = World(live_session)
    task, application = asked(world, world.own)
    who = person(application)
    start_task(live_session, who, task, DURING_TASKS, ai_rule=True)
    first, second, third = (sweeper.upload(application.person_id) for _ in range(3))
    attach_task(live_session, who, task, first, DURING_TASKS)
    attach_task(live_session, who, task, second, DURING_TASKS)
    submit_task(live_session, who, task, "My report.", DURING_TASKS)
    attach_task(live_session, who, task, third, DURING_TASKS)
    assert live_session.scalars(sa.select(SubmissionVersion.file_id)).all() == [second.id]
    stays = {second.key, third.key}
    sweeper.clock.move_to(DURING_TASKS + LATER)
    assert sweeper.sweep() == 1
    assert sweeper.kept() == (stays, stays)


def test_a_row_marked_by_mistake_keeps_its_bytes(sweeper: Sweeper, live_session: Session) -> None:
    """Something still points at it: nothing dangles."""
    world = factories.cohort(live_session)
    ada = factories.person(live_session)
    factories.application(live_session, world, ada)
    file = sweeper.upload(ada.id)
    attach_answer(live_session, factories.held(live_session, ada), "cv", file, sweeper.clock.now())
    file.removed_at = sweeper.clock.now()
    sweeper.clock.advance(LATER)
    assert sweeper.sweep() == 0
    assert sweeper.kept() == ({file.key}, {file.key})


def test_a_store_that_fails_is_asked_again(
    sweeper: Sweeper, live_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = factories.person(live_session)
    file = sweeper.upload(ada.id)
    file.removed_at = sweeper.clock.now()
    sweeper.clock.advance(LATER)

    def fails(*_: object) -> None:
        raise storage.UnavailableError("down")

    with monkeypatch.context() as patch:
        patch.setattr(storage.Storage, "delete", fails)
        with pytest.raises(storage.UnavailableError):
            sweeper.sweep()
    assert sweeper.kept() == ({file.key}, {file.key})
    assert sweeper.sweep() == 1
    assert sweeper.kept() == (set(), set())


def test_an_upload_whose_save_fails_leaves_no_row_and_its_bytes_go(
    sweeper: Sweeper, live_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = factories.cohort(live_session)
    account = make_person(sweeper.app, live_session, ADA)
    factories.application(live_session, world, account.person)
    live_session.commit()
    with sweeper.app.app_context():
        site.forget_cohorts()
    ada = Visitor(sweeper.app.test_client())
    assert ada.sign_in(ADA, PASSWORD).status_code == 303
    token = ada.token("/application/sections/background")

    def fails() -> None:
        raise sa.exc.OperationalError("COMMIT", {}, Exception("the database went away"))

    with sweeper.app.app_context(), monkeypatch.context() as patch:
        patch.setattr(type(db.session), "commit", lambda _self: fails())
        data = {"csrf_token": token, "cv": (BytesIO(pdf()), "cv.pdf")}
        answer = ada.client.post("/application/sections/background", data=data)
    assert answer.status_code == 503
    rows, stored = sweeper.kept()
    assert rows == set()
    assert len(stored) == 1
    later = SystemClock().now() + LATER  # the store dates its bytes by the machine's clock
    monkeypatch.setattr(SystemClock, "now", lambda _self: later)
    assert sweeper.sweep() == 1
    assert sweeper.kept() == (set(), set())
