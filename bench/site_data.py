"""The data of the request benchmark: one demo cohort under review, and two reviewers with much to read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.applications.models import AnswerFile, Application, Extension
from matsapply.cohorts.models import Question
from matsapply.demo.cohort_files import COHORTS, START, Stage
from matsapply.demo.load import load_demo
from matsapply.demo.staff import PASSWORD
from matsapply.files.models import StoredFile
from matsapply.mail import outbox
from matsapply.pages.account.passwords import hash_password
from matsapply.people.models import Account, Person
from matsapply.platform import clock, migrate, settings as settings_module
from matsapply.platform.db import configure_engine
from matsapply.reviews.models import Review, ReviewAssignment, ReviewRound
from matsapply.rules.stages import ApplicationState, ExtensionReason, QuestionType, RoundKind

if TYPE_CHECKING:
    from pathlib import Path

COHORT = next(cohort.key for cohort in COHORTS if cohort.stage is Stage.REVIEW)
READINGS = 3
QUEUE = 150  # rows
SUBMITTED = 0.86  # the share of the demo's applications that is handed in and stays
READER = "reviewer@demo.example"  # looks at the queue and opens applications
SCORER = "reviewer-2@demo.example"  # saves reviews, so that the other's queue keeps its length
TEAM = "coordinator@demo.example"
APPLICANT = "applicant-review@demo.example"


@dataclass(frozen=True, slots=True)
class Filled:
    """What there is to work on; ``words`` are parts of applicants' names to search for."""

    applications: int
    reviews: int
    queue: int
    words: tuple[str, ...]


def fill(environment: dict[str, str], applications: int, reviewers: int) -> Filled:
    """Fill the empty database of ``environment`` so that ``applications`` or so are submitted and read three times.

    One applicant may still change the application, by an extension: for saves and submissions.
    """
    settings = settings_module.load(environment)
    migrate.upgrade(settings.database)
    clock.DemoClock(settings.data / "demo-clock").move_to(START)
    engine = sa.create_engine(settings.database)
    configure_engine(engine)
    secret = hash_password(PASSWORD, settings)
    outbox.configure(settings)
    with Session(engine) as session, session.begin():
        load_demo(
            session,
            applications=round(applications / SUBMITTED),
            seed=1,
            password_hash=secret,
            reviewers=reviewers,
            readings=READINGS,
            only=Stage.REVIEW,
            all_read=True,
        )
        session.execute(sa.update(Account).where(Account.email == SCORER).values(password=secret))
        queue = min(_more_to_read(session, email) for email in (READER, SCORER))
        _let_write_on(session)
        found = Filled(
            session.scalar(sa.select(sa.func.count()).where(Application.submitted_at.is_not(None))) or 0,
            session.scalar(sa.select(sa.func.count()).select_from(Review)) or 0,
            queue,
            _names(session),
        )
    engine.dispose()
    return found


def environment(folder: Path, database_url: str) -> dict[str, str]:
    """What the site is started with. The demo's sign-ins need no second factor; jobs run elsewhere."""
    return {
        "MATSAPPLY_DATA": str(folder),
        "MATSAPPLY_DATABASE_URL": database_url,
        "MATSAPPLY_DEMO": "1",
        "MATSAPPLY_JOBS": "worker",
    }


def _person(session: Session, email: str) -> int:
    return session.scalars(sa.select(Account.person_id).where(Account.email == email)).one()


def _more_to_read(session: Session, email: str) -> int:
    """Give the reviewer ``QUEUE`` more applications, or as many as there are; how many it came to."""
    reviewer = _person(session, email)
    round_ = session.scalars(
        sa.select(ReviewRound)
        .where(ReviewRound.kind == RoundKind.CENTRAL_SCORE)
        .where(ReviewRound.id.in_(sa.select(ReviewAssignment.round_id)))
    ).one()
    due = session.scalar(sa.select(sa.func.max(ReviewAssignment.due_at)).where(ReviewAssignment.round_id == round_.id))
    had = sa.select(ReviewAssignment.application_id).where(ReviewAssignment.reviewer_id == reviewer)
    free = session.scalars(
        sa.select(Application.id)
        .where(Application.state == ApplicationState.SUBMITTED, Application.id.not_in(had))
        .order_by(Application.id.desc())
        .limit(QUEUE)
    ).all()
    session.add_all(
        ReviewAssignment(
            round_id=round_.id,
            reviewer_id=reviewer,
            application_id=key,
            target_key=f"application:{key}",
            due_at=due,
        )
        for key in free
    )
    session.flush()
    return len(free)


def _let_write_on(session: Session) -> None:
    """More time for one applicant, and the CV that every form asks for."""
    person = _person(session, APPLICANT)
    application = session.scalars(sa.select(Application).where(Application.person_id == person)).one()
    session.add(
        Extension(
            person_id=person,
            cohort_id=application.cohort_id,
            gate="T2",
            until=START + timedelta(days=30),
            reason_class=ExtensionReason.TECHNICAL_FAULT,
            reason="a benchmark",
            granted_by_id=_person(session, TEAM),
        )
    )
    file = StoredFile(
        owner_id=person, key="bench", name="cv.pdf", content_type="application/pdf", size=1, sha256="0" * 64, pages=2
    )
    session.add(file)
    session.flush()
    question = session.scalars(
        sa.select(Question.key).where(
            Question.form_version_id == application.form_version_id, Question.type == QuestionType.FILE
        )
    ).one()
    session.add(AnswerFile(application_id=application.id, question_key=question, file_id=file.id))


def _names(session: Session) -> tuple[str, ...]:
    rows = session.scalars(
        sa.select(Person.display_name)
        .join(Application, Application.person_id == Person.id)
        .order_by(Application.id)
        .limit(40)
    )
    return tuple(sorted({name.split()[-1] for name in rows}))
