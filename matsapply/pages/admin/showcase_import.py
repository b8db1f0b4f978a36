"""Papers brought in through the browser: the report first, then the writing; and what an import left to people."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from flask import abort, current_app, render_template, request

from matsapply.pages.admin.frame import blueprint, go, refused_as, said
from matsapply.pages.guard import actor, allow, needs
from matsapply.pages.public import caching
from matsapply.platform import clock, storage
from matsapply.platform.flask_db import session
from matsapply.rules.access import Act, Reach
from matsapply.rules.refusals import Refused
from matsapply.showcase import importing, questions, sources
from matsapply.showcase.answers import answer
from matsapply.showcase.known import known
from matsapply.showcase.models import ShowcaseQuestion

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.showcase.importing import ImportReport
    from matsapply.showcase.reading import Reading

NOTHING_CHOSEN = "Choose a file, or write some arXiv ids."
AWAY = "The file cannot be kept for the moment, so nothing was written. Try again, or use the command."
_KEY = "showcase-import/{}"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,60}")
MOST_LINES = 500  # of a report on one page


@blueprint.get("/showcase/import")
@needs(Act.SHOWCASE_CURATE)
def showcase_import() -> ResponseReturnValue:
    allow(Act.SHOWCASE_CURATE, Reach())
    return _page()


@blueprint.post("/showcase/import")
@needs(Act.SHOWCASE_CURATE)
def showcase_look() -> ResponseReturnValue:
    """Read the file and say what it would change. Nothing is written; the bytes wait a day for a confirmation."""
    allow(Act.SHOWCASE_CURATE, Reach())
    upload = request.files.get("file")
    ids = request.form.get("ids", "")
    content = upload.read() if upload and upload.filename else ids.encode("utf-8", "replace")
    name = (upload.filename or "") if upload and upload.filename else "arXiv ids"
    if not content.strip():
        return _page(problem=NOTHING_CHOSEN, ids=ids, status=422)
    reading = _read(content)
    if reading.broken:
        return _page(reading=reading, name=name, ids=ids, status=422)
    plan = importing.import_papers(session(), reading, True, clock.now(), confirmed=True)
    token = ""
    if plan.would_write:
        token = secrets.token_urlsafe(24)
        try:
            storage.current().put(_KEY.format(token), content)
        except storage.UnavailableError:
            return _page(reading=reading, plan=plan, name=name, ids=ids, problem=AWAY, status=503)
    return _page(reading=reading, plan=plan, name=name, token=token)


@blueprint.post("/showcase/import/<token>")
@needs(Act.SHOWCASE_CURATE)
def showcase_write(token: str) -> ResponseReturnValue:
    """Write what the report showed, read again from the same bytes."""
    allow(Act.SHOWCASE_CURATE, Reach())
    if not _TOKEN.fullmatch(token):
        abort(404)
    try:
        content = storage.current().get(_KEY.format(token))
    except storage.MissingError:
        abort(404)
    except storage.UnavailableError:
        return _page(problem=AWAY, status=503)
    reading = _read(content)
    name = " ".join(request.form.get("name", "").split())
    report = importing.import_papers(session(), reading, False, clock.now(), confirmed=True, actor=actor(), source=name)
    caching.forget()
    written = f"{report.count(importing.CREATED)} new, {report.count(importing.CHANGED)} changed"
    said(f"Written: {written}. {report.questions_asked} questions wait for a person.")
    return go("admin.showcase_questions" if report.questions_asked else "admin.showcase")


def _read(content: bytes) -> Reading:
    before = known(session())
    session().rollback()  # nothing is held while another site is asked
    return sources.read(content, before, cache=current_app.extensions["matsapply.settings"].data / "arxiv")


def _page(
    *,
    reading: Reading | None = None,
    plan: ImportReport | None = None,
    name: str = "",
    token: str = "",
    ids: str = "",
    problem: str = "",
    status: int = 200,
) -> ResponseReturnValue:
    page = render_template(
        "admin/showcase_import.html",
        reading=reading,
        plan=plan,
        name=name,
        token=token,
        ids=ids,
        problem=problem,
        most=MOST_LINES,
    )
    return page, status


@blueprint.get("/showcase/questions")
@needs(Act.SHOWCASE_CURATE)
def showcase_questions() -> ResponseReturnValue:
    """What imports would have had to guess, for a person to say."""
    allow(Act.SHOWCASE_CURATE, Reach())
    return _questions()


def _questions(problem: str = "", status: int = 200) -> ResponseReturnValue:
    page = render_template(
        "admin/showcase_questions.html", questions=questions.open_questions(session()), problem=problem
    )
    return page, status


@blueprint.post("/showcase/questions/<public_id>/<said_so>")
@needs(Act.SHOWCASE_CURATE)
def showcase_answer(public_id: str, said_so: str) -> ResponseReturnValue:
    """yes or no; a second answer to the same question is refused."""
    allow(Act.SHOWCASE_CURATE, Reach())
    question = questions.question(session(), public_id[:20])
    if question is None or said_so not in {"yes", "no"}:
        abort(404)
    stored = session().get_one(ShowcaseQuestion, question.id, with_for_update=True)
    try:
        answer(session(), actor(), stored, said_so == "yes", clock.now())
    except Refused as error:
        return _questions(refused_as(error), 409)
    caching.forget()
    said("Kept: yes." if said_so == "yes" else "Kept: no.")
    return go("admin.showcase_questions")
