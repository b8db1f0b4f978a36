"""The visitors of the permission walk: every role with every scope that matters, and the addresses they are sent to.

Everything an address names lies in one cohort of the demo (``HOME``), around one applicant and one stream.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.models import (
    AccommodationRequest,
    Application,
    Message,
    MessageFile,
    Reference,
    StreamApplication,
    TeamTask,
    Thread,
    TrackChoice,
)
from matsapply.cohorts.models import Cohort, Mentor, Stream, StreamTrack, Track
from matsapply.decisions.models import ReleaseBatch
from matsapply.evaluations.models import EvaluationInvite, InviteStream, Submission
from matsapply.files.models import DataExport, StoredFile
from matsapply.interviews.models import Interview, InterviewSlot
from matsapply.mail import outbox
from matsapply.mail.kinds import Mail
from matsapply.mail.tokens import digest_of
from matsapply.offers.models import Offer, WaitlistEntry
from matsapply.people import actions
from matsapply.people.models import Account, DataRequest, Device, Person, RoleGrant
from matsapply.platform import clock, storage
from matsapply.reviews.models import ConflictOfInterest, ReadingPlan, ReviewAssignment
from matsapply.reviews.planning import Inputs, Options, work_out
from matsapply.reviews.rounds import NEW_READER
from matsapply.rules.access import ANONYMOUS, Reach
from matsapply.rules.stages import (
    ApplicationState,
    ConflictKind,
    ConflictSource,
    ConflictState,
    ReferenceState,
    Role,
    Scope,
)
from matsapply.showcase.models import Fellow, Paper, PaperStream, ShowcaseQuestion
from tests.applicant_site import pdf
from tests.mail.contexts import context

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

HOME, ELSEWHERE = "2027-03", "2027-04"
TOKEN = "a token of the tests that is long enough"


@dataclass(frozen=True)
class Place:
    """Where the walk's subject lies: an applicant with tasks, interview and offer, and the stream that asked."""

    cohort: Cohort
    elsewhere: Cohort
    application: Application
    entry: StreamApplication
    stream: Stream
    invite: EvaluationInvite
    interview: Interview
    assignment: ReviewAssignment
    tracks: frozenset[int]
    other_stream: Stream
    other_track: int


def place(session: Session) -> Place:
    """Find the subject in the demo's data."""
    home, elsewhere = (session.scalars(sa.select(Cohort).where(Cohort.key == key)).one() for key in (HOME, ELSEWHERE))
    found = session.execute(
        sa.select(Application, StreamApplication, EvaluationInvite, Interview)
        .join(StreamApplication, StreamApplication.application_id == Application.id)
        .join(InviteStream, InviteStream.stream_application_id == StreamApplication.id)
        .join(EvaluationInvite, EvaluationInvite.id == InviteStream.invite_id)
        .join(Submission, Submission.invite_id == EvaluationInvite.id)
        .join(Interview, Interview.stream_application_id == StreamApplication.id)
        .where(
            Application.cohort_id == home.id,
            Application.state == ApplicationState.IN_STREAMS,
            sa.exists().where(Reference.application_id == Application.id),
            sa.exists().where(Offer.application_id == Application.id),
        )
        .order_by(Application.id)
    ).first()
    assert found is not None, "the demo holds no applicant with a task, an interview, a reference and an offer"
    application, entry, invite, interview = found
    own = set(session.scalars(sa.select(TrackChoice.track_id).where(TrackChoice.application_id == application.id)))
    own |= set(session.scalars(sa.select(StreamTrack.track_id).where(StreamTrack.stream_id == entry.stream_id)))
    chosen = sa.select(StreamApplication.stream_id).where(StreamApplication.application_id == application.id)
    return Place(
        home,
        elsewhere,
        application,
        entry,
        session.get_one(Stream, entry.stream_id),
        invite,
        interview,
        session.scalars(
            sa.select(ReviewAssignment)
            .where(ReviewAssignment.application_id == application.id, ReviewAssignment.stream_application_id.is_(None))
            .order_by(ReviewAssignment.id)
        ).first()
        or session.scalars(sa.select(ReviewAssignment)).one(),
        frozenset(own),
        session.scalars(
            sa.select(Stream).where(Stream.cohort_id == home.id, Stream.id.not_in(chosen)).order_by(Stream.id)
        ).first()
        or session.get_one(Stream, entry.stream_id),
        session.scalars(sa.select(Track.id).where(Track.cohort_id == home.id, Track.id.not_in(own))).first() or 0,
    )


# --- who ------------------------------------------------------------------------------------------------------------


def roles(at: Place, now: datetime) -> dict[str, tuple[Role, Scope, int | None, datetime | None, datetime | None]]:
    """Each visitor who is here by a grant: role, scope, its key, and from when to when."""
    stream, other_stream = at.stream.id, at.other_stream.id
    home, elsewhere = at.cohort.id, at.elsewhere.id
    hour = timedelta(hours=1)
    return {
        "reviewer without work": (Role.REVIEWER, Scope.PROGRAM, None, None, None),
        "mentor": (Role.MENTOR, Scope.STREAM, stream, None, None),
        "mentor of another stream": (Role.MENTOR, Scope.STREAM, other_stream, None, None),
        "stream lead": (Role.STREAM_LEAD, Scope.STREAM, stream, None, None),
        "stream lead of another stream": (Role.STREAM_LEAD, Scope.STREAM, other_stream, None, None),
        "track lead": (Role.TRACK_LEAD, Scope.TRACK, min(at.tracks), None, None),
        "track lead of another track": (Role.TRACK_LEAD, Scope.TRACK, at.other_track, None, None),
        "coordinator": (Role.COORDINATOR, Scope.PROGRAM, None, None, None),
        "coordinator of the cohort": (Role.COORDINATOR, Scope.COHORT, home, None, None),
        "coordinator of another cohort": (Role.COORDINATOR, Scope.COHORT, elsewhere, None, None),
        "auditor": (Role.AUDITOR, Scope.PROGRAM, None, None, None),
        "auditor of another cohort": (Role.AUDITOR, Scope.COHORT, elsewhere, None, None),
        "admin": (Role.ADMIN, Scope.PROGRAM, None, None, None),
        "admin of another cohort": (Role.ADMIN, Scope.COHORT, elsewhere, None, None),
        "admin until an hour ago": (Role.ADMIN, Scope.PROGRAM, None, now - 24 * hour, now - hour),
        "admin from tomorrow on": (Role.ADMIN, Scope.PROGRAM, None, now + 24 * hour, None),
    }


def make_visitors(session: Session, at: Place, secret: str, now: datetime) -> dict[str, str | None]:
    """The sign-in address of every visitor (None: nobody signed in), by what they are called. Adds their rows."""

    def newcomer(name: str) -> Account:
        email = f"{name.replace(' ', '-')}@walk.example"
        return actions.create_person(
            session, ANONYMOUS, display_name=name, email=email, password_hash=secret, confirmed=True, now=now
        )

    found: dict[str, str | None] = {"anonymous": None, "referee": None}
    for name, (role, scope, key, starts, ends) in roles(at, now).items():
        account = newcomer(name)
        found[name] = account.email
        row = RoleGrant(person_id=account.person_id, role=role, scope=scope, scope_id=key, starts_at=starts or now)
        row.ends_at = ends
        session.add(row)
    found["somebody new"] = newcomer("somebody new").email
    other = session.scalars(
        sa.select(Application.person_id)
        .where(Application.cohort_id == at.cohort.id, Application.id != at.application.id)
        .order_by(Application.id)
    ).first()
    for name, person_id in (
        ("applicant", at.application.person_id),
        ("another applicant", other),
        ("reviewer", at.assignment.reviewer_id),
    ):
        account = session.scalars(sa.select(Account).where(Account.person_id == person_id)).one()
        account.password = secret
        found[name] = account.email
    reference = session.scalars(sa.select(Reference).where(Reference.application_id == at.application.id)).first()
    assert reference is not None
    reference.state, reference.token_digest, reference.requested_at = ReferenceState.REQUESTED, digest_of(TOKEN), now
    return found


# --- where ----------------------------------------------------------------------------------------------------------


def addresses(session: Session, at: Place) -> dict[str, str]:
    """A real value for each part of an address: by the part's name, or by the beginning of the route it is in."""
    application, stream = at.application.id, at.stream.id

    def one(column: sa.orm.InstrumentedAttribute[str], *where: sa.ColumnElement[bool]) -> str:
        found = session.scalars(sa.select(column).where(*where).limit(1)).first()
        return found or "0000000000000"  # none in the demo: then the walk says that nobody finds one

    file, copy = (_file(session, at, name) for name in ("cv", "copy"))  # a copy of one's data is handed out by its page
    at.invite.draft_file_id = file.id
    letter = outbox.queue(
        session,
        Mail.WITHDRAWN,
        cause="the permission walk",
        now=clock.now(),
        person_id=at.application.person_id,
        recipient="applicant@demo.example",
        context=context(Mail.WITHDRAWN),
    )
    assert letter is not None
    session.flush()
    thread, request, to_take_back = _written(session, at, file)
    plan, guess, task = _planned(session, at)
    grant = session.scalars(sa.select(RoleGrant).order_by(RoleGrant.id)).first()
    assert grant is not None
    holder = session.get_one(Person, grant.person_id).public_id
    return {
        "cohort_key": at.cohort.key,
        "stream_key": at.stream.key,
        "track_key": session.get_one(Track, min(at.tracks)).key,
        "key": at.stream.key,
        "noun": "stream",
        "form": "bib",
        "/admin/<cohort_key>/signatures/": "0000000000000",  # nobody's signature is waited for
        "section": "you",
        "token": "no-such-token",
        "filename": "css/base.css",
        "number": "1",
        "act": "withdraw",
        "step": "withdraw",
        "answer": "decline",
        "grant_id": grant.public_id,
        "file_id": file.public_id,
        "comment_ref": "0000000000000",  # nobody has said anything yet
        "/admin/<cohort_key>/applications/": at.application.public_id,
        "/admin/<cohort_key>/offers/": one(Offer.public_id, Offer.application_id == application),
        "/admin/<cohort_key>/waitlist/": one(
            WaitlistEntry.public_id,
            WaitlistEntry.stream_id.in_(sa.select(Stream.id).where(Stream.cohort_id == at.cohort.id)),
        ),
        "/admin/<cohort_key>/releases/": one(ReleaseBatch.public_id, ReleaseBatch.cohort_id == at.cohort.id),
        "/admin/people/": holder,
        "/admin/<cohort_key>/settings/stream/<stream_key>/mentors/": one(Mentor.public_id, Mentor.stream_id == stream),
        "/admin/showcase/": one(Paper.slug),
        "/application/files/": file.public_id,
        "/application/referees/": one(Reference.public_id, Reference.application_id == application),
        "/demo/mail/": letter.public_id,
        "/account/data/export/": _export(session, at, copy).public_id,
        "/account/devices/": _device(session, at).public_id,
        "/accommodation/": to_take_back.public_id,
        "/admin/<cohort_key>/accommodation/": request.public_id,
        "/admin/<cohort_key>/threads/": thread.public_id,
        "/admin/<cohort_key>/assignments/plans/": plan.public_id,
        "/admin/<cohort_key>/assignments/readers/": session.get_one(Person, at.assignment.reviewer_id).public_id,
        "/admin/<cohort_key>/assignments/conflicts/": guess.public_id,
        "/admin/<cohort_key>/assignments/conflicts/decisions/": "0000000000000",  # nobody's decision is in doubt
        "/admin/<cohort_key>/assignments/conflicts/tasks/": task.public_id,
        "/threads/": thread.public_id,
        "/inbox/": letter.public_id,
        "/interviews/": at.interview.public_id,
        "/offers/": one(Offer.public_id, Offer.application_id == application),
        "/review/": at.assignment.public_id,
        "said_so": "yes",
        "/admin/showcase/questions/": one(ShowcaseQuestion.public_id),
        "/showcase/<": one(Paper.slug),
        "/showcase/fellows/": one(Fellow.slug),
        "/status/streams/": at.entry.public_id,
        "/stream/": f"{at.stream.key}@{at.cohort.key}",
        "/stream/<ref>/candidates/": at.entry.public_id,
        "/stream/<ref>/interviews/": at.interview.public_id,
        "/stream/<ref>/interviews/slots/": one(InterviewSlot.public_id, InterviewSlot.stream_id == stream),
        "/stream/<ref>/papers/": one(
            Paper.slug,
            Paper.id.in_(sa.select(PaperStream.paper_id).where(PaperStream.stream_key == at.stream.key)),
        ),
        "/stream/<ref>/tasks/mark/": one(Submission.public_id, Submission.invite_id == at.invite.id),
        "/tasks/": at.invite.public_id,
    }


def _written(
    session: Session, at: Place, file: StoredFile
) -> tuple[Thread, AccommodationRequest, AccommodationRequest]:
    """A thread with a document and two requests for accommodation of the walk's applicant."""
    thread = Thread(application_id=at.application.id, subject="A question", waits_since=clock.now())
    request = AccommodationRequest(application_id=at.application.id, text="More time, please.")
    to_take_back = AccommodationRequest(application_id=at.application.id, text="A break, please.")
    session.add_all([thread, request, to_take_back])
    session.flush()
    message = Message(thread_id=thread.id, author_id=at.application.person_id, text="When?", sent_at=clock.now())
    session.add(message)
    session.flush()
    session.add(MessageFile(message_id=message.id, file_id=file.id))
    session.flush()
    return thread, request, to_take_back


def _planned(session: Session, at: Place) -> tuple[ReadingPlan, ConflictOfInterest, TeamTask]:
    """A kept plan of readings of nothing, a proposed conflict of interest and a task that one left."""
    options = Options(readers=2, floor=False, least=0, most=9, seed=1, shared=0, shared_readers=1, stay=True)
    content = work_out(Inputs({}, {}, *(frozenset() for _ in range(5))), options)
    plan = ReadingPlan(
        cohort_id=at.cohort.id, options=asdict(options), inputs="0" * 64, content=content,
        made_by_id=at.application.person_id, made_at=clock.now(),
    )  # fmt: skip
    guess = ConflictOfInterest(
        person_id=at.assignment.reviewer_id, application_id=at.application.id, kind=ConflictKind.OTHER,
        source=ConflictSource.DETECTED, state=ConflictState.PROPOSED,
    )  # fmt: skip
    task = TeamTask(cohort_id=at.cohort.id, application_id=at.application.id, kind=NEW_READER)
    session.add_all([plan, guess, task])
    session.flush()
    return plan, guess, task


def _export(session: Session, at: Place, file: StoredFile) -> DataRequest:
    """A finished copy of the walk's applicant's data."""
    now = clock.now()
    request = DataRequest(person_id=at.application.person_id, kind="export", done_at=now)
    session.add(request)
    session.flush()
    session.add(
        DataExport(request_id=request.id, parts=1, parts_done=1, file_id=file.id, expires_at=now + timedelta(days=1))
    )
    session.flush()
    return request


def _file(session: Session, at: Place, name: str) -> StoredFile:
    """A file of the walk's applicant, with its bytes."""
    key, page = f"2027/01/of-the-permission-walk-{name}", pdf()
    storage.current().put(key, page)
    file = StoredFile(owner_id=at.application.person_id, key=key, name=f"{name}.pdf", content_type="application/pdf",
                      size=len(page), sha256="0" * 64, pages=1)  # fmt: skip
    session.add(file)
    session.flush()
    return file


def _device(session: Session, at: Place) -> Device:
    """Another browser in which the walk's applicant is signed in."""
    account = session.scalars(sa.select(Account).where(Account.person_id == at.application.person_id)).one()
    ends_at = clock.now() + timedelta(days=1)
    made = Device(account_id=account.id, mark_digest="0" * 64, name="A browser", ends_at=ends_at)
    session.add(made)
    session.flush()
    return made


def reach_of(route: str, at: Place, session: Session) -> Reach | None:
    """Where what a route names lies; None where it names nothing that a scope could cover."""
    if route.startswith("/stream/<ref>"):
        own = session.scalars(sa.select(StreamTrack.track_id).where(StreamTrack.stream_id == at.stream.id))
        return Reach(at.cohort.id, frozenset(own), at.stream.id)
    if route.startswith("/admin/<cohort_key>/applications/<"):
        own = session.scalars(sa.select(TrackChoice.track_id).where(TrackChoice.application_id == at.application.id))
        return Reach(at.cohort.id, frozenset(own))
    if "<track_key>" in route:
        return Reach(at.cohort.id, frozenset({min(at.tracks)}))
    if "<cohort_key>" in route:
        return Reach(
            at.cohort.id, frozenset(session.scalars(sa.select(Track.id).where(Track.cohort_id == at.cohort.id)))
        )
    return None
