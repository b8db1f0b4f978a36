"""The demo's team: named people to sign in as, reviewers, and one lead for each stream."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from matsapply.demo.applicants import person
from matsapply.demo.cohort_files import Stage
from matsapply.people.models import RoleGrant
from matsapply.rules.stages import Role, Scope

if TYPE_CHECKING:
    from matsapply.demo.frame import Frame
    from matsapply.demo.rows import Rows

PASSWORD = "demo demo demo"  # noqa: S105 - printed at every start of the demo
MENTOR_STREAM = "oversight"


@dataclass(frozen=True, slots=True)
class SignIn:
    """One line of the list that the demo prints and shows."""

    email: str
    who: str
    look_at: str


STAFF_SIGN_INS = (
    SignIn("admin@demo.example", "Admin", "everything, and the clock"),
    SignIn("coordinator@demo.example", "Coordinator", "applications, decisions, releases, offers"),
    SignIn("coordinator2@demo.example", "Second coordinator", "the second signature"),
    SignIn("auditor@demo.example", "Auditor", "the log; may change nothing"),
    SignIn("track-lead@demo.example", "Track lead, Empirical", "decisions of one track"),
    SignIn("reviewer@demo.example", "Reviewer", "a queue of applications to read"),
    SignIn("mentor@demo.example", "Mentor 1, Scalable oversight", "candidates, tasks, interviews, ranking"),
)
APPLICANT_SIGN_INS = (
    SignIn("applicant-new@demo.example", "Applicant, not begun", "begin an application"),
    SignIn("applicant-draft@demo.example", "Applicant with a draft", "write on and submit"),
    SignIn("applicant-review@demo.example", "Applicant under review", "a status page that waits"),
    SignIn("applicant-streams@demo.example", "Applicant in the stream phase", "tasks and interviews"),
    SignIn("applicant-offer@demo.example", "Applicant with an offer", "accept or decline"),
)


def make_staff(rows: Rows, frames: list[Frame], reviewers: int, password: str, at: datetime) -> dict[str, int]:
    """Create the team and its grants; fills each frame's reviewers, leads and coordinators. Returns people by mail."""
    people = {line.email: person(rows, at, line.who, line.email, "Europe/London", password) for line in STAFF_SIGN_INS}
    readers = [people["reviewer@demo.example"]] + [
        person(rows, at, f"Reviewer {number}", f"reviewer-{number}@demo.example", "UTC")
        for number in range(2, reviewers + 1)
    ]

    def grant(person_id: int, role: Role, scope: Scope = Scope.PROGRAM, scope_id: int | None = None) -> None:
        rows.add(RoleGrant, at, person_id=person_id, role=role, scope=scope, scope_id=scope_id, starts_at=at)

    grant(people["admin@demo.example"], Role.ADMIN)
    grant(people["coordinator@demo.example"], Role.COORDINATOR)
    grant(people["coordinator2@demo.example"], Role.COORDINATOR)
    grant(people["auditor@demo.example"], Role.AUDITOR)
    for reader in readers:
        grant(reader, Role.REVIEWER)
    for frame in frames:
        frame.reviewers = readers
        frame.coordinators = (people["coordinator@demo.example"], people["coordinator2@demo.example"])
        grant(people["track-lead@demo.example"], Role.TRACK_LEAD, Scope.TRACK, frame.tracks["empirical"].id)
        for stream in frame.streams:
            named = frame.demo.stage is Stage.STREAMS and stream.key == MENTOR_STREAM
            lead = (
                people["mentor@demo.example"]
                if named
                else person(
                    rows,
                    at,
                    f"Mentor 1, {stream.name}, {frame.cohort.label}"[:200],
                    f"mentor-{frame.cohort.key}-{stream.key}@demo.example",
                    "Europe/London",
                )
            )
            frame.lead_of[stream.id] = lead
            grant(lead, Role.STREAM_LEAD, Scope.STREAM, stream.id)
            grant(lead, Role.MENTOR, Scope.STREAM, stream.id)
    return people
