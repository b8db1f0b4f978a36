"""What a reader types: scores by a rubric, a note, feedback. Read in one way for reviews, marks and scorecards."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from matsapply.reviews.actions import MOST_FEEDBACK, MOST_NOTE, Entered
from matsapply.rules.scoring import Checked, check_scores

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

    from matsapply.cohorts.forms import RubricView

SCORE = "score-"  # the field of criterion c is score-c


def entered(form: MultiDict[str, str]) -> Entered:
    """The fields as sent. Nothing is refused here: a draft may hold anything, ``checked`` judges a reading."""
    return Entered(
        scores={key.removeprefix(SCORE): value for key, value in form.items() if key.startswith(SCORE) and value},
        note=plain_text(form.get("note")),
        feedback=plain_text(form.get("feedback")),
        confidence=_confidence(form.get("confidence", "")),
        minutes=_minutes(form.get("minutes", "")),
    )


def checked(rubric: RubricView, sent: Entered) -> Checked:
    """The scores against the rubric."""
    return check_scores(sent.scores, [criterion.key for criterion in rubric.criteria], len(rubric.scale))


def too_long(sent: Entered) -> dict[str, str]:
    """One sentence for each text that is longer than it may be, by the name of its field."""
    limits = {"note": (sent.note, MOST_NOTE), "feedback": (sent.feedback, MOST_FEEDBACK)}
    return {
        name: f"Keep the {name} under {most} characters; it has {len(text)}."
        for name, (text, most) in limits.items()
        if len(text) > most
    }


def plain_text(value: str | None) -> str:
    """A text as people see it: browsers send two characters for the end of a line, and no database stores a NUL."""
    return (value or "").replace("\x00", "").replace("\r\n", "\n").strip()


def _confidence(value: str) -> int | None:
    return int(value) if value in {"1", "2", "3", "4", "5"} else None


def _minutes(value: str) -> float:
    try:
        minutes = float(value)
    except ValueError:
        return 0.0
    return minutes if isfinite(minutes) else 0.0
