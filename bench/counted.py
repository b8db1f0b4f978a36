"""The site as ``wsgi`` makes it, and each answer says how many statements it took, in the header X-Queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from wsgi import app

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

# What opens a transaction is not a query: it asks for no rows.
NOT_COUNTED = ("BEGIN", "PRAGMA", "SET TRANSACTION")

_statements = 0  # of the request at hand: the benchmark makes one at a time
_answer = app.wsgi_app


def _counting(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    global _statements
    _statements = 0

    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        return start_response(status, [*headers, ("X-Queries", str(_statements))], *more)

    return _answer(environ, start)


app.wsgi_app = _counting  # type: ignore[method-assign]


@sa.event.listens_for(sa.Engine, "before_cursor_execute")
def _count(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
    global _statements
    if not statement.startswith(NOT_COUNTED):
        _statements += 1
