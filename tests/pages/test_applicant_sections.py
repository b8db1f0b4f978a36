"""A section of the application over HTTP: whatever can be kept is kept, and only the problem is shown."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from PIL import Image

from matsapply.applications.models import AnswerDraft, AnswerFile, DemographicAnswers
from matsapply.files.models import StoredFile
from tests.applicant_site import Applicant, Site, open_site, pdf
from tests.page_forms import form

DAY = timedelta(days=1)

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock


@pytest.fixture
def site(app: Flask, live_session: Session) -> Site:
    return open_site(app, live_session)


@pytest.fixture
def ada(site: Site) -> Applicant:
    visitor = site.applicant()
    assert visitor.post("/apply").status_code == 303
    return visitor


def stored(site: Site) -> dict[str, Any]:
    return {each.question_key: each.value for each in site.all(sa.select(AnswerDraft))}


def test_a_conflict_keeps_everything_else_and_shows_both_texts(site: Site, ada: Applicant) -> None:
    first, second = ada.section("choice"), ada.section("choice")
    ada.send(first, "choice", tracks=["empirical"], q_empirical="From one page", then="stay")
    answer = ada.send(second, "choice", tracks=["theory"], q_empirical="From the other page", q_theory="New here")
    assert answer.status_code == 409
    assert stored(site)["q_empirical"] == "From one page"
    assert stored(site)["tracks"] == ["empirical"]
    assert stored(site)["q_theory"] == "New here", "what is no conflict is kept"
    assert "From one page" in answer.text
    assert "From the other page" in answer.text
    page = form(answer.text, "section-form")
    assert page.fields["conflict"] == ["tracks", "q_empirical"]
    undecided = ada.send(page, "choice", **{"keep-tracks": "stored"})
    assert undecided.status_code == 409
    page = form(undecided.text, "section-form")
    assert page.fields["conflict"] == ["q_empirical"], "one is decided, the other is asked again"
    assert stored(site)["q_empirical"] == "From one page"
    done = ada.send(page, "choice", **{"keep-q_empirical": "typed"})
    assert done.status_code == 303
    assert stored(site)["q_empirical"] == "From the other page"
    assert stored(site)["tracks"] == ["empirical"]


def test_the_stored_text_can_be_chosen_in_a_conflict(site: Site, ada: Applicant) -> None:
    first, second = ada.section("research"), ada.section("research")
    ada.send(first, "research", evidence="Stored")
    page = form(ada.send(second, "research", evidence="Typed").text, "section-form")
    assert ada.send(page, "research", **{"keep-evidence": "stored"}).status_code == 303
    assert stored(site)["evidence"] == "Stored"


def test_a_bad_file_is_told_beside_its_field_and_the_text_is_kept(site: Site, ada: Applicant) -> None:
    page = ada.section("background")
    sent = {**page.filled(links="https://example.org/work"), "cv": (BytesIO(b"<svg/>"), "picture.svg")}
    answer = ada.client.post("/application/sections/background", data=sent)
    assert answer.status_code == 422
    assert 'id="cv-error"' in answer.text
    assert "is not a PDF" in answer.text
    assert stored(site)["links"] == ["https://example.org/work"]
    assert site.all(sa.select(AnswerFile)) == []


def test_a_good_file_is_kept_beside_a_text_that_cannot_be(site: Site, ada: Applicant) -> None:
    page = ada.section("background")
    sent = {**page.filled(links="https://example.org/\x00"), "cv": (BytesIO(pdf()), "cv.pdf")}
    answer = ada.client.post("/application/sections/background", data=sent)
    assert answer.status_code == 422
    assert "a NUL character" in answer.text
    assert [file.name for file in site.all(sa.select(StoredFile))] == ["cv.pdf"]
    assert "cv.pdf" in ada.get("/application/sections/background").text


def test_a_text_that_cannot_be_stored_does_not_take_the_others_along(site: Site, ada: Applicant) -> None:
    answer = ada.write("you", name="Ada\x00", place=["London"])
    assert answer.status_code == 422
    assert stored(site)["place"] == ["London"]
    assert stored(site)["name"] == "Ada Example"
    assert "a NUL character" in answer.text


def test_a_file_is_replaced_removed_and_kept_text_and_all(site: Site, ada: Applicant) -> None:
    page = ada.section("background")
    for name in ("first.pdf", "second.pdf"):
        sent = {**page.fields, "cv": (BytesIO(pdf()), name), "then": "stay"}
        assert ada.client.post("/application/sections/background", data=sent).status_code == 303
    shown = ada.get("/application/sections/background").text
    assert "second.pdf" in shown
    assert "first.pdf" not in shown
    public_id = next(file.public_id for file in site.all(sa.select(StoredFile)) if file.name == "second.pdf")
    assert ada.get(f"/application/files/{public_id}").headers["X-Content-Type-Options"] == "nosniff"
    assert f"/application/files/{public_id}/pages/1" in shown
    assert f"/application/files/{public_id}/pages/1" in ada.get("/application/check").text
    picture = ada.get(f"/application/files/{public_id}/pages/1")
    assert (picture.status_code, picture.content_type) == (200, "image/webp")
    assert (picture.headers["Cache-Control"], picture.headers["X-Content-Type-Options"]) == (
        "private, no-store",
        "nosniff",
    )
    assert Image.open(BytesIO(picture.data)).size == (1000, 1000)
    for number in ("0", "2", "-1", "1000000000000000000"):
        assert ada.get(f"/application/files/{public_id}/pages/{number}").status_code == 404
    assert ada.write("background", links="https://example.org/kept", remove=public_id).status_code == 303
    assert stored(site)["links"] == ["https://example.org/kept"]
    assert "second.pdf" not in ada.get("/application/sections/background").text
    assert ada.get(f"/application/files/{public_id}").status_code == 404
    assert ada.get(f"/application/files/{public_id}/pages/1").status_code == 404


def test_autosave_keeps_what_it_can_and_names_what_it_cannot(site: Site, ada: Applicant) -> None:
    page = ada.section("choice")
    ada.autosave(page, "choice", tracks=["empirical"])
    answer = ada.autosave(page, "choice", tracks=["theory"], q_theory="Kept")
    assert answer.status_code == 409
    assert answer.json is not None
    assert answer.json["conflict"] == {"tracks": ["empirical"]}
    assert stored(site)["q_theory"] == "Kept"
    chosen = ada.autosave(page, "choice", tracks=["theory"], q_theory="Kept", version=answer.json["version"])
    assert chosen.status_code == 200
    assert stored(site)["tracks"] == ["theory"]
    naughty = ada.autosave(ada.section("you"), "you", name="A\x00", place=["Berkeley"])
    assert naughty.status_code == 422
    assert naughty.json is not None
    assert naughty.json["saved_at"]
    assert list(naughty.json["errors"]) == ["name"]
    assert stored(site)["place"] == ["Berkeley"]


def test_autosave_after_the_close_says_so_and_keeps_nothing(site: Site, ada: Applicant, clock: FixedClock) -> None:
    page = ada.section("research")
    clock.advance(30 * DAY)
    answer = ada.autosave(page, "research", evidence="Too late")
    assert answer.status_code == 410
    assert answer.json is not None
    assert "deadline has passed" in answer.json["message"]
    assert "evidence" not in stored(site)
    late = ada.send(page, "research", evidence="Too late, by hand")
    assert late.status_code == 409
    assert "Too late, by hand" in late.text, "what was typed can still be copied"


def test_the_separate_store_is_saved_by_autosave_and_takes_no_other_names(site: Site, ada: Applicant) -> None:
    page = ada.section("separate")
    sent = {"apart-gender": "a woman", "apart-role": "admin", "apart_country": "x"}
    assert ada.autosave(page, "separate", **sent).status_code == 200
    assert [row.answers for row in site.all(sa.select(DemographicAnswers))] == [{"gender": "a woman"}]
    answer = ada.write("separate", **{"apart-gender": "a\x00", "apart-country": "Chile"})
    assert answer.status_code == 422
    assert "a NUL character" in answer.text
    assert [row.answers["country"] for row in site.all(sa.select(DemographicAnswers))] == ["Chile"]


def test_sections_and_streams_have_addresses_that_cannot_meet(site: Site, ada: Applicant) -> None:
    for word in ("check", "streams", "referees", "receipt", "submit", "files"):
        assert ada.get(f"/application/sections/{word}").status_code == 404


def test_a_closed_section_is_shown_and_not_offered_for_writing(site: Site, ada: Applicant, clock: FixedClock) -> None:
    ada.write("research", evidence="In time")
    clock.advance(30 * DAY)
    page = ada.get("/application/sections/research")
    assert page.status_code == 200
    assert "In time" in page.text
    assert "data-autosave=" not in page.text
    assert "Save and continue" not in page.text
