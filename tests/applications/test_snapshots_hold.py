"""No order of saves, submissions, edits, withdrawals, deadline and extensions loses or changes a snapshot."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from sqlalchemy.orm import Session

from matsapply.applications.answers import stored_answers
from matsapply.applications.models import Extension, Snapshot
from matsapply.process import withdraw
from matsapply.rules.answers import digest
from matsapply.rules.refusals import Refused
from matsapply.rules.stages import ExtensionReason, Role
from tests import factories as make
from tests.process.road import Road, date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.databases import Database

ADA = "Ada Example"
TEXTS = ("A first text.", "Another one. ☃", "A third: é", "")
# Hours that pass: a moment, a working day, the undo's end, and over the deadline eight days ahead.
HOURS = (1, 9, 24, 96, 190)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("save"), st.sampled_from(TEXTS)),
        st.tuples(st.just("tracks"), st.sampled_from((["empirical"], ["theory"], ["theory", "empirical"]))),
        st.tuples(st.just("submit"), st.none()),
        st.tuples(st.just("withdraw"), st.none()),
        st.tuples(st.just("undo"), st.none()),
        st.tuples(st.just("wait"), st.sampled_from(HOURS)),
        st.tuples(st.just("extend"), st.sampled_from((1, 48, 200))),
        st.tuples(st.just("revoke"), st.none()),
    ),
    min_size=8,
    max_size=16,
)


class Story:
    """One applicant, and beside the system what it must hold: the text last kept, and every snapshot ever seen."""

    def __init__(self, session: Session, seen: Counter[str]) -> None:
        self.session, self.seen = session, seen
        self.road = Road(session, watched=False)
        self.road.begin(ADA)
        self.text, self.tracks = "A first text.", ["empirical"]
        self.road.write(ADA, **{**make.ANSWERS, "evidence": self.text, "q_theory": "A theorem."})
        self.application_id = self.road.application(ADA).id
        self.kept: list[tuple[Any, ...]] = []
        self.extended = date("T2")

    def step(self, kind: str, value: Any) -> None:
        """Do it, or be refused without a trace; then look at everything that must hold."""
        before = list(self.kept)
        done = self._attempt(getattr(self, kind), *([] if value is None else [value]))
        self.seen[f"{kind} {'done' if done else 'refused'}"] += 1
        now = self._snapshots()
        assert now[: len(before)] == before, "a snapshot was lost or changed"
        new = now[len(before) :]
        assert len(new) <= 1
        assert not new or (kind == "submit" and done), f"{kind} made a snapshot"
        for number, received_at, content, fingerprint in new:
            self.seen["snapshots"] += 1
            assert number == len(now)
            assert received_at == self.road.now < self.extended, "after the close nothing is taken"
            assert fingerprint == digest(content)
            assert (content["answers"]["evidence"], content["tracks"]) == (self.text, self.tracks)
        assert stored_answers(self.session, self.application_id)["evidence"].value == self.text, "a text was lost"
        application = self.road.application(ADA)
        assert application.id == self.application_id
        assert application.snapshot_number == (len(now) or None)
        self.kept = now

    def _attempt(self, action: Callable[..., None], *arguments: Any) -> bool:
        point = self.session.begin_nested()
        try:
            action(*arguments)
            self.session.flush()
        except Refused:
            point.rollback()
            self.session.expire_all()
            return False
        point.commit()
        return True

    def _snapshots(self) -> list[tuple[Any, ...]]:
        rows = self.session.execute(
            sa.select(Snapshot.number, Snapshot.received_at, Snapshot.content, Snapshot.digest)
            .where(Snapshot.application_id == self.application_id)
            .order_by(Snapshot.number)
        )
        return [tuple(row) for row in rows]

    # --- what can happen ----------------------------------------------------------------------------------------------

    def save(self, text: str) -> None:
        self.road.write(ADA, evidence=text)
        self.text = text

    def tracks_are(self, tracks: list[str]) -> None:
        self.road.write(ADA, tracks=tracks)
        self.tracks = tracks

    def submit(self) -> None:
        self.road.submit(ADA)

    def withdraw(self) -> None:
        self.road.do(withdraw.withdraw_application, self.road.actor(ADA), self._own(), role=Role.APPLICANT)

    def undo(self) -> None:
        self.road.do(withdraw.undo_withdrawal, self.road.actor(ADA), self._own(), role=Role.APPLICANT)

    def wait(self, hours: int) -> None:
        self.road.to(self.road.now + timedelta(hours=hours))

    def extend(self, hours: int) -> None:
        until = max(self.road.now, date("T2")) + timedelta(hours=hours)
        self.session.add(
            Extension(
                person_id=self.road.people[ADA].id,
                cohort_id=self.road.world.cohort.id,
                gate="T2",
                until=until,
                reason_class=next(iter(ExtensionReason)),
                granted_by_id=self.road.coordinators[0].person_id,
            )
        )
        self.extended = max(self.extended, until)

    def revoke(self) -> None:
        self.session.execute(sa.update(Extension).values(revoked_at=self.road.now))
        self.extended = date("T2")

    def _own(self) -> Any:
        return self.road.application(ADA)


@contextmanager
def told(database: Database, seen: Counter[str]) -> Iterator[Story]:
    """A story that leaves nothing behind."""
    with database.engine.connect() as connection:
        outer = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            yield Story(session, seen)
        outer.rollback()


def test_no_interleaving_loses_or_changes_a_snapshot(database: Database) -> None:
    seen: Counter[str] = Counter()

    @settings(
        max_examples=40,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(STEPS)
    def tell(steps: list[tuple[str, Any]]) -> None:
        with told(database, seen) as story:
            for kind, value in steps:
                story.step("tracks_are" if kind == "tracks" else kind, value)

    tell()
    wanted = {"snapshots", "save refused", "submit refused", "withdraw done", "undo done", "extend done", "revoke done"}
    assert wanted <= {key for key, count in seen.items() if count}, seen
