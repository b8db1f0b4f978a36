"""A stream's ranking at its page: order, tiers, ties, the lock; two who rank at once."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from matsapply.offers.ranking import current_ranking
from matsapply.rules.stages import StreamApplicationState
from tests.desk import problems
from tests.stream_desk import StreamDesk
from tests.stream_world import at

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

    from matsapply.applications.models import StreamApplication
    from matsapply.offers.ranking import Ranking
    from matsapply.platform.clock import FixedClock
    from matsapply.platform.settings import Settings
    from tests.desk import Member

PAGE = "/stream/red/ranking"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The demo asks a stream's people for no second factor."""
    return replace(settings, demo=True)


@pytest.fixture
def stream_desk(app: Flask, live_session: Session, clock: FixedClock) -> StreamDesk:
    return StreamDesk.open(app, live_session, clock)


def three(desk: StreamDesk) -> list[StreamApplication]:
    return [desk.entry(name) for name in ("Ada", "Bo", "Cy")]


def now(desk: StreamDesk) -> Ranking:
    desk.session.commit()
    found = current_ranking(desk.session, desk.world.red.id)
    desk.session.commit()
    return found


def save(member: Member, entries: list[StreamApplication], number: int = 0, **more: Any) -> TestResponse:
    return member.post(PAGE, {"number": str(number), "order": [entry.public_id for entry in entries], **more})


def test_an_order_is_saved_and_changed_by_one_press(stream_desk: StreamDesk) -> None:
    ada, bo, cy = three(stream_desk)
    lead = stream_desk.lead
    for form, after in (
        ({"add": ada.public_id}, [ada]),
        ({"order": [ada], "add_all": "1", "left": [cy, bo]}, [ada, cy, bo]),
        ({"order": [ada, cy, bo], "move": f"up:{bo.public_id}"}, [ada, bo, cy]),
        ({"order": [ada, bo, cy], "move": f"down:{ada.public_id}"}, [bo, ada, cy]),
        ({"order": [bo, ada, cy], "move": f"up:{bo.public_id}"}, [bo, ada, cy]),
        ({"order": [bo, ada, cy], "remove": ada.public_id}, [bo, cy]),
        ({"order": [bo, bo, cy]}, [bo, cy]),
    ):
        fields = {
            key: [one.public_id for one in value] if isinstance(value, list) else value for key, value in form.items()
        }
        answer = lead.post(PAGE, {"number": str(now(stream_desk).number), **fields})
        assert answer.status_code == 303, form
        assert now(stream_desk).order == [entry.id for entry in after], form
    assert "Add all" not in lead.get(PAGE).text, "with one left, its own button is enough"


def test_two_who_rank_at_once_each_see_both_orders(stream_desk: StreamDesk) -> None:
    ada, bo, cy = three(stream_desk)
    assert save(stream_desk.lead, [ada, bo, cy]).status_code == 303
    refused = save(stream_desk.lead, [cy, bo, ada], tiers="")
    assert refused.status_code == 409
    assert problems(refused)
    order = re.findall(r'name="order" value="(\w+)"', refused.text)
    assert order == [cy.public_id, bo.public_id, ada.public_id], "what was typed stands in the form"
    other = re.search(r"Saved by somebody else.*?<ol.*?>(.*?)</ol>", refused.text, re.DOTALL)
    assert other
    assert re.findall(r"<li>(\w+)</li>", other.group(1)) == ["Ada", "Bo", "Cy"]
    number = re.search(r'name="number" value="(\d+)"', refused.text)
    assert number
    assert save(stream_desk.lead, [cy, bo, ada], int(number.group(1))).status_code == 303
    assert now(stream_desk).order == [cy.id, bo.id, ada.id]


@pytest.mark.parametrize("tier", ["0", "100", "first", "-1", "²", "9" * 40])
def test_a_tier_that_is_no_number_keeps_the_order(stream_desk: StreamDesk, tier: str) -> None:
    ada, bo, cy = three(stream_desk)
    refused = save(stream_desk.lead, [cy, ada, bo], **{f"tier-{ada.public_id}": tier})
    assert (refused.status_code, problems(refused)) == (422, "A tier is a number from 1 to 99.")
    assert re.findall(r'name="order" value="(\w+)"', refused.text) == [cy.public_id, ada.public_id, bo.public_id]
    assert f'name="tier-{ada.public_id}" value="{tier}"' in refused.text
    assert now(stream_desk).number == 0


def test_e36_ties_stand_while_it_is_open_and_not_in_the_lock(stream_desk: StreamDesk) -> None:
    ada, bo, cy = three(stream_desk)
    lead = stream_desk.lead
    tiers = {f"tier-{ada.public_id}": "1", f"tier-{bo.public_id}": "1", f"tier-{cy.public_id}": "2"}
    assert save(lead, [ada, bo, cy], **tiers).status_code == 303
    refused = lead.post(f"{PAGE}/lock", form=PAGE)
    assert (refused.status_code, bool(problems(refused))) == (409, True)
    assert "There are tiers" in refused.text
    assert now(stream_desk).locked_at is None
    assert save(lead, [ada, bo, cy], 1, drop_tiers="1").status_code == 303
    assert lead.post(f"{PAGE}/lock", form=PAGE).status_code == 303
    assert now(stream_desk).locked_at is not None


def test_s8_the_lock_holds_for_good(stream_desk: StreamDesk) -> None:
    """There is no way back: from then on only a withdrawal changes it (E35)."""
    ada, bo, cy = three(stream_desk)
    lead = stream_desk.lead
    empty = lead.post(f"{PAGE}/lock", form=PAGE)
    assert (empty.status_code, bool(problems(empty))) == (409, True)
    save(lead, [bo, ada])
    assert lead.post(f"{PAGE}/lock", form=PAGE).status_code == 303
    assert {stream_desk.fresh(entry).state for entry in (ada, bo)} == {StreamApplicationState.ASSESSED}
    assert stream_desk.fresh(cy).state is StreamApplicationState.IN_REVIEW
    locked = now(stream_desk)
    refused = save_by(lead, [ada, bo, cy], locked.number)
    assert (refused.status_code, "deadline has passed" in problems(refused)) == (409, True)
    assert lead.post(f"{PAGE}/lock", form="/account").status_code == 303, "locked already: nothing happens"
    assert now(stream_desk) == locked
    shown = lead.get(PAGE).text
    assert "The ranking is locked" in shown
    assert 'name="order"' not in shown


def save_by(member: Member, entries: list[StreamApplication], number: int) -> TestResponse:
    """As ``save``, where the page itself shows no form any more."""
    fields = {"number": str(number), "order": [entry.public_id for entry in entries]}
    return member.post(PAGE, fields, form="/account")


def test_after_t12_nothing_is_saved_and_the_order_is_not_lost(stream_desk: StreamDesk) -> None:
    ada, bo, _ = three(stream_desk)
    save(stream_desk.lead, [ada, bo])
    stream_desk.clock.move_to(at("2027-04-14 17:00"))
    refused = save_by(stream_desk.lead, [bo, ada], 1)
    assert refused.status_code == 409
    listed = re.search(r'class="ranked-list">(.*?)</ol>', refused.text, re.DOTALL)
    assert listed
    assert re.findall(r">(Ada|Bo)</a>", listed.group(1)) == ["Bo", "Ada"]
    assert now(stream_desk).order == [ada.id, bo.id]


def test_only_candidates_of_the_stream_are_ranked(stream_desk: StreamDesk) -> None:
    ada, _, _ = three(stream_desk)
    foreign = stream_desk.world.entry(stream_desk.world.applicant("Foreign"), stream_desk.world.blue)
    stream_desk.session.commit()
    for key in (foreign.public_id, "0" * 13, "", "x" * 5000):
        fields = {"number": "0", "order": [ada.public_id, key]}
        assert stream_desk.lead.post(PAGE, fields).status_code == 409, key[:20]
    for number in ("", "-1", "9" * 30, "one"):
        fields = {"number": number, "order": [ada.public_id]}
        assert stream_desk.lead.post(PAGE, fields).status_code == 409, number
    assert now(stream_desk).number == 0


def test_a_mentor_reads_the_order_and_changes_nothing(stream_desk: StreamDesk) -> None:
    ada, bo, cy = three(stream_desk)
    save(stream_desk.lead, [cy, ada, bo])
    shown = stream_desk.mentor.get(PAGE).text
    assert re.findall(r">(Ada|Bo|Cy)</a>", shown.split("Evidence")[0]) == ["Cy", "Ada", "Bo"]
    assert 'name="order"' not in shown
    assert save_by(stream_desk.mentor, [ada, bo, cy], 1).status_code == 403
    assert now(stream_desk).order == [cy.id, ada.id, bo.id]


def test_invariant_45_somebody_in_conflict_cannot_save_or_lock(stream_desk: StreamDesk) -> None:
    ada, bo, cy = three(stream_desk)
    save(stream_desk.lead, [cy, ada, bo])
    stream_desk.world.conflict(stream_desk.world.lead, cy.application)
    stream_desk.session.commit()
    shown = stream_desk.lead.get(PAGE).text
    assert "Cy" not in re.sub(r"Cyan", "", shown)
    assert "somebody else of the stream has to save and lock it" in shown
    for refused in (save(stream_desk.lead, [ada, bo], 1), stream_desk.lead.post(f"{PAGE}/lock", form=PAGE)):
        assert refused.status_code == 409
        assert "Somebody else of the stream" in problems(refused)
    assert now(stream_desk).order == [cy.id, ada.id, bo.id]
