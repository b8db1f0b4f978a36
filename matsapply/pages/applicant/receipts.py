"""What was submitted: numbered snapshots, each with its receipt, and whether a fingerprint belongs to one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, render_template, request

from matsapply.applications import queries
from matsapply.applications.forms import form_by_key, track_options
from matsapply.cohorts import queries as cohorts
from matsapply.pages.applicant.forms import as_text
from matsapply.pages.applicant.own import own
from matsapply.pages.applicant.reading import in_order
from matsapply.pages.guard import needs
from matsapply.pages.sections import title_of
from matsapply.platform.flask_db import session
from matsapply.rules.access import Act
from matsapply.rules.answers import canonical, digest
from matsapply.rules.stages import QuestionType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

    from matsapply.applications.editing import Editing
    from matsapply.applications.queries import SnapshotRow
    from matsapply.rules.answers import Asked

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
    return render_template("applicant/receipt.html", application=held, snapshot=found, sections=_sections(held, found))


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


def _sections(held: Editing, found: SnapshotRow) -> list[tuple[str, list[tuple[str, bool, str]]]]:
    """Titles of sections with (question, whether it is hidden from readers, answer), as far as something was given."""
    form = form_by_key(session(), found.form_version_id)
    tracks = {track.key: track.name for track in track_options(session(), held.cohort_id)}
    streams = cohorts.stream_names(session(), held.cohort_id)
    sections = []
    for name in form.sections:
        texts = [
            (asked.label, asked.blind, _text(asked, found.content, tracks, streams)) for asked in form.in_section(name)
        ]
        if given := [row for row in texts if row[2]]:
            sections.append((title_of(name), given))
    return sections


def _text(asked: Asked, content: Mapping[str, Any], tracks: Mapping[str, str], streams: Mapping[str, str]) -> str:
    value = content["answers"].get(asked.key)
    match asked.type:
        case QuestionType.TRACK_RANK:
            return in_order(content["tracks"], tracks)
        case QuestionType.STREAM_INTEREST:
            return in_order(content["streams"], streams)
        case QuestionType.FILE:
            return "\n".join(f"PDF, {one['size']} bytes, SHA-256 {one['sha256']}" for one in value or ())
        case _:
            return "" if value is None else as_text(asked, value, tracks)
