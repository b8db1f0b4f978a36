"""Answers of an earlier application, offered for the empty ones of a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.answers import stored_answers, write
from matsapply.applications.forms import form_by_key
from matsapply.applications.models import AnswerDraft, Application, Snapshot
from matsapply.cohorts.models import Cohort
from matsapply.rules.answers import ELSEWHERE, ProblemCode, is_empty, problems_of
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import ApplicationState, QuestionType

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.applications.editing import Editing
    from matsapply.applications.forms import Form

# Answers that are given anew each time: what somebody declares, and what belongs to one cohort.
_NEVER = ELSEWHERE | {QuestionType.BOOL, QuestionType.TRACK_RANK, QuestionType.STREAM_INTEREST}
# A text that is too long can be shortened; an option that no longer exists is no answer.
_USELESS = frozenset({ProblemCode.NOT_AN_OPTION, ProblemCode.NOT_A_ZONE, ProblemCode.NOT_AN_ADDRESS})


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a person wrote for another cohort: submitted there, or left unfinished."""

    cohort_label: str
    types: Mapping[str, QuestionType]
    answers: Mapping[str, Any]

    def for_form(self, form: Form, present: Mapping[str, Any]) -> dict[str, Any]:
        """The answers that fit questions of ``form`` whose answer is empty in ``present``, by key.

        A question is the same where its key and its type are; a text may be too long for the new form, to be cut.
        """
        found = {}
        for question in form.questions:
            value = self.answers.get(question.key)
            if question.type in _NEVER or question.type is not self.types.get(question.key):
                continue
            if is_empty(value) or not is_empty(present.get(question.key)):
                continue
            if not _USELESS & {problem.code for problem in problems_of(question, value)}:
                found[question.key] = value
        return found


def earlier_answers(session: Session, person_id: int, besides: int | None = None) -> Earlier | None:
    """The person's newest other application in which anything was answered: what was submitted last, else the draft."""
    query = (
        sa.select(Application.id, Application.form_version_id, Application.snapshot_number, Cohort.label)
        .join(Cohort, Cohort.id == Application.cohort_id)
        .where(Application.person_id == person_id, sa.exists().where(AnswerDraft.application_id == Application.id))
    )
    if besides is not None:
        query = query.where(Application.id != besides)
    row = session.execute(query.order_by(Application.id.desc()).limit(1)).first()
    if row is None:
        return None
    application_id, form_id, number, label = row
    if number is None:
        given = {key: each.value for key, each in stored_answers(session, application_id).items()}
    else:
        content = session.scalars(
            sa.select(Snapshot.content).where(Snapshot.application_id == application_id, Snapshot.number == number)
        ).one()
        given = content["answers"]
    form = form_by_key(session, form_id)
    return Earlier(label, {question.key: question.type for question in form.questions}, given)


def offered(session: Session, held: Editing, form: Form, present: Mapping[str, Any]) -> tuple[str, list[str]] | None:
    """(label of the earlier cohort, questions in words) whose empty answers can be filled; None where none can."""
    if held.state is not ApplicationState.DRAFT or held.refusal is not None:
        return None
    earlier = earlier_answers(session, held.person_id, held.id)
    found = earlier.for_form(form, present) if earlier else {}
    labels = [question.label for question in form.questions if question.key in found]
    return (earlier.cohort_label, labels) if earlier and labels else None


def take_over(session: Session, held: Editing, form: Form, now: datetime) -> int:
    """Fill the empty answers of a draft (``held`` is locked); returns how many.

    Raises ``Refused``: CLOSED, NOT_OPEN_YET, WRONG_STATE (submitted before).
    """
    held.check()
    if held.state is not ApplicationState.DRAFT:
        raise refuse(Code.WRONG_STATE)
    earlier = earlier_answers(session, held.person_id, held.id)
    present = {key: each.value for key, each in stored_answers(session, held.id).items()}
    found = earlier.for_form(form, present) if earlier else {}
    if found:
        write(session, held.id, found, now)
        session.execute(sa.update(Application).where(Application.id == held.id).values(draft_changed_at=now))
    return len(found)
