"""The demo keeps every invariant, shows every state, and is the same for the same seed."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.applications.models import AnswerDraft, Application, Snapshot, StreamApplication
from matsapply.audit.models import AuditEvent
from matsapply.cohorts.models import Cohort, Question
from matsapply.demo.cohort_files import START, Stage
from matsapply.demo.load import is_loaded, load_demo
from matsapply.demo.staff import APPLICANT_SIGN_INS, STAFF_SIGN_INS
from matsapply.evaluations.models import EvaluationInvite
from matsapply.mail import outbox
from matsapply.offers.models import Offer
from matsapply.people.models import Account
from matsapply.platform.settings import Settings
from matsapply.process.invariants import violations
from matsapply.reviews.aggregates import recompute_check
from matsapply.reviews.models import Review, ReviewAssignment
from matsapply.rules.stages import ApplicationState, EvaluationState, OfferState, QuestionType, StreamApplicationState

ENOUGH = 700


def fill(session: Session, applications: int, seed: int = 1, **more: object) -> None:
    outbox.configure(Settings(base_url="http://localhost"))
    load_demo(session, applications=applications, seed=seed, password_hash="not a hash", **more)  # type: ignore[arg-type]


def states(session: Session, column: sa.orm.InstrumentedAttribute) -> set:
    return set(session.scalars(sa.select(column).distinct()))


def test_every_invariant_holds_and_every_kept_score_is_right(session: Session) -> None:
    assert not is_loaded(session)
    fill(session, ENOUGH)
    assert is_loaded(session)
    assert violations(session) == []
    for cohort_id in session.scalars(sa.select(Cohort.id)):
        assert recompute_check(session, cohort_id) == []


def test_the_states_of_the_process_are_occupied(session: Session) -> None:
    fill(session, ENOUGH)
    assert states(session, Application.state) == set(ApplicationState)
    # A stream cancelled under its applicants and a rescinded offer are too rare to be made up for a demo of this size.
    rare = {StreamApplicationState.CANCELLED_BY_STREAM, StreamApplicationState.RESCINDED}
    assert states(session, StreamApplication.state) >= set(StreamApplicationState) - rare
    in_preparation = {OfferState.DRAFT, OfferState.APPROVED, OfferState.CANCELLED, OfferState.RESCINDED}
    assert states(session, Offer.state) >= set(OfferState) - in_preparation
    assert states(session, EvaluationInvite.state) >= {
        EvaluationState.INVITED,
        EvaluationState.STARTED,
        EvaluationState.SUBMITTED,
    }


def test_nothing_is_written_down_before_it_happened(session: Session) -> None:
    fill(session, ENOUGH)
    assert session.scalar(sa.select(sa.func.max(AuditEvent.at))) <= START


def test_the_same_seed_gives_the_same_demo(session: Session, live_session: Session) -> None:
    """All but the random public ids and keys."""
    fill(session, 60, seed=7)
    fill(live_session, 60, seed=7)
    for query in (
        sa.select(AnswerDraft.question_key, AnswerDraft.value).order_by(AnswerDraft.id),
        sa.select(Account.email).order_by(Account.id),
        sa.select(Review.scores).order_by(Review.id),
        sa.select(Application.state, Application.submitted_at).order_by(Application.id),
    ):
        assert session.execute(query).all() == live_session.execute(query).all()


def test_every_sign_in_exists_and_only_they_can_sign_in(session: Session) -> None:
    fill(session, ENOUGH)
    able = set(session.scalars(sa.select(Account.email).where(Account.password.is_not(None))))
    assert able == {line.email for line in (*STAFF_SIGN_INS, *APPLICANT_SIGN_INS)}
    assert all(email.endswith("@demo.example") for email in session.scalars(sa.select(Account.email)))


def test_one_stage_can_be_filled_alone_for_benchmarks(session: Session) -> None:
    fill(session, 40, only=Stage.REVIEW, readings=3, all_read=True, reviewers=6)
    submitted = session.scalars(sa.select(Application.score_count).where(Application.score_count > 0)).all()
    assert submitted
    assert set(submitted) == {3}
    assert session.scalar(sa.select(sa.func.count()).select_from(ReviewAssignment)) >= 3 * len(submitted)


def test_whoever_submitted_still_has_the_choices_at_hand_and_can_submit_again(session: Session) -> None:
    fill(session, 40)
    chosen = session.execute(
        sa.select(AnswerDraft.value, Snapshot.content)
        .join(Application, Application.id == AnswerDraft.application_id)
        .join(
            Question,
            (Question.form_version_id == Application.form_version_id) & (Question.key == AnswerDraft.question_key),
        )
        .join(Snapshot, Snapshot.application_id == Application.id)
        .where(Question.type == QuestionType.TRACK_RANK)
    ).all()
    assert len(chosen) == session.scalar(sa.select(sa.func.count()).select_from(Snapshot))
    assert all(tracks and tracks == content["tracks"] for tracks, content in chosen)
