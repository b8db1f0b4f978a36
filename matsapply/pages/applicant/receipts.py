"""What was submitted: numbered snapshots, each with its receipt, and whether a fingerprint belongs to one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, render_template, request

from matsapply.applications import queries
from matsapply.pages.applicant.own import own
from matsapply.pages.guard import needs
from matsapply.pages.submitted import sections_of
from matsapply.platform.flask_db import session
from matsapply.rules.access import Act
from matsapply.rules.answers import canonical, digest

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.applications.editing import Editing
    from matsapply.applications.queries import SnapshotRow

MOST_NUMBER = 2**31
LONGEST_FINGERPRINT = 200  # characters looked at, blanks included

blueprint = Blueprint("receipts", __name__, url_prefix="/application/receipt")


@blueprint.get("")
@needs(Act.APPLICATION_OWN)
def index() -> ResponseReturnValue:
    """All that was submitted, the newest first; with ``?fingerprint=``, which of it that one belongs to."""
    held = own()
    found = queries.snapshots(session(), held.id)
    typed = request.args.get("fingerprint", "")[:LONGEST_FINGERPRINT]
    wanted = "".join(typed.split()).lower()
    # Worked out anew from what is held, so that the answer does not rest on a digest that merely lies beside it.
    match = next((one for one in found if wanted in {one.digest, digest(one.content)}), None) if wanted else None
    return render_template(
        "applicant/receipts.html",
        snapshots=found,
        typed=typed,
        match=match,
        intact=match is not None and match.digest == digest(match.content),
    )


@blueprint.get("/<int:number>")
@needs(Act.APPLICATION_OWN)
def show(number: int) -> ResponseReturnValue:
    """One receipt, and what it is a receipt for."""
    held = own()
    found = _snapshot(held, number)
    sections = [
        (title, given)
        for title, shown in sections_of(session(), held.cohort_id, found.form_version_id, found.content)
        if (given := [one for one in shown if one.given])
    ]
    return render_template("applicant/receipt.html", application=held, snapshot=found, sections=sections)


@blueprint.get("/<int:number>/content.json")
@needs(Act.APPLICATION_OWN)
def content(number: int) -> ResponseReturnValue:
    """Exactly the bytes whose SHA-256 is the fingerprint."""
    found = _snapshot(own(), number)
    headers = {"Content-Disposition": f'attachment; filename="submission-{number}.json"'}
    return Response(canonical(found.content), content_type="application/json; charset=utf-8", headers=headers)


def _snapshot(held: Editing, number: int) -> SnapshotRow:
    found = queries.snapshot(session(), held.id, number) if number < MOST_NUMBER else None
    if found is None:
        abort(404)
    return found
