"""Demo applicants: a person, an application, answers, choices, referees; drafted, submitted, withdrawn or too late."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from matsapply.applications.models import (
    AnswerDraft,
    Application,
    Reference,
    ReferenceLetter,
    Snapshot,
    StreamApplication,
    TrackChoice,
)
from matsapply.cohorts.models import Question
from matsapply.demo import words
from matsapply.demo.cohort_files import Stage
from matsapply.demo.frame import Frame, FrameStream
from matsapply.demo.rows import Rows
from matsapply.people.models import Account, EmailAddress, Person
from matsapply.platform.db import new_public_id
from matsapply.rules.stages import (
    ApplicationState,
    CloseReason,
    Machine,
    QuestionType,
    ReferenceState,
    Role,
    StreamApplicationOrigin,
    StreamApplicationState,
    TrackChoiceState,
)


@dataclass(slots=True)
class Choice:
    """A stream application in the making: its row's values and its history, completed stage by stage."""

    stream: FrameStream
    rank: int
    steps: list[Any] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    id: int = 0


@dataclass(slots=True)
class Draft:
    """An application in the making."""

    person_id: int
    track_ids: list[int]
    choices: list[Choice]
    started_at: datetime
    submitted_at: datetime | None
    steps: list[Any] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    track_steps: dict[int, list[Any]] = field(default_factory=dict)
    track_values: dict[int, dict[str, Any]] = field(default_factory=dict)
    id: int = 0


def person(rows: Rows, at: datetime, name: str, email: str, zone: str, password: str | None = None) -> int:
    """A person with a confirmed account; without a password nobody can sign in as them."""
    key = rows.add(Person, at, display_name=name, time_zone=zone, aliases=[], is_demo=True)
    rows.add(
        Account,
        at,
        person_id=key,
        email=email,
        password=password,
        active=True,
        fs_uniquifier=uuid.uuid4().hex,
        fs_webauthn_user_handle=uuid.uuid4().hex,
        confirmed_at=at,
        login_count=0,
        create_datetime=at,
        update_datetime=at,
    )
    rows.add(EmailAddress, at, person_id=key, address=email, verified_at=at)
    return key


def rename(rows: Rows, person_id: int, old_email: str, name: str, email: str, password: str) -> None:
    """Turn a gathered person into one of those the demo's visitors sign in as."""
    for row in rows.rows[Person]:
        if row["id"] == person_id:
            row["display_name"] = name
    for row in rows.rows[Account]:
        if row["email"] == old_email:
            row |= {"email": email, "password": password}
    for row in rows.rows[EmailAddress]:
        if row["address"] == old_email:
            row["address"] = email


def draft(rows: Rows, frame: Frame, random: Random, person_id: int, latest: datetime) -> Draft:
    """Start an application before ``latest``; half of all come in the last days."""
    opens = frame.at("T1")
    last = min(latest, frame.at("T2"))
    share = random.random() ** 0.45
    submitted = opens + (last - opens) * min(share, 0.9995)
    started = max(opens, submitted - timedelta(hours=random.uniform(1, 200)))
    tracks = random.choices(list(frame.tracks), weights=(15, 55, 12, 12, 8), k=random.choice((1, 1, 1, 2, 2, 3)))
    track_ids = [frame.tracks[key].id for key in dict.fromkeys(tracks)]
    open_streams = [stream for stream in frame.streams if stream.track_ids & set(track_ids)]
    chosen = random.sample(open_streams, min(len(open_streams), random.choice((1, 2, 3, 3, 4, 5))))
    choices = [Choice(stream, number) for number, stream in enumerate(chosen, start=1)]
    made = Draft(person_id, track_ids, choices, started, submitted)
    made.id = rows.take_key(Application)
    made.steps = [("A1", ApplicationState.DRAFT, Role.APPLICANT, person_id, started)]
    for choice in choices:
        choice.id = rows.take_key(StreamApplication)
        choice.steps = [("S1", StreamApplicationState.CHOSEN, Role.APPLICANT, person_id, started)]
    return made


def submit(made: Draft) -> None:
    """The step A2 at the draft's submit instant."""
    if made.submitted_at is None:
        raise ValueError("this draft has no submit instant")
    made.steps.append(("A2", ApplicationState.SUBMITTED, Role.APPLICANT, made.person_id, made.submitted_at))
    made.values |= {"snapshot_number": 1, "submitted_at": made.submitted_at}


def close(made: Draft, code: str, reason: CloseReason, role: Role, actor_id: int | None, at: datetime) -> None:
    """Close the application by ``code``."""
    before = made.steps[-1][1]
    made.steps.append((code, ApplicationState.CLOSED, role, actor_id, at))
    made.values |= {"close_reason": reason, "closed_at": at, "state_before_close": before}


def leave_all(
    made: Draft, code: str, state: StreamApplicationState, role: Role, actor_id: int | None, at: datetime
) -> None:
    """Move every stream application that is still chosen or live by ``code``."""
    for choice in made.choices:
        before = choice.steps[-1][1]
        choice.steps.append((code, state, role, actor_id, at))
        choice.values |= {"exited_at": at, "state_before_exit": before}


def write(rows: Rows, frame: Frame, random: Random, made: Draft, name: str, email: str, zone: str) -> None:
    """Write everything of one application: it is complete now."""
    state = rows.walk(Machine.APPLICATION, made.id, made.id, frame.id, made.steps)
    complete = "snapshot_number" in made.values
    answers = _answers(frame, random, made, name, email, zone, complete=complete)
    rows.rows[Application].append(
        {
            "id": made.id,
            "public_id": new_public_id(),
            "created_at": made.started_at,
            "updated_at": made.steps[-1][4],
            "version": 1,
            "person_id": made.person_id,
            "cohort_id": frame.id,
            "form_version_id": frame.form_id,
            "state": state,
            "draft_changed_at": made.submitted_at or made.started_at,
            **_blank(
                made.values,
                "close_reason",
                "closed_at",
                "state_before_close",
                "snapshot_number",
                "submitted_at",
                "score_mean",
                "score_spread",
                "criterion_means",
                score_count=0,
                score_sum=0.0,
            ),
        }
    )
    wishes = _wishes(frame, made)
    if complete:
        tracks, streams = (wishes.get(kind, []) for kind in (QuestionType.TRACK_RANK, QuestionType.STREAM_INTEREST))
        content = {"answers": answers, "tracks": tracks, "streams": streams}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        rows.add(
            Snapshot,
            made.started_at,
            application_id=made.id,
            number=1,
            form_version_id=frame.form_id,
            received_at=made.submitted_at,
            content=content,
            digest=hashlib.sha256(text.encode()).hexdigest(),
            submit_key=f"demo-{made.id}",
        )
    writer = Random(made.id)  # of its own: how fast somebody writes changes nothing else of the demo
    chosen = {each.key: wishes[each.type] for each in frame.questions if wishes.get(each.type)}
    for question, value in (answers | chosen).items():
        rows.add(
            AnswerDraft,
            made.started_at,
            application_id=made.id,
            question_key=question,
            value=value,
            version=1,
            saved_at=made.submitted_at or made.started_at,
            seconds=_seconds(writer, value),
        )
    _write_tracks(rows, frame, made)
    _write_streams(rows, frame, made)
    _write_referees(rows, frame, random, made)


def _seconds(writer: Random, value: Any) -> int:
    """How long an invented person wrote at an answer: a text by its length, anything else a moment."""
    length = len(value) if isinstance(value, str) else 20
    return round((8 + 0.6 * length) * writer.lognormvariate(0, 0.5))


def _wishes(frame: Frame, made: Draft) -> dict[QuestionType, list[str]]:
    """The tracks and the streams by their keys, as the applicant's own drafts hold them."""
    return {
        QuestionType.TRACK_RANK: [frame.track_key(key) for key in made.track_ids],
        QuestionType.STREAM_INTEREST: [choice.stream.key for choice in made.choices],
    }


def _blank(values: dict[str, Any], *names: str, **defaults: Any) -> dict[str, Any]:
    """Every named value, so that all rows of a table have the same columns."""
    return {name: values.get(name) for name in names} | {
        name: values.get(name, default) for name, default in defaults.items()
    }


def _answers(
    frame: Frame, random: Random, made: Draft, name: str, email: str, zone: str, *, complete: bool
) -> dict[str, Any]:
    picked = {frame.track_key(key) for key in made.track_ids}
    first = frame.track_key(made.track_ids[0])
    keys = {track.id: key for key, track in frame.tracks.items()}
    about = {"name": name, "email": email, "timezone": zone}
    answers: dict[str, Any] = {}
    for question in frame.questions:
        track = keys.get(question.when_track_id or 0)
        if (track is not None and track not in picked) or (not complete and random.random() < 0.45):
            continue
        value = about.get(question.key)
        if value is None:
            value = _answer(question, random, track or first)
        if value is not None:
            answers[question.key] = value
    return answers


def _answer(question: Question, random: Random, track: str) -> Any:
    """A plausible value for one question; None where it has none or is left empty."""
    options = [str(option) for option in question.settings.get("options", [])]
    match question.type:
        case QuestionType.TEXT:
            study = f"{random.choice(words.DEGREES)} in {random.choice(words.FIELDS)}"
            return f"{study}, {random.choice(words.PLACES)}, {random.randint(2017, 2026)}"
        case QuestionType.LONG if question.required or random.random() < 0.2:
            return words.essay(random, track, question.limit or 300)
        case QuestionType.CHOICE:
            return random.choices(options, weights=[9] + [1] * (len(options) - 1))[0]
        case QuestionType.MULTI:
            return random.sample(options, random.choice((1, 1, 2)))
        case QuestionType.BOOL:
            return question.required or random.random() < 0.3
        case QuestionType.URLS:
            return ["https://work.demo.example/notes"]
        case _:
            return None


def _write_tracks(rows: Rows, frame: Frame, made: Draft) -> None:
    for rank, track_id in enumerate(made.track_ids, start=1):
        key = rows.add(
            TrackChoice,
            made.started_at,
            application_id=made.id,
            track_id=track_id,
            rank=rank,
            state=TrackChoiceState.CHOSEN,
            **_blank(made.track_values.get(track_id, {}), "score_mean", score_count=0, score_sum=0.0),
        )
        made.track_values.setdefault(track_id, {})["id"] = key
        steps = made.track_steps.get(track_id)
        if steps:
            row = rows.rows[TrackChoice][-1]
            row["state"] = steps[-1][1]
            rows.walk_from(Machine.TRACK_CHOICE, key, made.id, frame.id, TrackChoiceState.CHOSEN, steps)


def _write_streams(rows: Rows, frame: Frame, made: Draft) -> None:
    live_rank = 0
    for choice in made.choices:
        state = rows.walk(Machine.STREAM_APPLICATION, choice.id, made.id, frame.id, choice.steps)
        live = "exited_at" not in choice.values
        live_rank += live
        rows.rows[StreamApplication].append(
            {
                "id": choice.id,
                "public_id": new_public_id(),
                "created_at": made.started_at,
                "updated_at": choice.steps[-1][4],
                "version": 1,
                "application_id": made.id,
                "stream_id": choice.stream.id,
                "rank": live_rank if live else None,
                "state": state,
                "origin": StreamApplicationOrigin.OWN,
                **_blank(
                    choice.values, "exited_at", "state_before_exit", "review_mean", "marks_mean", "interview_mean"
                ),
            }
        )


def _write_referees(rows: Rows, frame: Frame, random: Random, made: Draft) -> None:
    """Referees are asked once an application advances; by then each has answered in some way, or not yet."""
    advanced = any(step[0] == "A6" for step in made.steps)
    for number in range(1, random.choice((0, 1, 2, 2)) + 1):
        steps: list[Any] = [("R1", ReferenceState.NAMED, Role.APPLICANT, made.person_id, made.started_at)]
        asked = frame.at("T5")
        if advanced:
            steps += _letter_steps(frame, random, asked)
        key = rows.add(
            Reference,
            made.started_at,
            application_id=made.id,
            position=number,
            name=words.name(random),
            email=f"referee-{made.id}-{number}@demo.example",
            consent=True,
            state=steps[-1][1],
            token_digest=hashlib.sha256(new_public_id().encode()).hexdigest() if advanced else None,
            requested_at=asked if advanced else None,
            reminders=0,
        )
        rows.walk(Machine.REFERENCE, key, made.id, frame.id, steps)
        if steps[-1][1] is ReferenceState.RECEIVED:
            rows.add(
                ReferenceLetter,
                asked,
                reference_id=key,
                number=1,
                scores={"research": random.randint(3, 5), "reliability": random.randint(3, 5)},
                text=words.essay(random, frame.track_key(made.track_ids[0]), 700),
                received_at=steps[-1][4],
                late=False,
            )


def _letter_steps(frame: Frame, random: Random, asked: datetime) -> list[Any]:
    requested = ("R2", ReferenceState.REQUESTED, Role.SYSTEM, None, asked)
    opened = ("R2o", ReferenceState.OPENED, Role.REFEREE, None, asked + timedelta(days=2))
    answered = asked + timedelta(days=random.uniform(2.2, 18))
    overdue = ("R5", ReferenceState.OVERDUE, Role.SYSTEM, None, frame.at("T3"))
    if frame.demo.stage is Stage.OFFERS and random.random() < 0.1:
        return [requested, overdue]
    ways = (
        [requested, opened, ("R3", ReferenceState.RECEIVED, Role.REFEREE, None, answered)],
        [requested, opened],
        [requested],
        [requested, ("R6", ReferenceState.DECLINED, Role.REFEREE, None, answered)],
        [requested, ("R7", ReferenceState.BOUNCED, Role.SYSTEM, None, asked)],
    )
    waiting = frame.demo.stage is Stage.STREAMS
    return random.choices(ways, weights=(70, 12, 12, 4, 2) if waiting else (90, 0, 0, 7, 3))[0]
