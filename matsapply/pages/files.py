"""Handing out a stored file: always as a download, never as a page of this site."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import Response, abort

from matsapply.platform import storage

if TYPE_CHECKING:
    from matsapply.files.models import StoredFile

# Should a browser show it all the same, it is a document of nobody that can do nothing.
POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def response_for(file: StoredFile) -> Response:
    """The file as an attachment, streamed. The caller has made sure that the asker may have it.

    404 where the row was removed, 503 where the store does not answer.
    """
    if file.removed_at is not None:
        abort(404)
    try:
        pieces = storage.current().stream(file.key)
    except storage.MissingError:
        abort(404)
    except storage.UnavailableError:
        abort(503)
    response = Response(pieces, content_type=file.content_type)
    headers = response.headers
    headers["Content-Length"] = str(file.size)
    headers["Content-Disposition"] = disposition(file.name)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Content-Security-Policy"] = POLICY
    headers["Cache-Control"] = "private, no-store"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def disposition(name: str) -> str:
    """Both forms of the name (RFC 6266): plain ASCII for old programs, UTF-8 for all others."""
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in " ._-()") else "_" for letter in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
