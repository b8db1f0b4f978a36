"""``matsapply showcase import``: a report first, nothing written unasked, and a status that says what is left to do."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from matsapply.commands.showcase import showcase
from matsapply.platform.outside import Answer
from matsapply.showcase.models import Paper
from tests.showcase.sample_page import INVENTED, page, record


@pytest.fixture
def page_file(tmp_path: Path, live_database: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MATSAPPLY_DATA", str(tmp_path))
    monkeypatch.setenv("MATSAPPLY_DATABASE_URL", live_database)
    monkeypatch.setenv("MATSAPPLY_SECRET_KEY", "a secret for tests only")
    monkeypatch.setenv("MATSAPPLY_PASSWORD_SALT", "a salt for tests only")
    return tmp_path / "page.txt"


def run(file: Path, *options: str) -> Result:
    return CliRunner().invoke(showcase, ["import", str(file), *options], catch_exceptions=False)


def stored(session: Session) -> int:
    with session.begin():
        return session.scalar(sa.select(sa.func.count()).select_from(Paper)) or 0


def test_report_then_writing_then_nothing(page_file: Path, live_session: Session) -> None:
    page_file.write_text(INVENTED, encoding="utf-8")
    told = run(page_file, "--dry-run")
    assert told.exit_code == 1  # a person has to say who Poppy Adeyemi is
    assert "11 records read · 11 importable" in told.stdout
    assert "16:25  W missing-comma  no. 2" in told.stdout
    assert "nothing was written" in told.stdout
    assert stored(live_session) == 0
    unasked = run(page_file)  # nobody is there to confirm
    assert "--yes" in unasked.stderr
    assert stored(live_session) == 0
    assert "written: 11 new, 0 changed, 5 questions" in run(page_file, "--yes").stdout
    assert stored(live_session) == 11
    again = run(page_file, "--yes")
    assert "0 created · 0 changed · 11 unchanged" in again.stdout
    assert "written:" not in again.stdout


def test_a_page_without_oddities_ends_with_status_0(page_file: Path, live_session: Session) -> None:
    page_file.write_text(page(record()), encoding="utf-8")
    assert run(page_file, "--yes").exit_code == 0
    assert stored(live_session) == 1


@pytest.mark.parametrize("content", [INVENTED[:-2000].encode(), INVENTED.encode("utf-16"), b"", b"\x00"])
def test_a_file_that_cannot_be_read_ends_with_status_2(page_file: Path, live_session: Session, content: bytes) -> None:
    page_file.write_bytes(content)
    done = run(page_file, "--yes")
    assert done.exit_code == 2
    assert "nothing was changed" in done.stderr
    assert stored(live_session) == 0


def test_links_are_looked_at_and_told(
    page_file: Path, live_session: Session, monkeypatch: pytest.MonkeyPatch, app: object
) -> None:
    answers = {"https://a.example/1": Answer(200), "https://b.example/2": Answer(404, "gone")}
    for number, url in enumerate(answers, 1):
        live_session.add(Paper(slug=f"p{number}", title="P", published=date(2025, 1, number), topic="x", url=url))
    live_session.commit()
    monkeypatch.setattr("matsapply.jobs.work.outside.look", answers.__getitem__)
    told = CliRunner().invoke(showcase, ["links"], catch_exceptions=False)
    assert told.exit_code == 1
    assert told.stdout.splitlines() == ["1 broken, 1 fine", "broken  https://b.example/2  404 gone"]
    answers["https://b.example/2"] = Answer(301, "", "https://b.example/3")
    again = CliRunner().invoke(showcase, ["links", "--again"], catch_exceptions=False)
    assert again.exit_code == 0
    assert "moved  https://b.example/2  301  to https://b.example/3" in again.stdout.replace("301 to", "301  to")
