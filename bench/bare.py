"""The smallest application of the same two libraries: one page and one SELECT."""

import sqlalchemy as sa
from flask import Flask
from sqlalchemy import orm

app = Flask(__name__)
engine = sa.create_engine("sqlite://")


@app.get("/")
def index() -> str:
    with orm.Session(engine) as session:
        return str(session.scalar(sa.text("SELECT 1")))
