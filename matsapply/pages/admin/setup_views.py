"""A track, a stream, a task: made and changed by forms that hold to the cohort file's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import abort, render_template

from matsapply.cohorts.editing import seen
from matsapply.cohorts.models import Mentor, Stream
from matsapply.decisions.signatures import Signed, find
from matsapply.pages.admin.frame import blueprint, cohort_at, go, reach_of, said
from matsapply.pages.admin.parts import PARTS, new_data
from matsapply.pages.admin.setup import entry_of, file_of, save
from matsapply.pages.admin.setup_forms import MENTOR_PREFIX, MENTOR_WORDS, MentorForm
from matsapply.pages.guard import actor, needs
from matsapply.people.models import Account
from matsapply.people.queries import names_of
from matsapply.platform.flask_db import session
from matsapply.process.cancelling import counts_of
from matsapply.rules.access import Act, may
from matsapply.rules.stages import MentorKind, StreamState

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.cohorts.file_types import CohortFile
    from matsapply.pages.admin.parts import Part
    from matsapply.pages.admin.setup import Clash
    from matsapply.pages.admin.setup_forms import SetupForm
    from matsapply.pages.site import CohortFrame

STREAM_STEPS = {
    StreamState.DRAFT: [("T1", "List")],
    StreamState.LISTED: [("T2", "Open"), ("T3", "Close")],
    StreamState.OPEN: [("T3", "Close")],
    StreamState.CLOSED: [("T2", "Open")],
    StreamState.CANCELLED: [],
}
"""Where a stream's own state may go by one person; cancelling takes two."""


def _part(noun: str) -> Part:
    part = PARTS.get(noun)
    if part is None:
        abort(404)
    return part


@blueprint.get("/<cohort_key>/settings/<noun>")
@needs(Act.COHORT_CONFIGURE)
def new_part(cohort_key: str, noun: str) -> ResponseReturnValue:
    """The form for a new track, stream or task."""
    frame, part = cohort_at(cohort_key, Act.COHORT_CONFIGURE), _part(noun)
    file = file_of(frame)
    return _new_page(frame, part, part.form(file, data=new_data(noun, file)))


def _new_page(frame: CohortFrame, part: Part, form: SetupForm, status: int = 200) -> ResponseReturnValue:
    return render_template("admin/setup_new.html", frame=frame, part=part, form=form), status


@blueprint.post("/<cohort_key>/settings/<noun>")
@needs(Act.COHORT_CONFIGURE)
def create_part(cohort_key: str, noun: str) -> ResponseReturnValue:
    frame, part = cohort_at(cohort_key, Act.COHORT_CONFIGURE), _part(noun)
    file = file_of(frame)
    form = part.form(file)
    key = form["key"].data
    if any(one.key == key for one in part.entries(file)):
        form.validate()
        form["key"].errors.append(f"There is already a {noun} with this key. Choose another.")
        return _new_page(frame, part, form, 422)
    status, _ = save(frame, form, part.change(form, key), section=part.section)
    if status:
        return _new_page(frame, part, form, status)
    said(f"The {noun} is there." + (" It is a draft: list it when it is ready." if noun == "stream" else ""))
    return go("admin.part", cohort_key=cohort_key, noun=noun, key=key)


@blueprint.get("/<cohort_key>/settings/<noun>/<key>")
@needs(Act.COHORT_READ)
def part(cohort_key: str, noun: str, key: str) -> ResponseReturnValue:
    """One track, stream or task; those who may change it see the form, others the same in words."""
    frame, chosen = cohort_at(cohort_key, Act.COHORT_READ), _part(noun)
    file = file_of(frame)
    return part_page(frame, chosen, chosen.form_of(file, entry_of(chosen.entries(file), key)), key)


def part_page(
    frame: CohortFrame,
    part: Part,
    form: SetupForm,
    key: str,
    *,
    clashes: list[Clash] | None = None,
    problem: str = "",
    status: int = 200,
    **more: Any,
) -> ResponseReturnValue:
    """The page of a part, with its form as given; ``more`` goes to the template."""
    file = file_of(frame)
    words: dict[str, Any] = {
        "frame": frame,
        "part": part,
        "entry": entry_of(part.entries(file), key),
        "form": form,
        "clashes": clashes or [],
        "problem": problem,
        "may_configure": may(actor(), Act.COHORT_CONFIGURE, reach_of(frame)),
    }
    words |= _around(frame, part, file, key) | more
    return render_template(part.template, **words), status


def _around(frame: CohortFrame, part: Part, file: CohortFile, key: str) -> dict[str, Any]:
    """What a part's page shows beside its form."""
    match part.noun:
        case "track":
            return {"users": [one for one in file.streams if key in {one.track, *one.also_tracks}]}
        case "task":
            return {"users": [one for one in file.streams if key in {use.key for use in one.evaluations}]}
    stream = stream_at(frame, key)
    mentors = session().execute(
        sa.select(Mentor.public_id, Mentor.name, Mentor.kind, Account.email)
        .outerjoin(Account, Account.person_id == Mentor.person_id)
        .where(Mentor.stream_id == stream.id, Mentor.ends_at.is_(None))
        .order_by(Mentor.position)
    )
    proposal = find(session(), frame.id, Signed.CANCEL_STREAM, stream.id)
    return {
        "state": stream.state,
        "held": stream.seats_held,
        "steps": STREAM_STEPS[stream.state],
        "mentors": mentors.all(),
        "kinds": MENTOR_WORDS,
        "mentor_form": MentorForm(formdata=None, prefix=MENTOR_PREFIX, data={"kind": MentorKind.CO_MENTOR.value}),
        "mentor_editing": "",
        "proposal": proposal,
        "proposed_by": names_of(session(), [proposal.first_id])[proposal.first_id] if proposal else "",
        "mine": proposal is not None and proposal.first_id == actor().person_id,
        "touched": counts_of(session(), stream.id),
        "tasks": file.evaluations,
    }


def stream_at(frame: CohortFrame, key: str) -> Stream:
    """The stream of an address; 404 where there is none."""
    stream = session().scalar(sa.select(Stream).where(Stream.cohort_id == frame.id, Stream.key == key))
    if stream is None:
        abort(404)
    return stream


@blueprint.post("/<cohort_key>/settings/<noun>/<key>")
@needs(Act.COHORT_CONFIGURE)
def save_part(cohort_key: str, noun: str, key: str) -> ResponseReturnValue:
    frame, chosen = cohort_at(cohort_key, Act.COHORT_CONFIGURE), _part(noun)
    file = file_of(frame)
    entry = entry_of(chosen.entries(file), key)
    form = chosen.form(file)
    del form["key"]  # keys are addresses; they never change
    stored = chosen.form_of(file, entry, formdata=None)
    status, found = save(
        frame, form, chosen.change(form, key), section=chosen.section, stored=stored, stored_mark=seen(entry)
    )
    if status:
        return part_page(frame, chosen, form, key, clashes=found, status=status)
    said("Saved.")
    return go("admin.part", cohort_key=cohort_key, noun=noun, key=key)
