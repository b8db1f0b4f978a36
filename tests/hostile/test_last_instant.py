"""Requests at the edge: in the last instant before the close, and cut off in the middle."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.answers import write
from matsapply.applications.models import AnswerDraft, Snapshot
from matsapply.files.models import StoredFile
from matsapply.pages.applicant import views
from matsapply.platform import storage
from matsapply.process import apply
from matsapply.rules.refusals import Code, Refused
from tests import factories as make
from tests.applicant_site import Applicant, Site, open_site, pdf

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock

CLOSE = make.at(make.DATES["T2"])
GRACE = timedelta(minutes=15)
MS = timedelta(milliseconds=1)


@pytest.fixture
def site(app: Flask, live_session: Session) -> Site:
    return open_site(app, live_session)


@pytest.mark.parametrize(
    ("opened_at", "end"), [(CLOSE, CLOSE), (CLOSE - MS, CLOSE + GRACE)], ids=["opened late", "opened in time"]
)
def test_case_32_a_hundred_submits_around_the_close(session: Session, opened_at: object, end: object) -> None:
    """One a millisecond, fifty before the end and fifty from it on: each is decided by its own instant."""
    world, ada = make.cohort(session), make.person(session, zone="Pacific/Kiritimati")
    mine, _ = make.submitted(session, world, ada)
    made, refused = [], []
    for number in range(-50, 50):
        now = end + number * MS  # type: ignore[operator]
        write(session, mine.id, {"evidence": f"Version {number}."}, now)
        try:
            apply.submit(session, make.acting(ada), submit_key=f"key{number}", now=now, page_opened_at=opened_at)  # type: ignore[arg-type]
            made.append(number)
        except Refused as error:
            refused.append((number, error.refusal.code))
    assert (made, refused) == (list(range(-50, 0)), [(number, Code.CLOSED) for number in range(50)])
    last = session.scalars(sa.select(Snapshot).order_by(Snapshot.number.desc())).first()
    assert last is not None
    assert (last.number, last.content["answers"]["evidence"]) == (51, "Version -1.")


def test_case_32_a_request_that_waits_counts_from_its_arrival(
    site: Site, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada: Applicant = site.applicant()
    ada.complete()
    clock.move_to(CLOSE + GRACE + timedelta(days=1))
    ada.get("/application/check")  # opened after the close: no grace
    clock.move_to(CLOSE - MS)

    def waits(**more: bool) -> object:
        found = waited(**more)
        clock.move_to(CLOSE + GRACE)
        return found

    page = ada.get("/application/check")
    assert page.status_code == 200
    waited = views.own
    monkeypatch.setattr(views, "own", waits)
    answer = ada.client.post("/application/submit", data={"csrf_token": ada.token("/account"), "submit_key": "in time"})
    assert answer.status_code == 303
    (made,) = site.all(sa.select(Snapshot))
    assert made.received_at == CLOSE - MS


# The reader of forms gives up in the middle of a file and leaves its buffer to the collector.
@pytest.mark.filterwarnings("ignore:.*SpooledTemporaryFile:pytest.PytestUnraisableExceptionWarning")
def test_an_upload_cut_in_the_middle_leaves_nothing(site: Site) -> None:
    ada: Applicant = site.applicant()
    assert ada.post("/apply").status_code == 303
    token = ada.token("/application/sections/background")
    parts = [
        b'--cut\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n' + token.encode(),
        b'--cut\r\nContent-Disposition: form-data; name="links"\r\n\r\nhttps://example.org',
        b'--cut\r\nContent-Disposition: form-data; name="cv"; filename="cv.pdf"\r\n'
        b"Content-Type: application/pdf\r\n\r\n" + pdf(3),
        b"--cut--\r\n",
    ]
    whole = b"\r\n".join(parts)
    before = site.all(sa.select(AnswerDraft.question_key))
    for length in (len(whole) // 2, len(whole) - 40):
        answer = ada.client.post(
            "/application/sections/background",
            input_stream=BytesIO(whole[:length]),
            content_length=len(whole),
            content_type="multipart/form-data; boundary=cut",
        )
        assert answer.status_code == 400
    assert site.all(sa.select(StoredFile)) == []
    assert site.all(sa.select(AnswerDraft.question_key)) == before
    with site.app.app_context():
        assert list(storage.current().listing()) == []
    sent = ada.client.post(
        "/application/sections/background", data=whole, content_type="multipart/form-data; boundary=cut"
    )
    assert sent.status_code == 303
    assert [file.pages for file in site.all(sa.select(StoredFile))] == [3]
