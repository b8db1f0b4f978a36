"""Receipts: numbered, readable as they were, and checkable by anybody with a program for SHA-256."""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import Snapshot
from matsapply.mail.kinds import Mail
from tests.applicant_site import Applicant, Site, open_site, pdf
from tests.factories import at
from tests.visitor import mails

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock

NONE = "None of your submissions has this fingerprint."


@pytest.fixture
def site(app: Flask, live_session: Session) -> Site:
    return open_site(app, live_session)


@pytest.fixture
def ada(site: Site) -> Applicant:
    """Ada, who has submitted twice; the second time with a file."""
    visitor = site.applicant()
    visitor.complete()
    visitor.write("research", evidence="The first text.")
    assert visitor.submit().status_code == 303
    visitor.write("research", evidence="The <b>second</b> text. ☃")
    page = visitor.section("background").filled()
    upload = {**page, "cv": (BytesIO(pdf(2)), "cv.pdf")}
    assert visitor.client.post("/application/sections/background", data=upload).status_code == 303
    assert visitor.submit().status_code == 303
    return visitor


def digests(site: Site) -> list[str]:
    return [row.digest for row in site.all(sa.select(Snapshot).order_by(Snapshot.number))]


def test_every_submission_is_listed_and_readable_as_it_was(site: Site, ada: Applicant) -> None:
    listed = ada.get("/application/receipt").text
    assert listed.index("Number 2") < listed.index("Number 1")
    first, second = (ada.get(f"/application/receipt/{number}").text for number in (1, 2))
    assert "The first text." in first
    assert "Number 2 has taken its place." in first
    assert "The &lt;b&gt;second&lt;/b&gt; text." in second
    assert hashlib.sha256(pdf(2)).hexdigest() in second
    assert "Ada Example" in second
    ada.write("research", evidence="A third text, not submitted.")
    assert "A third text" not in ada.get("/application/receipt/2").text
    assert [digest in page for digest, page in zip(digests(site), (first, second), strict=True)] == [True, True]


def test_a_receipt_promises_no_change_after_the_close(site: Site, ada: Applicant, clock: FixedClock) -> None:
    assert "You can change it until" in ada.get("/application/receipt/2").text
    assert "You can change it until" not in ada.get("/application/receipt/1").text
    clock.move_to(at("2027-01-18 13:00"))
    assert "You can change it until" not in ada.get("/application/receipt/2").text


def test_the_download_has_the_fingerprint_of_the_mail(site: Site, ada: Applicant) -> None:
    letters = [mail for mail in mails(site.session, "ada@example.org") if mail.kind == Mail.RECEIPT]
    for number in (1, 2):
        answer = ada.get(f"/application/receipt/{number}/content.json")
        assert answer.headers["Content-Disposition"].startswith("attachment")
        digest = hashlib.sha256(answer.data).hexdigest()
        assert digest == digests(site)[number - 1]
        assert any(digest in letter.body_text and digest in letter.body_html for letter in letters)


def test_a_fingerprint_is_checked(site: Site, ada: Applicant) -> None:
    for number, digest in enumerate(digests(site), 1):
        spaced = " ".join(digest.upper()[at : at + 8] for at in range(0, 64, 8))
        for typed in (digest, spaced):
            page = ada.get("/application/receipt", query_string={"fingerprint": typed}).text
            assert f"It belongs to number {number}" in page
    for typed in ("0" * 64, "\x00", "☃", "x" * 5000, "'\"<script>"):
        assert NONE in ada.get("/application/receipt", query_string={"fingerprint": typed}).text


def test_nobody_reads_anothers(site: Site, ada: Applicant) -> None:
    bo = site.applicant("Bo Example", "bo@example.org")
    assert bo.post("/apply").status_code == 303
    assert "Nothing submitted yet" in bo.get("/application/receipt").text
    for path in ("/application/receipt/1", "/application/receipt/1/content.json", "/application/receipt/99999999999"):
        assert bo.get(path).status_code == 404
    page = bo.get("/application/receipt", query_string={"fingerprint": digests(site)[0]}).text
    assert "It belongs to number" not in page
