"""Uploads: bytes first, then the row; what has no row for a day is removed."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from io import BytesIO

import pytest
import sqlalchemy as sa

from matsapply.files import actions
from matsapply.files.models import StoredFile
from matsapply.files.upkeep import GRACE, remove_orphans
from matsapply.pages.files import response_for
from matsapply.people.models import Person
from matsapply.platform import clock as clock_module, storage
from tests.hostile.test_files import pdf
from tests.mail.contexts import NOON


@pytest.fixture
def store(tmp_path):
    storage.configure(f"file://{tmp_path / 'files'}")
    return storage.current()


@pytest.fixture
def owner(session):
    person = Person(display_name="Ada")
    session.add(person)
    session.flush()
    return person


def keys(store):
    return sorted(item.key for item in store.listing())


def test_an_upload_is_stored_and_known(session, store, owner):
    data = pdf(3)
    file = actions.store_upload(session, owner.id, BytesIO(data), "../My CV.PDF", 5, NOON)
    assert isinstance(file, StoredFile)
    assert (file.name, file.content_type, file.size, file.pages) == ("My CV.pdf", "application/pdf", len(data), 3)
    assert file.sha256 == hashlib.sha256(data).hexdigest()
    assert keys(store) == [file.key]
    assert store.get(file.key) == data


def test_a_refused_file_leaves_nothing(session, store, owner):
    problem = actions.store_upload(session, owner.id, BytesIO(b"<html>"), "cv.pdf", 5, NOON)
    assert isinstance(problem, actions.Problem)
    assert keys(store) == []
    assert session.scalars(sa.select(StoredFile)).all() == []


def test_no_more_is_read_than_may_come_in(session, store, owner):
    stream = BytesIO(b"%PDF-" + b"x" * 3_000_000)
    problem = actions.store_upload(session, owner.id, stream, "cv.pdf", 1, NOON)
    assert problem.fault is actions.Fault.TOO_LARGE
    assert stream.tell() == 1024 * 1024 + 1


def test_a_store_that_fails_adds_no_row(session, store, owner, monkeypatch):
    def fails(*_):
        raise storage.UnavailableError("down")

    monkeypatch.setattr(storage.Storage, "put", fails)
    problem = actions.store_upload(session, owner.id, BytesIO(pdf()), "cv.pdf", 5, NOON)
    assert problem.fault is actions.Fault.STORE_DOWN
    assert session.scalars(sa.select(StoredFile)).all() == []


def test_bytes_without_a_row_go_after_a_day_and_others_stay(session, store, owner):
    kept = actions.store_upload(session, owner.id, BytesIO(pdf()), "cv.pdf", 5, NOON)
    store.put("2027/01/orphan", b"x")
    real_now = clock_module.SystemClock().now()
    assert remove_orphans(session, store, real_now) == 0
    assert remove_orphans(session, store, real_now + GRACE + timedelta(minutes=1)) == 1
    assert keys(store) == [kept.key]


def test_storage_says_what_is_missing(store):
    with pytest.raises(storage.MissingError):
        store.get("no/such")
    assert not store.exists("no/such")
    store.delete("no/such")
    store.put("a/b", b"x")
    assert store.exists("a/b")
    store.delete("a/b")
    assert not store.exists("a/b")


def test_a_store_of_another_kind_is_refused():
    with pytest.raises(storage.UnavailableError, match="file:// or s3://"):
        storage.Storage("ftp://x/y")


def test_a_file_is_handed_out_as_a_download_only(app, live_session):
    person = Person(display_name="Ada")
    live_session.add(person)
    live_session.flush()
    data = pdf()
    file = actions.store_upload(live_session, person.id, BytesIO(data), "Łódź.pdf", 5, NOON)
    with app.test_request_context():
        response = response_for(file)
        assert response.get_data() == data
    assert response.headers["Content-Disposition"].startswith("attachment; ")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert "sandbox" in response.headers["Content-Security-Policy"]
