"""Check and submit: everything as it is read, what is missing in its place, and the same on paper."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from pypdf import PdfReader

from matsapply.cohorts.models import FormVersion
from matsapply.files import paper
from matsapply.files.pdf_gate import page_as_pdf
from tests.applicant_site import COMPLETE, Applicant, Site, open_site

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask
    from sqlalchemy.orm import Session

HOSTILE = '<img src="file:///etc/passwd"><script>alert(1)</script> & more'


@pytest.fixture
def site(app: Flask, live_session: Session) -> Site:
    return open_site(app, live_session)


def test_the_check_page_and_its_paper(site: Site) -> None:
    site.session.execute(sa.update(FormVersion).values(ai_policy="forbidden_for_answers"))
    site.session.commit()
    ada: Applicant = site.applicant()
    assert ada.post("/apply").status_code == 303
    assert ada.write("you", **COMPLETE["you"]).status_code == 303
    page = ada.get("/application/check").text
    assert page.count("hidden from readers") == 2, "name and address"
    assert "This answer is required." in page
    assert 'href="/application/sections/research"' in page
    # The declaration stands by a rule, which stands above it.
    consent = ada.get("/application/sections/consent").text
    assert consent.index("Use of AI") < consent.index("Question truth")
    assert "Use of AI" not in ada.get("/application/sections/you").text
    ada.complete()
    assert ada.write("research", evidence=HOSTILE).status_code == 303
    assert "This answer is required." not in ada.get("/application/check").text
    answer = ada.get("/application/application.pdf")
    if not paper.available():
        assert answer.status_code == 404
        assert "/application/application.pdf" not in ada.get("/application/check").text
        return
    assert (answer.status_code, answer.content_type) == (200, "application/pdf")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    text = " ".join(" ".join(sheet.extract_text() for sheet in PdfReader(BytesIO(answer.data)).pages).split())
    for words in (
        "Ada Example",
        "not submitted",
        "hidden from readers",
        "1. Empirical",
        "<script>alert(1)</script> & more",
    ):
        assert words in text, text


@pytest.mark.skipif(not paper.available(), reason="needs the extra pdf and Pango")
def test_paper_fetches_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("body::before { content: 'the secret'; }", encoding="utf-8")
    (sheet := tmp_path / "sheet.css").write_text("p { color: black; }", encoding="utf-8")
    page = f"<link rel='stylesheet' href='{secret.as_uri()}'><p>Words</p><img src='{secret.as_uri()}' alt=''>"
    made = page_as_pdf(page, sheet)
    assert made is not None
    assert "secret" not in PdfReader(BytesIO(made)).pages[0].extract_text()
