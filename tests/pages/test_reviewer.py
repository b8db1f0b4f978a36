"""Every act of a reviewer's pages, taken and refused: the right status, the text still there, nothing half done."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from matsapply.pages.public import caching
from matsapply.reviews import rounds
from matsapply.rules.stages import AssignmentState, QuestionType, Role
from matsapply.showcase.models import Paper
from tests.desk import problems
from tests.review_desk import WHOLE, open_desk
from tests.reviews.builders import NOW, QUESTIONS

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform.clock import FixedClock
    from matsapply.platform.settings import Settings
    from tests.review_desk import Desk

TOTAL = 4 * 0.5 + 3 * 0.3 + 5 * 0.2


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The demo asks a reviewer for no second factor."""
    return replace(settings, demo=True)


@pytest.fixture
def desk(app: Flask, live_session: Session, clock: FixedClock) -> Desk:
    return open_desk(app, live_session, clock)


def test_the_queue_is_in_order_and_filtered_by_code_and_track(desk: Desk) -> None:
    page = desk.reader.get("/review").text
    places = [page.index(f'/review/{ref}"') for ref in desk.refs]
    assert f'href="{desk.first}"' in page[: places[0] + 40], "one main button leads to the first"
    assert places == sorted(places)
    code = re.search(r"#(\w{6})", page)
    assert code
    one = desk.reader.get(f"/review?q=%23{code.group(1).lower()}").text
    assert one.count('scope="row"') == 1
    assert "No open application matches" in desk.reader.get("/review?q=ZZZZZZZ").text
    assert desk.reader.get("/review?track=Empirical").text.count('scope="row"') == 3
    assert "No open application matches" in desk.reader.get("/review?track=Nothing").text


def test_j_and_k_lead_around_the_queue_and_skipping_changes_nothing(desk: Desk) -> None:
    pages = [desk.reader.get(f"/review/{ref}").text for ref in desk.refs]

    def leads(page: str, mark: str) -> str | None:
        found = re.search(rf'href="/review/(\w+)" {mark}', page)
        return found.group(1) if found else None

    assert [leads(page, "data-next") for page in pages] == [desk.refs[1], desk.refs[2], desk.refs[0]]
    assert [leads(page, "data-prev") for page in pages] == [None, desk.refs[0], desk.refs[1]]
    assert {desk.assignment(place).state for place in range(3)} == {AssignmentState.ASSIGNED}


def test_the_papers_of_the_track_are_folded_up_beside_an_application(desk: Desk) -> None:
    assert "its first fellows will write them" in desk.reader.get(desk.first).text
    for key, hidden in (("empirical", False), ("theory", False), ("empirical", True)):
        title = f"Paper of {key}{' hidden' if hidden else ''}"
        slug = title.lower().replace(" ", "-")
        desk.session.add(
            Paper(slug=slug, title=title, published=date(2025, 1, 1), topic="x", track_key=key, hidden=hidden)
        )
    desk.session.commit()
    caching.forget()
    page = desk.reader.get(desk.first).text
    assert re.findall(r'href="/showcase/([\w-]+)"', page) == ["paper-of-empirical"]


# --- drafts -----------------------------------------------------------------------------------------------------------


def test_a_draft_is_kept_and_shown_again(desk: Desk) -> None:
    sent = {"score-research": "4", "note": "Line one\r\nline two", "feedback": "Be <b>brief</b>", "confidence": "2",
            "minutes": "3.5", "version": desk.version()}  # fmt: skip
    assert desk.reader.post(f"{desk.first}/draft", sent, form=desk.first).status_code == 303
    kept = desk.assignment()
    assert kept.state is AssignmentState.STARTED
    assert (kept.draft_scores, kept.draft_note, kept.draft_confidence) == ({"research": 4}, "Line one\nline two", 2)
    assert kept.draft_minutes == 3.5
    page = desk.reader.get(desk.first).text
    assert "Line one\nline two" in page
    assert "Be &lt;b&gt;brief" in page
    assert re.search(r'name="score-research" id="\S+" value="4" checked', page)
    assert "Started" in desk.reader.get("/review").text


def test_a_script_saves_and_learns_the_version(desk: Desk) -> None:
    answer = desk.reader.by_script(f"{desk.first}/draft", {"note": "a", "version": desk.version()}, form=desk.first)
    assert answer.status_code == 200
    assert answer.json["saved_at"] == NOW.isoformat()
    again = desk.reader.by_script(
        f"{desk.first}/draft", {"note": "ab", "version": str(answer.json["version"])}, form=desk.first
    )
    assert again.status_code == 200
    assert desk.assignment().draft_note == "ab"


def test_two_windows_both_texts_are_shown_and_neither_is_lost(desk: Desk) -> None:
    old = desk.version()
    first = {"note": "from the first window", "score-motive": "2", "version": old}
    desk.reader.post(f"{desk.first}/draft", first, form=desk.first)
    second = {"note": "from the second window", "score-motive": "5", "version": old}
    refused = desk.reader.post(f"{desk.first}/draft", second, form=desk.first)
    assert refused.status_code == 409
    assert "saved in another window" in problems(refused)
    assert "from the first window" in refused.text
    assert "from the second window</textarea>" in refused.text
    assert '<dt>Motive</dt><dd class="review-text">2</dd>' in refused.text
    assert desk.assignment().draft_note == "from the first window"
    script = desk.reader.by_script(f"{desk.first}/draft", second, form=desk.first)
    assert script.status_code == 409
    assert script.json["conflict"] == {"note": "from the first window", "score-motive": "2"}
    # Saving again, now knowing of it, keeps the second.
    again = desk.reader.post(f"{desk.first}/draft", {**second, "version": desk.version(refused.text)}, form=desk.first)
    assert again.status_code == 303
    assert desk.assignment().draft_note == "from the second window"


def test_submitting_from_a_window_that_is_behind_shows_both_too(desk: Desk) -> None:
    old = desk.version()
    desk.reader.post(f"{desk.first}/draft", {"note": "newer", "version": old}, form=desk.first)
    refused = desk.reader.post(desk.first, {**WHOLE, "note": "older", "version": old})
    assert refused.status_code == 409
    assert "newer" in refused.text
    assert "older</textarea>" in refused.text
    assert desk.reviews() == []
    done = desk.reader.post(desk.first, {**WHOLE, "note": "older", "version": desk.version(refused.text)})
    assert done.status_code == 303
    assert [review.note for review in desk.reviews()] == ["older"]


def test_a_text_that_is_too_long_is_said_and_never_cut(desk: Desk) -> None:
    long = "x" * 8001
    fields = {**WHOLE, "note": long, "version": desk.version()}
    for path in (f"{desk.first}/draft", desk.first):
        refused = desk.reader.post(path, fields, form=desk.first)
        assert refused.status_code == 422
        assert "under 8000 characters" in problems(refused)
        assert long in refused.text
    script = desk.reader.by_script(f"{desk.first}/draft", fields, form=desk.first)
    assert (script.status_code, "under 8000" in script.json["message"]) == (422, True)
    assert desk.assignment().draft_note == ""
    lines = "y\r\n" * 3900  # 7,800 characters as people count them
    assert desk.reader.post(desk.first, {**WHOLE, "note": lines, "version": desk.version()}).status_code == 303


def test_a_draft_after_submitting_is_refused_with_its_text(desk: Desk) -> None:
    desk.reader.post(desk.first, {**WHOLE, "version": desk.version()})
    late = {"note": "typed in an old window", "version": "1"}
    refused = desk.reader.post(f"{desk.first}/draft", late, form=desk.first)
    assert refused.status_code == 409
    assert "submitted already" in problems(refused)
    assert "typed in an old window</textarea>" in refused.text
    assert desk.reader.by_script(f"{desk.first}/draft", late, form=desk.first).status_code == 410


# --- submitting and correcting ----------------------------------------------------------------------------------------


def test_a_review_is_submitted_and_the_next_one_opens(desk: Desk) -> None:
    sent = {**WHOLE, "note": "sound", "confidence": "5", "minutes": "12", "version": desk.version()}
    answer = desk.reader.post(desk.first, sent)
    assert (answer.status_code, answer.location) == (303, f"/review/{desk.refs[1]}")
    [review] = desk.reviews()
    assert review.total == pytest.approx(TOTAL)
    assert (review.scores, review.note, review.confidence, review.minutes) == (
        {"research": 4, "execution": 3, "motive": 5}, "sound", 5, 12.0,
    )  # fmt: skip
    assert desk.assignment().state is AssignmentState.SUBMITTED
    for ref in desk.refs[1:]:
        answer = desk.reader.post(f"/review/{ref}", WHOLE)
    assert answer.location == "/review"
    page = desk.reader.get("/review").text
    assert "That was the last one" in page
    assert "All done" in page
    done = desk.reader.get("/review/done").text
    assert done.count("3.90") >= 3


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ({"score-research": "4", "score-motive": "5"}, "Execution: Choose a score from 1 to 5."),
        ({**WHOLE, "score-execution": "6"}, "Execution: This score is not on the scale: choose 1 to 5."),
        ({**WHOLE, "score-execution": "0"}, "Execution: This score is not on the scale: choose 1 to 5."),
        ({**WHOLE, "score-execution": "٣"}, "Execution: This score is not on the scale: choose 1 to 5."),
    ],
)
def test_an_incomplete_review_is_refused_and_nothing_is_lost(desk: Desk, scores: dict[str, str], said: str) -> None:
    refused = desk.reader.post(desk.first, {**scores, "note": "my thoughts", "version": desk.version()})
    assert refused.status_code == 422
    assert problems(refused) == said
    assert 'href="#score-execution-0"' in refused.text
    assert "my thoughts</textarea>" in refused.text
    assert re.search(r'name="score-research" id="\S+" value="4" checked', refused.text)
    assert desk.reviews() == []


def test_a_correction_is_the_next_number_and_a_stale_one_shows_both(desk: Desk) -> None:
    desk.reader.post(desk.first, {**WHOLE, "note": "one", "version": desk.version()})
    first = desk.version()
    assert desk.reader.post(desk.first, {**WHOLE, "note": "two", "version": first}).location == "/review/done"
    stale = desk.reader.post(desk.first, {**WHOLE, "note": "three", "version": first})
    assert stale.status_code == 409
    assert "two" in stale.text
    assert "three</textarea>" in stale.text
    assert [(review.number, review.note) for review in desk.reviews()] == [(1, "one"), (2, "two")]
    assert (
        desk.reader.post(desk.first, {**WHOLE, "note": "three", "version": desk.version(stale.text)}).status_code == 303
    )
    reviews = desk.reviews()
    assert [review.superseded_at is None for review in reviews] == [False, False, True]
    assert "version 3" in desk.reader.get("/review/done").text


def test_after_the_round_nothing_is_taken_and_the_text_is_shown(desk: Desk, clock: FixedClock) -> None:
    desk.reader.post(f"/review/{desk.refs[1]}", {**WHOLE, "note": "before"})
    round_ = desk.world.round()
    round_.closed_at = NOW + timedelta(minutes=1)
    desk.session.commit()
    clock.advance(timedelta(minutes=1))
    for ref in desk.refs[:2]:
        refused = desk.reader.post(
            f"/review/{ref}", {**WHOLE, "note": "too late", "version": "review-1"}, form="/review/done"
        )
        assert refused.status_code == 409
        assert "deadline has passed" in problems(refused)
        assert "too late</textarea>" in refused.text
    draft = desk.reader.post(f"{desk.first}/draft", {"note": "too late", "version": "1"}, form="/review/done")
    assert (draft.status_code, "too late</textarea>" in draft.text) == (409, True)
    assert [review.note for review in desk.reviews()] == ["before"]


# --- giving back, stepping back ---------------------------------------------------------------------------------------


def test_an_application_is_given_back_with_a_reason(desk: Desk) -> None:
    too_long = desk.reader.post(f"{desk.first}/return", {"reason": "x" * 501}, form=desk.first)
    assert (too_long.status_code, problems(too_long)) == (422, "Keep the reason under 500 characters.")
    answer = desk.reader.post(f"{desk.first}/return", {"reason": "Outside what I know."}, form=desk.first)
    assert (answer.status_code, answer.location) == (303, f"/review/{desk.refs[1]}")
    assert desk.assignment().state is AssignmentState.RETURNED
    assert desk.reader.get(desk.first).status_code == 404
    assert desk.refs[0] not in desk.reader.get("/review").text
    again = desk.reader.post(f"{desk.first}/return", form="/review/done")
    assert again.status_code == 404


def test_a_submitted_review_is_not_given_back(desk: Desk) -> None:
    desk.reader.post(desk.first, {**WHOLE, "version": desk.version()})
    refused = desk.reader.post(f"{desk.first}/return", form=desk.first)
    assert refused.status_code == 409
    assert problems(refused)
    assert desk.assignment().state is AssignmentState.SUBMITTED


def test_stepping_back_needs_what_and_why(desk: Desk) -> None:
    page = f"{desk.first}/recuse"
    for fields, said in (
        ({"reason": "my student"}, "Choose what fits best."),
        ({"kind": "advisor", "reason": "  "}, "Say in a few words why."),
        ({"kind": "nonsense", "reason": "my student"}, "Not a valid choice."),
        ({"kind": "advisor", "reason": "x" * 501}, "Keep the reason under 500 characters."),
    ):
        refused = desk.reader.post(page, fields)
        assert (refused.status_code, problems(refused)) == (422, said)
        assert fields["reason"].strip() in refused.text
    assert desk.assignment().state is AssignmentState.ASSIGNED
    assert desk.reader.post(page, {"kind": "advisor", "reason": "my student"}).status_code == 303
    assert desk.assignment().state is AssignmentState.RECUSED
    assert desk.reader.get(desk.first).status_code == 404
    assert desk.reader.get(page).status_code == 404


def test_e13_a_conflict_noticed_after_the_review_voids_it(desk: Desk) -> None:
    desk.reader.post(desk.first, {**WHOLE, "version": desk.version()})
    page = f"{desk.first}/recuse"
    assert "no longer counts" in desk.reader.get(page).text
    assert desk.reader.post(page, {"kind": "coauthor", "reason": "we wrote a paper"}).status_code == 303
    assert desk.assignment().state is AssignmentState.VOIDED
    [review] = desk.reviews()
    assert review.voided_at == NOW
    assert desk.refs[0] not in desk.reader.get("/review/done").text
    assert desk.assignment().application.score_count == 0


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_invariant_22_others_are_shown_after_ones_own_review_and_without_a_name(desk: Desk) -> None:
    desk.another({"research": 1, "execution": 2, "motive": 1}, note="unlike anything else")
    before = desk.reader.get(desk.first).text
    assert "unlike anything else" not in before
    assert "What others gave" not in before
    desk.reader.post(desk.first, {**WHOLE, "version": desk.version()})
    after = desk.reader.get(desk.first).text
    assert "unlike anything else" in after
    assert "1.30" in after
    assert set(re.findall(r"Person \d+", after)) == {"Person 1"}, "the reader's own name is in the frame, no other"


def test_yes_and_no_read_the_same_on_both_databases(desk: Desk) -> None:
    assert all(kind is not QuestionType.BOOL for _, _, kind, _ in QUESTIONS), "asked for here only"
    reviewer, team = desk.assignment().reviewer_id, desk.world.actor(Role.COORDINATOR)
    desk.world.question("timezone").type = QuestionType.BOOL
    for value, word in ((True, "Yes"), (False, "No")):
        application = desk.world.application(timezone=value)
        made = rounds.assign(desk.session, team, desk.world.round(), application, reviewer, NOW)
        desk.session.commit()
        page = desk.reader.get(f"/review/{made.public_id}").text
        shown = re.search(r"<dt>The question about timezone</dt><dd>(.*?)</dd>", page, re.DOTALL)
        assert shown
        assert shown.group(1).strip() == word
