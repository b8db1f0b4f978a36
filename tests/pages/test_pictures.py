"""The pictures of the documentation can be taken: each address that scripts/pictures.py names answers in the demo."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from matsapply.demo.staff import PASSWORD
from scripts.pictures import FOLDER, PICTURES, ROOT, followed
from tests.visitor import Visitor

if TYPE_CHECKING:
    from flask import Flask

pytestmark = [pytest.mark.demo, pytest.mark.databases("sqlite")]


def test_each_address_of_a_picture_answers(app: Flask) -> None:
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
    assert {path.name for path in FOLDER.iterdir()} == made | {"simulated-review.svg"}
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        shown = set(re.findall(r"pictures/([\w-]+\.png)", page.read_text("utf-8")))
        assert shown <= made, page.name
