"""Case 8: what a marker is handed holds no author, no EXIF, no earlier revision and no file name."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)

from matsapply.evaluations.actions import attach, start_task, submit_task
from matsapply.files.actions import store_upload
from matsapply.files.models import StoredFile
from matsapply.files.pdf_blind import jpeg, jpeg_2000
from matsapply.files.pdf_gate import accept_pdf, blind_copy
from matsapply.process.stream_round import invite_to_task
from matsapply.rules.access import Actor
from matsapply.rules.stages import Role
from tests.stream_desk import StreamDesk
from tests.stream_world import DURING_TASKS

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock
    from matsapply.platform.settings import Settings

NAME = "Zephyrine Quux"
SECRETS = (NAME, "zephyrine", "QuuxCam 9", "2026-12-24T10:11", "Overhead")
PICTURE = b"\xff\xda\x00\x04\x01\x02" + bytes(range(1, 200)) + b"\xff\x00\xff\xd0" + b"light and shadow" + b"\xff\xd9"


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


def photo() -> bytes:
    """A JPEG by its parts: colour and tables, and three ways to say who took it; another picture behind its end."""
    jfif, adobe = segment(0xE0, b"JFIF\x00\x01\x01"), segment(0xEE, b"Adobe\x00d\x00\x00")
    exif = segment(0xE1, b"Exif\x00\x00MM\x00*" + f"{NAME} QuuxCam 9 2026-12-24T10:11".encode())
    tables = segment(0xDB, b"\x00" + b"\x10" * 64) + segment(0xC0, b"\x08\x00\x10\x00\x10\x01\x01\x11\x00")
    told = segment(0xED, f"Photoshop 3.0 {NAME}".encode()) + segment(0xFE, f"by {NAME}".encode())
    return b"\xff\xd8" + jfif + exif + told + adobe + tables + PICTURE + b"\xff\xd8" + exif


def telling_pdf() -> bytes:
    """A PDF whose page says nothing of its author, while everything around it does."""
    writer = PdfWriter()
    page = writer.add_blank_page(200, 200)
    content = DecodedStreamObject()
    content.set_data(b"q 100 0 0 100 20 20 cm /Im0 Do Q")
    page[NameObject("/Contents")] = writer._add_object(content)
    image = StreamObject()
    image._data = photo()
    image.update({
        NameObject("/Type"): NameObject("/XObject"), NameObject("/Subtype"): NameObject("/Image"),
        NameObject("/Width"): NumberObject(16), NameObject("/Height"): NumberObject(16),
        NameObject("/ColorSpace"): NameObject("/DeviceGray"), NameObject("/BitsPerComponent"): NumberObject(8),
        NameObject("/Filter"): NameObject("/DCTDecode"),
    })  # fmt: skip
    images = DictionaryObject({NameObject("/Im0"): writer._add_object(image)})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/XObject"): images})
    page[NameObject("/PieceInfo")] = DictionaryObject({NameObject("/Editor"): TextStringObject(NAME)})
    note = DictionaryObject({
        NameObject("/Type"): NameObject("/Annot"), NameObject("/Subtype"): NameObject("/Text"),
        NameObject("/Rect"): ArrayObject([FloatObject(n) for n in (0, 0, 10, 10)]),
        NameObject("/T"): TextStringObject(NAME), NameObject("/Contents"): TextStringObject("Overleaf"),
    })  # fmt: skip
    page[NameObject("/Annots")] = ArrayObject([writer._add_object(note)])
    packet = DecodedStreamObject()
    packet.set_data(f"<x:xmpmeta><dc:creator>{NAME}</dc:creator></x:xmpmeta>".encode())
    packet.update({NameObject("/Type"): NameObject("/Metadata"), NameObject("/Subtype"): NameObject("/XML")})
    writer.root_object[NameObject("/Metadata")] = writer._add_object(packet)
    writer.add_metadata({"/Author": NAME, "/Title": f"{NAME}: task", "/Keywords": "zephyrine"})
    first = BytesIO()
    writer.write(first)
    # A revision behind it replaces a sentence; the earlier one stays in the bytes.
    old = first.getvalue().replace(b"(Overleaf)", b"(Overhead)")
    again = PdfWriter(BytesIO(old), incremental=True)
    again.pages[0]["/Annots"][0].get_object()[NameObject("/Contents")] = TextStringObject("Overleaf")
    out = BytesIO()
    again.write(out)
    return out.getvalue()


def everything(data: bytes) -> bytes:
    """Every byte of a document, packed and unpacked, in both ways a PDF writes its texts."""
    reader = PdfReader(BytesIO(data))
    parts = [data, repr(reader.metadata).encode()]
    for number in range(1, 200):
        thing = reader.get_object(number)
        parts.append(repr(thing).encode())
        if isinstance(thing, StreamObject):
            parts.append(thing._data if thing.get("/Filter") == "/DCTDecode" else thing.get_data())
    return b"\n".join(parts)


def told(data: bytes) -> list[str]:
    found = everything(data).lower()
    return [
        secret for secret in SECRETS if secret.lower().encode() in found or secret.lower().encode("utf-16-be") in found
    ]


def test_a_copy_shows_the_same_page_and_tells_nothing() -> None:
    data = telling_pdf()
    assert accept_pdf(data, "task.pdf").accepted
    assert NAME in told(data), "the original tells: what is searched for would be found"
    assert b"Overhead" in data
    copy = blind_copy(data)
    assert copy is not None
    assert told(copy) == []
    reader = PdfReader(BytesIO(copy))
    page = reader.pages[0]
    assert page.get_contents().get_data() == b"q 100 0 0 100 20 20 cm /Im0 Do Q"
    assert page["/Annots"][0].get_object()["/Contents"] == "Overleaf"
    picture = page["/Resources"]["/XObject"]["/Im0"].get_object()._data
    assert picture.endswith(PICTURE), "the picture itself is untouched"
    assert [part in picture for part in (b"JFIF", b"Adobe", b"\x10" * 64)] == [True, True, True]
    assert accept_pdf(copy, "copy.pdf").accepted


def test_what_cannot_be_read_is_not_copied() -> None:
    assert blind_copy(b"%PDF-1.7\nnonsense\n%%EOF\n") is None
    assert blind_copy(b"") is None


@pytest.mark.parametrize("length", range(0, len(photo()), 7))
def test_a_photograph_that_is_cut_off_ends_and_never_loops(length: int) -> None:
    try:
        cleaned = jpeg(photo()[:length])
    except ValueError:
        return
    assert len(cleaned) <= max(length, 2)
    assert b"QuuxCam 9 2026" not in cleaned


def test_a_jpeg_2000_loses_its_letters_and_keeps_its_picture() -> None:
    def box(kind: bytes, body: bytes) -> bytes:
        return (len(body) + 8).to_bytes(4, "big") + kind + body

    start = box(b"jP  ", b"\r\n\x87\n")
    whole = start + box(b"xml ", NAME.encode()) + box(b"uuid", NAME.encode()) + box(b"jp2c", b"\xff\x4f picture")
    assert jpeg_2000(whole) == start + box(b"jp2c", b"\xff\x4f picture")
    assert jpeg_2000(b"\xff\x4f bare") == b"\xff\x4f bare"
    with pytest.raises(ValueError, match="damaged"):
        jpeg_2000(start + (3).to_bytes(4, "big") + b"jp2c")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, demo=True)


@pytest.fixture
def stream_desk(app: Flask, live_session: Session, clock: FixedClock) -> StreamDesk:
    return StreamDesk.open(app, live_session, clock)


def test_case_8_the_file_a_marker_gets(stream_desk: StreamDesk) -> None:
    ada = stream_desk.entry(NAME)
    session, owner = stream_desk.session, Actor(ada.application.person_id)
    lead = stream_desk.world.actor(stream_desk.world.lead)
    task = invite_to_task(session, lead, ada, stream_desk.world.own, Role.STREAM_LEAD, DURING_TASKS)
    start_task(session, owner, task, DURING_TASKS, ai_rule=True)
    name = "zephyrine-quux-task.pdf"
    file = store_upload(session, owner.person_id or 0, BytesIO(telling_pdf()), name, 5, DURING_TASKS)
    assert isinstance(file, StoredFile)
    attach(session, owner, task, file, DURING_TASKS)
    submission = submit_task(session, owner, task, "", DURING_TASKS).public_id
    session.commit()
    page = f"/stream/red/tasks/mark/{submission}"
    shown = stream_desk.mentor.get(page)
    answer = stream_desk.mentor.get(f"{page}/file")
    assert (shown.status_code, answer.status_code) == (200, 200)
    assert told(answer.data) == []
    for each in (shown, answer):
        heads = repr(sorted(each.headers)).lower()
        assert not any(secret.lower() in heads for secret in SECRETS)
    assert not any(secret.lower() in shown.text.lower() for secret in SECRETS)
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="')
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert int(answer.headers["Content-Length"]) == len(answer.data)
