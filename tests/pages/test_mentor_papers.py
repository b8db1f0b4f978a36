"""A stream's people arrange the papers beside it; visitors and applicants see what they made of it at once."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.audit.models import AuditEvent
from matsapply.pages.public import caching
from matsapply.rules.stages import Role
from matsapply.showcase.models import Paper, PaperStream, SummaryVersion
from matsapply.showcase.searching import refresh
from matsapply.showcase.stream_papers import papers_of_stream, papers_of_streams
from tests.pages.team import demo_settings, form_fields
from tests.stream_desk import StreamDesk

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock
    from matsapply.platform.settings import Settings

PAPERS = "/stream/red/papers"
STREAMS = {"one": ("red", "blue"), "two": ("red",), "three": ("blue", "red"), "four": ("blue",), "gone": ("red",)}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return demo_settings(settings)


@pytest.fixture
def desk(app: Flask, live_session: Session, clock: FixedClock) -> StreamDesk:
    found = StreamDesk.open(app, live_session, clock)
    papers = {
        name: Paper(
            slug=name,
            title=f"Paper {name}",
            summary=f"Words of {name}.",
            published=date(2025, 1, number),
            topic="security",
            hidden=name == "gone",
        )
        for number, name in enumerate(STREAMS, 1)
    }
    live_session.add_all(papers.values())
    live_session.flush()
    for name, keys in STREAMS.items():
        for position, key in enumerate(keys, 1):
            live_session.add(PaperStream(paper_id=papers[name].id, stream_key=key, position=position))
    live_session.flush()
    refresh(live_session, [paper.id for paper in papers.values()])
    live_session.commit()
    caching.forget()
    return found


def order(desk: StreamDesk, key: str = "red") -> list[str]:
    """What everybody sees beside the stream; both reads agree."""
    desk.session.commit()
    found = [one.slug for one in papers_of_stream(desk.session, key)]
    assert [one.slug for one in papers_of_streams(desk.session, [key], each=99)[key]] == found
    return found


def test_order_feature_leave_out_link_and_unlink(desk: StreamDesk) -> None:
    assert order(desk) == ["two", "one", "three"]
    mentor = desk.mentor
    page = mentor.get(PAPERS).text
    assert "Paper two" in page
    assert "Paper gone" not in page
    # The order, whole and by one press without scripts.
    assert mentor.post(PAPERS, {"order": ["three", "one", "two"]}).status_code == 303
    assert order(desk) == ["three", "one", "two"]
    mentor.post(PAPERS, {"order": ["three", "one", "two"], "move": "up:two"})
    assert order(desk) == ["three", "two", "one"]
    mentor.post(PAPERS, {"order": ["three", "two", "one"]})
    assert "Nothing was changed" in mentor.get(PAPERS).text
    # What comes first, and what is left out, here alone.
    mentor.post(f"{PAPERS}/one/feature", form=PAPERS)
    assert order(desk) == ["one", "three", "two"]
    visitor = desk.app.test_client()
    assert "Paper one" in visitor.get("/showcase?stream=red").text
    mentor.post(f"{PAPERS}/one/hide", form=PAPERS)
    assert order(desk) == ["three", "two"]
    assert "Paper one" not in visitor.get("/showcase?stream=red").text
    assert "Paper one" not in visitor.get("/streams/red").text
    assert "Paper three" in visitor.get("/streams/red").text
    assert "Paper one" in visitor.get("/showcase?stream=blue").text
    assert "Left out here" in mentor.get(PAPERS).text
    mentor.post(f"{PAPERS}/one/show", form=PAPERS)
    mentor.post(f"{PAPERS}/one/unfeature", form=PAPERS)
    assert order(desk) == ["three", "two", "one"]
    # Links.
    found = mentor.get(f"{PAPERS}?q=paper+four").text
    assert "Paper four" in found
    assert mentor.post(f"{PAPERS}/link", {"paper": "four"}, form=PAPERS).status_code == 303
    assert order(desk)[-1] == "four"
    mentor.post(f"{PAPERS}/link", {"paper": "four"}, form=PAPERS)
    assert order(desk).count("four") == 1
    assert mentor.post(f"{PAPERS}/link", {"paper": "gone"}, form=PAPERS).status_code == 422
    mentor.post(f"{PAPERS}/two/unlink", form=PAPERS)
    assert order(desk) == ["three", "one", "four"]
    actions = desk.session.scalars(sa.select(AuditEvent.action).where(AuditEvent.action.startswith("showcase"))).all()
    assert sorted(set(actions)) == [
        "showcase.arranged", "showcase.curated_in_stream", "showcase.linked", "showcase.unlinked",
    ]  # fmt: skip
    assert len(actions) == 2 + 4 + 1 + 1
    # In the side panel of a candidate, in the same order.
    entry = desk.entry()
    titles = re.findall(r'href="/showcase/(\w+)"', mentor.get(desk.page(entry)).text)
    assert titles == ["three", "one", "four"]


def test_the_nearest_stream_writes_the_summary_and_every_version_is_kept(desk: StreamDesk) -> None:
    mentor, address = desk.mentor, f"{PAPERS}/one"
    stale = form_fields(mentor.get(address).text)
    assert mentor.post(address, stale | {"summary": "Second."}).status_code == 303
    answer = mentor.post(address, stale | {"summary": "Third."})
    assert answer.status_code == 409
    assert "Second." in answer.text
    assert "Third." in answer.text
    assert mentor.post(address, form_fields(answer.text) | {"summary": "Third."}).status_code == 303
    page = mentor.get(address).text
    assert page.index("Second.") < page.index("Words of one.")
    first = desk.session.scalars(sa.select(SummaryVersion.id).order_by(SummaryVersion.id)).first()
    assert mentor.post(address, {"version": str(first), "summary": "", "seen": ""}).status_code == 303
    desk.session.commit()
    assert desk.session.scalars(sa.select(Paper.summary).where(Paper.slug == "one")).one() == "Words of one."
    for version in ("x", "999999", "9" * 30):
        assert mentor.post(address, {"version": version, "summary": "", "seen": ""}).status_code == 404
    for wrong, words in (("x" * 601, "601 characters"), ("a\x07b", "cannot be stored")):
        refused = mentor.post(address, form_fields(mentor.get(address).text) | {"summary": wrong})
        assert refused.status_code == 422
        assert words in refused.text
    # Another stream is nearer to this one; a hidden paper and one that is not linked are not there.
    assert "writes its summary" in mentor.get(f"{PAPERS}/three").text
    assert mentor.post(f"{PAPERS}/three", {"summary": "Mine.", "seen": ""}, form=address).status_code == 403
    for nowhere in ("gone", "four", "none"):
        assert mentor.get(f"{PAPERS}/{nowhere}").status_code == 404
        assert mentor.post(f"{PAPERS}/{nowhere}/hide", form=PAPERS).status_code == 404
    assert mentor.post(f"{address}/burn", form=PAPERS).status_code == 404


def test_an_auditor_looks_and_another_streams_people_see_nothing(desk: StreamDesk) -> None:
    auditor = desk.team(Role.AUDITOR)
    page = auditor.get(PAPERS)
    assert page.status_code == 200
    assert "Save order" not in page.text
    for path in (PAPERS, f"{PAPERS}/link", f"{PAPERS}/one", f"{PAPERS}/one/hide"):
        assert auditor.post(path, {"order": ["one"]}, form="/account").status_code == 403, path
    stranger = desk.as_(desk.world.person("Nobody here"))
    assert stranger.get(PAPERS).status_code == 403
    assert order(desk) == ["two", "one", "three"]
