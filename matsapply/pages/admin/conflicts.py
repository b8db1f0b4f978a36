"""Conflicts of interest: what was proposed and waits for an answer, what is active, and what has to be seen to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import abort, render_template, request
from flask_wtf import FlaskForm
from sqlalchemy.orm import aliased
from wtforms import SelectChoice, SelectField, StringField
from wtforms.validators import InputRequired, Length

from matsapply.applications.models import Application, TeamTask
from matsapply.decisions.actions import take_again
from matsapply.decisions.models import Decision
from matsapply.pages.admin import figures
from matsapply.pages.admin.frame import acting_role, blueprint, cohort_at, go, refused_as, said, switcher, visible
from matsapply.pages.guard import actor, allow, needs
from matsapply.people.models import Account, Person
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.process import conflicts
from matsapply.reviews.conflicts import dismiss
from matsapply.reviews.models import ConflictOfInterest
from matsapply.reviews.rounds import NEW_READER
from matsapply.reviews.visibility import people_seen
from matsapply.rules.access import POLICY, Act, Reach, may
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import ApplicationState, ConflictKind, ConflictState, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue

    from matsapply.pages.site import CohortFrame

MOST_ROWS = 200
MOST_NOTE = 500
KINDS = {
    ConflictKind.FAMILY: "Family or partner",
    ConflictKind.COLLEAGUE: "Colleague or friend",
    ConflictKind.ADVISOR: "Adviser or student",
    ConflictKind.COAUTHOR: "Wrote a paper together",
    ConflictKind.REFEREE: "Referee",
    ConflictKind.MAIL_DOMAIN: "Same employer or school",
    ConflictKind.EARLIER_MENTOR: "Mentor in an earlier cohort",
    ConflictKind.OTHER: "Something else",
}
TASKS = (conflicts.RELEASED_CONFLICT, conflicts.CONFIRM_DECISION, conflicts.NOBODY_ASSESSES, NEW_READER)


class ConflictForm(FlaskForm):  # type: ignore[misc]
    person = StringField(
        "Address of the person", description="The e-mail address they sign in with.",
        validators=[InputRequired("Whose conflict is it?"), Length(max=255)],
    )  # fmt: skip
    application = StringField(
        "Application", description="Its number, such as #A1B2C3, or the applicant's address.",
        validators=[InputRequired("With whose application?"), Length(max=255)],
    )  # fmt: skip
    kind = SelectField("Kind", choices=[SelectChoice(kind.value, words) for kind, words in KINDS.items()])
    note = StringField("What is known", validators=[Length(max=MOST_NOTE)])


def _team(cohort_key: str, act: Act = Act.ASSIGNMENTS_WRITE) -> tuple[CohortFrame, Role]:
    frame = cohort_at(cohort_key, act)
    allow(act, Reach(frame.id))
    return frame, acting_role(Reach(frame.id), POLICY[act])


def _rows(frame: CohortFrame, state: ConflictState) -> Any:
    """Conflicts with applications the looker may see: never their own active ones."""
    applicant = aliased(Person)
    return (
        sa.select(
            ConflictOfInterest.public_id,
            Person.display_name.label("person"),
            (ConflictOfInterest.person_id == (actor().person_id or 0)).label("own"),
            Application.public_id.label("application"),
            applicant.display_name.label("applicant"),
            ConflictOfInterest.kind,
            ConflictOfInterest.source,
            ConflictOfInterest.basis,
            ConflictOfInterest.note,
            ConflictOfInterest.created_at,
        )
        .join(Person, Person.id == ConflictOfInterest.person_id)
        .join(Application, Application.id == ConflictOfInterest.application_id)
        .join(applicant, applicant.id == Application.person_id)
        .where(Application.cohort_id == frame.id, ConflictOfInterest.state == state, visible(Act.ASSIGNMENTS_WRITE))
    )


def _tasks(frame: CohortFrame) -> Sequence[Any]:
    """What has to be seen to; a doubted decision with the task to take it again."""
    return (
        session()
        .execute(
            sa.select(
                TeamTask.public_id,
                TeamTask.text,
                Application.public_id.label("application"),
                Person.display_name.label("applicant"),
                Decision.public_id.label("decision"),
                Decision.outcome,
            )
            .join(Application, Application.id == TeamTask.application_id)
            .join(Person, Person.id == Application.person_id)
            .join(
                Decision,
                (Decision.application_id == Application.id)
                & (TeamTask.kind == conflicts.CONFIRM_DECISION)
                & Decision.doubted_at.is_not(None)
                & Decision.superseded_at.is_(None),
                isouter=True,
            )
            .where(
                TeamTask.cohort_id == frame.id,
                TeamTask.kind.in_(TASKS),
                TeamTask.done_at.is_(None),
                visible(Act.ASSIGNMENTS_WRITE),
            )
            .order_by(TeamTask.id)
            .limit(MOST_ROWS)
        )
        .all()
    )


def _page(frame: CohortFrame, form: ConflictForm, *, problem: str = "", status: int = 200) -> ResponseReturnValue:
    active = _rows(frame, ConflictState.ACTIVE)
    newest = active.order_by(ConflictOfInterest.id.desc()).limit(MOST_ROWS)
    proposed = _rows(frame, ConflictState.PROPOSED).order_by(ConflictOfInterest.id).limit(MOST_ROWS)
    page = render_template(
        "admin/conflicts.html",
        frame=frame,
        cohorts=switcher(frame, Act.ASSIGNMENTS_WRITE, "admin.conflicts_of_interest"),
        proposed=session().execute(proposed).all(),
        active=session().execute(newest).all(),
        total=session().scalar(sa.select(sa.func.count()).select_from(active.subquery())),
        tasks=_tasks(frame),
        kinds=KINDS,
        form=form,
        problem=problem,
        may_decide=may(actor(), Act.DECISIONS_WRITE, Reach(frame.id)),
    )
    return page, status


@blueprint.get("/<cohort_key>/assignments/conflicts")
@needs(Act.ASSIGNMENTS_WRITE)
def conflicts_of_interest(cohort_key: str) -> ResponseReturnValue:
    frame, _ = _team(cohort_key)
    return _page(frame, ConflictForm(formdata=None))


@blueprint.post("/<cohort_key>/assignments/conflicts")
@needs(Act.ASSIGNMENTS_WRITE)
def declare_conflict(cohort_key: str) -> ResponseReturnValue:
    frame, role = _team(cohort_key)
    form = ConflictForm()
    person_id = application = None
    if form.validate():
        person_id = _person_at(form.person.data or "")
        application = _application_at(frame, form.application.data or "")
        if person_id is None:
            form.person.errors = ["Nobody you may see signs in with this address."]
        if application is None:
            form.application.errors = ["There is no such application in this cohort."]
    if person_id is None or application is None:
        return _page(frame, form, status=422)
    try:
        conflicts.declare(
            session(), actor(), person_id=person_id, application=application, kind=ConflictKind(form.kind.data),
            now=clock.now(), note=(form.note.data or "").strip(), role=role,
        )  # fmt: skip
    except Refused as error:
        return _page(frame, form, problem=refused_as(error), status=409)
    figures.forget()
    said("Added. The application is hidden from them, and what they read of it does not count.")
    return go("admin.conflicts_of_interest", cohort_key=frame.key)


def _person_at(address: str) -> int | None:
    return session().scalar(
        sa.select(Person.id)
        .join(Account, Account.person_id == Person.id)
        .where(Account.email == address.strip().lower(), people_seen(actor()).people)
    )


def _application_at(frame: CohortFrame, words: str) -> Application | None:
    """By the beginning of its public id, as lists show it, or by the applicant's address; None where not just one."""
    words = words.strip()
    seen = sa.select(Application).where(
        Application.cohort_id == frame.id, Application.state != ApplicationState.DRAFT, visible(Act.ASSIGNMENTS_WRITE)
    )
    if "@" in words:
        owner = sa.select(Account.person_id).where(Account.email == words.lower())
        found = session().scalars(seen.where(Application.person_id.in_(owner)).limit(2)).all()
    else:
        code = words.removeprefix("#").lower()
        if len(code) < 6 or not code.isalnum():
            return None
        found = session().scalars(seen.where(Application.public_id.startswith(code)).limit(2)).all()
    return found[0] if len(found) == 1 else None


@blueprint.post("/<cohort_key>/assignments/conflicts/<public_id>/<step>")
@needs(Act.ASSIGNMENTS_WRITE)
def decide_conflict(cohort_key: str, public_id: str, step: str) -> ResponseReturnValue:
    """Confirm what was proposed, or dismiss a conflict with the reason; nobody decides about their own."""
    frame, role = _team(cohort_key)
    conflict = (
        session()
        .scalars(
            sa.select(ConflictOfInterest)
            .join(Application, Application.id == ConflictOfInterest.application_id)
            .where(
                ConflictOfInterest.public_id == public_id,
                Application.cohort_id == frame.id,
                visible(Act.ASSIGNMENTS_WRITE),
            )
        )
        .one_or_none()
    )
    if conflict is None or step not in {"confirm", "dismiss"}:
        abort(404)
    try:
        if step == "confirm":
            conflicts.confirm(session(), actor(), conflict, clock.now(), role=role)
            said("Confirmed. The application is hidden from them, and what they read of it does not count.")
        else:
            dismiss(session(), actor(), conflict, request.form.get("reason", "")[:MOST_NOTE], clock.now(), role=role)
            said("Dismissed. It is not raised again.")
    except Refused as error:
        missing = step == "dismiss" and not request.form.get("reason", "").strip()
        return _page(frame, ConflictForm(formdata=None), problem=refused_as(error), status=422 if missing else 409)
    figures.forget()
    return go("admin.conflicts_of_interest", cohort_key=frame.key)


@blueprint.post("/<cohort_key>/assignments/conflicts/decisions/<public_id>")
@needs(Act.DECISIONS_WRITE)
def take_decision_again(cohort_key: str, public_id: str) -> ResponseReturnValue:
    frame, role = _team(cohort_key, Act.DECISIONS_WRITE)
    decision = (
        session()
        .scalars(
            sa.select(Decision)
            .join(Application, Application.id == Decision.application_id)
            .where(Decision.public_id == public_id, Application.cohort_id == frame.id, visible(Act.DECISIONS_WRITE))
        )
        .one_or_none()
    )
    if decision is None:
        abort(404)
    try:
        take_again(session(), actor(), role, decision, clock.now())
        conflicts.settle(session(), actor(), decision.application_id, clock.now())
    except Refused as error:
        return _page(frame, ConflictForm(formdata=None), problem=refused_as(error), status=409)
    said("The decision is taken again.")
    return go("admin.conflicts_of_interest", cohort_key=frame.key)


@blueprint.post("/<cohort_key>/assignments/conflicts/tasks/<public_id>")
@needs(Act.ASSIGNMENTS_WRITE)
def conflict_task_done(cohort_key: str, public_id: str) -> ResponseReturnValue:
    frame, _ = _team(cohort_key)
    task = session().scalars(
        sa.select(TeamTask)
        .join(Application, Application.id == TeamTask.application_id)
        .where(
            TeamTask.public_id == public_id, TeamTask.cohort_id == frame.id, TeamTask.kind.in_(TASKS),
            visible(Act.ASSIGNMENTS_WRITE),
        )
    ).one_or_none()  # fmt: skip
    if task is None:
        abort(404)
    if task.done_at is None:
        task.done_at, task.done_by_id = clock.now(), actor().person_id
    said("Done.")
    return go("admin.conflicts_of_interest", cohort_key=frame.key)
