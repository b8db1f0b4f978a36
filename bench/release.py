"""How long the release of about 2,200 decisions takes, mails and all, and the queries it asks for each person."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.databases import KINDS, database, settle
from matsapply.applications.models import Application, TrackChoice
from matsapply.decisions import actions as decisions
from matsapply.decisions.models import Decision, ReleaseBatch
from matsapply.demo.cohort_files import START, Stage
from matsapply.demo.load import load_demo
from matsapply.mail import outbox
from matsapply.people.models import Person
from matsapply.platform import migrate
from matsapply.platform.db import configure_engine
from matsapply.platform.settings import Settings
from matsapply.process.release import release, seal
from matsapply.rules.access import Actor
from matsapply.rules.stages import ApplicationState, BatchScope, Outcome, Role, TrackChoiceState

if TYPE_CHECKING:
    import argparse
    from datetime import datetime

APPLICATIONS = 1850  # their submitted ones have about 2,200 track choices


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", choices=KINDS, help="only this one")


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """For each database ``{"decisions", "people", "seconds", "cpu_seconds", "queries_per_application"}``; the processor
    time is that of the release's own process."""
    outbox.configure(Settings(base_url="http://localhost"))
    return {kind: _measured(kind) for kind in ([asked.database] if asked.database else KINDS)}


def _measured(kind: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, database(kind, Path(folder)) as place:
        migrate.upgrade(place.url)
        engine = sa.create_engine(place.url)
        configure_engine(engine)
        with Session(engine) as session, session.begin():
            load_demo(session, applications=APPLICATIONS, seed=1, password_hash="-", only=Stage.REVIEW)
        with Session(engine) as session, session.begin():
            batch_id, decided, actor, now = _sealed(session)
        settle(place.url)
        queries = 0

        def counted(*_: object) -> None:
            nonlocal queries
            queries += 1

        sa.event.listen(engine, "after_cursor_execute", counted)
        began, cpu = time.perf_counter(), time.process_time()
        with Session(engine) as session, session.begin():
            told = release(session, actor, session.get_one(ReleaseBatch, batch_id), role=Role.COORDINATOR, now=now)
        seconds, used = time.perf_counter() - began, time.process_time() - cpu
        engine.dispose()
    sys.stdout.write(
        f"{kind}: {decided} decisions to {told} people in {seconds:.1f} s ({used:.1f} s of the processor),"
        f" {queries} statements\n"
    )
    return {
        "decisions": decided,
        "people": told,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(used, 2),
        "queries_per_application": round(queries / told, 2),
    }


def _sealed(session: Session) -> tuple[int, int, Actor, datetime]:
    """A sealed batch with a first result for every track of everybody who waits for one."""
    cohort_id = session.scalars(
        sa.select(Application.cohort_id)
        .where(Application.state == ApplicationState.SUBMITTED)
        .group_by(Application.cohort_id)
        .order_by(sa.func.count().desc())
        .limit(1)
    ).one()
    now = START
    actor = Actor(session.scalars(sa.select(Person.id).order_by(Person.id).limit(1)).one())
    session.execute(sa.delete(Decision).where(Decision.cohort_id == cohort_id, Decision.batch_id.is_(None)))
    choices = session.execute(
        sa.select(TrackChoice.id, Application.id, TrackChoice.rank)
        .join(Application, Application.id == TrackChoice.application_id)
        .where(
            Application.cohort_id == cohort_id,
            Application.state == ApplicationState.SUBMITTED,
            TrackChoice.state == TrackChoiceState.CHOSEN,
        )
    ).all()
    session.add_all(
        Decision(
            cohort_id=cohort_id,
            application_id=application_id,
            track_choice_id=choice_id,
            # Every fourth advances, the others' applications close: the work of both is in the time.
            outcome=Outcome.ADVANCE if application_id % 4 == 0 and rank == 1 else Outcome.NOT_ADVANCE,
            actor_id=actor.person_id or 0,
            recorded_at=now,
        )
        for choice_id, application_id, rank in choices
    )
    scope = BatchScope.FIRST_RESULT
    batch = decisions.open_batch(session, actor, Role.COORDINATOR, cohort_id, scope, "First results", now)
    decisions.gather(session, batch)
    seal(session, actor, batch, role=Role.COORDINATOR, now=now)
    return batch.id, len(choices), actor, now
