"""The demo's mailbox: every message to everybody, so that a newcomer can follow the mails of a whole cohort.

This blueprint exists in the demo only (see ``pages.registry``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import nh3
from flask import Blueprint, abort, current_app, render_template, request
from markupsafe import Markup

from matsapply.mail import queries
from matsapply.pages.guard import needs
from matsapply.pages.widgets import path
from matsapply.platform.flask_db import session
from matsapply.rules.access import Act

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("demo_mail", __name__, url_prefix="/demo/mail")

LAST_PAGE = 10_000
SEARCH_LENGTH = 255  # characters: no address is longer
TAGS = {"a", "blockquote", "br", "em", "li", "p", "strong", "ul"}


@blueprint.get("")
@needs(Act.PUBLIC)
def mailbox() -> ResponseReturnValue:
    """The newest messages first; ``to`` is a part of the recipient's address."""
    page = min(max(request.args.get("page", 1, type=int), 1), LAST_PAGE)
    wanted = request.args.get("to", "")[:SEARCH_LENGTH].replace("\x00", "")
    rows, total = queries.mailbox(session(), recipient=wanted, offset=(page - 1) * queries.PAGE)
    return render_template(
        "demo/mailbox.html",
        rows=rows,
        total=total,
        wanted=wanted,
        page=page,
        older=page * queries.PAGE < total,
    )


@blueprint.get("/<public_id>")
@needs(Act.PUBLIC)
def message(public_id: str) -> ResponseReturnValue:
    """One message, as its recipient sees it; ``?view=text`` shows the plain words."""
    found = queries.mailbox_message(session(), public_id)
    if found is None:
        abort(404)
    as_text = request.args.get("view") == "text"
    return render_template("demo/mail.html", message=found, as_text=as_text, html=_shown(found.html))


def _shown(html: str) -> Markup:
    """The mail's HTML as a part of a page: only its words, lists and links. Links into the site work at whatever
    address the reader uses for it, so that a walk does not lose its sign-in on the way."""
    base = current_app.extensions["matsapply.settings"].base_url.rstrip("/")

    def here(_tag: str, _attribute: str, value: str) -> str:
        return path(value.removeprefix(base)) if value.startswith(f"{base}/") else value

    clean = nh3.clean(
        html,
        tags=TAGS,
        clean_content_tags={"script", "style", "title"},
        attributes={"a": {"href"}},
        attribute_filter=here,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )
    return Markup(clean)  # noqa: S704 - cleaned against an allow-list on the line above
