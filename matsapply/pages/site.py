"""What every page shows around its content: the rail, the cohort and its next date, the demo's banner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, g, jsonify, request
from sqlalchemy import text

from matsapply.pages.guard import needs
from matsapply.platform.flask_db import session
from matsapply.rules.access import Act

if TYPE_CHECKING:
    from flask import Flask
    from flask.typing import ResponseReturnValue

    from matsapply.platform.settings import Settings

blueprint = Blueprint("site", __name__)


@blueprint.get("/healthz")
@needs(Act.PUBLIC)
def healthz() -> ResponseReturnValue:
    """Whether the process and its database answer."""
    session().execute(text("SELECT 1"))
    return jsonify({"status": "ok"})


def init_app(app: Flask, settings: Settings) -> None:
    app.register_blueprint(blueprint)


__all__ = ["g", "init_app", "request"]
