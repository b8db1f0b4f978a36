"""A small application that shows the component gallery and a page of each layout, with stand-in data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from flask import Flask, flash, render_template, render_template_string, request
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined
from wtforms import (
    BooleanField,
    EmailField,
    FileField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired

from matsapply.pages import widgets
from matsapply.platform import clock

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
LAYOUTS = {"public": "<h2>Dates</h2>", "account": "", "plain": "{{ page_head('A page', 'Its lede.') }}"}
LAYOUT_PAGE = """
{% extends "layouts/LAYOUT.html" %}
{% from "components/button.html" import button %}
{% from "components/field.html" import field %}
{% from "components/page_head.html" import page_head %}
{% block title %}A page{% endblock %}
{% block hero %}
<section class="hero"><div class="hero-inner"><h1>Three months of research with a mentor who does it</h1>
<p class="lede">A stand-in line.</p>
<div class="cluster">{{ button("Apply", href="#a") }}{{ button("See the streams", href="#s", kind="secondary") }}</div>
</div></section>
{% endblock %}
{% block content %}TOP<form method="post" class="form">{{ field(form.email) }}{{ button("Go on") }}</form>{% endblock %}
{% block below %}<p><a href="#f">Forgot it?</a></p>{% endblock %}
"""


class SampleForm(FlaskForm):
    name = StringField("Full name", [InputRequired()])
    email = EmailField("E-mail address", [InputRequired()])
    zone = SelectField("Time zone", choices=[f"Etc/GMT+{n}" for n in range(1, 13)])
    tracks = SelectMultipleField(
        "Tracks",
        description="Pick those you would work in; order them in the next section.",
        choices={"interp": "Interpretability", "control": "Oversight and control", "gov": "Governance"},
    )
    interp = TextAreaField("What in interpretability do you want to understand?")
    weeks = RadioField("Can you be there for all twelve weeks?", [InputRequired()], choices=["Yes", "No", "Not sure"])
    why = TextAreaField("Why this research direction?", [InputRequired()])
    many = SelectMultipleField("Areas you know", choices=[f"Area number {n}" for n in range(1, 13)])
    cv = FileField("CV")
    agree = BooleanField("My answers may be read by the mentors of my streams", [InputRequired()])
    care = RadioField("Care", choices=["1", "2", "3", "4", "5"])
    comment = TextAreaField("Comment for the stream lead", description="Never shown to the applicant.")


def sample_form() -> SampleForm:
    filled = {"name": "Sofía Ramírez", "tracks": ["interp"], "weeks": "Yes", "care": "3", "why": "Because. " * 9}
    form = SampleForm(formdata=None, data=filled)
    form.email.errors = ["Write an address with an @, such as ada@example.org."]
    form.weeks.errors = ["Say whether you can be there."]
    return form


def sample_rows() -> list[SimpleNamespace]:
    people = (
        ("Priya Natarajan", "Agent foundations", "in_review"),
        ("Omar Haddad", "Interpretability", "decided"),
        ("Mateusz Kowalski", "Interpretability", "in_review"),
        ("Fatima Zahra", "Oversight and control", "awaiting_review"),
        ("Ines Duarte", "Agent foundations", "interview"),
        ("Jonas Lindqvist", "Governance", "not_selected"),
    )
    return [
        SimpleNamespace(
            name=name,
            code=f"W27-{index * 317 + 1004}",
            stream=stream,
            state=state,
            score=f"{7.3 - index * 0.4:.1f}",
            spread=f"{1.2 - index * 0.1:.1f}",
            bars=[(index * 7 + n * n * 3) % 11 for n in range(10)],
            mark=(index * 3 + 2) % 10,
            due=NOW + timedelta(days=index - 1, hours=5),
        )
        for index, (name, stream, state) in enumerate(people)
    ]


def sample_stages() -> list[dict[str, object]]:
    return [
        {"label": "Applications close", "at": NOW - timedelta(days=20), "state": "done"},
        {"label": "Central review", "at": NOW + timedelta(days=9), "state": "current", "note": "Nothing to do."},
        {"label": "Tasks of streams", "at": NOW + timedelta(days=30), "state": "todo", "estimate": True},
        {"label": "Interviews", "at": NOW + timedelta(days=48), "state": "todo", "estimate": True},
        {"label": "Decisions", "at": None, "state": "todo"},
    ]


PAPERS = [
    {
        "title": "A stand-in title about features that share a direction",
        "url": "https://example.org/a",
        "year": 2025,
        "venue": "Workshop",
        "authors": ["Ada Example", "Bo Sample", "Cy Stand-In", "Di Placeholder", "Ed Invented", "Flo Nobody"],
        "fellows": ["Bo Sample"],
        "summary": "Shows that two made-up things are one, on three invented models.",
        "tracks": ["Interpretability"],
    },
    {"title": "Another one, with little known about it", "url": "https://example.org/b"},
]
SAMPLE_TEXT = "# A heading\n\nSome *text* with a [link](https://example.org) and `code`.\n\n- one\n- two\n\n> quoted"


def rail() -> list[dict[str, object]]:
    def item(label: str, icon: str, active: bool = False, badge: int | None = None) -> dict[str, object]:
        return {"label": label, "href": f"#{icon}", "icon": icon, "active": active, "badge": badge}

    return [
        {
            "label": "Reviewing",
            "items": [item("My queue", "inbox", True, 5), item("Calibration", "chart"), item("Interviews", "calendar")],
        },
        {"label": "Applying", "items": [item("Application", "doc"), item("Rank streams", "list")]},
    ]


def create_gallery() -> Flask:
    app = Flask(__name__, template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "matsapply" / "static"))
    app.config.update(SECRET_KEY="for the gallery only", TESTING=True)
    app.jinja_env.undefined = StrictUndefined
    csrf = CSRFProtect(app)
    widgets.init_app(app)
    link = [("Settings", "#settings"), ("Security", "#security")]
    app.jinja_env.globals.update(
        rail=rail,
        cohort_label=lambda: "Summer 2027",
        next_date=lambda: SimpleNamespace(label="Reviews are due", at=NOW + timedelta(days=3), estimate=False),
        account=lambda: (
            None if request.args.get("out") else SimpleNamespace(name="Imke Adler", links=link, logout="/logout")
        ),
        demo_banner=lambda: SimpleNamespace(simulated_now=NOW, links=[("Move the clock", "#clock")]),
    )

    @app.after_request
    def strict(response):  # type: ignore[no-untyped-def]
        response.headers["Content-Security-Policy"] = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'"
        return response

    @app.get("/")
    def gallery() -> str:
        with clock.using(clock.FixedClock(NOW)):
            if request.args.get("flash"):
                flash("Saved.", "good")
            return render_template(
                "components/gallery.html",
                form=sample_form(),
                rows=sample_rows(),
                stages=sample_stages(),
                deadline=datetime(2026, 12, 2, 12, 0, tzinfo=UTC),
                past=NOW - timedelta(days=2, hours=3),
                papers=PAPERS,
                sample=SAMPLE_TEXT,
                sort=request.args.get("sort", "-score"),
            )

    @app.get("/layout/<name>")
    def layout(name: str) -> str:
        source = LAYOUT_PAGE.replace("LAYOUT", name).replace("TOP", LAYOUTS[name])
        with clock.using(clock.FixedClock(NOW)):
            return render_template_string(source, form=sample_form())

    @app.get("/error/<int:status>")
    def error(status: int) -> tuple[str, int]:
        page = render_template("errors/error.html", status=status, title="There is nothing here", advice="Go back.")
        return page, status

    app.add_url_rule("/theme", view_func=widgets.choose_theme, methods=["POST"])
    csrf.exempt(widgets.choose_theme)
    return app
