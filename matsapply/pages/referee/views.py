"""A referee's page: reached by the link in the mail, without an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for

from matsapply.applications import references
from matsapply.applications.models import Application, ReferenceLetter
from matsapply.cohorts.forms import rubric_in_force
from matsapply.cohorts.models import Cohort
from matsapply.pages.guard import needs
from matsapply.pages.phrases import sentence
from matsapply.people.models import Person
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.rules.access import Act
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import RubricKind

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.applications.models import Reference
    from matsapply.cohorts.forms import RubricView

blueprint = Blueprint("referee", __name__, url_prefix="/reference")

LONGEST_TOKEN = 200
LONGEST_LETTER = 20_000


def _found(token: str) -> Reference:
    found = references.by_token(session(), token[:LONGEST_TOKEN])
    if found is None:
        abort(404)
    return found


@blueprint.get("/<token>")
@needs(Act.BY_TOKEN)
def letter(token: str) -> ResponseReturnValue:
    return _page(token, _found(token))


def _page(token: str, found: Reference, *, problem: str = "", status: int = 200) -> ResponseReturnValue:
    """The letter as it stands, or what was typed where it was refused. Nothing of the application is shown."""
    row = (
        session()
        .execute(
            sa.select(Person.display_name, Cohort.label, Cohort.id)
            .join(Application, Application.person_id == Person.id)
            .join(Cohort, Cohort.id == Application.cohort_id)
            .where(Application.id == found.application_id)
        )
        .one()
    )
    last = session().scalar(
        sa.select(ReferenceLetter)
        .where(ReferenceLetter.reference_id == found.id)
        .order_by(ReferenceLetter.number.desc())
        .limit(1)
    )
    typed: Any = request.form if request.method == "POST" else {}
    rubric = rubric_in_force(session(), row[2], RubricKind.REFERENCE)
    page = render_template(
        "referee/letter.html",
        token=token,
        reference=found,
        applicant=row[0],
        cohort=row[1],
        rubric=rubric,
        scores={item.key: typed.get(f"score_{item.key}") for item in rubric.criteria}
        if typed and rubric
        else (dict(last.scores) if last else {}),
        text=typed.get("text", "") if typed else (last.text if last else ""),
        saved_at=last.received_at if last else None,
        problem=problem,
    )
    return page, status


@blueprint.post("/<token>")
@needs(Act.BY_TOKEN)
def save(token: str) -> ResponseReturnValue:
    found = _found(token)
    cohort_id = session().scalar(sa.select(Application.cohort_id).where(Application.id == found.application_id))
    rubric = rubric_in_force(session(), cohort_id or 0, RubricKind.REFERENCE)
    text = request.form.get("text", "")
    if not text.strip() or len(text) > LONGEST_LETTER or "\x00" in text:
        words = f"Write a few lines, at most {LONGEST_LETTER:,} letters. What you typed is kept below."
        return _page(token, found, problem=words, status=422)
    try:
        references.save_letter(session(), found, scores=_scores(rubric), text=text, now=clock.now())
    except Refused as refused:
        session().rollback()
        return _page(token, _found(token), problem=sentence(refused.refusal), status=409)
    flash("Thank you. Your letter is kept; you can change it by this link until letters are due.", "good")
    return redirect(url_for("referee.letter", token=token), 303)


def _scores(rubric: RubricView | None) -> dict[str, int]:
    found: dict[str, int] = {}
    for criterion in rubric.criteria if rubric else ():
        given = request.form.get(f"score_{criterion.key}", "")
        if rubric and given.isascii() and given.isdigit() and len(given) < 3 and 1 <= int(given) <= len(rubric.scale):
            found[criterion.key] = int(given)
    return found


@blueprint.post("/<token>/decline")
@needs(Act.BY_TOKEN)
def decline(token: str) -> ResponseReturnValue:
    references.decline(session(), _found(token), now=clock.now())
    flash("You have declined. The applicant can name somebody else; your reasons are your own.", "info")
    return redirect(url_for("referee.letter", token=token), 303)
