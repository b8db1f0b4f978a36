"""The frame of a page: it speaks of the cohort that the page is about, and signing in leads to the right place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from matsapply.demo.load import load_demo
from matsapply.demo.staff import PASSWORD
from matsapply.pages.account.passwords import hash_password
from matsapply.platform.settings import Settings
from tests.visitor import Visitor

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session


@pytest.fixture
def settings(tmp_path: Path, live_database: str) -> Settings:
    return Settings(
        data=tmp_path,
        demo=True,
        database_url=live_database,
        secret_key="a secret for tests only",
        password_salt="a salt for tests only",
        base_url="http://localhost",
        jobs="none",
    )


@pytest.fixture
def demo_site(app: Flask, live_session: Session) -> Flask:
    with app.app_context():
        secret = hash_password(PASSWORD)
    load_demo(live_session, applications=60, seed=3, password_hash=secret)
    live_session.commit()
    return app


def test_the_frame_speaks_of_the_cohort_of_the_page_and_signing_in_leads_to_work(demo_site: Flask) -> None:
    expected = {
        "applicant-draft@demo.example": ("/application", "June–August 2027"),
        "applicant-review@demo.example": ("/status", "May–July 2027"),
        "applicant-streams@demo.example": ("/status", "April–June 2027"),
        "applicant-offer@demo.example": ("/status", "March–May 2027"),
        "mentor@demo.example": ("/stream", "April–June 2027"),
        "admin@demo.example": ("/admin", "June–August 2027"),
    }
    seen = {}
    for email in expected:
        visitor = Visitor(demo_site.test_client())
        visitor.sign_in(email, PASSWORD)
        place = visitor.get("/start").location
        page = visitor.client.get(place, follow_redirects=True).text
        bar = page.split('<span class="topbar-cohort">', 1)[1].split("<", 1)[0]
        seen[email] = (place.removesuffix("/2027-06"), bar)
    assert seen == expected
