"""The demo's stream phase: first results, tasks, interviews, stream reviews, rankings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from matsapply.decisions.models import Decision, ReleaseBatch
from matsapply.demo import words
from matsapply.demo.cohort_files import START, Stage
from matsapply.demo.reading import add_review, scores_of
from matsapply.evaluations.models import EvaluationInvite, InviteStream, Submission, SubmissionVersion
from matsapply.interviews.models import Interview, InterviewSlot, SlotInterviewer
from matsapply.offers.models import RankingEntry, StreamRanking
from matsapply.reviews.models import ReviewAssignment
from matsapply.rules.stages import (
    ApplicationState as A,
    AssignmentState,
    BatchScope,
    BatchState,
    CloseReason as C,
    DecisionPath,
    EvaluationState,
    InterviewPlan,
    InterviewState,
    Machine,
    Outcome,
    Role,
    RoundKind,
    RubricKind,
    StreamApplicationState as S,
    TrackChoiceState,
)

if TYPE_CHECKING:
    from matsapply.demo.applicants import Choice, Draft
    from matsapply.demo.frame import Frame, FrameStream
    from matsapply.demo.rows import Rows


MOST_INTERVIEWS = 24
OUTCOME_AFTER = timedelta(minutes=31)  # of an interview's beginning: how it went is noted at its end


@dataclass(slots=True)
class Pool:
    """The live stream applications of one stream, with how good the stream finds them."""

    stream: FrameStream
    entries: list[tuple[float, Draft, Choice]] = field(default_factory=list)
    slots_given: int = 0


def batch(rows: Rows, frame: Frame, scope: BatchScope, label: str, at: datetime) -> int:
    """A released batch."""
    coordinator = frame.coordinators[0]
    key = rows.add(
        ReleaseBatch,
        at - timedelta(days=1),
        cohort_id=frame.id,
        scope=scope,
        label=label,
        state=BatchState.RELEASED,
        sealed_at=at - timedelta(hours=2),
        sealed_by_id=coordinator,
        released_at=at,
        released_by_id=coordinator,
        member_count=0,
    )
    rows.walk(
        Machine.BATCH,
        key,
        None,
        frame.id,
        [
            ("RB1", BatchState.OPEN, Role.COORDINATOR, coordinator, at - timedelta(days=1)),
            ("RB2", BatchState.SEALED, Role.COORDINATOR, coordinator, at - timedelta(hours=2)),
            ("RB3", BatchState.RELEASED, Role.COORDINATOR, coordinator, at),
        ],
    )
    return key


def decide(
    rows: Rows,
    frame: Frame,
    made: Draft,
    outcome: Outcome,
    at: datetime,
    batch_id: int | None,
    *,
    feedback: str = "",
    **on: int,
) -> None:
    """One recorded decision, in a batch or not; ``on`` names the track choice or the stream application."""
    rows.add(
        Decision,
        at,
        cohort_id=frame.id,
        application_id=made.id,
        track_choice_id=on.get("track_choice_id"),
        stream_application_id=on.get("stream_application_id"),
        outcome=outcome,
        path=DecisionPath.STANDARD,
        reason_code="",
        feedback=feedback,
        actor_id=frame.coordinators[0],
        recorded_at=at,
        batch_id=batch_id,
    )
    for row in rows.rows[ReleaseBatch]:
        if row["id"] == batch_id:
            row["member_count"] += 1


def first_result(frame: Frame, random: Random, made: Draft, bar: float) -> bool:
    """Advance or close one submitted application at T5; returns whether it advanced."""
    at = frame.at("T5")
    coordinator = frame.coordinators[0]
    advanced = (made.values.get("score_mean") or 0) >= bar
    for track_id in made.track_ids:
        state = TrackChoiceState.ADVANCED if advanced else TrackChoiceState.NOT_ADVANCED
        made.track_steps[track_id] = [("K1" if advanced else "K2", state, Role.SYSTEM, coordinator, at)]
    if advanced:
        made.steps.append(("A6", A.IN_STREAMS, Role.SYSTEM, coordinator, at))
        for choice in made.choices:
            choice.steps.append(("S2", S.APPLIED, Role.SYSTEM, None, frame.at("T7")))
        return True
    ineligible = random.random() < 0.03
    code, reason = ("A8", C.INELIGIBLE) if ineligible else ("A7", C.NOT_ADVANCED)
    for choice in made.choices:
        choice.values |= {"exited_at": at}
        choice.steps.append(("S9", S.NOT_SELECTED, Role.SYSTEM, coordinator, at))
    made.steps.append((code, A.CLOSED, Role.SYSTEM, coordinator, at))
    made.values |= {"close_reason": reason, "closed_at": at, "state_before_close": A.SUBMITTED}
    return False


def record_first_decisions(rows: Rows, frame: Frame, made: Draft, batch_id: int) -> None:
    """The decisions behind ``first_result``; called once the track choices have their keys."""
    recorded = frame.at("T4", hours=12)
    if made.values.get("close_reason") is C.INELIGIBLE:
        decide(rows, frame, made, Outcome.INELIGIBLE, recorded, batch_id)
        return
    for track_id, steps in made.track_steps.items():
        outcome = Outcome.ADVANCE if steps[-1][1] is TrackChoiceState.ADVANCED else Outcome.NOT_ADVANCE
        key = made.track_values[track_id]["id"]
        decide(rows, frame, made, outcome, recorded, batch_id, track_choice_id=key)


def review_in_stream(rows: Rows, frame: Frame, random: Random, made: Draft, choice: Choice, quality: float) -> None:
    """The stream lead's own reading."""
    lead = frame.lead_of[choice.stream.id]
    at = frame.at("T7", days=random.uniform(2, 8))
    round_id = frame.stream_rounds[RoundKind.STREAM_REVIEW, choice.stream.id]
    rubric = frame.rubrics[RubricKind.STREAM_REVIEW]
    scores = scores_of(rubric, random, quality, 0.0)
    key = rows.add(
        ReviewAssignment,
        at,
        round_id=round_id,
        reviewer_id=lead,
        application_id=made.id,
        stream_application_id=choice.id,
        target_key=f"stream_application:{choice.id}",
        state=AssignmentState.SUBMITTED,
        draft_scores={},
        draft_note="",
    )
    rows.walk(
        Machine.ASSIGNMENT,
        key,
        made.id,
        frame.id,
        [
            ("D1", AssignmentState.ASSIGNED, Role.STREAM_LEAD, lead, at),
            ("D4", AssignmentState.SUBMITTED, Role.STREAM_LEAD, lead, at),
        ],
    )
    choice.values["review_mean"] = add_review(
        rows, frame, random, key, made, round_id, RubricKind.STREAM_REVIEW, scores, at
    )


def take_in(frame: Frame, choice: Choice) -> None:
    choice.steps.append(("S4", S.IN_REVIEW, Role.SYSTEM, None, frame.at("T7", hours=1)))


def tasks(rows: Rows, frame: Frame, random: Random, made: Draft, until: datetime) -> None:
    """Invite to each evaluation once, whatever number of the person's streams use it; work on it until ``until``."""
    users: dict[int, list[Choice]] = {}
    for choice in made.choices:
        if choice.steps[-1][1] is S.IN_REVIEW and random.random() < 0.8:
            for evaluation_id in choice.stream.evaluation_ids[:1]:
                users.setdefault(evaluation_id, []).append(choice)
    for evaluation_id, choices in users.items():
        task = frame.evaluations[evaluation_id]
        opens = max(task.opens_at or frame.at("T7"), frame.at("T7", hours=2))
        due = task.due_at or frame.at("T10")
        if due <= opens or opens > until:
            continue
        lead = frame.lead_of[choices[0].stream.id]
        done_at = opens + (due - opens) * random.uniform(0.2, 0.98)
        state = EvaluationState.SUBMITTED
        if random.random() < 0.06:
            state = random.choice((EvaluationState.EXPIRED, EvaluationState.WAIVED))
        elif done_at > until or (due > until and random.random() < 0.4):
            state = random.choice((EvaluationState.INVITED, EvaluationState.STARTED))
        if state is EvaluationState.EXPIRED and due > until:
            state = EvaluationState.INVITED
        _invite(rows, frame, random, made, choices, evaluation_id, lead, opens, min(done_at, until), due, state)


def _invite(
    rows: Rows,
    frame: Frame,
    random: Random,
    made: Draft,
    choices: list[Choice],
    evaluation_id: int,
    lead: int,
    opens: datetime,
    at: datetime,
    due: datetime,
    state: EvaluationState,
) -> None:
    started = at - (at - opens) * 0.1
    steps = [("V1", EvaluationState.INVITED, Role.STREAM_LEAD, lead, opens)]
    worked = state in {EvaluationState.STARTED, EvaluationState.SUBMITTED}
    if worked:
        steps.append(("V2", EvaluationState.STARTED, Role.APPLICANT, made.person_id, started))
    match state:
        case EvaluationState.SUBMITTED:
            steps.append(("V3", state, Role.APPLICANT, made.person_id, at))
        case EvaluationState.EXPIRED:
            steps.append(("V5", state, Role.SYSTEM, None, due))
        case EvaluationState.WAIVED:
            steps.append(("V6", state, Role.STREAM_LEAD, lead, at))
        case _:
            pass
    key = rows.add(
        EvaluationInvite,
        opens,
        application_id=made.id,
        evaluation_id=evaluation_id,
        state=state,
        ai_rule_accepted_at=started if worked else None,
        started_at=started if worked else None,
        ends_at=due,
        draft_answer=words.essay(random, frame.track_key(made.track_ids[0]), 500) if worked else "",
        draft_version=1 if worked else 0,
    )
    rows.walk(Machine.EVALUATION, key, made.id, frame.id, steps)
    finished = state in {EvaluationState.SUBMITTED, EvaluationState.EXPIRED, EvaluationState.WAIVED}
    for choice in choices:
        rows.add(InviteStream, opens, invite_id=key, stream_application_id=choice.id)
        choice.steps.append(("S5", S.EVALUATING, Role.STREAM_LEAD, frame.lead_of[choice.stream.id], opens))
        if finished:
            choice.steps.append(("S6", S.IN_REVIEW, Role.SYSTEM, None, steps[-1][4]))
    if state is EvaluationState.SUBMITTED:
        answer = words.essay(random, frame.track_key(made.track_ids[0]), 900)
        submission = rows.add(
            Submission, at, invite_id=key, current_number=1, submitted_at=at, mark_count=0, mark_mean=None
        )
        rows.add(
            SubmissionVersion,
            at,
            submission_id=submission,
            number=1,
            answer=answer,
            received_at=at,
            digest=hashlib.sha256(answer.encode()).hexdigest(),
        )


def interviews(rows: Rows, frame: Frame, random: Random, pool: Pool, until: datetime) -> None:
    """Offer interviews to the better half of a stream; hold those whose slot has passed."""
    if pool.stream.interview is InterviewPlan.NONE or until < frame.at("T10"):
        return
    lead = frame.lead_of[pool.stream.id]
    best = sorted(pool.entries, key=lambda entry: entry[0], reverse=True)
    for _, made, choice in best[: min(max(2, len(best) // 2), MOST_INTERVIEWS)]:
        if choice.steps[-1][1] is not S.IN_REVIEW:
            continue
        offered = max(frame.at("T10", hours=2), choice.steps[-1][4] + timedelta(minutes=5))
        if offered >= until:
            continue
        starts = _slot_time(frame, pool)
        slot = rows.add(
            InterviewSlot,
            offered,
            stream_id=pool.stream.id,
            starts_at=starts,
            ends_at=starts + timedelta(minutes=30),
            time_zone="Europe/London",
            video_link="https://meet.demo.example/room",
        )
        rows.add(SlotInterviewer, offered, slot_id=slot, person_id=lead)
        state = _interview_state(random, starts, until)
        _interview(rows, frame, made, choice, lead, offered, starts, slot, state)


def _slot_time(frame: Frame, pool: Pool) -> datetime:
    """One interview a day, each stream at a half hour of its own: nobody on either side is booked twice."""
    number = pool.slots_given
    pool.slots_given += 1
    # In the stream phase the first interviews are of today and the others lie ahead.
    begin = START if frame.demo.stage is Stage.STREAMS else frame.at("T10") + timedelta(days=2)
    place = next(place for place, stream in enumerate(frame.streams) if stream.id == pool.stream.id)
    return begin.replace(hour=7, minute=0, second=0, microsecond=0) + timedelta(days=number, minutes=30 * place)


def _interview_state(random: Random, starts: datetime, until: datetime) -> InterviewState:
    if starts + OUTCOME_AFTER > until:
        return random.choice((InterviewState.OFFERED, InterviewState.BOOKED, InterviewState.BOOKED))
    outcomes = (InterviewState.HELD, InterviewState.NO_SHOW_APPLICANT, InterviewState.NO_SHOW_INTERVIEWER)
    return random.choices(outcomes, weights=(92, 4, 4))[0]


_ENDINGS = {
    InterviewState.HELD: "I4",
    InterviewState.NO_SHOW_APPLICANT: "I5",
    InterviewState.NO_SHOW_INTERVIEWER: "I6",
}


def _interview(
    rows: Rows,
    frame: Frame,
    made: Draft,
    choice: Choice,
    lead: int,
    offered: datetime,
    starts: datetime,
    slot: int,
    state: InterviewState,
) -> None:
    steps = [("I1", InterviewState.OFFERED, Role.STREAM_LEAD, lead, offered)]
    booked = offered + timedelta(minutes=30)
    if state is not InterviewState.OFFERED:
        steps.append(("I2", InterviewState.BOOKED, Role.APPLICANT, made.person_id, booked))
    if state in _ENDINGS:
        steps.append((_ENDINGS[state], state, Role.STREAM_LEAD, lead, starts + OUTCOME_AFTER))
    key = rows.add(
        Interview,
        offered,
        stream_application_id=choice.id,
        slot_id=None if state is InterviewState.OFFERED else slot,
        state=state,
        round_number=1,
        booked_at=None if state is InterviewState.OFFERED else booked,
        rebookings=0,
        calendar_sequence=0 if state is InterviewState.OFFERED else 1,
    )
    rows.walk(Machine.INTERVIEW, key, made.id, frame.id, steps)
    choice.steps.append(("S7", S.INTERVIEWING, Role.STREAM_LEAD, lead, offered))


def rank(rows: Rows, frame: Frame, pool: Pool, at: datetime) -> list[tuple[float, Draft, Choice]]:
    """Lock a stream's ranking; whoever is ranked is assessed. Returns the ranked, best first."""
    ready = [entry for entry in pool.entries if entry[2].steps[-1][1] in {S.IN_REVIEW, S.INTERVIEWING}]
    ready.sort(key=lambda entry: entry[0], reverse=True)
    if not ready:
        return []
    lead = frame.lead_of[pool.stream.id]
    ranking = rows.add(StreamRanking, at, stream_id=pool.stream.id, number=1, actor_id=lead, saved_at=at, locked_at=at)
    for position, (_, _, choice) in enumerate(ready, start=1):
        rows.add(
            RankingEntry, at, ranking_id=ranking, stream_application_id=choice.id, position=position, tier=None, note=""
        )
        choice.steps.append(("S8", S.ASSESSED, Role.STREAM_LEAD, lead, at))
    return ready
