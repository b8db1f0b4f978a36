"""Hostile cases 1, 2, 11, 17, 20, 21, 23 to 26, 28, 31 and 36 at the applicants' pages, over HTTP on both databases."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from matsapply.applications.models import AnswerDraft, Application, Reference, Snapshot
from matsapply.files.models import StoredFile
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.people.models import RoleGrant
from matsapply.rules.stages import ApplicationState, ReferenceTiming, Role
from matsapply.tracking.models import StateChange
from tests import factories as make
from tests.applicant_site import COMPLETE, Applicant, Site, open_site, pdf
from tests.page_forms import form
from tests.visitor import Visitor, mails, make_person

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

    from matsapply.platform.clock import FixedClock
    from matsapply.platform.settings import Settings

ELSEWHERE = "0" * 13
NAUGHTY = (
    "undefined", "null", "\\", "'; DROP TABLE application; --", "%s%n %00 {{7*7}} ${7*7} #{7*7}", "\t\r\n \x0b\x0c",
    "<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "=cmd|' /C calc'!A0", "@SUM(1)",
    "../../etc/passwd",
    "\u202eevil\u202c\u200b\ufeff", "Z\u0351\u036b\u0343a\u0322l\u0336g\u035bo",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "田中さん \u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u05d0\u05b8", "ⅷ½²", "\ufffe\uffff", "\x01\x02\x7f",
    "a\x00b", "\udcff\ud800",
    "1e309", "-0", "9" * 400, "true", "[]", "{}", "%u0041%", "x" * 70_000,
)  # fmt: skip
MEGABYTE = "m" * 1_000_001


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The demo asks staff for no second factor; everything else is as it is."""
    return replace(settings, demo=True)


@pytest.fixture
def app(app: Flask, clock: FixedClock) -> Flask:
    return app


@pytest.fixture
def site(app: Flask, live_session: Session) -> Site:
    return open_site(app, live_session, reference_timing=ReferenceTiming.AT_SUBMIT)


@pytest.fixture
def ada(site: Site) -> Applicant:
    visitor = site.applicant()
    assert visitor.post("/apply").status_code == 303
    return visitor


def same(answer: TestResponse) -> str:
    """What an answer says, without the token that differs from one to the next and the address that was asked for."""
    text = re.sub(r'(csrf[-_]token"[^>]*(?:content|value)=")[^"]+', r"\1", answer.text)
    return text.replace(answer.request.path, "")


def upload(visitor: Applicant, data: bytes, name: str) -> TestResponse:
    page = visitor.section("background")
    return send(visitor, {**page.fields, "cv": FileStorage(BytesIO(data), name), "then": "stay"})


def send(visitor: Applicant, fields: dict[str, Any]) -> TestResponse:
    """Post the section as one body in memory: the test client leaves a temporary file open where one is large."""
    boundary, body = encode_multipart(fields)
    kind = f'multipart/form-data; boundary="{boundary}"'
    return visitor.client.post("/application/sections/background", data=body, content_type=kind)


# --- access -------------------------------------------------------------------------------------------------------


def test_case_1_somebody_elses_things_are_not_there(site: Site, ada: Applicant) -> None:
    assert upload(ada, pdf(), "cv.pdf").status_code == 303
    ada.post("/application/referees", {"name": "Rita", "email": "rita@example.org", "consent": "yes"})
    ada.complete()
    assert ada.submit().status_code == 303
    file, reference = site.all(sa.select(StoredFile))[0], site.all(sa.select(Reference))[0]
    bob = site.applicant("Bob Example", "bob@example.org")
    assert bob.post("/apply").status_code == 303
    bob.get("/application")  # the greeting is shown once
    for owned, missing in (
        (f"/application/files/{file.public_id}", f"/application/files/{ELSEWHERE}"),
        (f"/application/files/{file.public_id}/pages/1", f"/application/files/{ELSEWHERE}/pages/1"),
        ("/application/receipt/1", "/application/receipt/77"),
    ):
        assert ada.get(owned).status_code == 200
        theirs, nothing = bob.get(owned), bob.get(missing)
        assert (theirs.status_code, same(theirs)) == (404, same(nothing)), owned
    for act in ("remind", "remove"):
        answer = bob.post(f"/application/referees/{reference.public_id}/{act}", form="/application/referees")
        assert answer.status_code == 404
    taken = bob.write("background", remove=file.public_id)
    assert taken.status_code == 404
    assert ada.get(f"/application/files/{file.public_id}").status_code == 200


def test_case_2_without_an_account_every_page_of_applicants_asks_to_sign_in(site: Site) -> None:
    nobody = Visitor(site.app.test_client())
    with site.app.app_context():
        rules = [
            rule
            for rule in site.app.url_map.iter_rules()
            if rule.rule.startswith(("/application", "/status", "/tasks", "/offers", "/interviews", "/apply"))
        ]
    assert len(rules) > 20
    for rule in rules:
        path = re.sub(r"<int:\w+>", "1", rule.rule)
        path = re.sub(r"<\w+>", ELSEWHERE, path)
        if "GET" in (rule.methods or ()):
            answer = nobody.get(path)
            assert answer.status_code == 302, path
            assert "/login?next=" in answer.headers["Location"]
        else:
            assert nobody.client.post(path).status_code in {400, 401}, path


def test_case_11_extra_fields_change_nothing(site: Site, ada: Applicant) -> None:
    bob = site.applicant("Bob Example", "bob@example.org")
    extra = {
        "role": "admin", "user_id": "1", "person_id": "2", "status": "accepted", "state": "in_streams",
        "snapshot_number": "7", "application_id": "1", "score_mean": "9", "submitted_at": "2020-01-01",
    }  # fmt: skip
    assert bob.post("/apply", {**extra, "cohort_id": "99"}).status_code == 303
    assert bob.write("research", evidence="Mine", **extra).status_code == 303
    page = bob.section("research")
    assert bob.autosave(page, "research", evidence="Mine still", **extra).status_code == 200
    applications = site.all(sa.select(Application).order_by(Application.id))
    assert [each.state for each in applications] == [ApplicationState.DRAFT, ApplicationState.DRAFT]
    assert [each.snapshot_number for each in applications] == [None, None]
    assert applications[0].person_id != applications[1].person_id
    drafts = site.all(sa.select(AnswerDraft).where(AnswerDraft.application_id == applications[0].id))
    assert not {"role", "state", "status"} & {draft.question_key for draft in drafts}
    assert "Mine still" not in [draft.value for draft in drafts]
    assert site.all(sa.select(RoleGrant).where(RoleGrant.role == Role.ADMIN)) == []


def test_case_17_another_host_is_refused_and_no_mail_leads_there(site: Site, ada: Applicant) -> None:
    assert ada.client.get("/application", headers={"Host": "evil.example"}).status_code == 400
    ada.post("/application/referees", {"name": "Rita", "email": "rita@example.org", "consent": "yes"})
    ada.complete()
    ada.headers["X-Forwarded-Host"] = "evil.example"
    assert ada.submit().status_code == 303
    written = mails(site.session)
    assert {Mail.RECEIPT, Mail.REFERENCE_REQUEST} <= {mail.kind for mail in written}
    assert "evil.example" not in "".join(mail.body_text + mail.body_html for mail in written)


def test_case_28_odd_numbers_in_addresses(ada: Applicant) -> None:
    for number in ("-1", "0", str(10**18), str(2**31), "1.5", "%00", "９"):
        assert ada.get(f"/application/receipt/{number}").status_code == 404, number
    for path in ("/inbox?page=-1", f"/inbox?page={10**18}", "/inbox?per_page=1000000", "/status?page=x"):
        assert ada.get(path).status_code in {200, 400}, path
    for section in ("..%2f..", "%00", "you%0d%0aSet-Cookie:x", "a" * 3000):
        assert ada.get(f"/application/sections/{section}").status_code == 404, section


# --- input --------------------------------------------------------------------------------------------------------


def test_case_20_an_export_of_formulas_is_inert(site: Site) -> None:
    visitor = site.applicant("=cmd|' /C calc'!A0", "eve@example.org")
    assert visitor.post("/apply").status_code == 303
    visitor.complete()
    visitor.write("you", name="=HYPERLINK(1)")
    visitor.write("research", evidence="@SUM(A1)\tand more")
    assert visitor.submit().status_code == 303
    make_person(site.app, site.session, "admin@example.org", Role.ADMIN, name="Admin")
    admin = site.signed_in("admin@example.org")
    key = site.world.cohort.key
    answer = admin.post(f"/admin/{key}/applications.csv", form=f"/admin/{key}/applications")
    assert answer.status_code == 200
    assert "HYPERLINK" in answer.text
    cells = re.findall(r'(?:^|,)("(?:[^"]|"")*"|[^,\r\n]*)', answer.text, re.MULTILINE)
    begins = {cell.lstrip('"')[:1] for cell in cells}
    assert not begins & set("=+-@\t\r"), begins


def test_case_21_names_with_markup_and_line_breaks_stay_names(site: Site) -> None:
    visitor = site.applicant("<b>Eve</b>", "eve@example.org")
    assert visitor.post("/apply").status_code == 303
    sent = {"name": "Rita\r\nBcc: evil@example.org <i>x</i>", "email": "rita@example.org", "consent": "yes"}
    assert visitor.post("/application/referees", sent).status_code in {303, 422}
    for address in (
        "rita@example.org\r\nBcc: evil@example.org",
        "rita@example.org,evil@example.org",
        "a@b c@d.example",
    ):
        refused = visitor.post("/application/referees", {**sent, "name": "Rita", "email": address})
        assert refused.status_code in {409, 422}, address
        assert "Rita" in refused.text, "what was typed is still there"
    visitor.complete()
    assert visitor.submit().status_code == 303
    written = mails(site.session)
    assert {mail.recipient for mail in written} <= {"eve@example.org", "rita@example.org"}
    for mail in written:
        assert "\n" not in mail.subject
        assert "<b>Eve</b>" not in mail.body_html
        assert "<i>x</i>" not in mail.body_html


@pytest.mark.parametrize("section", ["you", "background", "research", "choice", "references", "consent", "separate"])
def test_case_23_naughty_text_is_kept_or_refused_and_never_breaks(site: Site, ada: Applicant, section: str) -> None:
    keys = [key for key, place, *_ in make.QUESTIONS if place == section]
    names = [*keys, "version", "order", "then", "move", "conflict", "apart-gender", "remove", f"keep-{keys[0]}"]
    for text in (*NAUGHTY, MEGABYTE):
        value = text.encode("utf-8", "surrogatepass")
        page = ada.section(section)
        for where in ("", "/autosave"):
            data = {name: list(values) for name, values in page.fields.items()}
            data |= {name: [value] for name in names}
            answer = ada.client.post(f"/application/sections/{section}{where}", data=data)
            assert answer.status_code < 500, (section, text[:40])
    for path in (
        f"/application/sections/{section}",
        "/application",
        "/application/check",
        "/application/streams",
        "/status",
    ):
        shown = ada.get(path)
        assert shown.status_code == 200, path
        assert "<script>alert(1)</script>" not in shown.text


def test_case_23_naughty_text_everywhere_else(ada: Applicant) -> None:
    posts = {
        "/application/streams": ("streams", "order", "move", "version"),
        "/application/streams/autosave": ("streams", "order", "version"),
        "/application/reuse": ("x",),
        "/application/referees": ("name", "email", "consent"),
        "/application/submit": ("submit_key",),
        f"/application/referees/{ELSEWHERE}/remind": ("x",),
        f"/status/streams/{ELSEWHERE}/withdraw": ("x",),
        f"/offers/{ELSEWHERE}/accept": ("eligible", "reason"),
        f"/tasks/{ELSEWHERE}": ("answer", "do", "version"),
        f"/interviews/{ELSEWHERE}/book": ("slot",),
    }
    token = ada.token("/application/referees")
    for path, names in posts.items():
        for text in (*NAUGHTY, MEGABYTE):
            data = {name: [text.encode("utf-8", "surrogatepass")] for name in names}
            answer = ada.client.post(path, data={**data, "csrf_token": token})
            assert answer.status_code < 500, (path, text[:40])


def test_case_24_files_that_are_no_plain_pdf_are_refused_with_a_sentence(site: Site, ada: Applicant) -> None:
    for data, name in (
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "a.pdf"),
        (b"<!doctype html><script>alert(1)</script>", "b.pdf"),
        (b"GIF89a" + pdf(), "c.pdf"),
        (pdf()[:-60], "cut.pdf"),
        (pdf() + b"PK\x03\x04" + b"x" * 4000, "both.pdf"),
        (b"", "empty.pdf"),
    ):
        answer = upload(ada, data, name)
        assert answer.status_code == 422, name
        assert 'id="cv-error"' in answer.text
    assert site.all(sa.select(StoredFile)) == []


def test_case_25_a_body_past_the_limit_is_413(ada: Applicant) -> None:
    token = ada.token("/application/sections/background")
    huge = BytesIO(b"%PDF-" + b"0" * (13 * 1024 * 1024))
    answer = send(ada, {"csrf_token": token, "cv": FileStorage(huge, "huge.pdf")})
    assert answer.status_code == 413
    large = upload(ada, b"%PDF-1.4\n" + b"0" * (6 * 1024 * 1024), "large.pdf")
    assert large.status_code == 422
    assert "larger than 5 MB" in large.text


def test_case_26_odd_file_names_become_safe_ones(site: Site, ada: Applicant) -> None:
    for name in (
        "../../etc/passwd.pdf",
        "\u202efdp.exe",
        "CON.pdf",
        "a" * 300 + ".pdf",
        'x"\r\nSet-Cookie: a=b.pdf',
        ".",
    ):
        assert upload(ada, pdf(), name).status_code == 303, name
        file = site.all(sa.select(StoredFile).order_by(StoredFile.id.desc()))[0]
        assert not set(file.name) & set('/\\"\r\n\u202e'), file.name
        assert len(file.name.encode()) <= 200
        answer = ada.get(f"/application/files/{file.public_id}")
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers


# --- reliability --------------------------------------------------------------------------------------------------


def test_case_31_twenty_submits_at_once_make_one_submission(site: Site, ada: Applicant) -> None:
    ada.post("/application/referees", {"name": "Rita", "email": "rita@example.org", "consent": "yes"})
    ada.complete()
    opened = [form(ada.get("/application/check").text, "/application/submit").fields for _ in range(2)]
    cookie = ada.cookie()
    start = threading.Barrier(20)

    def press(number: int) -> int:
        client = site.app.test_client()
        client.set_cookie("matsapply", cookie or "")
        start.wait()
        return client.post("/application/submit", data=opened[number % 2]).status_code

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(press, range(20)))
    assert set(answers) == {303}, answers
    assert [snapshot.number for snapshot in site.all(sa.select(Snapshot))] == [1]
    kinds = [mail.kind for mail in mails(site.session)]
    assert kinds.count(Mail.RECEIPT) == 1
    assert kinds.count(Mail.REFERENCE_REQUEST) == 1
    assert [change.code for change in site.all(sa.select(StateChange).where(StateChange.code == "A2"))] == ["A2"]


def test_case_31_twenty_beginnings_at_once_make_one_application(site: Site) -> None:
    ada = site.applicant()
    token, cookie = ada.token("/apply"), ada.cookie()
    start = threading.Barrier(20)

    def press(_number: int) -> int:
        client = site.app.test_client()
        client.set_cookie("matsapply", cookie or "")
        start.wait()
        return client.post("/apply", data={"csrf_token": token}).status_code

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(press, range(20)))
    assert set(answers) <= {303, 409}, answers
    assert answers.count(303) == 1
    assert len(site.all(sa.select(Application))) == 1


def test_case_36_a_form_open_for_three_hours_saves(site: Site, ada: Applicant, clock: FixedClock) -> None:
    page = ada.section("research")
    clock.advance(timedelta(hours=3))
    assert ada.autosave(page, "research", evidence="After three hours").status_code == 200
    assert ada.send(page, "research", evidence="After three hours").status_code == 303
    for name, answers in COMPLETE.items():
        assert ada.write(name, **answers).status_code == 303
    check = form(ada.get("/application/check").text, "/application/submit")
    clock.advance(timedelta(hours=3))
    assert ada.client.post("/application/submit", data=check.fields).status_code == 303
    drafts: dict[str, Any] = {each.question_key: each.value for each in site.all(sa.select(AnswerDraft))}
    assert drafts["evidence"] == COMPLETE["research"]["evidence"]
    assert len(site.all(sa.select(Notification).where(Notification.kind == Mail.RECEIPT))) == 1
