"""Curating the showcase: what the team changes is what the public sees."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.people.models import Account
from matsapply.rules.showcase import LinkConfidence, PaperRole
from matsapply.rules.stages import Role, Scope
from matsapply.showcase.links import NO_NETWORK
from matsapply.showcase.models import Fellow, LinkCheck, Paper, PaperPerson, PaperStream, SummaryVersion
from tests.pages.team import TYPED, Team, demo_settings, form_fields, problems, team_of

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform import clock as clock_module
    from matsapply.platform.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return demo_settings(settings)


@pytest.fixture
def team(app: Flask, live_session: Session, clock: clock_module.FixedClock) -> Team:
    team = team_of(app, live_session)
    for number in (1, 2):
        live_session.add(
            Paper(
                slug=f"paper-{number}",
                title=f"Paper {number}",
                summary="Old words.",
                published=date(2025, 1, number),
                topic="security",
                track_key="empirical",
                position=number,
            )
        )
    live_session.commit()
    return team


def paper(team: Team, number: int = 1) -> Paper:
    return team.fresh().scalars(sa.select(Paper).where(Paper.slug == f"paper-{number}")).one()


PAGE = "/admin/showcase/paper-1"


def test_words_links_and_place(team: Team) -> None:
    admin = team["admin"]
    fields = form_fields(admin.get(PAGE).text)
    wanted = fields | {"summary": TYPED, "streams": "red\nblue", "track_key": "theory", "position": "7"}
    assert admin.post(PAGE, wanted).status_code == 303
    found = paper(team)
    assert (found.summary, found.track_key, found.position) == (TYPED, "theory", 7)
    keys = team.session.scalars(sa.select(PaperStream.stream_key).order_by(PaperStream.position)).all()
    assert keys == ["red", "blue"]
    assert team.session.scalars(sa.select(SummaryVersion.text)).all() == ["Old words."]
    assert admin.post(PAGE, form_fields(admin.get(PAGE).text)).status_code == 303
    assert "Nothing was changed" in admin.get(PAGE).text


def test_hidden_is_hidden_and_comes_back(team: Team) -> None:
    admin = team["coordinator"]
    for step, status in (("hide", 404), ("hide", 404), ("show", 200)):
        assert admin.post(f"{PAGE}/{step}", form="/admin/showcase").status_code == 303
        team.fresh()
        assert team.app.test_client().get("/showcase/paper-1").status_code == status, step
        assert "Paper 1" in admin.get("/admin/showcase").text
    assert admin.post(f"{PAGE}/feature", form="/admin/showcase").status_code == 303
    assert paper(team).featured
    assert admin.post(f"{PAGE}/burn", form="/admin/showcase").status_code == 404
    assert admin.post("/admin/showcase/none/hide", form="/admin/showcase").status_code == 404


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"summary": "x" * 601}, "601 characters"),
        ({"position": "first"}, "whole number"),
        ({"position": ""}, "whole number"),
        ({"track_key": "nowhere"}, "no track"),
        ({"streams": "nowhere"}, "no stream nowhere"),
        ({"summary": "a\x00b"}, "cannot be stored"),
    ],
)
def test_bad_input_keeps_the_text(team: Team, typed: dict[str, str], said: str) -> None:
    admin = team["admin"]
    answer = admin.post(PAGE, form_fields(admin.get(PAGE).text) | {"streams": "red\nblue"} | typed)
    assert answer.status_code == 422
    assert said in problems(answer)
    assert next(iter(typed.values())).replace("\x00", "")[:20] in answer.text.replace("\x00", "").replace("\ufffd", "")
    assert paper(team).summary == "Old words."


def test_two_curators(team: Team) -> None:
    mine = form_fields(team["admin"].get(PAGE).text)
    theirs = form_fields(team["admin2"].get(PAGE).text)
    assert team["admin2"].post(PAGE, theirs | {"summary": "Theirs."}).status_code == 303
    answer = team["admin"].post(PAGE, mine | {"summary": "Mine."})
    assert answer.status_code == 409
    assert "Theirs." in answer.text
    assert "Mine." in answer.text


@pytest.mark.parametrize("by", ["form", "list"])
def test_a_hidden_paper_is_gone_for_visitors_at_once(app: Flask, team: Team, by: str) -> None:
    """Pages for visitors are kept for a few seconds, and numbers for longer: what is hidden is not."""
    address = PAGE.removeprefix("/admin")
    team.let_go()

    def seen() -> tuple[int, bool]:
        visitor = app.test_client()
        return visitor.get(address).status_code, f'href="{address}"' in visitor.get("/showcase").text

    assert seen() == (200, True)
    if by == "form":
        done = team["admin"].post(PAGE, form_fields(team["admin"].get(PAGE).text) | {"hidden": "y"})
    else:
        done = team["admin"].post(f"{PAGE}/hide", form="/account")
    assert done.status_code == 303
    assert seen() == (404, False)


def test_only_the_whole_programmes_team_curates(team: Team) -> None:
    team.hire("scoped", Role.COORDINATOR, Scope.COHORT, team.world.cohort.id)
    for who in ("auditor", "reviewer", "track-lead", "scoped"):
        assert team[who].get("/admin/showcase").status_code == 403, who
        assert team[who].post(f"{PAGE}/hide", form="/account").status_code == 403, who
    assert not paper(team).hidden


def test_the_list_searches_and_bears_odd_words(team: Team) -> None:
    admin = team["admin"]
    assert "Paper 2" not in admin.get("/admin/showcase?q=zebra").text
    for words in ("\x00", "%25", "x" * 5000):
        assert admin.get("/admin/showcase", query_string={"q": words}).status_code == 200


def test_where_a_paper_belongs_and_can_be_read(team: Team) -> None:
    admin = team["admin"]
    wanted = {"topic": "control", "cohort_key": "2024-06", "url": "https://papers.example/1", "project_url": ""}
    assert admin.post(PAGE, form_fields(admin.get(PAGE).text) | wanted).status_code == 303
    found = paper(team)
    assert (found.topic, found.cohort_key, found.url) == ("control", "2024-06", "https://papers.example/1")
    for name, wrong in (
        ("url", "javascript:alert(1)"),
        ("project_url", "papers.example"),
        ("topic", "Two Words"),
        ("cohort_key", "../x"),
    ):
        answer = admin.post(PAGE, form_fields(admin.get(PAGE).text) | {name: wrong})
        assert answer.status_code == 422, name
        assert paper(team).url == "https://papers.example/1"


def test_an_earlier_summary_comes_back_and_nobody_elses(team: Team) -> None:
    admin = team["admin"]
    for words in ("New words.", "Newer words."):
        admin.post(PAGE, form_fields(admin.get(PAGE).text) | {"summary": words})
    page = admin.get(PAGE).text
    assert page.index("New words.", page.index("Earlier summaries")) < page.index("Old words.")
    first = team.session.scalars(sa.select(SummaryVersion.id).order_by(SummaryVersion.id)).first()
    assert admin.post(f"{PAGE}/restore", {"version": str(first)}, form=PAGE).status_code == 303
    assert paper(team).summary == "Old words."
    assert len(team.session.scalars(sa.select(SummaryVersion)).all()) == 3
    for address, version in ((PAGE, "x"), (PAGE, "99999"), ("/admin/showcase/paper-2", str(first))):
        assert admin.post(f"{address}/restore", {"version": version}, form=PAGE).status_code == 404


def test_namesakes_are_separated(team: Team) -> None:
    ids = [paper(team, number).id for number in (1, 2)]
    fellow = Fellow(slug="michael-chen", name="Michael Chen")
    team.session.add(fellow)
    team.session.flush()
    for key in ids:
        team.session.add(
            PaperPerson(
                paper_id=key,
                role=PaperRole.FELLOW,
                position=1,
                name="Michael Chen",
                folded_name="michael chen",
                fellow_id=fellow.id,
                link_confidence=LinkConfidence.CERTAIN,
            )
        )
    team.session.commit()
    admin = team["admin"]
    for _ in range(2):  # the second time there is nothing to separate
        assert admin.post(f"{PAGE}/separate", {"name": "Michael Chen"}, form=PAGE).status_code == 303
    team.fresh()
    visitor = team.app.test_client()
    assert "Paper 1" in visitor.get("/showcase/fellows/michael-chen-2").text
    assert "Paper 1" not in visitor.get("/showcase/fellows/michael-chen").text
    assert admin.post(f"{PAGE}/separate", {"name": "Nobody"}, form=PAGE).status_code == 404
    # Which of them is who on this site: one person is one fellow, and nobody outside the team sees it.
    person = team.people["reviewer"]
    email = team.session.scalars(sa.select(Account.email).where(Account.person_id == person.id)).one()
    team.session.commit()

    def linked(address: str, fellow: str, paper_page: str = PAGE) -> int:
        sent = {"fellow": fellow, "email": address}
        return admin.post(f"{paper_page}/person", sent, form=PAGE).status_code

    def who() -> list[int | None]:
        return list(team.fresh().scalars(sa.select(Fellow.person_id).order_by(Fellow.id)))

    assert linked(email.upper(), "michael-chen-2") == 303
    assert who() == [None, person.id]
    assert person.display_name in admin.get(PAGE).text
    assert person.display_name not in visitor.get("/showcase/fellows/michael-chen-2").text
    assert linked(email, "michael-chen", "/admin/showcase/paper-2") == 303
    assert who() == [None, person.id]
    assert linked("nobody@nowhere.example", "michael-chen-2") == 422
    assert linked(email, "michael-chen") == 404  # not of this paper
    assert linked("", "michael-chen-2") == 303
    assert who() == [None, None]


def test_the_list_turns_pages(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matsapply.pages.admin.showcase.SHOWN", 1)
    first = team["admin"].get("/admin/showcase").text
    assert "Paper 2" in first
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    second = team["admin"].get(following[1].replace("&amp;", "&")).text
    assert "Paper 1" in second
    assert "Paper 2" not in second
    assert 'rel="next"' not in second
    assert team["admin"].get("/admin/showcase?after=x").status_code == 400


def test_the_links_of_papers_and_a_machine_without_a_network(team: Team) -> None:
    admin, address = team["admin"], "/admin/showcase/links"
    assert "No address yet" in admin.get(address).text
    paper(team).url = "https://papers.example/1"
    team.session.commit()
    assert admin.post(address, form=address).status_code == 303
    assert "0 of 1" in admin.get(address).text
    check = team.fresh().scalars(sa.select(LinkCheck)).one()
    check.checked_at, check.problem = check.paper.created_at, NO_NETWORK
    team.session.commit()
    assert "No network" in admin.get(address).text
    check.status, check.problem = 404, ""
    team.session.commit()
    page = admin.get(address).text
    assert "Broken" in page
    assert "No network" not in page
    for who in ("auditor", "reviewer"):
        assert team[who].get(address).status_code == 403
        assert team[who].post(address, form="/account").status_code == 403
