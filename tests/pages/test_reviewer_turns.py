"""Putting off, taking one more, one question across applications, the discussion: by a reviewer's own pages."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.reviews import conflicts
from matsapply.reviews.models import ReviewComment
from matsapply.rules.stages import AssignmentState, ConflictKind, Role
from tests.desk import problems, sign_in
from tests.review_desk import WHOLE, open_desk
from tests.reviews.builders import NOW

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock
    from matsapply.platform.settings import Settings
    from tests.review_desk import Desk


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The demo asks a reviewer for no second factor."""
    return replace(settings, demo=True)


@pytest.fixture
def desk(app: Flask, live_session: Session, clock: FixedClock) -> Desk:
    return open_desk(app, live_session, clock)


def listed(desk: Desk) -> list[str]:
    return re.findall(r'scope="row"[^>]*><a href="/review/(\w+)"', desk.reader.get("/review").text)


def test_what_is_put_off_comes_back_and_nothing_typed_is_lost(desk: Desk, clock: FixedClock) -> None:
    first, second, third = desk.refs
    sent = {"score-research": "4", "note": "come back to this", "version": desk.version()}
    answer = desk.reader.post(f"{desk.first}/skip", sent, form=desk.first)
    assert (answer.status_code, answer.location) == (303, f"/review/{second}")
    kept = desk.assignment()
    assert (kept.state, kept.draft_note) == (AssignmentState.STARTED, "come back to this")
    assert listed(desk) == [second, third, first]
    clock.advance(timedelta(minutes=1))
    plain = desk.reader.post(f"/review/{second}/skip", {"version": "1"}, form=f"/review/{second}")
    assert plain.location == f"/review/{third}"
    assert (desk.assignment(1).state, desk.assignment(1).version) == (AssignmentState.ASSIGNED, 1), "untouched"
    assert listed(desk) == [third, first, second], "in the order in which they were put off"
    # What another window saved is not thrown away; a text too long is said; a submitted review is not put off.
    stale = desk.reader.post(f"{desk.first}/skip", {"note": "other", "version": "1"}, form=desk.first)
    assert (stale.status_code, "come back to this" in stale.text) == (409, True)
    long = desk.reader.post(f"{desk.first}/skip", {"note": "x" * 8001, "version": desk.version()}, form=desk.first)
    assert (long.status_code, "under 8000" in problems(long)) == (422, True)
    desk.reader.post(desk.first, {**WHOLE, "version": desk.version()})
    late = desk.reader.post(f"{desk.first}/skip", WHOLE, form="/review/done")
    assert (late.status_code, "nothing to put off" in problems(late)) == (409, True)


def test_one_question_is_read_across_the_applications_that_answer_it(desk: Desk) -> None:
    first, second, third = desk.refs
    theory = desk.world.application(("theory", "empirical"), q_theory="A theorem.")
    extra = desk.give(theory)
    page = desk.reader.get(desk.first).text
    assert f'href="/review/{first}?question=evidence"' in page
    assert f'href="/review/{first}?question=q_empirical&amp;track=empirical"' in page
    mode = "question=evidence"
    one = desk.reader.get(f"{desk.first}?{mode}").text
    assert "The question about evidence" in one
    assert "The question about q_empirical" not in one
    following = re.search(r'href="(/review/\w+\?question=evidence)" data-next', one)
    assert following
    sent = {"score-research": "3", "version": desk.version(one)}
    saved = desk.reader.post(f"{desk.first}/draft?{mode}", sent, form=desk.first)
    assert (saved.status_code, saved.location) == (303, following.group(1))
    assert desk.assignment().draft_scores == {"research": 3}
    # Only who chose the track is asked its question; there the round is short.
    only = desk.reader.get(f"/review/{extra}?question=q_theory&track=theory").text
    assert "1 of 1" in only
    assert "data-next" not in only
    # A question there is not, or that blind readers are not given, is not a mode: the whole application is shown.
    for odd in ("question=name", "question=links", "question=%00", f"question={'x' * 3000}", "track=theory"):
        shown = desk.reader.get(f"{desk.first}?{odd}")
        assert shown.status_code == 200, odd
        assert "The question about q_empirical" in shown.text
        assert "Zephyrine" not in shown.text
    whole = desk.reader.post(f"{desk.first}?{mode}", {**WHOLE, "version": desk.version()})
    assert whole.location in {f"/review/{ref}?{mode}" for ref in (second, third, extra)}


def test_when_all_is_done_one_more_can_be_taken(desk: Desk) -> None:
    team = desk.world.actor(Role.COORDINATOR)
    desk.session.commit()
    for ref in desk.refs:
        desk.reader.post(f"/review/{ref}", {**WHOLE, "minutes": "10"})
        if ref == desk.refs[0]:
            ahead = desk.reader.get("/review").text
            assert "2 to go: about 20 min at your own pace." in ahead
            assert "1 application a day and you are done by" in ahead
    assert "Take one more" not in desk.reader.get("/review").text, "nothing wants a reader that is not one's own"
    waiting = desk.world.application()
    desk.session.commit()
    assert "Take one more" in desk.reader.get("/review").text
    taken = desk.reader.post("/review/claim", form="/review")
    assert taken.status_code == 303
    assert desk.reader.post("/review/claim", form="/review").location == taken.location
    assert desk.reader.get(taken.location).status_code == 200
    conflicts.declare(desk.session, team, person_id=desk.me, application=waiting, kind=ConflictKind.OTHER, now=NOW)
    desk.session.commit()
    assert desk.reader.get(taken.location).status_code == 404
    assert desk.reader.post("/review/claim", form="/review").location == "/review"
    assert "Nothing waits for a reader any more" in desk.reader.get("/review").text


def test_readers_talk_after_their_own_reviews_and_only_they(desk: Desk, clock: FixedClock) -> None:
    other, page_of_other = desk.another({"research": 1, "execution": 1, "motive": 1}, "a note")
    before = desk.reader.get(desk.first).text
    assert "discussion" not in before.lower()
    early = desk.reader.post(f"{desk.first}/discussion", {"comment": "hello", "post_key": "a"}, form=desk.first)
    assert (early.status_code, "Submit your own review first" in problems(early)) == (409, True)
    desk.reader.post(desk.first, {**WHOLE, "version": desk.version()})
    page = desk.reader.get(desk.first).text
    assert "You (Reader 2)" in page
    assert "Reader 1" in page
    clock.advance(timedelta(minutes=1))
    for text, said in (("  ", "Write something"), ("x" * 4001, "under 4000")):
        wrong = desk.reader.post(f"{desk.first}/discussion", {"comment": text}, form=desk.first)
        assert (wrong.status_code, said in problems(wrong)) == (422, True)
    sent = {"comment": "@Reader 1: <b>why</b> so low?", "post_key": "k1", "to": ["1", "2", "77", "²"]}
    for _ in range(2):  # pressed twice
        answer = desk.reader.post(f"{desk.first}/discussion", sent, form=desk.first)
        assert answer.location == f"{desk.first}#discussion"
    assert desk.session.scalar(sa.select(sa.func.count()).select_from(ReviewComment)) == 1
    letters = desk.session.scalars(sa.select(Notification).where(Notification.kind == Mail.MENTIONED)).all()
    assert [letter.person_id for letter in letters] == [other]
    assert page_of_other in letters[0].body_text
    assert "why" not in letters[0].body_text
    desk.session.commit()
    second = sign_in(desk.app, desk.session, other)
    seen = second.get(page_of_other).text
    assert "&lt;b&gt;why&lt;/b&gt; so low?" in seen
    assert "You (Reader 1)" in seen
    assert "1 comment" in second.get("/review/done").text
    assert "1 comment" not in desk.reader.get("/review/done").text, "one's own is no news"
    # The author takes it back; nobody else can.
    comment = desk.session.scalars(sa.select(ReviewComment)).one()
    desk.session.commit()
    foreign = f"{page_of_other}/discussion/{comment.public_id}/take-back"
    assert second.post(foreign, form=page_of_other).status_code == 404
    back = f"{desk.first}/discussion/{comment.public_id}/take-back"
    assert desk.reader.post(back, form=desk.first).status_code == 303
    assert "so low?" not in second.get(page_of_other).text
    assert "Taken back." in second.get(page_of_other).text
    # In conflict: no page, no post, and what was said before is gone for the others.
    second.post(f"{page_of_other}/discussion", {"comment": "I said this", "post_key": "o"}, form=page_of_other)
    assert "I said this" in desk.reader.get(desk.first).text
    team = desk.world.actor(Role.COORDINATOR)
    application = desk.assignment().application
    conflicts.declare(desk.session, team, person_id=other, application=application, kind=ConflictKind.OTHER, now=NOW)
    desk.session.commit()
    assert second.get(page_of_other).status_code == 404
    assert second.post(f"{page_of_other}/discussion", {"comment": "x"}, form="/review").status_code == 404
    assert "I said this" not in desk.reader.get(desk.first).text
