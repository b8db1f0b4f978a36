"""A reviewer at the site with applications in the queue, as tests of their pages see them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from matsapply.reviews import rounds
from matsapply.reviews.models import Review, ReviewAssignment
from matsapply.rules.stages import Role
from tests.desk import Member, sign_in
from tests.reviews.builders import NOW, Reviewing, reviewing

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.applications.models import Application
    from matsapply.platform.clock import FixedClock

WHOLE = {"score-research": "4", "score-execution": "3", "score-motive": "5"}


@dataclass
class Desk:
    """A reviewer with three applications in the queue, in the order of the queue."""

    app: Flask
    world: Reviewing
    reader: Member
    refs: list[str]

    @property
    def session(self) -> Session:
        return self.world.session

    @property
    def first(self) -> str:
        return f"/review/{self.refs[0]}"

    def assignment(self, place: int = 0) -> ReviewAssignment:
        self.session.expire_all()
        query = sa.select(ReviewAssignment).where(ReviewAssignment.public_id == self.refs[place])
        found = self.session.scalars(query).one()
        self.session.refresh(found)
        self.session.commit()
        return found

    def reviews(self) -> list[Review]:
        found = list(self.session.scalars(sa.select(Review).order_by(Review.id)))
        self.session.commit()
        return found

    def version(self, page: str | None = None) -> str:
        found = re.search(r'name="version" value="([^"]*)"', page or self.reader.get(self.first).text)
        assert found
        return found.group(1)

    @property
    def me(self) -> int:
        return self.assignment().reviewer_id

    def give(self, application: Application) -> str:
        """One more application for the reader; its address's last part."""
        team = self.world.actor(Role.COORDINATOR)
        made = rounds.assign(self.session, team, self.world.round(), application, self.me, NOW)
        self.session.commit()
        return made.public_id

    def another(self, scores: dict[str, int], note: str = "") -> tuple[int, str]:
        """Somebody else reads the first application and submits; who it was, and the page they have of it."""
        other = self.world.actor()
        made = rounds.assign(
            self.session,
            self.world.actor(Role.COORDINATOR),
            self.world.round(),
            self.assignment().application,
            other.person_id or 0,
            NOW,
        )
        self.session.commit()
        page = f"/review/{made.public_id}"
        member = sign_in(self.app, self.session, other.person_id or 0)
        sent = {f"score-{key}": str(value) for key, value in scores.items()}
        assert member.post(page, {**sent, "note": note}).status_code == 303
        return other.person_id or 0, page


def open_desk(app: Flask, session: Session, clock: FixedClock, number: int = 3) -> Desk:
    """A reviewer with that many applications, who is signed in."""
    clock.move_to(NOW)
    session.expire_on_commit = False
    world = reviewing(session)
    reviewer, team = world.actor(), world.actor(Role.COORDINATOR)
    refs = [
        rounds.assign(session, team, world.round(), world.application(), reviewer.person_id or 0, NOW).public_id
        for _ in range(number)
    ]
    session.commit()
    return Desk(app, world, sign_in(app, session, reviewer.person_id or 0), sorted(refs))
