"""The form for a paper's summary, which the team and the paper's nearest stream write."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import TYPE_CHECKING

from flask_wtf import FlaskForm
from wtforms import HiddenField, TextAreaField, ValidationError

from matsapply.pages.readings import plain_text
from matsapply.showcase.actions import LONGEST_SUMMARY

if TYPE_CHECKING:
    from wtforms import Field


class SummaryForm(FlaskForm):  # type: ignore[misc]
    """``seen`` is the mark of the summary the form was made from."""

    summary = TextAreaField(
        "Summary",
        filters=[plain_text],
        description=f"In our own words, for somebody new to the field; at most {LONGEST_SUMMARY} characters.",
    )
    seen = HiddenField()

    def validate_summary(self, field: Field) -> None:
        if len(field.data) > LONGEST_SUMMARY:
            raise ValidationError(f"This has {len(field.data)} characters; at most {LONGEST_SUMMARY} are kept.")
        if any(unicodedata.category(letter) in {"Cc", "Cs"} and letter != "\n" for letter in field.data):
            raise ValidationError("This contains a character that cannot be stored. Remove it.")


def mark_of(summary: str) -> str:
    """What a form remembers of the summary it was made from."""
    return hashlib.sha256(summary.encode()).hexdigest()[:16]
