"""The form's questions as applicants meet them, for reading; they change with the cohort file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template

from matsapply.pages.admin.frame import blueprint, cohort_at, switcher
from matsapply.pages.admin.setup import file_of
from matsapply.pages.guard import needs
from matsapply.pages.sections import title_of
from matsapply.rules.access import Act
from matsapply.rules.stages import QuestionType

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.cohorts.file_types import QuestionEntry

ANSWERED_BY = {
    QuestionType.TEXT: "One line",
    QuestionType.LONG: "A longer text",
    QuestionType.EMAIL: "An e-mail address",
    QuestionType.TIMEZONE: "A time zone",
    QuestionType.CHOICE: "One of",
    QuestionType.MULTI: "Any of",
    QuestionType.BOOL: "Yes or no",
    QuestionType.FILE: "A file",
    QuestionType.URLS: "Web addresses, one a line",
    QuestionType.TRACK_RANK: "Tracks, in order",
    QuestionType.STREAM_INTEREST: "Streams, in order",
    QuestionType.REFEREES: "Referees: name and address",
    QuestionType.SEPARATE_STORE: "Kept apart from the application; reviewers and mentors never see it",
}


@blueprint.get("/<cohort_key>/settings/questions")
@needs(Act.COHORT_READ)
def questions(cohort_key: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.COHORT_READ)
    file = file_of(frame)
    sections: dict[str, list[QuestionEntry]] = {}
    for question in file.form.questions if file.form else ():
        sections.setdefault(title_of(question.section), []).append(question)
    return render_template(
        "admin/questions.html",
        frame=frame,
        cohorts=switcher(frame, Act.COHORT_READ, "admin.questions"),
        form=file.form,
        sections=sections,
        tracks={track.key: track.name for track in file.tracks},
        answered_by=ANSWERED_BY,
    )
