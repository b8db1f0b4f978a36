"""What a reviewer's pages share: the blueprint, the reader's own readings, and a review as fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, abort

from matsapply.pages.guard import actor
from matsapply.pages.readings import SCORE
from matsapply.platform.flask_db import session
from matsapply.reviews import actions, queries
from matsapply.reviews.reading import Reading, reading
from matsapply.rules.stages import AssignmentState

if TYPE_CHECKING:
    from matsapply.cohorts.forms import CriterionView
    from matsapply.reviews.actions import Entered
    from matsapply.reviews.models import ReviewAssignment

blueprint = Blueprint("reviewer", __name__, url_prefix="/review")


def own_reading(ref: str) -> Reading:
    """The reading of that address; 404 where it is not one of the actor's to see."""
    found = reading(session(), actor(), ref)
    if found is None:
        abort(404)
    return found


def own_assignment(ref: str) -> ReviewAssignment:
    """The same for an act on it."""
    found = queries.own_assignment(session(), actor(), ref)
    if found is None:
        abort(404)
    return found


def kept(found: Reading) -> Entered:
    """What the server holds: the review in force, or else the draft."""
    if (own := found.own) is not None:
        return actions.Entered(scores=own.scores, note=own.note, feedback=own.feedback, confidence=own.confidence)
    return actions.Entered(
        scores=found.draft["scores"],
        note=found.draft["note"],
        feedback=found.draft["feedback"],
        confidence=found.draft["confidence"],
    )


def version_of(found: Reading) -> str:
    """What the page shows, in one word: a draft by its version, a review by its number."""
    return f"review-{found.own.number}" if found.own else str(found.version)


def held_by(assignment: ReviewAssignment) -> tuple[str, Entered]:
    """The version the server holds, as ``version_of`` names it, and what it holds."""
    if assignment.state is AssignmentState.SUBMITTED:
        found = own_reading(assignment.public_id)
        return version_of(found), kept(found)
    return str(assignment.version), actions.Entered(
        scores=assignment.draft_scores,
        note=assignment.draft_note,
        feedback=assignment.draft_feedback,
        confidence=assignment.draft_confidence,
    )


def differing(held: Entered, sent: Entered) -> dict[str, str]:
    """What the server holds in the fields in which it holds something else than was sent."""
    typed = as_fields(sent)
    return {name: text for name, text in as_fields(held).items() if text and typed.get(name, "") != text}


def as_fields(reading: Entered) -> dict[str, str]:
    """A review by the names of the form's fields."""
    fields = {f"{SCORE}{key}": str(value) for key, value in reading.scores.items()}
    return fields | {"note": reading.note, "feedback": reading.feedback, "confidence": str(reading.confidence or "")}


def named(fields: dict[str, str], labels: dict[str, str]) -> list[tuple[str, str]]:
    """Fields with the words that stand above them on the page."""
    names = {f"{SCORE}{key}": label for key, label in labels.items()}
    names |= {"note": "Note to the team", "feedback": "Feedback to the applicant", "confidence": "How sure are you?"}
    return [(names.get(name, name), text) for name, text in fields.items()]


def hint_of(criterion: CriterionView, found: Reading) -> str:
    """How much a criterion counts, and what its steps mean: their own words and the anchors, where there are any."""
    parts = []
    if found.rubric.weights:
        parts.append(f"{found.weights.get(criterion.key, 0.0) * 100:.0f} % of the total")
    for number, step in enumerate(found.rubric.scale, 1):
        words = (("" if step.isdigit() else step), criterion.anchors.get(step) or "")
        if said := ", ".join(each for each in words if each):
            parts.append(f"{number}: {said}")
    return " · ".join(parts)
