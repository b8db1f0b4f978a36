"""``demo load``: four cohorts, each at another stage, filled with plainly invented people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.applications.models import Application, TrackChoice
from matsapply.applications.pace import measure
from matsapply.cohorts.load import load_cohort
from matsapply.cohorts.models import Cohort, Stream
from matsapply.demo import applicants, cohort_files, messages, reading, stream_phase, words
from matsapply.demo.applicants import Draft
from matsapply.demo.cohort_files import START, Stage
from matsapply.demo.frame import Frame, frame_of
from matsapply.demo.offer_phase import Offers
from matsapply.demo.order import ORDER
from matsapply.demo.rows import Rows
from matsapply.demo.staff import APPLICANT_SIGN_INS, make_staff
from matsapply.offers.models import Offer
from matsapply.offers.seats import recount
from matsapply.people.models import Person
from matsapply.platform.settings import ROOT
from matsapply.reviews.calibrating import IN_RACE
from matsapply.reviews.models import TrackStanding
from matsapply.reviews.standings import recalibrate, stale_cohorts
from matsapply.rules.stages import ApplicationState as A, BatchScope, CloseReason, Role, StreamApplicationState as S
from matsapply.showcase.importing import import_papers
from matsapply.showcase.sources import read as read_papers

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    Progress = Callable[[int, int], None]

PAPERS = ROOT / "config" / "showcase" / "papers.json"
TEAM_SINCE = START - timedelta(days=200)
WRITE_EVERY = 250
ADVANCING = 0.3  # of those under review, on each track


@dataclass(frozen=True, slots=True)
class DemoReport:
    applications: int
    rows: int

    def __str__(self) -> str:
        return f"demo: {self.applications} applications in {len(cohort_files.COHORTS)} cohorts, {self.rows} rows"


def is_loaded(session: Session) -> bool:
    """Whether the database holds a demo already (or anybody real: then it must not get one)."""
    return session.scalar(sa.select(Person.id).limit(1)) is not None


def load_demo(
    session: Session,
    *,
    applications: int,
    seed: int,
    password_hash: str,
    reviewers: int = 30,
    readings: int = 2,
    only: Stage | None = None,
    all_read: bool = False,
    progress: Progress = lambda _done, _total: None,
) -> DemoReport:
    """Fill an empty database. The same seed gives the same demo (keys shown to people excepted, which are random).

    ``only`` puts every application into the cohort of one stage, ``readings`` is the number of readers of each, and
    with ``all_read`` every reading is finished: a cohort for benchmarks.
    """
    random = Random(seed)
    rows = Rows(session)
    frames = []
    for demo, file in cohort_files.files():
        load_cohort(session, file, TEAM_SINCE)
        frames.append(frame_of(session, demo))
    import_papers(session, read_papers(PAPERS.read_bytes()), dry_run=False, now=TEAM_SINCE)
    make_staff(rows, frames, reviewers, password_hash, TEAM_SINCE)
    rows.signers = frames[0].coordinators
    new = APPLICANT_SIGN_INS[0]
    applicants.person(rows, TEAM_SINCE, new.who, new.email, "Europe/Berlin", password_hash)
    written = rows.write(ORDER)
    made_before = 0
    for frame in frames:
        share = (1.0 if frame.demo.stage is only else 0.0) if only else frame.demo.share
        count = round(applications * share)
        maker = _Maker(rows, frame, random, password_hash, readings, all_read, made_before, applications, progress)
        written += maker.make(count)
        made_before += count
    _settle(session)
    measure(session, START)
    return DemoReport(session.scalar(sa.select(sa.func.count()).select_from(Application)) or 0, written)


class _Maker:
    """Makes the applications of one cohort."""

    def __init__(
        self,
        rows: Rows,
        frame: Frame,
        random: Random,
        password_hash: str,
        readings: int,
        all_read: bool,
        before: int,
        total: int,
        progress: Progress,
    ) -> None:
        self.rows, self.frame, self.random = rows, frame, random
        self.password_hash, self.readings, self.all_read = password_hash, readings, all_read
        self.before, self.total, self.progress = before, total, progress
        self.readers = reading.Readers(frame.reviewers, random)
        self.written = 0

    def make(self, count: int) -> int:
        stage = self.frame.demo.stage
        people = [self._person(number) for number in range(count)]
        drafts = [applicants.draft(self.rows, self.frame, self.random, key, START) for key, *_ in people]
        match stage:
            case Stage.OPEN:
                for made in drafts:
                    self._open(made)
            case Stage.REVIEW:
                for made in drafts:
                    if self._submitted(made):
                        self._read(made)
            case Stage.STREAMS | Stage.OFFERS:
                self._later(drafts, stage)
        self._name_persona(drafts, people, stage)
        for number, (made, (_, name, email, zone)) in enumerate(zip(drafts, people, strict=True), start=1):
            applicants.write(self.rows, self.frame, self.random, made, name, email, zone)
            if stage in {Stage.STREAMS, Stage.OFFERS} and made.track_steps:
                stream_phase.record_first_decisions(self.rows, self.frame, made, self.first_batch)
            if number % WRITE_EVERY == 0:
                self.progress(self.before + number, self.total)
        messages.write(self.rows, self.frame, drafts, people)
        self.progress(self.before + count, self.total)
        return self.rows.write(ORDER)

    def _person(self, number: int) -> tuple[int, str, str, str]:
        name, zone = words.name(self.random), self.random.choice(words.ZONES)
        email = f"applicant-{self.before + number + 1:05d}@demo.example"
        return applicants.person(self.rows, self.frame.at("T1"), name, email, zone), name, email, zone

    def _open(self, made: Draft) -> None:
        chance = self.random.random()
        if chance < 0.4:
            made.submitted_at = None
        else:
            applicants.submit(made)
            if chance > 0.97:
                self._withdraw(made)

    def _withdraw(self, made: Draft) -> None:
        when = max(made.submitted_at or made.started_at, START - timedelta(hours=1))
        applicants.leave_all(made, "S17", S.WITHDRAWN, Role.APPLICANT, made.person_id, when)
        applicants.close(made, "A9", CloseReason.WITHDRAWN, Role.APPLICANT, made.person_id, when)

    def _submitted(self, made: Draft) -> bool:
        """Submit or not; whoever did not is closed at the end of the window. Returns whether it is to be read."""
        chance = self.random.random()
        if chance < 0.12:
            made.submitted_at = None
            at = self.frame.at("T2", minutes=20)
            applicants.leave_all(made, "S17", S.WITHDRAWN, Role.SYSTEM, None, at)
            applicants.close(made, "A4", CloseReason.NEVER_SUBMITTED, Role.SYSTEM, None, at)
            return False
        applicants.submit(made)
        if chance > 0.98:
            at = self.frame.at("T2", hours=5)
            applicants.leave_all(made, "S17", S.WITHDRAWN, Role.APPLICANT, made.person_id, at)
            applicants.close(made, "A9", CloseReason.WITHDRAWN, Role.APPLICANT, made.person_id, at)
            return False
        return True

    def _read(self, made: Draft) -> None:
        running = self.frame.demo.stage is Stage.REVIEW and not self.all_read
        limit = START if running else self.frame.at("T5")
        reading.read_centrally(self.rows, self.frame, self.random, made, self.readers, limit, readings=self.readings)

    def _later(self, drafts: list[Draft], stage: Stage) -> None:
        read = [made for made in drafts if self._submitted(made)]
        for made in read:
            self._read(made)
        at = self.frame.at("T5")
        self.first_batch = stream_phase.batch(self.rows, self.frame, BatchScope.FIRST_RESULT, "First results", at)
        means = sorted((made.values.get("score_mean") or 0 for made in read), reverse=True)
        bar = means[int(len(means) * 0.48)] if means else 0
        advanced = [made for made in read if stream_phase.first_result(self.frame, self.random, made, bar)]
        pools = {stream.id: stream_phase.Pool(stream) for stream in self.frame.streams}
        for made in advanced:
            self._through_streams(made, pools)
        for pool in pools.values():
            stream_phase.interviews(self.rows, self.frame, self.random, pool, min(START, self.frame.at("T11")))
        if stage is Stage.OFFERS:
            self._offers(advanced, pools)
        else:
            self._rank_some(pools)

    def _through_streams(self, made: Draft, pools: dict[int, stream_phase.Pool]) -> None:
        until = min(START, self.frame.at("T11"))
        quality = (made.values.get("score_mean") or 3) - 3
        for choice in made.choices:
            if self.random.random() < 0.04:
                at = self.frame.at("T7", hours=3)
                choice.values |= {"exited_at": at, "state_before_exit": S.APPLIED}
                choice.steps.append(("S17", S.WITHDRAWN, Role.APPLICANT, made.person_id, at))
                continue
            if self.frame.demo.stage is Stage.OFFERS or self.random.random() > 0.03:
                stream_phase.take_in(self.frame, choice)
        stream_phase.tasks(self.rows, self.frame, self.random, made, until)
        for choice in made.choices:
            if "exited_at" in choice.values or choice.steps[-1][1] is not S.IN_REVIEW:
                continue
            stream_phase.review_in_stream(self.rows, self.frame, self.random, made, choice, quality)
            pools[choice.stream.id].entries.append((quality + self.random.gauss(0, 0.7), made, choice))

    def _rank_some(self, pools: dict[int, stream_phase.Pool]) -> None:
        """In the stream phase one stream without interviews has locked its ranking already."""
        early = next(pool for pool in pools.values() if pool.stream.interview.value == "none")
        stream_phase.rank(self.rows, self.frame, early, START - timedelta(days=1))

    def _offers(self, advanced: list[Draft], pools: dict[int, stream_phase.Pool]) -> None:
        at = self.frame.at("T13")
        batch_id = stream_phase.batch(self.rows, self.frame, BatchScope.OFFERS, "Decisions", at)
        offers = Offers(self.rows, self.frame, self.random, batch_id, START)
        for pool in pools.values():
            ranked = stream_phase.rank(self.rows, self.frame, pool, self.frame.at("T12"))
            offers.outcomes(ranked, pool.stream.seats_max or 0)
        deferred_to = self.rows.session.scalars(sa.select(Cohort.id).where(Cohort.key == "2027-06")).one()
        for made in advanced:
            offers.answer(made, deferred_to)

    def _name_persona(self, drafts: list[Draft], people: list[tuple[int, str, str, str]], stage: Stage) -> None:
        """Give the sign-in of this stage to the first application that shows it best."""
        email, fits = _PERSONAS[stage]
        place = next((number for number, made in enumerate(drafts) if fits(made)), None)
        if place is None and stage is Stage.STREAMS:
            place = next((number for number, made in enumerate(drafts) if _has_a_task(made)), None)
        if place is None:
            return
        who = next(line.who for line in APPLICANT_SIGN_INS if line.email == email)
        key, _, old_email, zone = people[place]
        people[place] = (key, who, email, zone)
        applicants.rename(self.rows, key, old_email, who, email, self.password_hash)


def _shows_streams(made: Draft) -> bool:
    states = {choice.steps[-1][1] for choice in made.choices}
    return {S.EVALUATING, S.INTERVIEWING} <= states


def _has_a_task(made: Draft) -> bool:
    return any(choice.steps[-1][1] is S.EVALUATING for choice in made.choices)


_PERSONAS = {
    Stage.OPEN: ("applicant-draft@demo.example", lambda made: made.steps[-1][1] is A.DRAFT),
    Stage.REVIEW: ("applicant-review@demo.example", lambda made: made.steps[-1][1] is A.SUBMITTED),
    Stage.STREAMS: ("applicant-streams@demo.example", _shows_streams),
    Stage.OFFERS: (
        "applicant-offer@demo.example",
        lambda made: any(choice.steps[-1][1] is S.OFFERED for choice in made.choices),
    ),
}


def _settle(session: Session) -> None:
    """Bring the kept counts in line with what was written, and calibrate the cohorts in review."""
    streams = session.scalars(sa.select(Stream).where(Stream.id.in_(sa.select(Offer.stream_id)))).all()
    recount(session, streams)
    session.flush()
    racing = sa.select(TrackChoice.track_id, sa.func.count().label("number"))
    racing = racing.join(Application, Application.id == TrackChoice.application_id).where(*IN_RACE)
    session.add_all(
        TrackStanding(track_id=track_id, places=round(number * ADVANCING))
        for track_id, number in session.execute(
            racing.group_by(TrackChoice.track_id).having(sa.func.sum(TrackChoice.score_count) > 0)
        )
    )
    session.flush()
    for cohort_id in stale_cohorts(session):
        recalibrate(session, cohort_id, START)
    session.expire_all()
