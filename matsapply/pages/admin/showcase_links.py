"""The papers' addresses: which answer, which do not, and asking all of them anew."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from flask import render_template

from matsapply.pages.admin.frame import blueprint, go, said
from matsapply.pages.guard import actor, allow, needs
from matsapply.platform import clock
from matsapply.platform.flask_db import session
from matsapply.rules.access import Act, Reach
from matsapply.showcase import links
from matsapply.showcase.links import Verdict

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

WORDS = {
    Verdict.BROKEN: "broken",
    Verdict.MOVED: "moved",
    Verdict.UNSURE: "not known",
    Verdict.WAITING: "waiting",
    Verdict.FINE: "fine",
}
TONES = {Verdict.BROKEN: "bad", Verdict.MOVED: "warn", Verdict.FINE: "good"}


@blueprint.get("/showcase/links")
@needs(Act.SHOWCASE_CURATE)
def showcase_links() -> ResponseReturnValue:
    """The report, what needs somebody first."""
    allow(Act.SHOWCASE_CURATE, Reach())
    found = links.report(session())
    times = [one.checked_at for one in found if one.checked_at]
    return render_template(
        "admin/showcase_links.html",
        links=found,
        counts=Counter(one.verdict for one in found),
        words=WORDS,
        tones=TONES,
        no_network=any(one.problem == links.NO_NETWORK for one in found),
        last=max(times, default=None),
        verdicts=Verdict,
    )


@blueprint.post("/showcase/links")
@needs(Act.SHOWCASE_CURATE)
def check_showcase_links() -> ResponseReturnValue:
    """Have all of them looked at; the job begins within a minute."""
    allow(Act.SHOWCASE_CURATE, Reach())
    number = links.ask_again(session(), actor(), clock.now())
    said(f"{number} addresses wait to be looked at. It begins within a minute and takes about a second each.", "info")
    return go("admin.showcase_links")
