"""What a stream should do next, in words with a link: the first page a mentor sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import url_for

from matsapply.rules.stages import InterviewPlan, InterviewState, StreamApplicationState

if TYPE_CHECKING:
    from datetime import datetime

    from matsapply.cohorts.gates import Gates
    from matsapply.evaluations.queries import PlanLine
    from matsapply.interviews.queries import SlotLine
    from matsapply.offers.ranking import Ranking
    from matsapply.pages.mentor.desk import Desk


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. ``at`` is the date that matters for it, if any."""

    icon: str
    text: str
    label: str
    href: str
    at: datetime | None = None


def next_steps(
    desk: Desk,
    counts: dict[StreamApplicationState, int],
    *,
    plan: list[PlanLine],
    unmarked: int,
    slots: list[SlotLine],
    ranking: Ranking,
    gates: Gates,
    now: datetime,
) -> list[Step]:
    """Most urgent first; empty where the stream waits for others."""
    ref = desk.stream.ref
    steps: list[Step] = []
    in_review = counts.get(StreamApplicationState.IN_REVIEW, 0)
    overdue = len([slot for slot in slots if slot.state is InterviewState.BOOKED and slot.ends_at <= now])
    if desk.may_write and overdue:
        steps.append(
            Step("calendar", f"{_n(overdue, 'interview')} took place without a record.", "Record what happened",
                 url_for("mentor.interviews", ref=ref))
        )  # fmt: skip
    open_tasks = [line for line in plan if line.required and line.open(now)]
    if desk.has_role_for("S5") and in_review and open_tasks and ranking.locked_at is None:
        due = min((line.due_at for line in open_tasks if line.due_at), default=None)
        steps.append(
            Step("edit", f"{_n(in_review, 'candidate')} in review, while tasks are open.", "Invite to tasks",
                 url_for("mentor.tasks", ref=ref), due)
        )  # fmt: skip
    if desk.may_write and unmarked > 0:
        steps.append(
            Step(
                "check-circle",
                f"{_n(unmarked, 'submission')} without your mark.",
                "Mark",
                url_for("mentor.tasks", ref=ref),
            )
        )
    if desk.has_role_for("I1") and desk.stream.interview is not InterviewPlan.NONE and not gates.passed("T11", now):
        free = sum(slot.state is None and slot.starts_at > now for slot in slots)
        if not free:
            steps.append(
                Step("clock", "No free interview slots lie ahead.", "Add slots", url_for("mentor.interviews", ref=ref),
                     gates.at("T10") if not gates.passed("T10", now) else gates.at("T11"))
            )  # fmt: skip
        elif in_review and gates.passed("T10", now):
            steps.append(
                Step("calendar", f"{_n(free, 'free slot')}, and {_n(in_review, 'candidate')} to invite.",
                     "Offer interviews", url_for("mentor.candidate_list", ref=ref, state="in_review"), gates.at("T11"))
            )  # fmt: skip
    if desk.may_decide and ranking.locked_at is None and not gates.passed("T12", now) and any(counts.values()):
        text = f"{len(ranking.places)} ranked, not locked yet." if ranking.places else "Nobody is ranked yet."
        steps.append(Step("list", text, "Rank", url_for("mentor.ranking", ref=ref), gates.at("T12")))
    return steps


def _n(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
