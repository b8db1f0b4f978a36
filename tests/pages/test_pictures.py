"""The pictures of the documentation can be taken: each address that scripts/pictures.py names answers in the demo."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from matsapply.demo.load import load_demo
from matsapply.demo.staff import PASSWORD
from matsapply.pages.account.passwords import hash_password
from scripts.pictures import FOLDER, PICTURES, ROOT, followed
from tests.visitor import Visitor

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.settings import Settings

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, demo=True)


def test_each_address_of_a_picture_answers(app: Flask, live_session: Session) -> None:
    with app.app_context():
        secret = hash_password(PASSWORD)
    load_demo(live_session, applications=160, seed=1, password_hash=secret, reviewers=6)
    live_session.commit()
    for picture in PICTURES:
        visitor = Visitor(app.test_client())
        if picture.who:
            assert visitor.sign_in(f"{picture.who}@demo.example", PASSWORD).status_code in {302, 303}, picture.who
        page = visitor.get(picture.path, follow_redirects=True)
        assert page.status_code == 200, picture.name
        if picture.follow:
            page = visitor.get(followed(page.text, picture.follow))
            assert page.status_code == 200, picture.name


def test_each_picture_that_is_shown_is_one_that_is_made() -> None:
    made = {f"{picture.name}.png" for picture in PICTURES}
    assert {path.name for path in FOLDER.iterdir()} == made
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        shown = set(re.findall(r"pictures/([\w-]+\.png)", page.read_text("utf-8")))
        assert shown <= made, page.name
