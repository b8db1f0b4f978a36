"""The forms of a reviewer's pages; what a review holds besides is read by ``pages.readings``."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import RadioField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from matsapply.pages.readings import plain_text
from matsapply.reviews.actions import MOST_FEEDBACK, MOST_NOTE
from matsapply.rules.stages import ConflictKind

MOST_REASON = 500

CONFLICTS = {
    ConflictKind.COLLEAGUE.value: "We work or worked together",
    ConflictKind.ADVISOR.value: "Teacher and student, or supervisor",
    ConflictKind.COAUTHOR.value: "We published together",
    ConflictKind.FAMILY.value: "Family or close friend",
    ConflictKind.OTHER.value: "Something else",
}


class ReviewForm(FlaskForm):
    """The texts beside the scores; the scores themselves follow the rubric."""

    note = TextAreaField(
        "Note to the team",
        [Length(max=MOST_NOTE, message=f"Keep the note under {MOST_NOTE} characters.")],
        filters=[plain_text],
        description="Other readers see it after their own review. The applicant never does.",
    )
    feedback = TextAreaField(
        "Feedback to the applicant",
        [Length(max=MOST_FEEDBACK, message=f"Keep the feedback under {MOST_FEEDBACK} characters.")],
        filters=[plain_text],
        description="Sent with the result if the team approves it. Say what would have made the application stronger.",
    )


class RecuseForm(FlaskForm):
    kind = RadioField("What connects you?", [InputRequired("Choose what fits best.")], choices=CONFLICTS)
    reason = StringField(
        "Reason",
        [
            DataRequired("Say in a few words why."),
            Length(max=MOST_REASON, message=f"Keep the reason under {MOST_REASON} characters."),
        ],
        filters=[plain_text],
        description="Kept in the log; the team sees it.",
    )


class ReturnForm(FlaskForm):
    reason = StringField(
        "Reason",
        [Optional(), Length(max=MOST_REASON, message=f"Keep the reason under {MOST_REASON} characters.")],
        filters=[plain_text],
    )
