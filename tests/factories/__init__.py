"""Small rows for tests that need somebody to be somewhere: a cohort with a form, people, applications.

>>> world = cohort(session)                      # open for applications on 10 January 2027, the tests' own clock
>>> ada = person(session, "Ada Example")
>>> mine = application(session, world, ada)       # A1, by the real action
>>> answer(session, ada, evidence="What I did.")  # drafts, by the real action
>>> submitted(session, world, ada)                # everything required is answered, and A2
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.answers import save_answers, stored_answers
from matsapply.applications.editing import Editing, editing
from matsapply.applications.models import Application, Snapshot
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
from matsapply.people.models import Account, EmailAddress, Person
from matsapply.platform.db import new_public_id
from matsapply.platform.settings import Settings
from matsapply.process import apply
from matsapply.rules.access import Actor
from matsapply.rules.stages import (
    AiPolicy,
    CohortState,
    EvaluationKind,
    KeyDateKind,
    QuestionType,
    ReferenceTiming,
    RubricKind,
    StreamChoiceMoment,
    StreamState,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

NOW = datetime(2027, 1, 10, 12, tzinfo=UTC)
DATES = {
    "T0": "2026-12-08 17:00",
    "T1": "2026-12-15 17:00",
    "T2": "2027-01-18 12:00",
    "T3": "2027-03-08 12:00",
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
Q = QuestionType
QUESTIONS: tuple[tuple[str, str, QuestionType, dict[str, Any]], ...] = (
    ("name", "you", Q.TEXT, {"required": True, "blind": True}),
    ("email", "you", Q.EMAIL, {"required": True, "blind": True}),
    ("timezone", "you", Q.TIMEZONE, {"required": True}),
    ("place", "you", Q.MULTI, {"required": True, "settings": {"options": ["Berkeley", "London", "either"]}}),
    ("adult", "you", Q.BOOL, {"required": True}),
    ("cv", "background", Q.FILE, {"settings": {"accept": ["pdf"], "max_mb": 5}}),
    ("links", "background", Q.URLS, {"settings": {"max": 3}}),
    ("evidence", "research", Q.LONG, {"required": True, "limit": 200}),
    ("tracks", "choice", Q.TRACK_RANK, {"required": True, "settings": {"min": 1, "max": 2}}),
    ("q_empirical", "choice", Q.LONG, {"required": True, "limit": 100, "when": "empirical"}),
    ("q_theory", "choice", Q.LONG, {"required": True, "limit": 100, "when": "theory"}),
    ("streams", "choice", Q.STREAM_INTEREST, {"settings": {"max": 2}}),
    ("referees", "references", Q.REFEREES, {"settings": {"min": 0, "max": 2}}),
    ("truth", "consent", Q.BOOL, {"required": True}),
    ("demographics", "separate", Q.SEPARATE_STORE, {}),
)
ANSWERS: dict[str, Any] = {
    "name": "Ada Example",
    "timezone": "Europe/Berlin",
    "place": ["London"],
    "adult": True,
    "evidence": "I asked one question and answered half of it.",
    "tracks": ["empirical"],
    "q_empirical": "A small experiment.",
    "truth": True,
}

_numbers = itertools.count(1)


def at(text: str) -> datetime:
    """``at("2027-03-12 17:00")``: that instant, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class World:
    """A cohort and the rows hanging on it, by their keys."""

    cohort: Cohort
    tracks: dict[str, Track]
    streams: dict[str, Stream]
    form: FormVersion


def cohort(
    session: Session,
    *,
    stream_choice: StreamChoiceMoment = StreamChoiceMoment.BOTH,
    reference_timing: ReferenceTiming = ReferenceTiming.AFTER_ADVANCE,
    state: CohortState = CohortState.RUNNING,
    dates: dict[str, str | None] | None = None,
) -> World:
    """A running cohort with two tracks, three streams (red and blue empirical, green theory), a form and a rubric."""
    outbox.configure(Settings(base_url="http://localhost"))
    number = next(_numbers)
    program = Program(name=f"Programme {number}")
    session.add(program)
    session.flush()
    made = Cohort(
        program_id=program.id,
        key=f"2027-06-f{number}",
        label="June–August 2027",
        state=state,
        capacity=20,
        stream_choice=stream_choice,
        reference_timing=reference_timing,
    )
    session.add(made)
    session.flush()
    wanted: dict[str, str | None] = {**DATES, **(dates or {})}
    session.add_all(
        KeyDate(cohort_id=made.id, code=code, label=code, kind=KeyDateKind.GATE, at=at(text) if text else None)
        for code, text in wanted.items()
    )
    tracks = {key: _track(session, made, key, place) for place, key in enumerate(("empirical", "theory"), start=1)}
    streams = {
        "red": _stream(session, made, "red", tracks["empirical"], 1),
        "blue": _stream(session, made, "blue", tracks["empirical"], 2),
        "green": _stream(session, made, "green", tracks["theory"], 3),
    }
    task(session, made, [streams["red"], streams["blue"]])
    form = _form(session, made, tracks)
    _letter_rubric(session, made)
    session.flush()
    return World(made, tracks, streams, form)


def _track(session: Session, made: Cohort, key: str, position: int) -> Track:
    track = Track(cohort_id=made.id, key=key, name=key.title(), description=f"About {key}.", position=position)
    session.add(track)
    session.flush()
    return track


def _stream(session: Session, made: Cohort, key: str, track: Track, position: int) -> Stream:
    stream = Stream(
        cohort_id=made.id,
        key=key,
        name=f"Stream {key}",
        description=f"What {key} is about.",
        areas=[f"area of {key}"],
        state=StreamState.OPEN,
        seats_min=1,
        seats_target=2,
        seats_max=3,
        position=position,
    )
    session.add(stream)
    session.flush()
    session.add(StreamTrack(stream_id=stream.id, track_id=track.id))
    session.add(Mentor(stream_id=stream.id, name=f"Mentor of {key}", position=1))
    return stream


def task(
    session: Session,
    made: Cohort,
    streams: list[Stream],
    key: str = "code-screen",
    *,
    hours: float = 1.5,
    shared: bool = True,
    required: bool = True,
) -> Evaluation:
    """A task of these streams, open from 23 February to 8 March 2027."""
    added = Evaluation(
        cohort_id=made.id,
        key=key,
        title=key.replace("-", " ").capitalize(),
        kind=EvaluationKind.CODING,
        shared=shared,
        effort_hours=hours,
        opens_at=at("2027-02-23 12:00"),
        due_at=at("2027-03-08 12:00"),
        ai_policy=AiPolicy.FORBIDDEN,
    )
    session.add(added)
    session.flush()
    session.add_all(
        StreamEvaluation(stream_id=stream.id, evaluation_id=added.id, required=required) for stream in streams
    )
    return added


def _form(session: Session, made: Cohort, tracks: dict[str, Track]) -> FormVersion:
    form = FormVersion(cohort_id=made.id, number=1, published_at=at("2026-12-01 12:00"), stated_minutes=60)
    session.add(form)
    session.flush()
    for position, (key, section, kind, more) in enumerate(QUESTIONS, start=1):
        rest = dict(more)
        when = rest.pop("when", None)
        session.add(
            Question(
                form_version_id=form.id,
                key=key,
                section=section,
                position=position,
                type=kind,
                label=f"Question {key}",
                when_track_id=tracks[when].id if when else None,
                **rest,
            )
        )
    return form


def _letter_rubric(session: Session, made: Cohort) -> None:
    rubric = Rubric(
        cohort_id=made.id,
        kind=RubricKind.REFERENCE,
        scale=["bottom half", "top half", "top 5 %"],
        settings={"free_text_limit": 300},
    )
    session.add(rubric)
    session.flush()
    session.add(Criterion(rubric_id=rubric.id, key="research", label="Research", position=1))


def person(
    session: Session, name: str = "Ada Example", *, email: str | None = None, zone: str = "Europe/Berlin"
) -> Person:
    """Somebody with an account and a confirmed address."""
    made = Person(display_name=name, time_zone=zone)
    session.add(made)
    session.flush()
    address = email or f"person-{made.id}@example.org"
    session.add(Account(person_id=made.id, email=address, confirmed_at=NOW))
    session.add(EmailAddress(person_id=made.id, address=address, verified_at=NOW))
    session.flush()
    return made


def acting(who: Person) -> Actor:
    """The person without any role."""
    return Actor(who.id)


def application(session: Session, world: World, who: Person, now: datetime = NOW) -> Application:
    """A1."""
    return apply.start(session, acting(who), cohort_id=world.cohort.id, now=now)


def held(session: Session, who: Person, now: datetime = NOW, **more: Any) -> Editing:
    """The person's application, locked, as actions want it."""
    found = editing(session, acting(who), now, lock=True, **more)
    assert found is not None
    return found


def answer(session: Session, who: Person, now: datetime = NOW, **values: Any) -> None:
    """Save drafts as if from a page that has seen what is kept."""
    mine = held(session, who, now)
    form = mine.form(session).with_tracks(["empirical", "theory"])
    versions = {key: each.version for key, each in stored_answers(session, mine.id).items()}
    saved = save_answers(session, acting(who), mine, form, values, versions, now)
    assert not saved.conflicts


def submitted(
    session: Session, world: World, who: Person, now: datetime = NOW, **values: Any
) -> tuple[Application, Snapshot]:
    """An application with everything required, handed in (A1, A2)."""
    exists = session.scalar(sa.select(Application.id).where(Application.person_id == who.id))
    if exists is None:
        application(session, world, who, now)
    answer(session, who, now, **{**ANSWERS, "name": who.display_name, **values})
    made = apply.submit(session, acting(who), submit_key=new_public_id(), now=now)
    return session.get_one(Application, made.application_id), made
