"""The list of applications, one application with everything, and what the team does to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import abort, render_template, request, url_for

from matsapply.applications import staff_file as files, staff_list as lists
from matsapply.decisions import queries as decisions
from matsapply.decisions.signatures import Proposal, Signed, proposals
from matsapply.pages.admin.figures import counts_by_state
from matsapply.pages.admin.frame import blueprint, cohort_at, reach_of, switcher, visible
from matsapply.pages.files import response_for
from matsapply.pages.guard import actor, needs
from matsapply.pages.submitted import sections_of
from matsapply.people.consents import given
from matsapply.people.queries import names_of
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.platform.keyset import BadCursor
from matsapply.process.correct_result import correctable
from matsapply.reviews.discussion import for_team
from matsapply.rules.access import Act, Reach, may
from matsapply.rules.stages import ApplicationState, Role

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.pages.site import CohortFrame

KNOWN_ARGS = frozenset({"sort", "track", "state", "q", "after", "before"})
LONGEST_SEARCH = 100


@blueprint.get("/<cohort_key>/applications")
@needs(Act.APPLICATIONS_READ)
def applications(cohort_key: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.APPLICATIONS_READ)
    if set(request.args) - KNOWN_ARGS:
        abort(400)
    args = request.args
    wanted = _filter(frame)
    sort = args.get("sort", "-score")
    seen = visible(Act.APPLICATIONS_READ)
    try:
        page = lists.application_page(
            session(),
            frame.id,
            seen,
            wanted=wanted,
            sort=sort,
            after=args.get("after"),
            before=args.get("before"),
        )
    except (lists.UnknownSort, BadCursor):
        abort(400)
    counts = counts_by_state(frame.id, seen)
    return render_template(
        "admin/applications.html",
        frame=frame,
        cohorts=switcher(frame, Act.APPLICATIONS_READ, "admin.applications"),
        page=page,
        sort=sort,
        words=wanted.words,
        track=args.get("track", ""),
        tracks=frame.tracks,
        state_tabs=_tabs(frame, counts, wanted.state),
        total=_total(counts, wanted),
        may_export=may(actor(), Act.EXPORT, reach_of(frame)),
    )


def _filter(frame: CohortFrame) -> lists.Filter:
    """What the address asks for; 400 for a track or state that there is not."""
    track = request.args.get("track", "")
    by_key = {key: track_id for track_id, (key, _) in frame.tracks.items()}
    state = request.args.get("state", "")
    if (track and track not in by_key) or (state and state not in set(ApplicationState)):
        abort(400)
    words = request.args.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]
    return lists.Filter(words, by_key.get(track), ApplicationState(state) if state else None)


def _tabs(
    frame: CohortFrame, counts: dict[ApplicationState, int], present: ApplicationState | None
) -> list[dict[str, Any]]:
    labels: list[tuple[str, ApplicationState | None]] = [
        ("All", None),
        ("Drafts", ApplicationState.DRAFT),
        ("Under review", ApplicationState.SUBMITTED),
        ("In streams", ApplicationState.IN_STREAMS),
        ("Closed", ApplicationState.CLOSED),
    ]
    return [
        {
            "label": label,
            "href": url_for("admin.applications", cohort_key=frame.key, state=state.value if state else None),
            "active": state is present,
            "count": counts.get(state, 0) if state else sum(counts.values()),
        }
        for label, state in labels
    ]


def _total(counts: dict[ApplicationState, int], wanted: lists.Filter) -> int | None:
    """How many the list holds, where that is known without counting."""
    if wanted.words or wanted.track_id is not None:
        return None
    return counts.get(wanted.state, 0) if wanted.state else sum(counts.values())


def application_at(frame: CohortFrame, public_id: str) -> files.Header:
    """The application of an address; 404 where there is none to see."""
    head = files.header(session(), frame.id, public_id, visible(Act.APPLICATIONS_READ))
    if head is None:
        abort(404)
    return head


@blueprint.get("/<cohort_key>/applications/<public_id>")
@needs(Act.APPLICATIONS_READ)
def application(cohort_key: str, public_id: str) -> ResponseReturnValue:
    frame = cohort_at(cohort_key, Act.APPLICATIONS_READ)
    return application_page(frame, application_at(frame, public_id))


@blueprint.get("/<cohort_key>/applications/<public_id>/files/<file_id>")
@needs(Act.APPLICATIONS_READ)
def application_file(cohort_key: str, public_id: str, file_id: str) -> ResponseReturnValue:
    """A file of what was submitted, under the name that the applicant gave it."""
    frame = cohort_at(cohort_key, Act.APPLICATIONS_READ)
    file = files.submitted_file(session(), application_at(frame, public_id), file_id)
    if file is None:
        abort(404)
    return response_for(file)


def application_page(
    frame: CohortFrame, head: files.Header, *, form: Any = None, problem: str = "", status: int = 200
) -> ResponseReturnValue:
    """The page of one application; ``form`` is one that was sent and refused, with what was typed in it."""
    held = files.submitted_of(session(), head)
    rows = decisions.decisions_of(session(), head.id)
    admin = actor().holds(Role.ADMIN, reach_of(frame))
    wrong = correctable(session(), head.id) if admin and head.state is ApplicationState.CLOSED else []
    page = render_template(
        "admin/application.html",
        frame=frame,
        head=head,
        submitted=held,
        sections=sections_of(session(), frame.id, held.form_version_id, held.content) if held else [],
        choices=files.choices_of(session(), head.id),
        entries=files.entries_of(session(), head.id),
        referees=files.referees_of(session(), head.id),
        readings=decisions.readings_of(session(), head.id),
        said=for_team(session(), head.id),
        open_readings=decisions.open_readings_of(session(), head.id),
        decisions=rows,
        signers=names_of(session(), [row.second_id for row in rows]),
        history=files.history_of(session(), head.id),
        extensions=files.extensions_of(session(), head.person_id, frame.id),
        agreed=given(session(), head.person_id),
        may_act=may(actor(), Act.APPLICATIONS_ACT, reach_of(frame)),
        may_decide=may(actor(), Act.DECISIONS_WRITE, reach_of(frame)),
        may_rule_out=may(actor(), Act.DECISIONS_WRITE, Reach(frame.id)),
        may_withdraw=actor().holds(Role.COORDINATOR, reach_of(frame)),
        correctable=[(choice_id, frame.tracks[track_id][1]) for choice_id, track_id in wrong],
        correction=_waiting(frame, head) if wrong else None,
        form=form,
        problem=problem,
        now_is=clock.now(),
    )
    return page, status


def _waiting(frame: CohortFrame, head: files.Header) -> Proposal | None:
    """The correction of this application's result that waits for a second signature."""
    waiting = proposals(session(), frame.id, Signed.CORRECT)
    return next((one for one in waiting if one.application_id == head.id), None)
