"""What a reviewer types: read once, for the draft and for the review alike."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from flask_wtf import FlaskForm
from wtforms import RadioField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from matsapply.reviews.actions import MOST_FEEDBACK, MOST_NOTE, Entered
from matsapply.rules.scoring import Checked, check_scores
from matsapply.rules.stages import ConflictKind

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

    from matsapply.cohorts.forms import RubricView

SCORE = "score-"  # the field of criterion c is score-c
MOST_REASON = 500

CONFLICTS = {
    ConflictKind.COLLEAGUE.value: "We work or worked together",
    ConflictKind.ADVISOR.value: "Teacher and student, or supervisor",
    ConflictKind.COAUTHOR.value: "We published together",
    ConflictKind.FAMILY.value: "Family or close friend",
    ConflictKind.OTHER.value: "Something else",
}


class ReviewForm(FlaskForm):
    """The texts beside the scores; the scores themselves follow the rubric and are read by ``entered``."""

    note = TextAreaField(
        "Note to the team",
        [Length(max=MOST_NOTE, message=f"Keep the note under {MOST_NOTE} characters.")],
        description="Other readers see it after their own review. The applicant never does.",
    )
    feedback = TextAreaField(
        "Feedback to the applicant",
        [Length(max=MOST_FEEDBACK, message=f"Keep the feedback under {MOST_FEEDBACK} characters.")],
        description="Sent with the result if the team approves it. Say what would have made the application stronger.",
    )


class RecuseForm(FlaskForm):
    kind = RadioField("What connects you?", [InputRequired("Choose what fits best.")], choices=CONFLICTS)
    reason = StringField(
        "Reason",
        [InputRequired("Say in a few words why."), Length(max=MOST_REASON)],
        description="Kept in the log; the team sees it.",
    )


class ReturnForm(FlaskForm):
    reason = StringField("Reason", [Optional(), Length(max=MOST_REASON)])


def entered(form: MultiDict[str, str]) -> Entered:
    """The fields as sent. Nothing is refused here: a draft may hold anything, ``checked`` judges a review."""
    return Entered(
        scores={key.removeprefix(SCORE): value for key, value in form.items() if key.startswith(SCORE)},
        note=_text(form.get("note", "")),
        feedback=_text(form.get("feedback", "")),
        confidence=_confidence(form.get("confidence", "")),
        minutes=_minutes(form.get("minutes", "")),
    )


def checked(rubric: RubricView, sent: Entered) -> Checked:
    return check_scores(sent.scores, [criterion.key for criterion in rubric.criteria], len(rubric.scale))


def _text(value: Any) -> str:
    return str(value).replace("\x00", "").replace("\r\n", "\n").strip()


def _confidence(value: str) -> int | None:
    return int(value) if value in {"1", "2", "3", "4", "5"} else None


def _minutes(value: str) -> float:
    try:
        minutes = float(value)
    except ValueError:
        return 0.0
    return minutes if isfinite(minutes) else 0.0
