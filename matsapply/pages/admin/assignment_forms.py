"""The forms of assignments: what a plan is asked for, and a reviewer's own terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField, RadioField, SelectChoice, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional, ValidationError

from matsapply.reviews.planning import Options

if TYPE_CHECKING:
    from wtforms import Field

MOST_READERS, MOST_LOAD, MOST_SEED, MOST_SHARED = 6, 500, 1_000_000, 50
FAIR, GREATEST = "floor", "total"
STAY, MOVE = "stay", "move"


def _whole(least: int, most: int) -> list[Any]:
    words = f"A whole number from {least} to {most:,}, please."
    return [InputRequired(words), NumberRange(least, most, words)]


class PlanForm(FlaskForm):  # type: ignore[misc]
    goal = RadioField(
        "What comes first",
        choices=[SelectChoice(FAIR, "The worst-served application"), SelectChoice(GREATEST, "The greatest sum")],
        default=FAIR,
    )
    readers = IntegerField("Readers for each application", validators=_whole(1, MOST_READERS))
    least = IntegerField("Least open readings a reviewer", validators=_whole(0, MOST_LOAD), default=0)
    most = IntegerField("Most open readings a reviewer", validators=_whole(1, MOST_LOAD))
    shared = IntegerField(
        "Shared applications",
        description="Read by some more people, so that a severe reviewer can be told from weak applications.",
        validators=_whole(0, MOST_SHARED),
        default=0,
    )
    shared_readers = IntegerField("More readers for each of them", validators=_whole(1, MOST_READERS), default=1)
    moves = RadioField(
        "Readings that nobody has begun",
        choices=[SelectChoice(STAY, "Stay where they can"), SelectChoice(MOVE, "Move where it helps much")],
        default=STAY,
    )
    seed = IntegerField(
        "Seed", description="The same seed gives the same plan.", validators=_whole(0, MOST_SEED), default=1
    )

    cap = MOST_LOAD

    def validate_most(self, field: Field) -> None:
        if field.data is not None and field.data > self.cap:
            raise ValidationError(
                f"The cohort allows {self.cap}. Give a single reviewer more under their own terms, with the reason."
            )
        if field.data is not None and self.least.data is not None and self.least.data > field.data:
            raise ValidationError("This is less than the least.")

    @property
    def options(self) -> Options:
        """What was asked for; only of a valid form."""
        return Options(
            readers=self.readers.data or 0,
            floor=self.goal.data == FAIR,
            least=self.least.data or 0,
            most=self.most.data or 0,
            seed=self.seed.data or 0,
            shared=self.shared.data or 0,
            shared_readers=self.shared_readers.data or 0,
            stay=self.moves.data == STAY,
        )


def filled(options: Options, **more: Any) -> PlanForm:
    """The form as it was filled in for ``options``."""
    return PlanForm(
        data={
            "goal": FAIR if options.floor else GREATEST,
            "readers": options.readers,
            "least": options.least,
            "most": options.most,
            "shared": options.shared,
            "shared_readers": options.shared_readers,
            "moves": STAY if options.stay else MOVE,
            "seed": options.seed,
        },
        **more,
    )


class TermsForm(FlaskForm):  # type: ignore[misc]
    tracks = SelectMultipleField(
        "Tracks they can judge", description="None named: all of them.", validators=[Optional()]
    )
    languages = StringField(
        "Wished languages", description="Codes such as en, de, by commas. Empty: any.", validators=[Length(max=60)]
    )
    near_zone = BooleanField("Applicants in a time zone near their own, where there is a choice")
    least = IntegerField("Least open readings", validators=_whole(0, MOST_LOAD), default=0)
    most = IntegerField(
        "Most open readings",
        description="Empty: what the plan asks for. May be more than the cohort allows.",
        validators=[Optional(), NumberRange(0, MOST_LOAD, f"A whole number from 0 to {MOST_LOAD}, please.")],
    )
    reason = StringField("Reason for an own load", validators=[Length(max=300)])

    def validate_most(self, field: Field) -> None:
        if field.data is not None and self.least.data is not None and field.data < self.least.data:
            raise ValidationError("This is less than the least.")

    def validate_reason(self, field: Field) -> None:
        if (self.least.data or self.most.data is not None) and not (field.data or "").strip():
            raise ValidationError("Say why this reviewer has a load of their own; it is kept with their readings.")

    def validate_languages(self, field: Field) -> None:
        if any(not code.isalpha() or len(code) > 8 for code in self.codes):
            raise ValidationError("Write codes of letters, separated by commas.")

    @property
    def codes(self) -> list[str]:
        return [code.strip().lower() for code in (self.languages.data or "").split(",") if code.strip()]
