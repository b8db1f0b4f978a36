"""A small cohort under review, built row by row: two tracks, a form, rubrics, reviewers and submitted applications."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Application, Snapshot, TrackChoice
from matsapply.cohorts.models import (
    Cohort,
    Criterion,
    FormVersion,
    KeyDate,
    Program,
    Question,
    Rubric,
    Track,
)
from matsapply.people.models import Account, Person, RoleGrant
from matsapply.reviews.models import ReviewRound
from matsapply.reviews.rounds import ensure_round
from matsapply.rules.access import Actor, Grant
from matsapply.rules.stages import (
    ApplicationState,
    CohortState,
    KeyDateKind,
    QuestionType,
    Role,
    RoundKind,
    RubricKind,
    Scope,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

START = datetime(2026, 12, 1, tzinfo=UTC)
NOW = datetime(2027, 1, 20, 12, tzinfo=UTC)
DUE = datetime(2027, 2, 1, 12, tzinfo=UTC)
CRITERIA = ("research", "execution", "motive")
WEIGHTS = {
    "empirical": {"research": 0.5, "execution": 0.3, "motive": 0.2},
    "theory": {"research": 0.2, "execution": 0.2, "motive": 0.6},
}
DATES = {"T1": "2026-12-15", "T2": "2027-01-18", "T4": "2027-02-01", "T5": "2027-02-05"}

# key, section, type, blind
QUESTIONS: tuple[tuple[str, str, QuestionType, bool], ...] = (
    ("name", "you", QuestionType.TEXT, True),
    ("email", "you", QuestionType.EMAIL, True),
    ("timezone", "you", QuestionType.TIMEZONE, False),
    ("cv", "background", QuestionType.FILE, False),
    ("links", "background", QuestionType.URLS, False),
    ("evidence", "research", QuestionType.LONG, False),
    ("tracks", "choice", QuestionType.TRACK_RANK, False),
    ("q_empirical", "choice", QuestionType.LONG, False),
    ("q_theory", "choice", QuestionType.LONG, False),
    ("referees", "references", QuestionType.REFEREES, False),
    ("conflicts", "references", QuestionType.LONG, False),
    ("demographics", "separate", QuestionType.SEPARATE_STORE, False),
)


@dataclass
class Reviewing:
    """What the tests work on. Every method adds rows and flushes; nothing is committed."""

    session: Session
    cohort: Cohort
    tracks: dict[str, Track]
    form: FormVersion
    rubric: Rubric
    people: int = field(default=0)

    def person(self, name: str = "", address: str = "") -> Person:
        self.people += 1
        person = Person(display_name=name or f"Person {self.people}")
        self.session.add(person)
        self.session.flush()
        address = address or f"person{self.people}@site{self.people}.example"
        self.session.add(Account(person_id=person.id, email=address, password="x", confirmed_at=START))
        self.session.flush()
        return person

    def grant(self, person: Person, role: Role, scope: Scope = Scope.COHORT, scope_id: int | None = None) -> None:
        where = self.cohort.id if scope is Scope.COHORT and scope_id is None else scope_id
        self.session.add(RoleGrant(person_id=person.id, role=role, scope=scope, scope_id=where, starts_at=START))
        self.session.flush()

    def actor(self, role: Role = Role.REVIEWER, person: Person | None = None) -> Actor:
        """Somebody who holds ``role`` in the cohort."""
        person = person or self.person()
        self.grant(person, role)
        return Actor(person.id, frozenset({Grant(role, Scope.COHORT, self.cohort.id)}))

    def application(
        self, tracks: tuple[str, ...] = ("empirical",), person: Person | None = None, **answers: Any
    ) -> Application:
        """A submitted application; the name, address, files and referees in its answers are easy to search for."""
        person = person or self.person()
        number = person.id
        made = Application(
            person_id=person.id,
            cohort_id=self.cohort.id,
            form_version_id=self.form.id,
            state=ApplicationState.SUBMITTED,
            snapshot_number=1,
            submitted_at=NOW,
        )
        self.session.add(made)
        self.session.flush()
        content = {
            "name": f"Zephyrine Quux{number}",
            "email": f"zephyrine{number}@hidden-mail.example",
            "timezone": "Europe/Berlin",
            "cv": {"file": f"zephyrine-quux-cv{number}.pdf", "name": f"zephyrine-quux-cv{number}.pdf"},
            "links": ["https://work.example/paper"],
            "evidence": f"I asked question number {number} and learned a lot.",
            "tracks": list(tracks),
            "q_empirical": "An experiment in two weeks.",
            "referees": [{"name": "Referee Reffington", "email": "referee@reffington.example"}],
            "conflicts": "I know Mentor Mentorsson well.",
        } | answers
        self.session.add(
            Snapshot(
                application_id=made.id,
                number=1,
                form_version_id=self.form.id,
                received_at=NOW,
                content={"answers": content, "tracks": list(tracks), "streams": []},
                digest="0" * 64,
                submit_key=f"submit-{made.id}",
            )
        )
        for rank, key in enumerate(tracks, 1):
            self.session.add(TrackChoice(application_id=made.id, track_id=self.tracks[key].id, rank=rank))
        self.session.flush()
        return made

    def question(self, key: str) -> Question:
        asked = sa.select(Question).where(Question.form_version_id == self.form.id, Question.key == key)
        return self.session.scalars(asked).one()

    def round(self, kind: RoundKind = RoundKind.CENTRAL_SCORE, **more: Any) -> ReviewRound:
        return ensure_round(self.session, self.cohort.id, kind, **more)


def reviewing(session: Session) -> Reviewing:
    """An empty cohort in the middle of its central review."""
    program = Program(name="Fellowship")
    session.add(program)
    session.flush()
    cohort = Cohort(
        program_id=program.id,
        key="2027-06",
        label="Summer 2027",
        state=CohortState.RUNNING,
        policies={"review": {"max_active_per_reader": 5}},
    )
    session.add(cohort)
    session.flush()
    for code, day in DATES.items():
        at = datetime.fromisoformat(f"{day}T12:00:00+00:00")
        session.add(KeyDate(cohort_id=cohort.id, code=code, label=code, kind=KeyDateKind.GATE, at=at))
    tracks = {}
    for position, key in enumerate(("empirical", "theory")):
        tracks[key] = Track(cohort_id=cohort.id, key=key, name=key.title(), position=position)
        session.add(tracks[key])
    form = FormVersion(cohort_id=cohort.id, number=1, published_at=START)
    session.add(form)
    session.flush()
    for position, (key, section, kind, blind) in enumerate(QUESTIONS):
        track = tracks.get(key.removeprefix("q_"))
        session.add(
            Question(
                form_version_id=form.id,
                key=key,
                section=section,
                position=position,
                type=kind,
                label=f"The question about {key}",
                blind=blind,
                when_track_id=track.id if track else None,
            )
        )
    central = _rubric(session, cohort, RubricKind.CENTRAL_SCORE, [1, 2, 3, 4, 5], 2, WEIGHTS)
    _rubric(session, cohort, RubricKind.STREAM_REVIEW, ["no", "maybe", "yes", "strong yes"], 1, {})
    _rubric(session, cohort, RubricKind.TASK_MARKING, ["below", "near", "meets", "exceeds"], 2, {})
    _rubric(session, cohort, RubricKind.INTERVIEW, [1, 2, 3, 4, 5], 1, {})
    return Reviewing(session, cohort, tracks, form, central)


def _rubric(
    session: Session, cohort: Cohort, kind: RubricKind, scale: list[Any], readers: int, weights: dict[str, Any]
) -> Rubric:
    made = Rubric(
        cohort_id=cohort.id,
        kind=kind,
        scale=scale,
        readers=readers,
        third_reader_spread=2 if kind is RubricKind.CENTRAL_SCORE else None,
        blind=["name", "email", "referees"] if kind is RubricKind.CENTRAL_SCORE else [],
        weights=weights,
    )
    session.add(made)
    session.flush()
    for position, key in enumerate(CRITERIA):
        anchors = {"1": f"little {key}", "5": f"much {key}"}
        session.add(Criterion(rubric_id=made.id, key=key, label=key.title(), position=position, anchors=anchors))
    session.flush()
    return made
