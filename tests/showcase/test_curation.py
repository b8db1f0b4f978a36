"""What people change in the showcase by hand."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.audit.models import AuditEvent
from matsapply.rules.access import Actor
from matsapply.rules.refusals import Code, Refused
from matsapply.showcase.actions import Curation, curate
from matsapply.showcase.models import Paper, PaperStream, SummaryVersion
from tests.showcase.test_import import NOW, load

NOBODY = Actor()


@pytest.fixture
def paper(session: Session) -> Paper:
    load(session)
    return session.scalars(sa.select(Paper).where(Paper.position == 4)).one()


def test_a_summary_is_replaced_and_the_old_one_kept(session: Session, paper: Paper) -> None:
    before = paper.summary
    assert curate(session, NOBODY, paper, Curation(summary="New words."), NOW) == ("summary",)
    assert paper.summary == "New words."
    assert session.scalars(sa.select(SummaryVersion.text)).all() == [before]
    event = session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "showcase.curated")).one()
    assert (event.subject_id, event.detail) == (paper.id, {"fields": ["summary"]})


def test_hide_feature_order_and_link(session: Session, paper: Paper) -> None:
    wanted = Curation(hidden=True, featured=True, position=1, streams=("evals", "learning-theory", "evals"))
    assert curate(session, NOBODY, paper, wanted, NOW) == ("hidden", "featured", "position", "streams")
    keys = session.scalars(
        sa.select(PaperStream.stream_key).where(PaperStream.paper_id == paper.id).order_by(PaperStream.position)
    ).all()
    assert keys == ["evals", "learning-theory"]


def test_nothing_to_change_is_refused_and_leaves_no_trace(session: Session, paper: Paper) -> None:
    with pytest.raises(Refused) as refused:
        curate(session, NOBODY, paper, Curation(summary=paper.summary, hidden=False), NOW)
    assert refused.value.refusal.code is Code.NO_CHANGE
    assert session.scalars(sa.select(AuditEvent).where(AuditEvent.action == "showcase.curated")).all() == []
