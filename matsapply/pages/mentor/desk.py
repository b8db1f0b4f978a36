"""What every page of a stream begins with: which stream, who is looking, what they may do in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Blueprint, abort, request, url_for

from matsapply.cohorts.forms import rubric_in_force
from matsapply.cohorts.models import Stream
from matsapply.pages.guard import actor, allow
from matsapply.pages.readings import SCORE, checked, plain_text, too_long
from matsapply.pages.site import speak_of
from matsapply.platform.flask_db import session
from matsapply.process.own_streams import OwnStream, mentor_streams, named
from matsapply.process.stream_desk import Reader
from matsapply.reviews.actions import Entered
from matsapply.rules.access import POLICY, Act, Actor, may, role_for
from matsapply.rules.refusals import Code, refuse
from matsapply.rules.stages import Role, RubricKind
from matsapply.rules.workflow_tables import TABLE

if TYPE_CHECKING:
    from matsapply.cohorts.forms import RubricView

blueprint = Blueprint("mentor", __name__, url_prefix="/stream")

MOST_REASON = 500
REASON_TOO_LONG = f"Keep the reason under {MOST_REASON} characters."
READERS = frozenset({Role.MENTOR, Role.STREAM_LEAD, Role.COORDINATOR, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Desk:
    """One stream before one reader."""

    stream: OwnStream
    actor: Actor
    reader: Reader
    may_write: bool
    may_decide: bool

    def role(self, code: str) -> Role:
        """The role in which the actor makes the transition ``code`` here; refused where no grant gives one."""
        found = role_for(self.actor, TABLE[code].roles, self.stream.reach)
        if found is None:
            raise refuse(Code.WRONG_ROLE)
        return found

    def has_role_for(self, code: str) -> bool:
        """Whether to show the button at all."""
        return role_for(self.actor, TABLE[code].roles, self.stream.reach) is not None

    def reading_role(self) -> Role:
        """The role in which the actor reads, marks and scores here."""
        return role_for(self.actor, READERS, self.stream.reach) or Role.MENTOR

    def deciding_role(self) -> Role:
        return role_for(self.actor, POLICY[Act.STREAM_DECIDE], self.stream.reach) or Role.STREAM_LEAD

    def row(self) -> Stream:
        return session().get_one(Stream, self.stream.id)


def desk(ref: str, act: Act = Act.STREAM_READ) -> Desk:
    """The stream of that address, if the actor reads it (else 404) and may do ``act`` in it (else 403)."""
    who = actor()
    stream = named(mentor_streams(session(), who), ref)
    if stream is None or who.person_id is None:
        abort(404)
    allow(act, stream.reach)
    speak_of(stream.cohort_id)
    decides = may(who, Act.STREAM_DECIDE, stream.reach)
    return Desk(stream, who, Reader(who.person_id, decides), may(who, Act.STREAM_WRITE, stream.reach), decides)


@dataclass(frozen=True, slots=True)
class Tab:
    label: str
    href: str
    active: bool
    count: int | None = None


def tabs_of(stream: OwnStream) -> list[Tab]:
    """The sibling pages of a stream, as the template macro wants them."""
    pages = (
        ("Overview", "mentor.overview"),
        ("Candidates", "mentor.candidate_list"),
        ("Tasks", "mentor.tasks"),
        ("Interviews", "mentor.interviews"),
        ("Ranking", "mentor.ranking"),
        ("Papers", "mentor.papers"),
    )
    here = {"mentor.candidate": "mentor.candidate_list", "mentor.mark": "mentor.tasks"}
    here |= {"mentor.interview": "mentor.interviews", "mentor.paper": "mentor.papers"}
    present = here.get(request.endpoint or "", request.endpoint)
    return [Tab(label, url_for(endpoint, ref=stream.ref), endpoint == present) for label, endpoint in pages]


# --- rubric forms ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """One criterion of a rubric as a form shows it. ``anchors`` say what the steps mean, by number."""

    key: str
    label: str
    value: object
    anchors: dict[int, str]
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RubricForm:
    """A rubric with what has been entered so far."""

    lines: tuple[Line, ...]
    steps: int
    readers: int
    entered: Entered
    note_errors: tuple[str, ...]

    @property
    def problems(self) -> list[tuple[str, str]]:
        """For the error summary: where to go, and the sentence."""
        found = [(f"{SCORE}{line.key}-0", f"{line.label}: {error}") for line in self.lines for error in line.errors]
        return [*found, *(("note", error) for error in self.note_errors)]


def rubric_form(cohort_id: int, kind: RubricKind, entered: Entered, *, check: bool = False) -> RubricForm | None:
    """The rubric in force; with ``check``, missing and impossible scores carry their errors."""
    rubric = rubric_in_force(session(), cohort_id, kind)
    if rubric is None:
        return None
    problems = checked(rubric, entered).problems if check else {}
    words = _scale_words(rubric)
    lines = tuple(
        Line(
            key=criterion.key,
            label=criterion.label or criterion.key.replace("_", " ").capitalize(),
            value=entered.scores.get(criterion.key),
            anchors=_anchors(rubric, criterion.anchors) or words,
            errors=(problems[criterion.key],) if criterion.key in problems else (),
        )
        for criterion in rubric.criteria
    )
    notes = tuple(too_long(entered).values()) if check else ()
    return RubricForm(lines, len(rubric.scale), rubric.readers, entered, notes)


def _scale_words(rubric: RubricView) -> dict[int, str]:
    """The names of the steps, where they are words rather than numbers."""
    if all(step.isdigit() for step in rubric.scale):
        return {}
    return {number: step.capitalize() for number, step in enumerate(rubric.scale, start=1)}


def _anchors(rubric: RubricView, anchors: dict[str, str]) -> dict[int, str]:
    return {number: anchors[step] for number, step in enumerate(rubric.scale, start=1) if step in anchors}


def typed_reason() -> str:
    """The reason a form gives; the caller refuses one longer than ``MOST_REASON``."""
    return plain_text(request.form.get("reason"))
