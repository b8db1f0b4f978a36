"""The floor: bare Flask pages on the same data, behind the same server.

Nothing here signs anybody in or checks anything. The statements are SQLAlchemy Core, made and compiled once; the
templates are compiled once; no hook runs.
"""

from __future__ import annotations

import csv
import io
import os
from itertools import count
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import Flask, Response

from matsapply.applications.models import AnswerDraft, Application, Snapshot
from matsapply.people.models import Person
from matsapply.reviews.models import Review

if TYPE_CHECKING:
    from collections.abc import Iterator

ROW_PAGE = "<!doctype html><title>{{ row.id }}</title><p>{{ row.public_id }} {{ row.state }} {{ row.submitted_at }}</p>"
LIST_PAGE = (
    "<!doctype html><table>{% for row in rows %}<tr><td>{{ row.public_id }}</td><td>{{ row.display_name }}</td>"
    "<td>{{ row.state }}</td><td>{{ row.score_mean }}</td><td>{{ row.submitted_at }}</td></tr>{% endfor %}</table>"
)
FIXED_PAGE = "<!doctype html>" + "<p>twenty thousand letters of nothing much</p>" * 450
LISTED = (
    Application.id,
    Application.public_id,
    Person.display_name,
    Application.state,
    Application.score_mean,
    Application.submitted_at,
)


def create_app() -> Flask:
    """Bare pages on the database named in BENCH_DATABASE."""
    app = Flask(__name__)
    engine = sa.create_engine(os.environ["BENCH_DATABASE"])
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _as_durable_as_ours)
    row_page, list_page = app.jinja_env.from_string(ROW_PAGE), app.jinja_env.from_string(LIST_PAGE)
    numbers = count(int.from_bytes(os.urandom(3)))
    with engine.connect() as connection:
        first = connection.scalar(sa.select(sa.func.min(Application.id)).where(Application.submitted_at.is_not(None)))
        saved_at = connection.scalar(sa.select(sa.func.max(AnswerDraft.saved_at)))
    one_row = sa.select(Application.id, Application.public_id, Application.state, Application.submitted_at).where(
        Application.id == first
    )
    listed = sa.select(*LISTED).join(Person, Person.id == Application.person_id)
    some_rows = listed.where(Application.submitted_at.is_not(None)).order_by(Application.id).limit(150)
    mean = sa.func.avg(Review.total)
    best = listed.join(Review, Review.application_id == Application.id)
    best = best.group_by(*LISTED).order_by(mean.desc()).limit(50)
    insert = sa.insert(AnswerDraft.__table__)  # type: ignore[arg-type]

    @app.get("/fixed")
    def fixed() -> str:
        return FIXED_PAGE

    @app.get("/row")
    def row() -> str:
        with engine.connect() as connection:
            return row_page.render(row=connection.execute(one_row).one())

    @app.get("/list")
    def rows() -> str:
        with engine.connect() as connection:
            return list_page.render(rows=connection.execute(some_rows).all())

    @app.get("/average")
    def average() -> str:
        """The best 50 by an average over all reviews, worked out at each request."""
        with engine.connect() as connection:
            return list_page.render(rows=connection.execute(best).all())

    @app.post("/save")
    def save() -> Response:
        values = {
            "application_id": first,
            "question_key": f"bench-{next(numbers)}-{os.getpid()}",
            "value": "x" * 900,
            "version": 1,
            "saved_at": saved_at,
        }
        with engine.begin() as connection:
            connection.execute(insert, values)
        return Response(status=303, headers={"Location": "/row"})

    @app.get("/export")
    def export() -> Response:
        return Response(_lines(engine), mimetype="text/csv")

    return app


def _lines(engine: sa.Engine) -> Iterator[str]:
    """Every submitted application with all its answers, read and sent piece by piece."""
    statement = sa.select(*LISTED, Snapshot.content).join(Person, Person.id == Application.person_id)
    statement = statement.join(
        Snapshot, sa.and_(Snapshot.application_id == Application.id, Snapshot.number == Application.snapshot_number)
    ).order_by(Application.id)
    text = io.StringIO()
    writer = csv.writer(text)
    with engine.connect().execution_options(yield_per=250) as connection:
        for number, row in enumerate(connection.execute(statement)):
            writer.writerow([*row[:6], *row.content["answers"].values()])
            if number % 100 == 99:
                yield text.getvalue()
                text.seek(0)
                text.truncate()
    yield text.getvalue()


def _as_durable_as_ours(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
