"""Invariant 30: what is not released changes no byte that an applicant or a visitor gets, on any route for them.

The same site is asked before and after everything the team may know and not tell has been written to its database: at
one instant, by the same people, in the same order, with nothing kept from before.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import Application, StreamApplication, TeamTask, TrackChoice
from matsapply.cohorts.models import Cohort, Stream
from matsapply.decisions.models import Decision, ReleaseBatch
from matsapply.evaluations.models import EvaluationInvite, InviteStream
from matsapply.interviews.models import Interview
from matsapply.offers.models import Offer, RankingEntry, StreamRanking
from matsapply.pages import guard, site
from matsapply.pages.public import caching
from matsapply.people.models import Account, Person
from matsapply.platform import clock as clock_module
from matsapply.reviews.models import ConflictOfInterest, ReaderStanding, Review, TrackStanding
from matsapply.rules.access import Act
from matsapply.rules.stages import (
    ApplicationState,
    BatchScope,
    BatchState,
    ConflictKind,
    ConflictSource,
    OfferState,
    Outcome,
    StreamApplicationState,
)
from tests.pages import visitors as scene
from tests.pages.test_permissions import address, rules
from tests.visitor import PASSWORD, Visitor, hashed

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

FOR_THEM = {Act.PUBLIC, Act.SIGNED_IN, Act.APPLY, Act.APPLICATION_OWN, Act.BY_TOKEN}
NOT_ASKED = ("/static/", "/logout", "/healthz", "/demo")
REVIEWED, IN_STREAMS = "applicant-review@demo.example", "applicant-streams@demo.example"
OF_ONE_REQUEST = (
    re.compile(r'(csrf[-_]token"[^>]*(?:content|value)=")[^"]+'),
    re.compile(r'(name="submit_key" value=")[^"]+'),
    re.compile(r'(data-now=")[^"]+'),
)


def application_of(session: Session, email: str) -> Application:
    own = sa.select(Account.person_id).where(Account.email == email)
    query = sa.select(Application).where(Application.person_id.in_(own)).order_by(Application.id.desc())
    return session.scalars(query.limit(1)).one()


class World:
    """The demo, two of its applicants and somebody who is not signed in, each in a browser of their own."""

    def __init__(self, app: Flask, session: Session) -> None:
        self.app, self.session = app, session
        session.expire_on_commit = False
        self.people = {email: application_of(session, email) for email in (REVIEWED, IN_STREAMS)}
        known = scene.addresses(session, self._streams())
        for email in self.people:
            account = session.scalars(sa.select(Account).where(Account.email == email)).one()
            account.password = hashed(PASSWORD)
        session.commit()
        self.browsers: dict[str, Visitor] = {}
        for email in self.people:
            visitor = self.browsers[email] = Visitor(app.test_client())
            assert visitor.sign_in(email, PASSWORD).status_code == 303
        self.paths = self._paths(known)

    def _streams(self) -> scene.Place:
        """Where the applicant in the stream phase stands, for addresses that name something of theirs."""
        own = self.people[IN_STREAMS]
        found = self.session.execute(
            sa.select(StreamApplication, EvaluationInvite, Interview)
            .join(InviteStream, InviteStream.stream_application_id == StreamApplication.id)
            .join(EvaluationInvite, EvaluationInvite.id == InviteStream.invite_id)
            .outerjoin(Interview, Interview.stream_application_id == StreamApplication.id)
            .where(StreamApplication.application_id == own.id)
            .order_by(Interview.id.is_(None), StreamApplication.id)
        ).first()
        assert found is not None
        entry, invite, interview = found
        at = scene.place(self.session)
        return replace(
            at,
            cohort=self.session.get_one(Cohort, own.cohort_id),
            application=own,
            entry=entry,
            stream=self.session.get_one(Stream, entry.stream_id),
            invite=invite,
            interview=interview or at.interview,
        )

    def _paths(self, known: dict[str, str]) -> list[str]:
        found = []
        for rule in rules(self.app):
            with self.app.app_context():
                act = guard.declared_act(rule.endpoint)
            theirs = act in FOR_THEM and "GET" in (rule.methods or set())
            if theirs and not rule.rule.startswith(NOT_ASKED):
                found.append(address(rule, known))
        return sorted(found)

    def seen(self) -> dict[str, str]:
        """Every answer to everybody, header by header and byte by byte."""
        self.session.commit()
        with self.app.app_context():
            site.forget_cohorts()
        found = {}
        stranger = {"": Visitor(self.app.test_client())}  # without a cookie of an earlier look
        for who, browser in (self.browsers | stranger).items():
            for path in self.paths:
                caching.forget()
                answer = browser.client.get(path)
                headers = sorted((k, v) for k, v in answer.headers.items() if k not in {"Set-Cookie", "Date"})
                text = answer.get_data().decode("utf-8", "replace")
                answer.close()
                for pattern in OF_ONE_REQUEST:
                    text = pattern.sub(r"\1", text)
                found[f"{path} as {who or 'a visitor'}"] = f"{answer.status_code} {headers}\n{text}"
        return found

    def know(self) -> None:
        """Write down what the team may know and has not told: of everybody, the two among them."""
        session, now = self.session, clock_module.now()
        team = session.scalars(
            sa.select(Person.id).join(Account, Account.person_id == Person.id).where(Account.email.like("coordinator%"))
        ).all()
        for email, own in self.people.items():
            first = email == REVIEWED
            scope = BatchScope.FIRST_RESULT if first else BatchScope.OFFERS
            batch = ReleaseBatch(
                cohort_id=own.cohort_id, scope=scope, label="Secret", state=BatchState.SEALED, sealed_at=now,
                sealed_by_id=team[0], member_count=99,
            )  # fmt: skip
            session.add(batch)
            session.flush()
            rows = session.scalars(
                sa.select(TrackChoice if first else StreamApplication).where(
                    (TrackChoice if first else StreamApplication).application_id.in_(
                        sa.select(Application.id).where(
                            Application.cohort_id == own.cohort_id,
                            Application.state.in_([ApplicationState.SUBMITTED, ApplicationState.IN_STREAMS]),
                        )
                    )
                )
            ).all()
            for number, row in enumerate(rows):
                good = (number + (row.application_id == own.id)) % 2
                decision = Decision(
                    cohort_id=own.cohort_id, application_id=row.application_id, actor_id=team[0], recorded_at=now,
                    batch_id=batch.id, feedback="SECRET FEEDBACK",
                    outcome=(Outcome.ADVANCE if good else Outcome.NOT_ADVANCE)
                    if first
                    else (Outcome.OFFER if good else Outcome.NOT_SELECT),
                )  # fmt: skip
                if isinstance(row, TrackChoice):
                    decision.track_choice_id = row.id
                    row.score_mean, row.calibrated, row.calibrated_margin = 4.9, 4.8, 0.2
                    row.chance = row.doubt = row.reading_worth = 0.5
                else:
                    decision.stream_application_id = row.id
                    row.review_mean = row.marks_mean = row.interview_mean = 3.9
                    self._rank(row, good=bool(good), person_id=team[1])
                session.add(decision)
            self._around(own, team[1])
        session.execute(sa.update(Stream).values(seats_held=Stream.seats_max).where(Stream.seats_max.is_not(None)))
        session.execute(sa.update(Application).values(score_mean=4.9, score_spread=3.0, score_count=5))
        session.commit()

    def _rank(self, row: StreamApplication, *, good: bool, person_id: int) -> None:
        """A locked ranking, and for the good an offer that two people approved: its seat is held."""
        ranking = StreamRanking(
            stream_id=row.stream_id,
            number=1000 + row.id,
            saved_at=clock_module.now(),
            locked_at=clock_module.now(),
            actor_id=person_id,
        )
        self.session.add(ranking)
        self.session.flush()
        self.session.add(RankingEntry(ranking_id=ranking.id, stream_application_id=row.id, position=1))
        if row.state in {StreamApplicationState.IN_REVIEW, StreamApplicationState.INTERVIEWING}:
            row.state = StreamApplicationState.ASSESSED
        own = self.session.get_one(Application, row.application_id)
        if good and row.application_id == self.people[IN_STREAMS].id:
            self.session.add(
                Offer(
                    stream_application_id=row.id, stream_id=row.stream_id, application_id=own.id,
                    person_id=own.person_id, cohort_id=own.cohort_id, state=OfferState.DRAFT,
                )
            )  # fmt: skip

    def _around(self, own: Application, person_id: int) -> None:
        """What surrounds the one application: a conflict, a task of the team's, a voided review, figures."""
        session, now = self.session, clock_module.now()
        session.add(TeamTask(cohort_id=own.cohort_id, application_id=own.id, kind="third_reader", text="SECRET TASK"))
        session.add(
            ConflictOfInterest(
                person_id=person_id, application_id=own.id, kind=ConflictKind.FAMILY, source=ConflictSource.DECLARED
            )
        )
        for review in session.scalars(sa.select(Review).where(Review.application_id == own.id)):
            review.voided_at, review.void_reason = now, "SECRET REASON"
        for row in session.scalars(sa.select(TrackStanding)):
            row.places, row.bar = (row.places or 0) + 7, 4.2
        if session.scalar(sa.select(ReaderStanding.id).where(ReaderStanding.reviewer_id == person_id)) is None:
            session.add(
                ReaderStanding(
                    cohort_id=own.cohort_id, reviewer_id=person_id, severity=1.0, severity_margin=0.1, readings=9
                )
            )
        session.flush()


@pytest.mark.demo
def test_what_is_not_released_changes_no_byte_on_any_route(app: Flask, live_session: Session) -> None:
    world = World(app, live_session)
    before = world.seen()
    statuses = {path: text[:3] for path, text in before.items()}
    assert not [path for path, status in statuses.items() if status.startswith("5")]
    assert sum(status == "200" for status in statuses.values()) > len(statuses) / 2, "most of them are pages"
    world.know()
    after = world.seen()
    assert [path for path in before if before[path] != after[path]] == []
    assert not [path for path, text in after.items() if "SECRET" in text]
