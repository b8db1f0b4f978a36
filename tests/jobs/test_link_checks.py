"""The papers' addresses looked at as a job: what is due, what a fault looks like, and a machine without a network."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.jobs import work
from matsapply.platform.outside import Answer
from matsapply.rules.access import ANONYMOUS
from matsapply.showcase import links
from matsapply.showcase.links import Verdict
from matsapply.showcase.models import LinkCheck, Paper

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock
    from matsapply.platform.settings import Settings

ANSWERS = {
    "https://a.example/fine": Answer(200),
    "https://a.example/gone": Answer(404),
    "https://b.example/moved": Answer(301, "", "https://c.example/new"),
    "https://b.example/shy": Answer(403),
    "https://c.example/inside": Answer(None, "leads to an address that is not public; it was not asked"),
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, demo=False)


@pytest.fixture
def papers(app: Flask, live_session: Session) -> list[str]:
    for number, url in enumerate(ANSWERS):
        live_session.add(
            Paper(slug=f"p{number}", title=f"Paper {number}", published=date(2025, 1, 1 + number), topic="x", url=url)
        )
    live_session.add(
        Paper(slug="h", title="Hidden", published=date(2025, 2, 1), topic="x", url="https://h.example/", hidden=True)
    )
    live_session.commit()
    return list(ANSWERS)


def test_looked_at_once_a_week_and_when_somebody_asks(
    app: Flask, live_session: Session, papers: list[str], clock: FixedClock
) -> None:
    asked: list[str] = []

    def look(url: str) -> Answer:
        asked.append(url)
        return ANSWERS[url]

    assert work.check_links(app, look, pause=0) == 5
    assert sorted(asked) == sorted(papers)
    assert work.check_links(app, look, pause=0) == 0
    found = links.report(live_session)
    verdicts = {link.url.rpartition("/")[2]: link.verdict for link in found}
    assert verdicts == {
        "fine": Verdict.FINE, "gone": Verdict.BROKEN, "inside": Verdict.BROKEN, "moved": Verdict.MOVED,
        "shy": Verdict.UNSURE,
    }  # fmt: skip
    assert [link.verdict for link in found][:2] == [Verdict.BROKEN, Verdict.BROKEN]
    live_session.commit()
    clock.move_to(clock.now() + timedelta(days=8))
    assert work.check_links(app, look, pause=0) == 5
    paper = live_session.scalars(sa.select(Paper).where(Paper.slug == "p1")).one()
    paper.url = "https://a.example/fine2"
    live_session.flush()
    assert links.ask_again(live_session, ANONYMOUS, clock.now()) == 5
    live_session.commit()
    assert "https://a.example/gone" not in set(live_session.scalars(sa.select(LinkCheck.url)))
    assert {link.verdict for link in links.report(live_session)} == {Verdict.WAITING}
    live_session.commit()
    assert work.check_links(app, lambda _url: Answer(200), pause=0) == 5
    assert {link.verdict for link in links.report(live_session)} == {Verdict.FINE}


def test_without_a_network_nothing_is_called_broken(
    app: Flask, live_session: Session, papers: list[str], clock: FixedClock
) -> None:
    def nothing(_url: str) -> Answer:
        return Answer(None, "its name leads nowhere", unreached=True)

    assert work.check_links(app, nothing, pause=0) == work.LINKS_TRIED
    assert {link.problem for link in links.report(live_session)} == {links.NO_NETWORK}
    assert {link.verdict for link in links.report(live_session)} == {Verdict.UNSURE}
    live_session.commit()
    assert work.check_links(app, nothing, pause=0) == 0
    clock.move_to(clock.now() + timedelta(hours=7))
    assert work.check_links(app, ANSWERS.__getitem__, pause=0) == 5
    assert links.report(live_session)[0].verdict is Verdict.BROKEN


def test_the_demo_speaks_to_nobody_by_itself(
    app: Flask, live_session: Session, papers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.extensions, "matsapply.settings", replace(work.settings_of(app), demo=True))
    assert work.check_links(app, ANSWERS.__getitem__, pause=0) == 0
    links.ask_again(live_session, ANONYMOUS, work.clock.now())
    live_session.commit()
    assert work.check_links(app, ANSWERS.__getitem__, pause=0) == 5
