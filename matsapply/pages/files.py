"""Handing out a stored file: always as a download, never as a page of this site; to look at, as a picture we drew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Response, abort

from matsapply.files.pdf_gate import blind_copy, page_picture
from matsapply.platform import storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from matsapply.files.models import StoredFile

# Should a browser show it all the same, it is a document of nobody that can do nothing.
POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def response_for(file: StoredFile) -> Response:
    """The file as an attachment, streamed. The caller has made sure that the asker may have it.

    404 where the row was removed, 503 where the store does not answer.
    """
    return _attached(_read(file, storage.current().stream), file.content_type, file.name, file.size)


def blind_response_for(file: StoredFile, name: str) -> Response:
    """A PDF under ``name`` for a reader who must not learn whose it is: nothing in its bytes says who made it.

    404 and 503 as above; 409 where the file cannot be made so, for then it is not handed out at all.
    """
    copy = blind_copy(_read(file, storage.current().get))
    if copy is None:
        abort(409)
    return _attached(copy, file.content_type, name, len(copy))


def picture_for(file: StoredFile, number: int) -> Response:
    """Page ``number`` of a stored PDF (the first is 1) as a picture to look at. The caller has checked who asks.

    404 where there is no such page or it cannot be drawn, 503 where the store does not answer.
    """
    if not 1 <= number <= (file.pages or 0):
        abort(404)
    drawn = page_picture(_read(file, storage.current().get), number)
    if drawn is None:
        abort(404)
    response = Response(drawn, content_type="image/webp")
    _guard(response)
    return response


def _read(file: StoredFile, read: Callable[[str], Any]) -> Any:
    if file.removed_at is not None:
        abort(404)
    try:
        return read(file.key)
    except storage.MissingError:
        abort(404)
    except storage.UnavailableError:
        abort(503)


def _attached(body: Iterable[bytes] | bytes, content_type: str, name: str, size: int) -> Response:
    response = Response(body, content_type=content_type)
    headers = response.headers
    headers["Content-Length"] = str(size)
    headers["Content-Disposition"] = disposition(name)
    _guard(response)
    return response


def _guard(response: Response) -> None:
    """What keeps somebody's upload from being anything but what it is, for anybody but who asked."""
    headers = response.headers
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Content-Security-Policy"] = POLICY
    headers["Cache-Control"] = "private, no-store"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"


def disposition(name: str) -> str:
    """Both forms of the name (RFC 6266): plain ASCII for old programs, UTF-8 for all others."""
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in " ._-()") else "_" for letter in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
