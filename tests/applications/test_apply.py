"""From nothing to a snapshot, and what a repeat, a second tab and a deadline do: codes A1 to A3 on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.answers import save_answers, stored_answers, write
from matsapply.applications.editing import editing
from matsapply.applications.models import AnswerDraft, Application, Extension, Snapshot, TrackChoice
from matsapply.applications.queries import work
from matsapply.applications.reuse import offered, take_over
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.process import apply
from matsapply.rules.answers import ProblemCode, digest
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import ApplicationState, CohortState, ExtensionReason, TrackChoiceState
from matsapply.tracking.models import StateChange
from tests import factories as make

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

CLOSE = make.at(make.DATES["T2"])
OPEN = make.at(make.DATES["T1"])
MS = timedelta(milliseconds=1)


def codes(session: Session, application: Application) -> list[str]:
    return list(
        session.scalars(
            sa.select(StateChange.code).where(StateChange.application_id == application.id).order_by(StateChange.id)
        )
    )


def receipts(session: Session) -> int:
    query = sa.select(sa.func.count()).select_from(Notification).where(Notification.kind == Mail.RECEIPT)
    return session.scalar(query) or 0


def test_a1_starts_a_draft_with_what_is_known(session: Session) -> None:
    world, ada = make.cohort(session), make.person(session, email="ada@example.org")
    mine = make.application(session, world, ada)
    assert mine.state is ApplicationState.DRAFT
    assert codes(session, mine) == ["A1"]
    known = {key: each.value for key, each in stored_answers(session, mine.id).items()}
    assert known == {"name": "Ada Example", "email": "ada@example.org", "timezone": "Europe/Berlin"}


@pytest.mark.parametrize(("when", "code"), [(OPEN - MS, Code.NOT_OPEN_YET), (CLOSE, Code.CLOSED)])
def test_a1_only_between_opening_and_close(session: Session, when: object, code: Code) -> None:
    world, ada = make.cohort(session), make.person(session)
    with pytest.raises(Refused) as refused:
        make.application(session, world, ada, when)  # type: ignore[arg-type]
    assert refused.value.refusal.code is code


@pytest.mark.parametrize("when", [OPEN, CLOSE - MS])
def test_a1_at_both_ends_of_the_interval(session: Session, when: object) -> None:
    world, ada = make.cohort(session), make.person(session)
    assert make.application(session, world, ada, when).id  # type: ignore[arg-type]


def test_a1_refuses_a_second_live_application_and_an_unpublished_cohort(session: Session) -> None:
    world, ada = make.cohort(session), make.person(session)
    make.application(session, world, ada)
    with pytest.raises(Refused) as refused:
        make.application(session, world, ada)
    assert refused.value.refusal.code is Code.LIVE_APPLICATION_EXISTS
    hidden = make.cohort(session, state=CohortState.DRAFT)
    with pytest.raises(Refused) as refused:
        make.application(session, hidden, ada)
    assert refused.value.refusal.code is Code.COHORT_NOT_PUBLISHED


def test_a1_reuses_the_last_answers_on_request_but_no_declaration(session: Session) -> None:
    first, ada = make.cohort(session), make.person(session)
    make.submitted(session, first, ada, evidence="From the year before.")
    second = make.cohort(session)
    mine = apply.start(session, make.acting(ada), cohort_id=second.cohort.id, now=make.NOW, reuse=True)
    known = {key: each.value for key, each in stored_answers(session, mine.id).items()}
    assert known["evidence"] == "From the year before."
    assert known["q_empirical"] == make.ANSWERS["q_empirical"]
    assert not {"truth", "adult", "tracks", "streams"} & set(known)


def test_earlier_answers_fill_what_is_empty_and_fits(session: Session) -> None:
    """A draft that was never submitted counts as well; what a question no longer takes stays behind."""
    first, ada = make.cohort(session), make.person(session)
    old = apply.start(session, make.acting(ada), cohort_id=first.cohort.id, now=make.NOW)
    long = "Written before. " * 100
    write(session, old.id, {"evidence": long, "place": ["the moon"], "links": ["https://example.org"]}, make.NOW)
    second = make.cohort(session)
    mine = apply.start(session, make.acting(ada), cohort_id=second.cohort.id, now=make.NOW)
    held = editing(session, make.acting(ada), make.NOW, public_id=mine.public_id, lock=True)
    assert held is not None
    form = held.form(session)
    shown = offered(session, held, form, work(session, held).values)
    assert shown == (first.cohort.label, ["Question links", "Question evidence"])
    write(session, mine.id, {"links": ["https://example.org/new"]}, make.NOW)
    taken = take_over(session, held, form, make.NOW)
    known = {key: each.value for key, each in stored_answers(session, mine.id).items()}
    assert (taken, known["evidence"], known["links"]) == (1, long, ["https://example.org/new"])
    assert "place" not in known, "no option of that name"
    assert take_over(session, held, form, make.NOW) == 0
    assert offered(session, held, form, known) is None
    with pytest.raises(Refused):
        take_over(session, replace(held, state=ApplicationState.SUBMITTED), form, make.NOW)


def test_a2_makes_a_snapshot_and_one_receipt(session: Session) -> None:
    world, ada = make.cohort(session), make.person(session)
    mine, snapshot = make.submitted(session, world, ada)
    assert mine.state is ApplicationState.SUBMITTED
    assert (mine.snapshot_number, mine.submitted_at) == (1, make.NOW)
    assert snapshot.digest == digest(snapshot.content)
    assert snapshot.content["tracks"] == ["empirical"]
    assert snapshot.content["answers"]["evidence"] == make.ANSWERS["evidence"]
    assert codes(session, mine)[-1] == "A2"
    assert receipts(session) == 1
    letter = session.scalars(sa.select(Notification).where(Notification.kind == Mail.RECEIPT)).one()
    assert snapshot.digest in letter.body_text


def test_a2_needs_every_required_answer_and_names_each(session: Session) -> None:
    world, ada = make.cohort(session), make.person(session)
    mine = make.application(session, world, ada)
    make.answer(session, ada, tracks=["empirical"], evidence="x" * 211)
    with pytest.raises(Refused) as refused:
        apply.submit(session, make.acting(ada), submit_key="k", now=make.NOW)
    assert refused.value.refusal.code is Code.INCOMPLETE
    found = {each.question_key: each.code for each in work(session, make.held(session, ada)).problems()}
    assert found == {
        "place": ProblemCode.MISSING,
        "adult": ProblemCode.MISSING,
        "evidence": ProblemCode.TOO_LONG,
        "q_empirical": ProblemCode.MISSING,
        "truth": ProblemCode.MISSING,
    }
    assert mine.state is ApplicationState.DRAFT


def test_a2_counts_the_same_five_per_cent_as_the_browser(session: Session) -> None:
    world, ada = make.cohort(session), make.person(session)
    _, snapshot = make.submitted(session, world, ada, evidence="é" * 210 + " … " * 400)
    assert snapshot.content["answers"]["evidence"].startswith("é")


def test_a2_with_one_key_twice_is_one_snapshot_and_one_mail(session: Session) -> None:
    world, ada = make.cohort(session), make.person(session)
    make.application(session, world, ada)
    make.answer(session, ada, **make.ANSWERS)
    first = apply.submit(session, make.acting(ada), submit_key="same", now=make.NOW)
    again = apply.submit(session, make.acting(ada), submit_key="same", now=make.NOW + timedelta(seconds=1))
    other_button = apply.submit(session, make.acting(ada), submit_key="other", now=make.NOW + timedelta(seconds=2))
    assert first.id == again.id == other_button.id
    assert receipts(session) == 1


def test_a3_makes_the_next_snapshot_and_leaves_the_first_as_it_was(session: Session) -> None:
    world, ada = make.cohort(session), make.person(session)
    mine, first = make.submitted(session, world, ada)
    before = first.digest
    make.answer(session, ada, evidence="Better words.")
    second = apply.submit(session, make.acting(ada), submit_key="k2", now=make.NOW + timedelta(hours=1))
    assert (second.number, mine.snapshot_number) == (2, 2)
    assert codes(session, mine)[-1] == "A3"
    session.refresh(first)
    assert first.digest == before == digest(first.content)
    assert receipts(session) == 2


def test_a3_an_edit_that_is_never_submitted_changes_nothing_in_force(session: Session) -> None:
    world, ada = make.cohort(session), make.person(session)
    mine, first = make.submitted(session, world, ada)
    make.answer(session, ada, tracks=["theory", "empirical"], evidence="Not handed in.")
    with pytest.raises(Refused) as refused:
        apply.submit(session, make.acting(ada), submit_key="late", now=CLOSE)
    assert refused.value.refusal.code is Code.CLOSED
    choices = session.scalars(sa.select(TrackChoice).where(TrackChoice.application_id == mine.id)).all()
    assert [(each.track_id, each.rank, each.state) for each in choices] == [
        (world.tracks["empirical"].id, 1, TrackChoiceState.CHOSEN)
    ]
    assert mine.snapshot_number == 1
    assert stored_answers(session, mine.id)["evidence"].value == "Not handed in."
    assert first.content["tracks"] == ["empirical"]


def test_a2_grace_is_for_pages_opened_in_time_only(session: Session) -> None:
    world, ada, bob = make.cohort(session), make.person(session), make.person(session, "Bob Example")
    for who in (ada, bob):
        make.application(session, world, who)
        make.answer(session, who, **make.ANSWERS)
    late = CLOSE + timedelta(minutes=14)
    made = apply.submit(session, make.acting(ada), submit_key="k", now=late, page_opened_at=CLOSE - timedelta(hours=3))
    assert made.received_at == late
    for opened in (None, CLOSE):
        with pytest.raises(Refused) as refused:
            apply.submit(session, make.acting(bob), submit_key="k", now=late, page_opened_at=opened)
        assert refused.value.refusal.code is Code.CLOSED


def test_a2_with_an_extension_of_ones_own_and_not_of_anybody_elses(session: Session) -> None:
    world, ada, bob = make.cohort(session), make.person(session), make.person(session, "Bob Example")
    until = CLOSE + timedelta(days=3)
    session.add(
        Extension(
            person_id=ada.id,
            cohort_id=world.cohort.id,
            gate="T2",
            until=until,
            reason_class=ExtensionReason.ACCOMMODATION,
            granted_by_id=bob.id,
        )
    )
    for who in (ada, bob):
        make.application(session, world, who)
        make.answer(session, who, **make.ANSWERS)
    assert apply.submit(session, make.acting(ada), submit_key="k", now=until - MS).number == 1
    with pytest.raises(Refused) as refused:
        apply.submit(session, make.acting(bob), submit_key="k", now=until - MS)
    assert refused.value.refusal.code is Code.CLOSED


def test_texts_of_a_track_that_is_unpicked_stay_and_do_not_go_into_the_snapshot(session: Session) -> None:
    world, ada = make.cohort(session), make.person(session)
    make.application(session, world, ada)
    make.answer(session, ada, tracks=["empirical", "theory"], q_theory="A definition.")
    mine, snapshot = make.submitted(session, world, ada)
    assert "q_theory" not in snapshot.content["answers"]
    assert stored_answers(session, mine.id)["q_theory"].value == "A definition."
    make.answer(session, ada, tracks=["theory", "empirical"])
    second = apply.submit(session, make.acting(ada), submit_key="k2", now=make.NOW)
    assert second.content["answers"]["q_theory"] == "A definition."
    choices = session.scalars(
        sa.select(TrackChoice).where(TrackChoice.application_id == mine.id).order_by(TrackChoice.rank)
    )
    assert [each.track_id for each in choices] == [world.tracks["theory"].id, world.tracks["empirical"].id]


def test_two_tabs_both_texts_are_shown_and_neither_is_lost(session: Session) -> None:
    world, ada = make.cohort(session), make.person(session)
    make.application(session, world, ada)
    mine = make.held(session, ada)
    form = mine.form(session)
    actor = make.acting(ada)
    first = save_answers(session, actor, mine, form, {"evidence": "tab one"}, {"evidence": 0}, make.NOW)
    assert first.versions == {"evidence": 1}
    second = save_answers(
        session, actor, mine, form, {"evidence": "tab two", "links": ["https://a.example"]}, {}, make.NOW
    )
    assert second.conflicts == {"evidence": "tab one"}
    assert stored_answers(session, mine.id)["links"].value == ["https://a.example"], "what is no conflict is kept"
    assert stored_answers(session, mine.id)["evidence"].value == "tab one"
    chosen = save_answers(session, actor, mine, form, {"evidence": "tab two"}, second.versions, make.NOW)
    assert not chosen.conflicts
    assert chosen.versions["evidence"] == 2


def test_two_tabs_on_different_answers_do_not_meet(session: Session) -> None:
    world, ada = make.cohort(session), make.person(session)
    make.application(session, world, ada)
    mine, actor = make.held(session, ada), make.acting(ada)
    form = mine.form(session)
    save_answers(session, actor, mine, form, {"evidence": "one"}, {}, make.NOW)
    same_again = save_answers(session, actor, mine, form, {"evidence": "one", "q_theory": "x"}, {}, make.NOW)
    assert not same_again.conflicts
    assert same_again.versions == {"evidence": 1, "q_theory": 1}


def test_drafts_cannot_be_saved_after_the_close_and_stay_as_they_were(session: Session) -> None:
    world, ada = make.cohort(session), make.person(session)
    mine = make.application(session, world, ada)
    make.answer(session, ada, evidence="in time")
    with pytest.raises(Refused) as refused:
        make.answer(session, ada, CLOSE, evidence="too late")
    assert refused.value.refusal.code is Code.CLOSED
    assert stored_answers(session, mine.id)["evidence"].value == "in time"


def test_a4_a5_codes_leave_an_open_gate_only_for_whom_they_are(session: Session) -> None:
    """A5 re-opens one application until an instant; A4 is the tick's and finds no snapshot."""
    world, ada = make.cohort(session), make.person(session)
    mine, _ = make.submitted(session, world, ada)
    mine.reopened_until = CLOSE + timedelta(days=2)
    session.flush()
    make.answer(session, ada, CLOSE + timedelta(days=1), evidence="After re-opening.")
    second = apply.submit(session, make.acting(ada), submit_key="re", now=CLOSE + timedelta(days=1))
    assert second.number == 2
    with pytest.raises(Refused):
        make.answer(session, ada, CLOSE + timedelta(days=2), evidence="Later still.")


def test_counts_of_rows_one_snapshot_each(session: Session) -> None:
    world, ada = make.cohort(session), make.person(session)
    mine, _ = make.submitted(session, world, ada)
    query = sa.select(sa.func.count()).select_from(Snapshot).where(Snapshot.application_id == mine.id)
    assert session.scalar(query) == 1
    keys = session.scalars(sa.select(AnswerDraft.question_key).where(AnswerDraft.application_id == mine.id)).all()
    assert len(keys) == len(set(keys))
