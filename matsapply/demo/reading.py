"""Demo readings: so many readers for each application, and every state in which a reading can be."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import fsum
from random import Random
from typing import TYPE_CHECKING

from matsapply.demo import words
from matsapply.reviews.models import ConflictOfInterest, Review, ReviewAssignment
from matsapply.rules.scoring import criterion_means
from matsapply.rules.stages import (
    AssignmentState,
    ConflictKind,
    ConflictSource,
    ConflictState,
    Machine,
    ReviewerKind,
    Role,
    RubricKind,
)

if TYPE_CHECKING:
    from matsapply.demo.applicants import Draft
    from matsapply.demo.frame import Frame, FrameRubric
    from matsapply.demo.rows import Rows


REPLACED = frozenset(
    {AssignmentState.RECUSED, AssignmentState.RETURNED, AssignmentState.REASSIGNED, AssignmentState.VOIDED}
)


class Readers:
    """Deals applications to reviewers in turn, so that loads differ by at most one a round."""

    def __init__(self, reviewers: list[int], random: Random) -> None:
        self.reviewers = reviewers
        self.random = random
        self.waiting: list[int] = []
        self.severity = {reviewer: random.gauss(0, 0.35) for reviewer in reviewers}

    def next(self, besides: set[int]) -> int:
        for _ in range(2):
            for place, reviewer in enumerate(self.waiting):
                if reviewer not in besides:
                    return self.waiting.pop(place)
            self.waiting += self.random.sample(self.reviewers, len(self.reviewers))
        raise ValueError("there are fewer reviewers than readings of one application")


def scores_of(rubric: FrameRubric, random: Random, quality: float, severity: float) -> dict[str, int]:
    """Whole scores around an application's quality (mean 0) and a reader's severity."""
    middle = (1 + rubric.steps) / 2
    spread = rubric.steps / 5
    return {
        key: min(rubric.steps, max(1, round(middle + spread * (quality + severity + random.gauss(0, 0.6)))))
        for key in rubric.criteria
    }


def total_of(rubric: FrameRubric, scores: dict[str, int], track: str) -> float:
    """Weighted by the track's weights; the plain mean where it has none."""
    weights = rubric.weights.get(track) or {key: 1 / len(rubric.criteria) for key in rubric.criteria}
    return fsum(weights[key] * scores[key] for key in rubric.criteria)


def read_centrally(
    rows: Rows, frame: Frame, random: Random, made: Draft, readers: Readers, until: datetime, *, readings: int = 2
) -> None:
    """Assign and, as far as ``until`` allows, read. All of it is done when ``until`` lies past the due date."""
    rubric = frame.rubrics[RubricKind.CENTRAL_SCORE]
    quality = random.gauss(0.1, 0.9)
    begins, due = frame.at("T2", hours=20), frame.at("T4")
    done: list[dict[str, int]] = []
    used: set[int] = set()
    for _ in range(readings):
        reader = readers.next(used)
        used.add(reader)
        at = begins + (due - begins) * random.uniform(0.02, 0.97)
        finished = at <= until
        last = _finished(random) if finished else _unfinished(random)
        scores = scores_of(rubric, random, quality, readers.severity[reader])
        _assignment(rows, frame, random, made, reader, begins, min(at, until), last, scores)
        if last is AssignmentState.SUBMITTED:
            done.append(scores)
        if last in REPLACED:
            replacement = readers.next(used)
            used.add(replacement)
            again = AssignmentState.SUBMITTED if finished else AssignmentState.ASSIGNED
            scores = scores_of(rubric, random, quality, readers.severity[replacement])
            _assignment(rows, frame, random, made, replacement, begins, min(at, until), again, scores)
            if finished:
                done.append(scores)
    if done:
        _aggregate(frame, made, rubric, done)


def _finished(random: Random) -> AssignmentState:
    return AssignmentState.VOIDED if random.random() < 0.008 else AssignmentState.SUBMITTED


def _unfinished(random: Random) -> AssignmentState:
    return random.choices(
        [
            AssignmentState.ASSIGNED,
            AssignmentState.STARTED,
            AssignmentState.RECUSED,
            AssignmentState.RETURNED,
            AssignmentState.REASSIGNED,
        ],
        weights=[76, 16, 3, 3, 2],
    )[0]


def _assignment(
    rows: Rows,
    frame: Frame,
    random: Random,
    made: Draft,
    reader: int,
    begins: datetime,
    at: datetime,
    last: AssignmentState,
    scores: dict[str, int],
) -> None:
    coordinator = frame.coordinators[0]
    steps = [("D1", AssignmentState.ASSIGNED, Role.COORDINATOR, coordinator, begins)]
    started = at - timedelta(minutes=random.randint(4, 14))
    if last in {AssignmentState.STARTED, AssignmentState.SUBMITTED, AssignmentState.VOIDED}:
        steps.append(("D3", AssignmentState.STARTED, Role.REVIEWER, reader, started))
    match last:
        case AssignmentState.SUBMITTED | AssignmentState.VOIDED:
            steps.append(("D4", AssignmentState.SUBMITTED, Role.REVIEWER, reader, at))
            if last is AssignmentState.VOIDED:
                steps.append(("D9", last, Role.COORDINATOR, coordinator, at + timedelta(minutes=1)))
        case AssignmentState.REASSIGNED:
            steps.append(("D7", last, Role.COORDINATOR, coordinator, at))
        case AssignmentState.RECUSED:
            steps.append(("D5", last, Role.REVIEWER, reader, at))
        case AssignmentState.RETURNED:
            steps.append(("D6", last, Role.REVIEWER, reader, at))
        case _:
            pass
    drafting = last is AssignmentState.STARTED
    key = rows.add(
        ReviewAssignment,
        begins,
        round_id=frame.central_round,
        reviewer_id=reader,
        application_id=made.id,
        target_key=f"application:{made.id}",
        state=last,
        due_at=frame.at("T4"),
        draft_scores={name: scores[name] for name in list(scores)[:2]} if drafting else {},
        draft_note=random.choice(words.NOTES) if drafting else "",
    )
    rows.walk(Machine.ASSIGNMENT, key, made.id, frame.id, steps)
    if last in {AssignmentState.RECUSED, AssignmentState.VOIDED}:
        rows.add(
            ConflictOfInterest,
            at,
            person_id=reader,
            application_id=made.id,
            kind=ConflictKind.COLLEAGUE,
            source=ConflictSource.DECLARED,
            state=ConflictState.ACTIVE,
            note="We worked in the same team.",
        )
    if last in {AssignmentState.SUBMITTED, AssignmentState.VOIDED}:
        add_review(rows, frame, random, key, made, frame.central_round, RubricKind.CENTRAL_SCORE, scores, at)
    if last is AssignmentState.VOIDED:
        rows.rows[Review][-1] |= {"voided_at": at, "void_reason": "A conflict of interest came to light."}


def add_review(
    rows: Rows,
    frame: Frame,
    random: Random,
    assignment_id: int,
    made: Draft,
    round_id: int,
    kind: RubricKind,
    scores: dict[str, int],
    at: datetime,
) -> float:
    """One finished reading; returns its total for the first-choice track."""
    rubric = frame.rubrics[kind]
    total = total_of(rubric, scores, frame.track_key(made.track_ids[0]))
    rows.add(
        Review,
        at,
        assignment_id=assignment_id,
        application_id=made.id,
        round_id=round_id,
        number=1,
        reviewer_kind=ReviewerKind.HUMAN,
        rubric_id=rubric.id,
        snapshot_number=1,
        scores=scores,
        total=total,
        confidence=random.randint(2, 5),
        note=random.choice(words.NOTES),
        feedback=random.choice(words.FEEDBACK) if random.random() < 0.3 else "",
        minutes=round(random.uniform(4, 16), 1),
        submitted_at=at,
        voided_at=None,
        void_reason="",
    )
    return total


def _aggregate(frame: Frame, made: Draft, rubric: FrameRubric, done: list[dict[str, int]]) -> None:
    for track_id in made.track_ids:
        totals = [total_of(rubric, scores, frame.track_key(track_id)) for scores in done]
        kept = {"score_count": len(totals), "score_sum": fsum(totals), "score_mean": fsum(totals) / len(totals)}
        made.track_values.setdefault(track_id, {}).update(kept)
        if track_id == made.track_ids[0]:
            made.values |= kept | {"score_spread": max(totals) - min(totals), "criterion_means": criterion_means(done)}
