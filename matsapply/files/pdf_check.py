"""Looks into one PDF, in a process of its own with little memory and little time.

Run as ``python -I pdf_check.py MOST_PAGES < file``: it prints the verdict as JSON, ``{"pages": n}`` or
``{"problem": code}``. What a hostile file can exhaust or crash is this process, not the site. It imports nothing of the
project, so that it starts fast and holds no secret.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import warnings
from io import BytesIO
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

MEMORY = 600 * 1024 * 1024  # bytes of address space; the interpreter and pypdf need about 150 MB of it
SECONDS = 8  # of processor time
MOST_OBJECTS = 100_000

# Keys and values that make a document do something when it is opened or clicked, or carry other files.
FORBIDDEN_KEYS = {
    "/JS": "script", "/JavaScript": "script", "/AA": "action", "/Launch": "action", "/XFA": "script",
    "/EmbeddedFiles": "attachment", "/EmbeddedFile": "attachment", "/EF": "attachment", "/RichMedia": "attachment",
    "/RichMediaContent": "attachment",
}  # fmt: skip
FORBIDDEN_ACTIONS = {
    "/JavaScript": "script", "/Launch": "action", "/SubmitForm": "action", "/ImportData": "action", "/GoToE": "action",
    "/GoToR": "action", "/Rendition": "action", "/Movie": "action", "/Sound": "action", "/RichMediaExecute": "action",
    "/SetOCGState": "action", "/Hide": "action", "/ResetForm": "action", "/GoTo3DView": "action",
}  # fmt: skip
FORBIDDEN_KINDS = {"/EmbeddedFile": "attachment", "/FileAttachment": "attachment", "/RichMedia": "attachment",
                   "/Movie": "attachment", "/Screen": "attachment", "/3D": "attachment"}  # fmt: skip


class Found(Exception):
    """A reason not to take the file; the message is its code."""


def limit() -> None:
    """Give up everything a bomb could use. From here on the process can only read what it was handed."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def check(data: bytes, most_pages: int) -> int:
    """How many pages the document has. Raises ``Found``."""
    reader = PdfReader(BytesIO(data), strict=False)
    if reader.is_encrypted:
        raise Found("encrypted")
    _look_at_opening(reader)
    _look_at_everything(reader)
    pages = len(reader.pages)
    if pages == 0:
        raise Found("damaged")
    if pages > most_pages:
        raise Found("pages")
    return pages


def _look_at_opening(reader: PdfReader) -> None:
    """Where to open the document (LaTeX writes that into most CVs) is harmless; anything else it does then is not."""
    opening = _resolved(reader.root_object.get("/OpenAction"))
    if opening is None or isinstance(opening, ArrayObject):
        return
    if isinstance(opening, DictionaryObject) and _resolved(opening.get("/S")) == "/GoTo" and "/Next" not in opening:
        return
    raise Found("action")


def _look_at_everything(reader: PdfReader) -> None:
    keys = {(number, generation) for generation, table in reader.xref.items() for number in table}
    keys |= {(number, 0) for number in reader.xref_objStm}
    if len(keys) > MOST_OBJECTS:
        raise Found("too_complex")
    waiting: list[Any] = [reader.trailer]
    for number, generation in sorted(keys):
        if number:
            waiting.append(reader.get_object(IndirectObject(number, generation, reader)))
        _look_at(waiting)


def _look_at(waiting: list[Any]) -> None:
    """Look at every dictionary within these objects; what they refer to is an object of its own and has its turn."""
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, DictionaryObject):
            _refuse_active(thing)
            waiting.extend(thing.values())
        elif isinstance(thing, ArrayObject):
            waiting.extend(thing)


def _refuse_active(thing: DictionaryObject) -> None:
    for key in thing:
        if code := FORBIDDEN_KEYS.get(str(key)):
            raise Found(code)
    for key, forbidden in (("/S", FORBIDDEN_ACTIONS), ("/Type", FORBIDDEN_KINDS), ("/Subtype", FORBIDDEN_KINDS)):
        if code := forbidden.get(str(_resolved(thing.get(key)))):
            raise Found(code)


def _resolved(value: Any) -> Any:
    return value.get_object() if isinstance(value, IndirectObject) else value


def verdict(data: bytes, most_pages: int) -> dict[str, Any]:
    try:
        return {"pages": check(data, most_pages)}
    except Found as reason:
        return {"problem": str(reason)}
    except (MemoryError, RecursionError):
        return {"problem": "too_complex"}
    except Exception:  # whatever pypdf trips over is a file we cannot vouch for
        return {"problem": "damaged"}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    limit()
    sys.stdout.write(json.dumps(verdict(sys.stdin.buffer.read(), int(sys.argv[1]))))
