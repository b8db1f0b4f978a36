"""The team's pages about answers that name somebody: the list, the choice, and what was wrong with it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from matsapply.reviews import rounds
from matsapply.reviews.redactions import look_through
from matsapply.rules.redaction import ALL_HIDDEN
from matsapply.rules.stages import Role
from tests.desk import problems, sign_in
from tests.reviews.builders import NOW, reviewing

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock
    from matsapply.platform.settings import Settings

TEXT = "Wanda wrote <b>this</b> with the Harebell group; Wanda Foxglove signed it."


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The demo asks the team for no second factor."""
    return replace(settings, demo=True)


def test_a_coordinator_decides_what_readers_have(app: Flask, live_session: Session, clock: FixedClock) -> None:
    clock.move_to(NOW)
    live_session.expire_on_commit = False
    world = reviewing(live_session)
    author, reader, team = world.person("Wanda Foxglove"), world.actor(), world.actor(Role.COORDINATOR)
    application = world.application(person=author, evidence=TEXT, q_empirical="Plain.")
    given = rounds.assign(live_session, team, world.round(), application, reader.person_id or 0, NOW)
    look_through(live_session, world.cohort.id, NOW)
    live_session.commit()
    desk = sign_in(app, live_session, team.person_id or 0)
    eyes = sign_in(app, live_session, reader.person_id or 0)
    listed, page = "/admin/2027-06/redactions", f"/admin/2027-06/applications/{application.public_id}/redactions"

    def shown() -> str:
        page = eyes.get(f"/review/{given.public_id}").text
        found = re.search(r'question about evidence</h2>.*?<p class="review-text">(.*?)</p>', page, re.DOTALL)
        assert found
        return found.group(1)

    def fields(**more: str) -> dict[str, str]:
        digests = dict(re.findall(r'name="(digest-\w+)" value="(\w+)"', desk.get(page).text))
        assert set(digests) == {"digest-evidence", "digest-q_empirical"}
        return digests | {key.replace("_", "-", 1): value for key, value in more.items()}

    assert "1 application waits" in desk.get(listed).text
    assert eyes.get(listed).status_code == 403
    assert eyes.get(page).status_code == 403
    first = desk.get(page).text
    assert '<del class="redacted">Wanda Foxglove</del>' in first
    assert re.search(r'value="0-5" checked', first), "a part of a name is hidden until somebody decides"
    assert "hide-evidence-49-63" not in first, "there is no choice about a whole name"
    assert shown() == "[hidden] wrote &lt;b&gt;this&lt;/b&gt; with the Harebell group; [hidden] signed it."

    wrong = desk.post(page, fields(more_evidence="the harebell group\nthe Bluebell group"), form=page)
    assert (wrong.status_code, "“the Bluebell group” does not stand" in problems(wrong)) == (422, True)
    assert "the Bluebell group</textarea>" in wrong.text
    assert desk.post(page, fields(more_evidence="the harebell GROUP"), form=page).location == listed
    assert shown() == "Wanda wrote &lt;b&gt;this&lt;/b&gt; with [hidden]; [hidden] signed it."
    assert "0 applications wait" in desk.get(listed).text
    assert re.search(r'value="29-47" checked', desk.get(page).text), "what was chosen can be taken back"
    assert desk.post(page, fields(whole_evidence="yes"), form=page).status_code == 303
    assert shown() == ALL_HIDDEN
    # Sent for a wording that is not in force, or in a form made by hand.
    for sent in ({"digest-evidence": "0" * 64}, {"digest-evidence": "x", "hide-evidence": "1-²"}):
        assert desk.post(page, sent, form=page).status_code == 409
    odd = fields() | {"hide-evidence": "9-1", "hide-nothing": "0-5", "digest-name": "0"}
    assert desk.post(page, odd, form=page).status_code == 303
    assert shown().startswith("Wanda wrote")
