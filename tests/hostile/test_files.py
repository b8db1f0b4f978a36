"""Cases 24 to 26: files that want more than to be read."""

from __future__ import annotations

import threading
import time
import zlib
from io import BytesIO

import pytest
from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject, RectangleObject, TextStringObject

from matsapply.files import pdf_gate
from matsapply.files.names import LENGTH, safe_name
from matsapply.files.pdf_gate import Fault, accept_pdf, page_picture
from matsapply.pages.files import disposition


def pdf(pages=2, change=None):
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    if change:
        change(writer)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def action(kind, **more):
    values = {NameObject("/S"): NameObject(kind)} | {NameObject(f"/{key}"): value for key, value in more.items()}
    return DictionaryObject(values)


def opens_with(kind, **more):
    def change(writer):
        writer.root_object[NameObject("/OpenAction")] = writer._add_object(action(kind, **more))

    return change


def in_catalog(key, value):
    def change(writer):
        writer.root_object[NameObject(key)] = value

    return change


def link_on_page(kind):
    def change(writer):
        link = DictionaryObject({NameObject("/Subtype"): NameObject("/Link"), NameObject("/A"): action(kind)})
        writer.pages[0][NameObject("/Annots")] = ArrayObject([writer._add_object(link)])

    return change


SCRIPT = TextStringObject("app.alert(1)")
SCRIPTS = DictionaryObject({NameObject("/JavaScript"): ArrayObject()})
REFUSED = {
    "empty": (b"", Fault.EMPTY),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", Fault.NOT_A_PDF),
    "html": (b"<!doctype html><script>alert(1)</script>", Fault.NOT_A_PDF),
    "magic not at the beginning": (b"<script></script>" + pdf(), Fault.NOT_A_PDF),
    "zip behind the end": (pdf() + b"PK\x03\x04" + b"x" * 5000, Fault.MORE_THAN_A_PDF),
    "a little behind the end": (pdf() + b"<script>alert(1)</script>", Fault.MORE_THAN_A_PDF),
    "cut off": (pdf()[:-40], Fault.TRUNCATED),
    "nonsense": (b"%PDF-1.7\nstartxref\n0\n%%EOF\n", Fault.DAMAGED),
    "password": (pdf(change=lambda writer: writer.encrypt("secret", algorithm="RC4-128")), Fault.ENCRYPTED),
    "script on opening": (pdf(change=opens_with("/JavaScript", JS=SCRIPT)), Fault.ACTION),
    "script in the catalog": (pdf(change=in_catalog("/Names", SCRIPTS)), Fault.SCRIPT),
    "launch": (pdf(change=opens_with("/Launch")), Fault.ACTION),
    "launch from a link": (pdf(change=link_on_page("/Launch")), Fault.ACTION),
    "form sent from a link": (pdf(change=link_on_page("/SubmitForm")), Fault.ACTION),
    "additional actions": (pdf(change=in_catalog("/AA", DictionaryObject())), Fault.ACTION),
    "attachment": (pdf(change=lambda writer: writer.add_attachment("x.txt", b"hello")), Fault.ATTACHMENT),
    "too many pages": (pdf(41), Fault.PAGES),
    "too large": (pdf() + b" " * (6 * 1024 * 1024), Fault.TOO_LARGE),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refused_with_one_sentence(what):
    data, fault = REFUSED[what]
    verdict = accept_pdf(data, "cv.pdf")
    assert verdict.problem is not None
    assert verdict.problem.fault is fault
    assert verdict.problem.sentence.startswith("“cv.pdf” ")
    assert verdict.problem.sentence.endswith(".")
    assert verdict.pages is None


def test_a_name_written_in_codes_is_found_all_the_same():
    data = pdf(change=link_on_page("/JavaScript")).replace(b"/JavaScript", b"/J#61vaScript")
    assert accept_pdf(data, "cv.pdf").problem.fault in {Fault.SCRIPT, Fault.DAMAGED}


@pytest.mark.parametrize(
    "change",
    [
        None,
        in_catalog("/OpenAction", ArrayObject([NumberObject(0), NameObject("/Fit")])),
        opens_with("/GoTo", D=ArrayObject([NumberObject(0), NameObject("/Fit")])),
        link_on_page("/URI"),
    ],
)
def test_what_word_processors_and_latex_write_comes_in(change):
    verdict = accept_pdf(pdf(3, change), "cv.pdf")
    assert (verdict.pages, verdict.problem) == (3, None)


def test_a_bomb_ends_in_seconds_and_outside_this_process():
    """Case 25: an object stream of 2 GB that is 2 MB long."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(b"0" * 2**20) for _ in range(2000)) + packer.flush()
    head = b"%%PDF-1.7\n1 0 obj\n<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length %d>>\nstream\n" % len(packed)
    table = b"2 0 obj\n<</Type/XRef/Size 5/W[1 4 1]/Root 3 0 R/Length 30>>\nstream\n"
    rows = b"".join(
        kind.to_bytes(1, "big") + place.to_bytes(4, "big") + b"\x00"
        for kind, place in ((0, 0), (1, 9), (1, len(head) + len(packed) + 18), (2, 1), (0, 0))
    )
    body = head + packed + b"\nendstream\nendobj\n"
    data = body + table + rows + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(body)
    started = time.monotonic()
    verdict = accept_pdf(data, "cv.pdf")
    assert verdict.problem is not None
    assert verdict.problem.fault in {Fault.TOO_COMPLEX, Fault.DAMAGED}
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Users\\ada\\cv.pdf", "cv.pdf"),
        ("cv\u202efdp.exe", "cvfdp.exe.pdf"),
        ("CON", "_CON.pdf"),
        ("nul.pdf", "_nul.pdf"),
        ("com1.tar.pdf", "_com1.tar.pdf"),
        ("", "document.pdf"),
        ("...", "document.pdf"),
        ("/", "document.pdf"),
        ('a"b;c\r\nX-Evil: 1.pdf', "a_b_c X-Evil_ 1.pdf"),
        ("Lebenslauf Łódź 王.PDF", "Lebenslauf Łódź 王.pdf"),
        ("\ud800x\x00.pdf", "x.pdf"),
    ],
)
def test_names_are_made_safe(name, safe):
    """Case 26."""
    assert safe_name(name) == safe


@pytest.mark.parametrize("name", ["x" * 300, "é" * 300, "🙂" * 100, "x" * 119 + "é"])
def test_long_names_are_cut_between_letters(name):
    safe = safe_name(name)
    assert len(safe.encode("utf-8")) <= LENGTH
    assert safe.endswith(".pdf")


def test_the_header_of_a_download_is_one_line_in_ascii():
    header = disposition(safe_name('Łódź "x"\r\nSet-Cookie: a=b'))
    assert header.isascii()
    assert "\n" not in header
    assert header.startswith('attachment; filename="')


@pytest.mark.parametrize(("width", "height"), [(14_400, 14_400), (14_400, 1), (1, 14_400), (3, 3)])
def test_a_picture_of_a_page_of_any_size_is_small(width, height):
    def resize(writer):
        writer.pages[0].mediabox = RectangleObject((0, 0, width, height))

    drawn = Image.open(BytesIO(page_picture(pdf(1, resize), 1)))
    assert (drawn.width, drawn.height) == pytest.approx(
        (min(1000, 1600 * width / height), min(1600, 1000 * height / width)), abs=1
    )


def test_what_cannot_be_drawn_has_no_picture():
    assert page_picture(b"%PDF-1.7 and nothing else", 1) is None
    assert page_picture(pdf(1), 2) is None


def test_who_waits_too_long_for_their_turn_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_gate, "_turn", threading.BoundedSemaphore(1))
    monkeypatch.setattr(pdf_gate, "WAIT_FOR_A_PICTURE", 0.01)
    monkeypatch.setattr(pdf_gate, "WAIT", 0.01)
    with pdf_gate._turn, pytest.raises(pdf_gate.BusyError):
        page_picture(pdf(1), 1)
    with pdf_gate._turn:
        assert accept_pdf(pdf(1), "cv.pdf").problem.fault is Fault.STORE_DOWN
    assert accept_pdf(pdf(1), "cv.pdf").accepted
