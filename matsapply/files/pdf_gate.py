"""The one way in for documents: a PDF that only shows pages. Everything else is told in one sentence why not."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from enum import StrEnum, auto
from pathlib import Path

MOST_PAGES = 40
MEGABYTE = 1024 * 1024
PATIENCE = 15  # seconds for one file, everything included
WAIT = 10  # seconds for one's turn
WAIT_FOR_A_PICTURE = 4  # seconds: a form shows dozens of them, and must not hold up the uploads of others
AT_ONCE = 2  # files looked at side by side in one process of the site: each may take 600 MB before it is stopped
_CHECK = Path(__file__).with_name("pdf_check.py")
_TAIL = 2048  # bytes at the end in which a whole file has its trailer
_PADDING = b"\x00\t\n\f\r "

_turn = threading.BoundedSemaphore(AT_ONCE)


class BusyError(Exception):
    """Others are looked at, and this one would wait for longer than a page may take."""


class Fault(StrEnum):
    """Why a file is not taken."""

    EMPTY = auto()
    TOO_LARGE = auto()
    NOT_A_PDF = auto()
    TRUNCATED = auto()
    MORE_THAN_A_PDF = auto()
    ENCRYPTED = auto()
    SCRIPT = auto()
    ACTION = auto()
    ATTACHMENT = auto()
    PAGES = auto()
    TOO_COMPLEX = auto()
    DAMAGED = auto()
    STORE_DOWN = auto()


_SENTENCES = {
    Fault.EMPTY: "“{name}” is empty; choose the file again.",
    Fault.TOO_LARGE: "“{name}” is larger than {max_mb} MB; export it with smaller pictures and try again.",
    Fault.NOT_A_PDF: "“{name}” is not a PDF; export your document as PDF and choose that file.",
    Fault.TRUNCATED: "“{name}” is cut off before its end; export it again and choose the new file.",
    Fault.MORE_THAN_A_PDF: "“{name}” holds something else after the PDF; export it again and choose the new file.",
    Fault.ENCRYPTED: "“{name}” is protected by a password; save it without protection and choose it again.",
    Fault.SCRIPT: "“{name}” holds a script; print it to a new PDF and choose that file.",
    Fault.ACTION: "“{name}” starts an action when opened or clicked; print it to a new PDF and choose that file.",
    Fault.ATTACHMENT: "“{name}” carries other files or media inside; print it to a new PDF and choose that file.",
    Fault.PAGES: "“{name}” has more than {max_pages} pages; shorten it and choose it again.",
    Fault.TOO_COMPLEX: "“{name}” is too complicated to check; print it to a new PDF and choose that file.",
    Fault.DAMAGED: "“{name}” is damaged and cannot be read; export it again and choose the new file.",
    Fault.STORE_DOWN: "Files cannot be saved at the moment; try again in a few minutes. Your text is not affected.",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file was not taken; ``sentence`` is for the person who chose it."""

    fault: Fault
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """``pages`` of a file that may come in, or the ``problem`` with it."""

    pages: int | None = None
    problem: Problem | None = None

    @property
    def accepted(self) -> bool:
        return self.problem is None


def problem(fault: Fault, name: str, *, max_mb: float = 0, max_pages: int = MOST_PAGES) -> Problem:
    return Problem(fault, _SENTENCES[fault].format(name=name, max_mb=f"{max_mb:g}", max_pages=max_pages))


def accept_pdf(data: bytes, name: str, *, max_mb: float = 5, max_pages: int = MOST_PAGES) -> Verdict:
    """Whether ``data`` is a complete, unencrypted PDF of at most ``max_pages`` that carries nothing active.

    The outside is looked at here; the inside by ``pdf_check`` in a process that may use 8 seconds and 600 MB.
    """
    fault, pages = _outside(data, max_mb), None
    if fault is None:
        fault, pages = _inside(data, max_pages)
    if fault is not None:
        return Verdict(problem=problem(fault, name, max_mb=max_mb, max_pages=max_pages))
    return Verdict(pages=pages)


def _outside(data: bytes, max_mb: float) -> Fault | None:
    if not data:
        return Fault.EMPTY
    if len(data) > max_mb * MEGABYTE:
        return Fault.TOO_LARGE
    # At byte 0: readers also find a PDF further in, which is how one file is two things at once.
    if not data.startswith(b"%PDF-"):
        return Fault.NOT_A_PDF
    tail = data[-_TAIL:]
    end = tail.rfind(b"%%EOF")
    if end < 0 or b"startxref" not in tail:
        # A whole PDF followed by something long looks the same from its tail alone.
        return Fault.MORE_THAN_A_PDF if b"%%EOF" in data and b"startxref" in data else Fault.TRUNCATED
    if tail[end + 5 :].strip(_PADDING):
        return Fault.MORE_THAN_A_PDF
    return None


def _inside(data: bytes, max_pages: int) -> tuple[Fault | None, int | None]:
    try:
        said = _aside([str(_CHECK), str(max_pages)], data)
    except BusyError:
        return Fault.STORE_DOWN, None
    if said is None:
        return Fault.TOO_COMPLEX, None
    answer = json.loads(said)
    if "problem" in answer:
        return Fault(answer["problem"]), None
    return None, int(answer["pages"])


def blind_copy(data: bytes) -> bytes | None:
    """A PDF that was accepted, without who made it (see ``pdf_blind``), or None. Raises ``BusyError``."""
    return _aside(["-m", "matsapply.files.pdf_blind"], data)


def page_picture(data: bytes, number: int) -> bytes | None:
    """A page of an accepted PDF (the first is 1) as a WebP (see ``pdf_picture``); None where it cannot be drawn.

    Raises ``BusyError``.
    """
    return _aside(["-m", "matsapply.files.pdf_picture", str(number)], data, WAIT_FOR_A_PICTURE)


def page_as_pdf(html: str, sheet: Path) -> bytes | None:
    """A page of our own as a PDF (see ``paper``); None where it cannot be set. Raises ``BusyError``."""
    return _aside(["-m", "matsapply.files.paper", str(sheet)], html.encode())


def _aside(arguments: list[str], data: bytes, wait: float | None = None) -> bytes | None:
    """What our own interpreter says to ``data`` in a process of its own; None where it failed or a limit ended it."""
    command = [sys.executable, "-I", *arguments]
    if not _turn.acquire(timeout=WAIT if wait is None else wait):
        raise BusyError
    try:
        # Our own code with our own interpreter; the file goes in as bytes and never becomes part of the command.
        done = subprocess.run(command, input=data, capture_output=True, timeout=PATIENCE, check=False, env={})  # noqa: S603
    except subprocess.TimeoutExpired:
        return None
    finally:
        _turn.release()
    return done.stdout if done.returncode == 0 else None
