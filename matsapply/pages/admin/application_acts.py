"""What the team does to one application, and the export of them all."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from flask import Response, abort, current_app, request, stream_with_context
from sqlalchemy.orm import Session

from matsapply.applications import staff_export
from matsapply.applications.models import Application, Extension
from matsapply.applications.staff_file import extension_of
from matsapply.audit import actions as audit
from matsapply.pages.admin import figures
from matsapply.pages.admin.applications import application_at, application_page
from matsapply.pages.admin.frame import (
    acting_role,
    as_text,
    blueprint,
    cohort_at,
    go,
    reach_of,
    refused_as,
    said,
    visible,
)
from matsapply.pages.guard import actor, needs
from matsapply.platform import clock
from matsapply.platform.flask_db import db, session
from matsapply.process.corrections import reopen
from matsapply.process.withdraw import withdraw_application
from matsapply.rules.access import POLICY, Act
from matsapply.rules.refusals import Code, Refused, refuse
from matsapply.rules.stages import ExtensionReason, Role
from matsapply.rules.wall_time import Unresolved, resolve_rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from flask.typing import ResponseReturnValue

    from matsapply.applications.staff_file import Header
    from matsapply.pages.site import CohortFrame

FORMULA_STARTS = frozenset("=+-@\t\r")
UNREADABLE = "Write the new end as 2027-01-20 EOD AoE or 2027-01-20 12:00 UTC; it has to lie ahead."


@blueprint.post("/<cohort_key>/applications/<public_id>/<step>")
@needs(Act.APPLICATIONS_ACT)
def application_step(cohort_key: str, public_id: str, step: str) -> ResponseReturnValue:
    """extend, revoke (an extension), reopen or withdraw; a refusal shows the page again with what was typed."""
    frame = cohort_at(cohort_key, Act.APPLICATIONS_ACT)
    head = application_at(frame, public_id)
    reason = request.form.get("reason", "").strip()
    now = clock.now()
    try:
        if step == "withdraw":
            role = acting_role(reach_of(frame), [Role.COORDINATOR])
            if not reason:
                raise refuse(Code.REASON_NEEDED)
            application = session().get_one(Application, head.id)
            withdraw_application(session(), actor(), application, role=role, now=now, reason=reason)
            said("Withdrawn. The applicant is told.")
        elif step in {"extend", "reopen"}:
            until = resolve_rule(request.form.get("until", ""))
            if isinstance(until, Unresolved) or until <= now:
                return application_page(frame, head, problem=UNREADABLE, status=422)
            if not reason:
                raise refuse(Code.REASON_NEEDED)
            (_extend if step == "extend" else _reopen)(frame, head, until, reason, now)
        elif step == "revoke":
            _revoke(frame, head, reason, now)
        else:
            abort(404)
    except Refused as error:
        return application_page(frame, head, problem=refused_as(error), status=409)
    figures.forget()
    return go("admin.application", cohort_key=cohort_key, public_id=public_id)


def _extend(frame: CohortFrame, head: Header, until: datetime, reason: str, now: datetime) -> None:
    who = actor().person_id
    if who is None:
        abort(403)
    session().add(
        Extension(
            person_id=head.person_id,
            cohort_id=frame.id,
            gate="T2",
            until=until,
            reason_class=_reason_class(),
            reason=reason,
            granted_by_id=who,
        )
    )
    audit.record(
        session(),
        actor(),
        "extension.granted",
        now,
        subject_type="application",
        subject_id=head.id,
        cohort_id=frame.id,
        after=until.isoformat(),
        reason=reason,
    )
    said("More time is given; the page of the applicant shows it at once.")


def _reason_class() -> ExtensionReason:
    try:
        return ExtensionReason(request.form.get("reason_class", ExtensionReason.OTHER.value))
    except ValueError:
        abort(400)


def _revoke(frame: CohortFrame, head: Header, reason: str, now: datetime) -> None:
    """Take an extension back: from now on the person's close is the cohort's again, or another extension's."""
    given = extension_of(session(), head.person_id, frame.id, request.form.get("extension", ""))
    if given is None:
        abort(404)
    if not reason:
        raise refuse(Code.REASON_NEEDED)
    given.revoked_at = now
    audit.record(
        session(),
        actor(),
        "extension.revoked",
        now,
        subject_type="application",
        subject_id=head.id,
        cohort_id=frame.id,
        before=given.until.isoformat(),
        reason=reason,
    )
    said("The extension is taken back.")


def _reopen(frame: CohortFrame, head: Header, until: datetime, reason: str, now: datetime) -> None:
    role = acting_role(reach_of(frame), POLICY[Act.APPLICATIONS_ACT])
    application = session().get_one(Application, head.id)
    reopen(session(), actor(), application, role=role, until=until, reason=reason, now=now)
    said("Open again; the applicant is told until when.")


@blueprint.post("/<cohort_key>/applications.csv")
@needs(Act.EXPORT)
def export_applications(cohort_key: str) -> ResponseReturnValue:
    """Everything the reader may see, as CSV. A POST, because the log keeps who took it; read piece by piece."""
    frame = cohort_at(cohort_key, Act.EXPORT)
    questions = staff_export.export_questions(session(), frame.id)
    condition = visible(Act.EXPORT)
    audit.record(
        session(),
        actor(),
        "applications.exported",
        clock.now(),
        subject_type="cohort",
        subject_id=frame.id,
        cohort_id=frame.id,
    )
    engine = db.engine

    def lines() -> Iterator[str]:
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        writer.writerow(inert(cell) for cell in (*staff_export.EXPORT_COLUMNS, *(label for _, label in questions)))
        with Session(engine) as reading:
            keys = [key for key, _ in questions]
            for number, row in enumerate(staff_export.export_rows(reading, frame.id, condition, keys)):
                writer.writerow([inert(cell if type(cell) is str else as_text(cell)) for cell in row])
                if number % 100 == 99:
                    yield buffer.getvalue()
                    buffer.seek(0)
                    buffer.truncate()
        yield buffer.getvalue()

    current_app.logger.info("applications of %s exported", frame.key)
    headers = {"Content-Disposition": f'attachment; filename="applications-{frame.key}.csv"'}
    return Response(stream_with_context(lines()), mimetype="text/csv", headers=headers)


def inert(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in FORMULA_STARTS else text
