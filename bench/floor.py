"""The floor: bare Flask pages on the same data, served by the same server with the same database settings."""

from __future__ import annotations

import csv
import io
import os
from itertools import count

import sqlalchemy as sa
from flask import Flask, Response, render_template_string

from matsapply.applications.models import AnswerDraft, Application
from matsapply.people.models import Person
from matsapply.platform.db import configure_engine
from matsapply.reviews.models import Review

ROW_PAGE = "<!doctype html><title>{{ row.id }}</title><p>{{ row.public_id }} {{ row.state }}</p>"
LIST_PAGE = (
    "<!doctype html><table>{% for row in rows %}<tr><td>{{ row.public_id }}</td><td>{{ row.display_name }}</td>"
    "<td>{{ row.state }}</td><td>{{ row.score_mean }}</td><td>{{ row.submitted_at }}</td></tr>{% endfor %}</table>"
)
FIXED_PAGE = "<!doctype html>" + "<p>twenty thousand letters of nothing much</p>" * 450


def create_app() -> Flask:
    """Bare pages on the database named in BENCH_DATABASE."""
    app = Flask(__name__)
    engine = sa.create_engine(os.environ["BENCH_DATABASE"])
    configure_engine(engine)
    numbers = count(int.from_bytes(os.urandom(3)))
    table = AnswerDraft.__table__
    first = sa.select(sa.func.min(Application.id)).scalar_subquery()

    @app.get("/fixed")
    def fixed() -> str:
        return FIXED_PAGE

    @app.get("/row")
    def row() -> str:
        with engine.connect() as connection:
            found = connection.execute(
                sa.select(Application.id, Application.public_id, Application.state).where(Application.id == first)
            ).one()
        return render_template_string(ROW_PAGE, row=found)

    @app.get("/list")
    def rows() -> str:
        with engine.connect() as connection:
            found = connection.execute(_listed().order_by(Application.id).limit(150)).all()
        return render_template_string(LIST_PAGE, rows=found)

    @app.get("/average")
    def average() -> str:
        """The best 50 by an average over all reviews, worked out at each request."""
        mean = sa.func.avg(Review.total)
        query = _listed().join(Review, Review.application_id == Application.id)
        query = query.group_by(*_COLUMNS).order_by(mean.desc()).limit(50)
        with engine.connect() as connection:
            found = connection.execute(query).all()
        return render_template_string(LIST_PAGE, rows=found)

    @app.post("/save")
    def save() -> Response:
        with engine.begin() as connection:
            application_id = connection.scalar(sa.select(first))
            connection.execute(
                sa.insert(table).values(
                    application_id=application_id,
                    question_key=f"bench-{next(numbers)}-{os.getpid()}",
                    value="x" * 900,
                    version=1,
                    saved_at=sa.select(sa.func.max(AnswerDraft.saved_at)).scalar_subquery(),
                )
            )
        return Response(status=303, headers={"Location": "/row"})

    @app.get("/export")
    def export() -> Response:
        def lines() -> object:
            text = io.StringIO()
            writer = csv.writer(text)
            query = sa.select(AnswerDraft.application_id, AnswerDraft.question_key, AnswerDraft.value)
            with engine.connect().execution_options(yield_per=500) as connection:
                for found in connection.execute(query):
                    writer.writerow(found)
                    if text.tell() > 60_000:
                        yield text.getvalue()
                        text.seek(0)
                        text.truncate()
            yield text.getvalue()

        return Response(lines(), mimetype="text/csv")

    return app


_COLUMNS = (
    Application.id,
    Application.public_id,
    Person.display_name,
    Application.state,
    Application.score_mean,
    Application.submitted_at,
)


def _listed() -> sa.Select:
    return sa.select(*_COLUMNS).join(Person, Person.id == Application.person_id)
