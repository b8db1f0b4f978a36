"""The site as ``wsgi`` makes it, and each answer says how many statements it took, in the header X-Queries."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Response, g

from wsgi import app

# What opens a transaction is not a query: it asks for no rows.
NOT_COUNTED = ("BEGIN", "PRAGMA", "SET TRANSACTION")


@app.before_request
def _begin() -> None:
    g.statements = 0


# The first hook of the request must be this one, before anybody asks who is looking.
app.before_request_funcs[None].insert(0, app.before_request_funcs[None].pop())


@app.after_request
def _tell(response: Response) -> Response:
    response.headers["X-Queries"] = str(g.statements)
    return response


@sa.event.listens_for(sa.Engine, "before_cursor_execute")
def _count(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
    if not statement.startswith(NOT_COUNTED) and g:
        g.statements = g.get("statements", 0) + 1
