"""Invariant 29 and case 8 over every route of a blind reader: canaries are planted in all that could tell who applied,
and no byte of any answer, of its headers, of a file or of a message holds one."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import Reference
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.reviews.models import ReviewComment
from tests.review_desk import WHOLE, open_desk

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

    from matsapply.platform.clock import FixedClock
    from matsapply.platform.settings import Settings

CANARIES = (
    "Wanda Foxglove", "wanda foxglove", "Foxglove", "Quux Nettlecombe", "wanda.f@site.example", "second@site.example",
    "foxcode", "zephyrine-quux", "Vera Elmscott", "vera@elm.example", "Referee Reffington",
    "referee@reffington.example", "Zephyrine",
)  # fmt: skip
PLANTED = " · ".join(CANARIES) + " · Foxglove, Wanda · wanda_foxglove · FOXGLOVE WANDA"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The demo asks a reviewer for no second factor."""
    return replace(settings, demo=True)


def test_invariant_29_no_answer_to_a_blind_reader_names_anybody(
    app: Flask, live_session: Session, clock: FixedClock
) -> None:
    desk = open_desk(app, live_session, clock, number=1)
    author = desk.world.person("Wanda Foxglove", "wanda.f@site.example")
    author.aliases = ["Quux Nettlecombe", "second@site.example"]
    planted = desk.world.application(
        ("empirical", "theory"),
        person=author,
        name="Zephyrine Foxglove",
        links=["https://github.com/foxcode", "https://www.linkedin.com/in/zephyrine-quux/?x=1"],
        evidence=PLANTED,
        q_empirical=PLANTED,
        q_theory=PLANTED,
        timezone=PLANTED,
    )
    live_session.add(
        Reference(application_id=planted.id, position=1, name="Vera Elmscott", email="vera@elm.example", consent=True)
    )
    ref = desk.give(planted)
    desk.refs.insert(0, ref)
    page = desk.first
    seen: list[tuple[str, TestResponse]] = []

    def visit(path: str) -> TestResponse:
        seen.append((f"GET {path}", desk.reader.get(path)))
        return seen[-1][1]

    def send(path: str, fields: dict[str, object]) -> None:
        data = {"csrf_token": desk.reader.token("/review/done"), **fields}
        seen.append((f"POST {path}", desk.reader.client.post(path, data=data)))

    def all_pages() -> None:
        rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("reviewer.")]
        for rule in rules:
            path = rule.rule.replace("<ref>", ref)
            if "GET" in (rule.methods or ()):
                visit(path)
        assert len(seen) > 5
        for query in ("question=evidence", "question=q_theory&track=theory", "question=name", "question=links"):
            visit(f"{page}?{query}")
        for query in ("q=Foxglove", "q=wanda.f@site.example", "sort=name", "track=Empirical"):
            # Case 7: what a reader asks for stands in the field that asked for it, and finds nothing.
            answer = desk.reader.get(f"/review?{query}")
            assert ("No open application matches" in answer.text) is query.startswith("q="), query
        for path in ("/inbox", "/account", f"{page}/cv.pdf", f"{page}.json", f"/review/{planted.public_id}"):
            visit(path)

    all_pages()
    for path in (page, f"{page}/draft", f"{page}/skip", f"{page}/return", f"{page}/recuse", f"{page}/discussion"):
        send(path, {"note": "x" * 8001, "reason": "x" * 501, "version": "0", "comment": "x" * 4001})
    send("/review/offline", {"file": (io.BytesIO(visit("/review/offline.txt").get_data()), "reviews.txt")})
    another, _ = desk.another({"research": 1, "execution": 1, "motive": 1}, PLANTED)
    send(page, {**WHOLE, "version": desk.version()})
    send(f"{page}/discussion", {"comment": PLANTED + " @1", "post_key": "k"})
    assert live_session.scalar(sa.select(sa.func.count()).select_from(ReviewComment)) == 1
    all_pages()
    live_session.commit()
    shown = desk.reader.get(page).text
    assert shown.count("[hidden]") > 20
    assert "Discussion" in shown

    found = [
        (path, canary)
        for path, answer in seen
        for canary in CANARIES
        if canary.lower().encode() in (answer.get_data() + repr(list(answer.headers)).encode()).lower()
    ]
    assert found == [], {canary for _, canary in found}
    letters = live_session.scalars(sa.select(Notification).where(Notification.kind == Mail.MENTIONED)).all()
    assert [letter.person_id for letter in letters] == [another]
    told = "".join(letter.subject + letter.body_text + letter.body_html for letter in letters)
    assert [canary for canary in CANARIES if canary.lower() in told.lower()] == []
