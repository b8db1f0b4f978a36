"""One application as the team reads it: what was submitted, in words, and its files."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import Application
from matsapply.files.models import StoredFile
from matsapply.people.models import RoleGrant
from matsapply.rules.stages import Role, Scope
from tests.applicant_site import open_site, pdf
from tests.factories import at
from tests.pages.team import ELSEWHERE, demo_settings

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return demo_settings(settings)


def test_answers_stand_in_words_and_files_can_be_had(app: Flask, live_session: Session) -> None:
    site = open_site(app, live_session)
    ada = site.applicant()
    ada.complete()
    page = ada.section("background").filled()
    ada.client.post("/application/sections/background", data={**page, "cv": (BytesIO(pdf(2)), "my cv.pdf")})
    assert ada.submit().status_code == 303
    # Changed after the submission: the team reads what was submitted.
    ada.write("research", evidence="Not submitted yet.")
    team = site.applicant("Cora Coordinator", "cora@example.org")
    person = site.person("cora@example.org")
    grant = RoleGrant(person_id=person.id, role=Role.COORDINATOR, scope=Scope.PROGRAM, starts_at=at("2026-12-01 12:00"))
    site.session.add(grant)
    site.session.commit()
    [application] = site.all(sa.select(Application))
    [file] = site.all(sa.select(StoredFile))
    base = f"/admin/{site.world.cohort.key}/applications/{application.public_id}"

    shown = team.get(base).text
    assert "I asked one question and answered half of it." in shown
    assert "Not submitted yet." not in shown
    assert "1. Empirical" in shown
    assert "About you" in shown
    assert "hidden from readers" in shown
    assert f'<a href="{base}/files/{file.public_id}">my cv.pdf</a>' in shown
    assert "2 pages" in shown

    answer = team.get(f"{base}/files/{file.public_id}")
    assert answer.data == pdf(2)
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="my cv.pdf"')
    assert team.get(f"{base}/files/{ELSEWHERE}").status_code == 404
    assert ada.get(f"{base}/files/{file.public_id}").status_code == 403


def test_of_a_draft_the_team_reads_nothing(app: Flask, live_session: Session) -> None:
    site = open_site(app, live_session)
    ada = site.applicant()
    ada.complete()
    team = site.applicant("Cora Coordinator", "cora@example.org")
    person = site.person("cora@example.org")
    grant = RoleGrant(person_id=person.id, role=Role.COORDINATOR, scope=Scope.PROGRAM, starts_at=at("2026-12-01 12:00"))
    site.session.add(grant)
    site.session.commit()
    [application] = site.all(sa.select(Application))
    shown = team.get(f"/admin/{site.world.cohort.key}/applications/{application.public_id}").text
    assert "Nothing submitted yet" in shown
    assert "I asked one question" not in shown
