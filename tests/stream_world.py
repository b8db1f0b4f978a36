"""A small cohort in its stream phase, for tests of tasks, interviews, rankings and the pages about them."""

from __future__ import annotations

import hashlib
import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Application, Snapshot, StreamApplication, TrackChoice
from matsapply.cohorts.models import (
    Cohort,
    Criterion,
    Evaluation,
    FormVersion,
    KeyDate,
    Mentor,
    Program,
    Question,
    Rubric,
    Stream,
    StreamEvaluation,
    StreamTrack,
    Track,
)
from matsapply.mail import outbox
from matsapply.people.models import Account, Person, RoleGrant
from matsapply.platform.settings import Settings
from matsapply.reviews.models import ConflictOfInterest
from matsapply.rules.access import Actor, Grant
from matsapply.rules.stages import (
    AiPolicy,
    ApplicationState,
    CohortState,
    ConflictKind,
    ConflictSource,
    EvaluationKind,
    KeyDateKind,
    QuestionType,
    Role,
    RubricKind,
    Scope,
    StreamApplicationState,
    StreamState,
    TrackChoiceState,
)
from matsapply.tracking.models import StateChange

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def at(text: str) -> datetime:
    """``at("2027-03-12 17:00")``: that instant, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


DATES = {
    "T0": "2026-12-08 17:00",
    "T1": "2026-12-15 17:00",
    "T2": "2027-01-18 12:00",
    "T5": "2027-02-12 18:00",
    "T6": "2027-02-12 18:00",
    "T7": "2027-02-23 12:00",
    "T10": "2027-03-08 08:00",
    "T11": "2027-04-09 23:00",
    "T12": "2027-04-14 17:00",
    "T13": "2027-04-20 17:00",
    "T14": "2027-04-28 12:00",
    "T15": "2027-05-15 12:00",
    "T17": "2027-06-07 16:00",
}
TASKS_OPEN = at("2027-02-23 12:00")
TASKS_DUE = at("2027-03-08 12:00")
DURING_TASKS = at("2027-03-01 09:00")
DURING_INTERVIEWS = at("2027-03-10 09:00")
HALF_HOUR = timedelta(minutes=30)

_numbers = itertools.count(1)


class World:
    """Rows as they stand after the first result: everybody made here has been advanced to the stream phase."""

    def __init__(self, session: Session) -> None:
        self.session = session
        outbox.configure(Settings(base_url="http://localhost"))
        program = Program(name=f"Programme {next(_numbers)}")
        session.add(program)
        session.flush()
        self.cohort = Cohort(
            program_id=program.id,
            key=f"2027-06-{next(_numbers)}",
            label="June–August 2027",
            state=CohortState.RUNNING,
            capacity=20,
        )
        session.add(self.cohort)
        session.flush()
        session.add_all(
            KeyDate(cohort_id=self.cohort.id, code=code, label=code, kind=KeyDateKind.GATE, at=at(text))
            for code, text in DATES.items()
        )
        self.track = self._track("empirical", 1)
        self.other_track = self._track("theory", 2)
        self.form = FormVersion(cohort_id=self.cohort.id, number=1, published_at=at("2026-12-01 12:00"))
        session.add(self.form)
        session.flush()
        self._questions()
        self._rubrics()
        self.red = self.stream("red")
        self.blue = self.stream("blue")
        self.lead = self.member("Lena Lead", Role.STREAM_LEAD, self.red)
        self.mentor = self.member("Milo Mentor", Role.MENTOR, self.red)
        self.blue_lead = self.member("Bea Blue", Role.STREAM_LEAD, self.blue)
        self.shared = self.task("code-screen", shared=True, clock=90, streams=(self.red, self.blue))
        self.own = self.task("take-home", shared=False, streams=(self.red,), ai=AiPolicy.ALLOWED_DISCLOSE)
        session.flush()

    def _track(self, key: str, position: int) -> Track:
        track = Track(cohort_id=self.cohort.id, key=key, name=key.title(), position=position)
        self.session.add(track)
        self.session.flush()
        return track

    def _questions(self) -> None:
        kinds: list[tuple[str, str, QuestionType, dict[str, Any]]] = [
            ("name", "you", QuestionType.TEXT, {"blind": True}),
            ("email", "you", QuestionType.EMAIL, {"blind": True}),
            ("evidence", "research", QuestionType.LONG, {}),
            ("q_empirical", "choice", QuestionType.LONG, {"when_track_id": self.track.id}),
            ("q_theory", "choice", QuestionType.LONG, {"when_track_id": self.other_track.id}),
            ("tracks", "choice", QuestionType.TRACK_RANK, {}),
            ("streams", "choice", QuestionType.STREAM_INTEREST, {}),
            ("conflicts", "references", QuestionType.LONG, {}),
        ]
        self.session.add_all(
            Question(
                form_version_id=self.form.id, key=key, section=section, position=number, type=kind, label=key, **more
            )
            for number, (key, section, kind, more) in enumerate(kinds, start=1)
        )

    def _rubrics(self) -> None:
        for kind, keys, readers in (
            (RubricKind.STREAM_REVIEW, ("ability", "interest"), 1),
            (RubricKind.TASK_MARKING, ("quality", "judgement"), 2),
            (RubricKind.INTERVIEW, ("reasoning_live", "questions_asked"), 1),
        ):
            rubric = Rubric(cohort_id=self.cohort.id, kind=kind, scale=["1", "2", "3", "4"], readers=readers)
            self.session.add(rubric)
            self.session.flush()
            self.session.add_all(
                Criterion(rubric_id=rubric.id, key=key, label=key, position=number)
                for number, key in enumerate(keys, start=1)
            )

    def stream(self, key: str, **more: Any) -> Stream:
        stream = Stream(
            cohort_id=self.cohort.id,
            key=key,
            name=f"{key.title()} stream",
            state=StreamState.OPEN,
            seats_min=1,
            seats_target=2,
            seats_max=3,
            **more,
        )
        self.session.add(stream)
        self.session.flush()
        self.session.add(StreamTrack(stream_id=stream.id, track_id=self.track.id, is_main=True))
        self.session.flush()
        return stream

    def task(
        self,
        key: str,
        *,
        shared: bool,
        streams: tuple[Stream, ...],
        clock: int | None = None,
        ai: AiPolicy = AiPolicy.FORBIDDEN,
        required: bool = True,
    ) -> Evaluation:
        evaluation = Evaluation(
            cohort_id=self.cohort.id,
            key=key,
            title=key.replace("-", " ").capitalize(),
            kind=EvaluationKind.CODING,
            shared=shared,
            effort_hours=1.5,
            opens_at=TASKS_OPEN,
            due_at=TASKS_DUE,
            personal_clock_minutes=clock,
            ai_policy=ai,
            brief="Do it **well**.",
            answer_limit=4000,
        )
        self.session.add(evaluation)
        self.session.flush()
        for stream in streams:
            self.session.add(
                StreamEvaluation(stream_id=stream.id, evaluation_id=evaluation.id, required=required, weight=1.0)
            )
        self.session.flush()
        return evaluation

    # --- people -------------------------------------------------------------------------------------------------------

    def person(self, name: str) -> Person:
        number = next(_numbers)
        person = Person(display_name=name, time_zone="Europe/Berlin")
        self.session.add(person)
        self.session.flush()
        self.session.add(
            Account(
                person_id=person.id,
                email=f"person{number}@example.org",
                fs_uniquifier=f"person-{number}-{self.cohort.public_id}",
                confirmed_at=at("2026-12-16 12:00"),
            )
        )
        self.session.flush()
        return person

    def member(self, name: str, role: Role, stream: Stream) -> Person:
        """Somebody with a role in the stream, listed among its mentors."""
        person = self.person(name)
        self.session.add(
            RoleGrant(
                person_id=person.id,
                role=role,
                scope=Scope.STREAM,
                scope_id=stream.id,
                starts_at=at("2026-12-01 12:00"),
            )
        )
        position = self.session.scalar(
            sa.select(sa.func.count()).select_from(Mentor).where(Mentor.stream_id == stream.id)
        )
        self.session.add(Mentor(stream_id=stream.id, person_id=person.id, name=name, position=(position or 0) + 1))
        self.session.flush()
        return person

    def actor(self, person: Person) -> Actor:
        grants = self.session.scalars(sa.select(RoleGrant).where(RoleGrant.person_id == person.id))
        return Actor(person.id, frozenset(Grant(grant.role, grant.scope, grant.scope_id) for grant in grants))

    def conflict(self, person: Person, application: Application) -> None:
        self.session.add(
            ConflictOfInterest(
                person_id=person.id,
                application_id=application.id,
                kind=ConflictKind.COLLEAGUE,
                source=ConflictSource.DECLARED,
            )
        )
        self.session.flush()

    # --- applications -------------------------------------------------------------------------------------------------

    def applicant(self, name: str = "Ada Applicant", *, score: float | None = 3.5) -> Application:
        person = self.person(name)
        application = Application(
            person_id=person.id,
            cohort_id=self.cohort.id,
            form_version_id=self.form.id,
            state=ApplicationState.IN_STREAMS,
            snapshot_number=1,
            submitted_at=at("2027-01-10 12:00"),
            score_count=2,
            score_mean=score,
        )
        self.session.add(application)
        self.session.flush()
        content = {
            "answers": {
                "name": name,
                "email": "secret@example.org",
                "evidence": "I measured it.",
                "q_empirical": "An experiment.",
                "q_theory": "A theorem for others.",
                "conflicts": "I know Bea Blue.",
            },
            "tracks": ["theory", "empirical"],
            "streams": ["blue", "red"],
        }
        self.session.add(
            Snapshot(
                application_id=application.id,
                number=1,
                form_version_id=self.form.id,
                received_at=at("2027-01-10 12:00"),
                content=content,
                digest=hashlib.sha256(repr(content).encode()).hexdigest(),
                submit_key=f"key-{application.id}-{self.cohort.id}",
            )
        )
        self.session.add(
            TrackChoice(
                application_id=application.id,
                track_id=self.track.id,
                rank=1,
                state=TrackChoiceState.ADVANCED,
                score_count=2,
                score_mean=score,
            )
        )
        self.session.flush()
        return application

    def entry(
        self,
        application: Application,
        stream: Stream,
        state: StreamApplicationState = StreamApplicationState.IN_REVIEW,
    ) -> StreamApplication:
        rank = self.session.scalar(
            sa.select(sa.func.count())
            .select_from(StreamApplication)
            .where(StreamApplication.application_id == application.id)
        )
        entry = StreamApplication(application_id=application.id, stream_id=stream.id, state=state, rank=(rank or 0) + 1)
        self.session.add(entry)
        self.session.flush()
        return entry

    def codes(self, application: Application) -> list[str]:
        """The codes of everything that happened to the application, in order."""
        self.session.flush()
        return list(
            self.session.scalars(
                sa.select(StateChange.code).where(StateChange.application_id == application.id).order_by(StateChange.id)
            )
        )
