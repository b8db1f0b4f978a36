"""A cohort in its stream phase with a team at work: two admins, two coordinators, an auditor, a track lead."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.models import Application, TrackChoice
from matsapply.cohorts.models import KeyDate
from matsapply.people.models import RoleGrant
from matsapply.rules.stages import ApplicationState, Role, Scope, TrackChoiceState
from tests.desk import Member, problems, sign_in
from tests.stream_world import World, at

if TYPE_CHECKING:
    from datetime import datetime

    from flask import Flask
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

    from matsapply.people.models import Person
    from matsapply.platform.settings import Settings

TYPED = "Typed with care, 7 × “quoted” <b>"
ELSEWHERE = "0" * 13


def demo_settings(settings: Settings) -> Settings:
    """The demo asks staff for no second factor; everything else is as it is."""
    return replace(settings, demo=True)


@dataclass
class Team:
    """The world, its team signed in by role, and the address of its cohort."""

    app: Flask
    world: World
    members: dict[str, Member] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)

    @property
    def session(self) -> Session:
        return self.world.session

    @property
    def base(self) -> str:
        return f"/admin/{self.world.cohort.key}"

    def hire(self, name: str, role: Role, scope: Scope = Scope.PROGRAM, scope_id: int | None = None) -> Person:
        """Somebody with that role from now on."""
        person = self.world.person(name)
        self.session.add(
            RoleGrant(person_id=person.id, role=role, scope=scope, scope_id=scope_id, starts_at=at("2026-12-01 12:00"))
        )
        self.session.commit()
        self.people[name] = person
        return person

    def __getitem__(self, name: str) -> Member:
        """The browser of that person; the first look signs them in."""
        if name not in self.members:
            self.members[name] = sign_in(self.app, self.session, self.people[name].id)
        return self.members[name]

    def get(self, who: str, path: str = "") -> TestResponse:
        return self[who].get(self.base + path)

    def post(self, who: str, path: str, fields: dict[str, Any] | None = None) -> TestResponse:
        """Send a form of the team's, with the token of their session."""
        return self[who].send(self.base + path, fields)

    def fields_of(self, who: str, path: str) -> dict[str, Any]:
        """What the first form with a ``seen`` mark on a page would send as it stands."""
        return form_fields(self.get(who, path).text)

    def let_go(self) -> None:
        """End the test's own transaction: SQLite has one writer."""
        self.session.commit()

    def fresh(self) -> Session:
        """The session, with nothing remembered."""
        self.session.rollback()
        self.session.expire_all()
        return self.session


def team_of(app: Flask, session: Session, now: datetime | None = None) -> Team:
    """The usual team in a new world."""
    session.expire_on_commit = False
    team = Team(app, World(session))
    for name, role in (
        ("admin", Role.ADMIN),
        ("admin2", Role.ADMIN),
        ("coordinator", Role.COORDINATOR),
        ("coordinator2", Role.COORDINATOR),
        ("auditor", Role.AUDITOR),
        ("reviewer", Role.REVIEWER),
    ):
        team.hire(name, role)
    team.hire("track-lead", Role.TRACK_LEAD, Scope.TRACK, team.world.track.id)
    session.commit()
    return team


def submitted(world: World, name: str, *, readings: int = 2) -> Application:
    """An application under central review, with its one track still undecided."""
    application = world.applicant(name)
    application.state = ApplicationState.SUBMITTED
    application.score_count = readings
    choice = world.session.scalars(sa.select(TrackChoice).where(TrackChoice.application_id == application.id)).one()
    choice.state, choice.score_count = TrackChoiceState.CHOSEN, readings
    world.session.commit()
    return application


def date_of(session: Session, cohort_id: int, code: str) -> KeyDate:
    return session.scalars(sa.select(KeyDate).where(KeyDate.cohort_id == cohort_id, KeyDate.code == code)).one()


class _Forms(HTMLParser):
    """Collects the forms of a page: the fields of each, as they stand."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self._area = self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "form":
            self.forms.append({})
        if not self.forms:
            return
        fields = self.forms[-1]
        if tag == "input" and name and given.get("type") in {"checkbox", "radio"}:
            if "checked" in given:
                fields.setdefault(name, []).append(given.get("value", "on"))
        elif tag == "input" and name:
            fields[name] = given.get("value", "")
        elif tag == "textarea":
            self._area, fields[name] = name, ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in given:
            fields[self._select] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.forms[-1][self._area] += data

    @classmethod
    def read(cls, page: str) -> dict[str, Any]:
        parser = cls()
        parser.feed(page)
        found = next(fields for fields in parser.forms if "seen" in fields)
        # A browser drops a line break right after <textarea>.
        return {
            name: value.removeprefix("\r\n").removeprefix("\n") if isinstance(value, str) else value
            for name, value in found.items()
            if name != "csrf_token"
        }


def form_fields(page: str) -> dict[str, Any]:
    """Names and values of the first form that carries a ``seen`` mark, as a browser would send them unchanged."""
    return _Forms.read(page)


__all__ = ["ELSEWHERE", "TYPED", "Team", "date_of", "demo_settings", "form_fields", "problems", "submitted", "team_of"]
