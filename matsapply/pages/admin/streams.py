"""What is done to a stream beyond its form: its state, its mentors, its end; and a track that is given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import abort, request

from matsapply.cohorts import stream_actions
from matsapply.cohorts.models import Mentor, Track
from matsapply.decisions.signatures import Signed, find
from matsapply.pages.admin.frame import blueprint, cohort_at, go, refused_as, said
from matsapply.pages.admin.parts import STREAM, TRACK
from matsapply.pages.admin.setup import entry_of, file_of
from matsapply.pages.admin.setup_forms import MENTOR_PREFIX, MentorForm
from matsapply.pages.admin.setup_views import STREAM_STEPS, part_page, stream_at
from matsapply.pages.guard import actor, needs
from matsapply.people.queries import person_by_address
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.process import cancelling
from matsapply.rules.access import Act
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import MentorKind

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.cohorts.models import Stream
    from matsapply.pages.site import CohortFrame


def _again(frame: CohortFrame, key: str, *, problem: str = "", status: int = 409, **more: Any) -> ResponseReturnValue:
    """The stream's page once more, with what was refused."""
    file = file_of(frame)
    form = STREAM.form_of(file, entry_of(STREAM.entries(file), key), formdata=None)
    return part_page(frame, STREAM, form, key, problem=problem, status=status, **more)


def _back(frame: CohortFrame, key: str) -> ResponseReturnValue:
    return go("admin.part", cohort_key=frame.key, noun="stream", key=key)


def _at(cohort_key: str, key: str) -> tuple[CohortFrame, Stream]:
    frame = cohort_at(cohort_key, Act.COHORT_CONFIGURE)
    return frame, stream_at(frame, key)


@blueprint.post("/<cohort_key>/settings/stream/<stream_key>/state")
@needs(Act.COHORT_CONFIGURE)
def stream_state(cohort_key: str, stream_key: str) -> ResponseReturnValue:
    """List, open or close the stream."""
    frame, stream = _at(cohort_key, stream_key)
    step = request.form.get("step", "")
    if step not in {code for steps in STREAM_STEPS.values() for code, _ in steps}:
        abort(400)
    try:
        stream_actions.move_stream(session(), actor(), stream, step, clock.now())
    except Refused as error:
        return _again(frame, stream_key, problem=refused_as(error))
    said(f"{stream.name} is {stream.state} now.")
    return _back(frame, stream_key)


@blueprint.post("/<cohort_key>/settings/stream/<stream_key>/cancel")
@needs(Act.COHORT_CONFIGURE)
def cancel_stream(cohort_key: str, stream_key: str) -> ResponseReturnValue:
    """Two admins: the first asks with a reason, another one confirms, and everybody concerned is told."""
    frame, stream = _at(cohort_key, stream_key)
    now, reason = clock.now(), request.form.get("reason", "")
    try:
        if find(session(), frame.id, Signed.CANCEL_STREAM, stream.id) is None:
            cancelling.ask_to_cancel(session(), actor(), stream, reason, now)
            said("Asked. Another admin has to confirm it on this page; until then nothing changes.")
        else:
            told = cancelling.confirm_cancelling(session(), actor(), stream, now)
            said(f"{stream.name} is cancelled. Told: {told}.")
    except Refused as error:
        return _again(frame, stream_key, problem=refused_as(error), reason=reason)
    return _back(frame, stream_key)


# --- mentors ------------------------------------------------------------------------------------------------------


@blueprint.post("/<cohort_key>/settings/stream/<stream_key>/mentors")
@needs(Act.COHORT_CONFIGURE)
def add_mentor(cohort_key: str, stream_key: str) -> ResponseReturnValue:
    frame, stream = _at(cohort_key, stream_key)
    form = MentorForm(prefix=MENTOR_PREFIX)
    if not (form.validate() and _fits(form)):
        return _again(frame, stream_key, status=422, mentor_form=form)
    name, kind, person_id = form.name.data, MentorKind(form.kind.data), _person_of(form)
    stream_actions.add_mentor(session(), actor(), stream, clock.now(), name=name, kind=kind, person_id=person_id)
    said(f"{name} is a mentor of {stream.name}.")
    return _back(frame, stream_key)


@blueprint.post("/<cohort_key>/settings/stream/<stream_key>/mentors/<public_id>")
@needs(Act.COHORT_CONFIGURE)
def edit_mentor(cohort_key: str, stream_key: str, public_id: str) -> ResponseReturnValue:
    frame, stream = _at(cohort_key, stream_key)
    mentor, form = _mentor(stream, public_id), MentorForm(prefix=MENTOR_PREFIX)
    if not (form.validate() and _fits(form)):
        return _again(frame, stream_key, status=422, mentor_form=form, mentor_editing=public_id)
    name, kind, person_id = form.name.data, MentorKind(form.kind.data), _person_of(form)
    stream_actions.edit_mentor(
        session(), actor(), stream, mentor, clock.now(), name=name, kind=kind, person_id=person_id
    )
    said("Saved.")
    return _back(frame, stream_key)


@blueprint.post("/<cohort_key>/settings/stream/<stream_key>/mentors/<public_id>/end")
@needs(Act.COHORT_CONFIGURE)
def end_mentor(cohort_key: str, stream_key: str, public_id: str) -> ResponseReturnValue:
    frame, stream = _at(cohort_key, stream_key)
    mentor = _mentor(stream, public_id)
    try:
        stream_actions.end_mentor(session(), actor(), stream, mentor, clock.now())
    except Refused as error:
        return _again(frame, stream_key, problem=refused_as(error))
    said(f"{mentor.name} is no longer a mentor of {stream.name}. Roles are taken away at the person's page.")
    return _back(frame, stream_key)


def _mentor(stream: Stream, public_id: str) -> Mentor:
    mentor = session().scalar(sa.select(Mentor).where(Mentor.stream_id == stream.id, Mentor.public_id == public_id))
    if mentor is None:
        abort(404)
    return mentor


def _person_of(form: MentorForm) -> int | None:
    person = person_by_address(session(), form.account.data) if form.account.data else None
    return person.id if person is not None else None


def _fits(form: MentorForm) -> bool:
    """The cohort file's limit for names, and an address that somebody has."""
    if len(form.name.data or "") > 200:
        form.name.errors.append("A name is one line of at most 200 letters.")
    if form.account.data and _person_of(form) is None:
        form.account.errors.append("Nobody has an account with this address. Invite the person first.")
    return not (form.name.errors or form.account.errors)


# --- tracks -------------------------------------------------------------------------------------------------------


@blueprint.post("/<cohort_key>/settings/track/<track_key>/drop")
@needs(Act.COHORT_CONFIGURE)
def drop_track(cohort_key: str, track_key: str) -> ResponseReturnValue:
    """The programme gives a track up; open choices of it become not applicable."""
    frame = cohort_at(cohort_key, Act.COHORT_CONFIGURE)
    track = session().scalar(sa.select(Track).where(Track.cohort_id == frame.id, Track.key == track_key))
    if track is None or track.dropped_at is not None:
        abort(404)
    reason = request.form.get("reason", "")
    try:
        number = cancelling.drop_track(session(), actor(), track, reason, clock.now())
    except Refused as error:
        problem = refused_as(error)
        file = file_of(frame)
        form = TRACK.form_of(file, entry_of(TRACK.entries(file), track_key), formdata=None)
        return part_page(frame, TRACK, form, track_key, problem=problem, status=409, reason=reason)
    said(f"{track.name} is dropped. Choices that no longer apply: {number}.")
    return go("admin.settings", cohort_key=frame.key)
