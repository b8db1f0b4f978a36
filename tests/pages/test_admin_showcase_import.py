"""Papers brought in through the browser: the report first, then the writing, then the questions."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from matsapply.rules.showcase import QuestionAnswer
from matsapply.showcase import sources
from matsapply.showcase.models import ImportRun, Paper, PaperPerson, ShowcaseQuestion
from tests.pages.team import Team, demo_settings, team_of
from tests.showcase.sample_page import INVENTED
from tests.showcase.test_formats import nothing_there

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

    from matsapply.platform import clock as clock_module
    from matsapply.platform.settings import Settings

FORM = "/admin/showcase/import"
CONFIRM = re.compile(r'action="(/admin/showcase/import/[^"]+)"')
QUESTIONS = "/admin/showcase/questions"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return demo_settings(settings)


@pytest.fixture
def team(app: Flask, live_session: Session, clock: clock_module.FixedClock) -> Team:
    return team_of(app, live_session)


def upload(team: Team, content: bytes, name: str = "page.txt", who: str = "admin", **more: Any) -> TestResponse:
    return team[who].post(FORM, {"file": (io.BytesIO(content), name), **more}, form="/account")


def papers(team: Team) -> int:
    return team.fresh().scalar(sa.select(sa.func.count()).select_from(Paper)) or 0


def test_report_confirm_questions(team: Team) -> None:
    report = upload(team, INVENTED.encode())
    assert report.status_code == 200
    assert "11 records read · 11 importable" in report.text
    assert "Rosa Lindgren Pavel Dvorak: a name with 4 words" in report.text
    assert papers(team) == 0
    [address] = CONFIRM.findall(report.text)
    done = team["admin"].post(address, {"name": "page.txt"}, form=FORM)
    assert (done.status_code, done.location) == (303, QUESTIONS)
    assert papers(team) == 11
    run = team.fresh().scalars(sa.select(ImportRun)).one()
    assert (run.source, run.actor_id) == ("page.txt", team.people["admin"].id)
    assert "There is nothing to write" in upload(team, INVENTED.encode()).text
    assert CONFIRM.findall(upload(team, INVENTED.encode()).text) == []
    changed = upload(team, INVENTED.replace("May 27, 2025", "May 28, 2025").encode()).text
    assert "<del>2025-05-27</del> → <ins>2025-05-28</ins>" in changed


def test_questions_are_answered_once(team: Team) -> None:
    [address] = CONFIRM.findall(upload(team, INVENTED.encode()).text)
    team["admin"].post(address, {}, form=FORM)
    page = team["coordinator"].get(QUESTIONS).text
    assert "Is “Rosa Lindgren Pavel Dvorak” several people: Rosa Lindgren and Pavel Dvorak?" in page
    assert "Are Tim Aldous and Timothy Aldous one person?" in page
    split = re.findall(rf'action="({QUESTIONS}/[^"]+/yes)"', page)[0]
    assert team["coordinator"].post(split, {}, form=QUESTIONS).status_code == 303
    names = team.fresh().scalars(sa.select(PaperPerson.name)).all()
    assert "Pavel Dvorak" in names
    again = team["admin"].post(split.replace("/yes", "/no"), {}, form=QUESTIONS)
    assert again.status_code == 409
    answers = team.fresh().scalars(sa.select(ShowcaseQuestion.answer)).all()
    assert sorted(answers) == [QuestionAnswer.OPEN] * 4 + [QuestionAnswer.YES]
    for address in (f"{QUESTIONS}/0000000000000/yes", split.replace("/yes", "/perhaps")):
        assert team["admin"].post(address, {}, form=QUESTIONS).status_code == 404


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 422, "Choose a file"),
        (INVENTED[: INVENTED.index("Jun 11, 2024")].encode(), 422, "Nothing of this file can be stored"),
        (INVENTED.encode("utf-16"), 422, "save the file as UTF-8"),
        (b"\x00\xff\xfe", 422, "Nothing of this file can be stored"),
        (b'{"papers": [{"title": "<script>alert(1)</script>"}]}', 422, "mend the file"),
        (b"A,B\n1,2", 422, "is this the page as plain text?"),
    ],
)
def test_a_bad_file_is_told_and_nothing_is_written(team: Team, content: bytes, status: int, words: str) -> None:
    answer = upload(team, content)
    assert answer.status_code == status
    assert words in answer.text
    assert "<script>alert" not in answer.text
    assert CONFIRM.findall(answer.text) == []
    assert papers(team) == 0


def test_arxiv_ids_without_a_network(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(content: bytes, known: Any, *, cache: Any) -> Any:
        return reading(content, known, cache=cache, ask=nothing_there)

    reading = sources.read
    monkeypatch.setattr(sources, "read", read)
    answer = team["admin"].post(FORM, {"ids": "2405.00001\n2405.00002"}, form="/account")
    assert answer.status_code == 200
    assert "arXiv cannot be reached" in answer.text
    assert "2 rejected" in answer.text


def test_only_the_whole_programmes_team_imports(team: Team) -> None:
    [address] = CONFIRM.findall(upload(team, INVENTED.encode()).text)
    for who in ("auditor", "reviewer", "track-lead"):
        assert team[who].get(FORM).status_code == 403
        assert team[who].get(QUESTIONS).status_code == 403
        assert upload(team, INVENTED.encode(), who=who).status_code == 403
        assert team[who].post(address, {}, form="/account").status_code == 403
    assert papers(team) == 0


@pytest.mark.parametrize("token", ["x", "..%2f..%2fetc", "a" * 24, "a" * 4000])
def test_a_token_that_is_none(team: Team, token: str) -> None:
    assert team["admin"].post(f"{FORM}/{token}", {}, form="/account").status_code == 404
