"""What blind readers have of a text that names somebody, and how the team decides on it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import Reference, Snapshot, TeamTask
from matsapply.reviews import rounds
from matsapply.reviews.models import AnswerRedaction, NameCheck
from matsapply.reviews.reading import reading
from matsapply.reviews.redactions import NAMED, decide, flagged, look_through, looked_at
from matsapply.rules.redaction import ALL_HIDDEN, HIDDEN, Redaction, digest_of
from matsapply.rules.refusals import Code, Refused
from matsapply.rules.stages import Role
from tests.reviews.builders import NOW

if TYPE_CHECKING:
    from matsapply.applications.models import Application
    from matsapply.rules.access import Actor
    from tests.reviews.builders import Reviewing

TEXT = (
    "I am Wanda Foxglove (wanda.f@site.example, foxcode on the web), also Quux Foxglove. Wanda wrote it; Vera Elmscott"
    " (vera@elm.example) saw it."
)


def named(world: Reviewing) -> Application:
    person = world.person("Wanda Foxglove", "wanda.f@site.example")
    person.aliases = ["Quux Foxglove"]
    made = world.application(
        person=person,
        name="Wanda F. Foxglove",
        email="wanda.f@site.example",
        links=["https://github.com/foxcode"],
        evidence=TEXT,
        q_empirical="Nobody here.",
    )
    world.session.add(
        Reference(application_id=made.id, position=1, name="Vera Elmscott", email="vera@elm.example", consent=True)
    )
    world.session.flush()
    return made


def read(world: Reviewing, application: Application, reader: Actor) -> dict[str, object]:
    world.session.flush()
    world.session.expire_all()
    assignment = world.session.scalars(
        sa.select(rounds.ReviewAssignment).where(
            rounds.ReviewAssignment.application_id == application.id,
            rounds.ReviewAssignment.reviewer_id == reader.person_id,
        )
    ).one()
    found = reading(world.session, reader, assignment.public_id)
    assert found is not None
    return {each.question.key: each.value for each in found.answers}


def test_a_decision_goes_its_way_from_the_flag_to_the_reader(world: Reviewing) -> None:
    session, reader, team = world.session, world.actor(), world.actor(Role.COORDINATOR)
    application, quiet = named(world), world.application()
    rounds.assign(session, team, world.round(), application, reader.person_id or 0, NOW)
    # Before anybody has looked: every name, address and handle is hidden, and nothing else.
    shown = (
        f"I am {HIDDEN} ({HIDDEN}, {HIDDEN} on the web), also {HIDDEN}. {HIDDEN} wrote it; {HIDDEN} ({HIDDEN}) saw it."
    )
    assert read(world, application, reader)["evidence"] == shown
    assert read(world, application, reader)["q_empirical"] == "Nobody here."
    # The team is told of the one and not of the other.
    assert look_through(session, world.cohort.id, NOW) == 2
    assert look_through(session, world.cohort.id, NOW) == 0, "what was looked through is not looked through again"
    [flag] = flagged(session, world.cohort.id, sa.true(), 10)
    assert (flag.public_id, flag.answers, flag.mentions, flag.decided_at) == (application.public_id, 1, 7, None)
    tasks = sa.select(TeamTask.done_by_id).where(TeamTask.kind == NAMED)
    assert session.scalars(tasks).all() == [None], "one task for the team, however many applications"
    # Decided: the part of a name stays, whoever is named for sure does not.
    evidence = digest_of(TEXT)
    assert decide(session, team, application, {"evidence": Redaction(evidence)}, NOW) == 1
    assert read(world, application, reader)["evidence"] == shown.replace(f"{HIDDEN} wrote", "Wanda wrote")
    assert flagged(session, world.cohort.id, sa.true(), 10)[0].decided_at == NOW
    assert session.scalars(tasks).all() == [team.person_id]
    # Hidden altogether: an empty answer is what the reader has, not the answer itself.
    everything = Redaction(evidence, whole=True)
    assert decide(session, team, application, {"evidence": everything}, NOW + timedelta(hours=1)) == 1
    assert read(world, application, reader)["evidence"] == ALL_HIDDEN
    assert decide(session, team, application, {"evidence": everything}, NOW) == 0, "the same again is nothing new"
    kept = session.scalars(sa.select(AnswerRedaction).order_by(AnswerRedaction.number)).all()
    assert [(row.number, row.decision["whole"]) for row in kept] == [(1, False), (2, True)]
    # The team's own view and the snapshot hold every word.
    [looked] = [each for each in looked_at(session, application) if each.question.key == "evidence"]
    assert (looked.text, looked.decided) == (TEXT, everything)
    # Another wording, and the decision on the old one counts no more: hidden anew, flagged anew.
    first = session.scalars(sa.select(Snapshot).where(Snapshot.application_id == application.id)).one()
    answers = first.content["answers"] | {"evidence": "Wanda again."}
    values = {"application_id": application.id, "number": 2, "form_version_id": first.form_version_id}
    content = first.content | {"answers": answers}
    session.add(Snapshot(**values, received_at=NOW, content=content, digest="1" * 64, submit_key="again"))
    application.snapshot_number = 2
    session.flush()
    assert read(world, application, reader)["evidence"] == f"{HIDDEN} again."
    with pytest.raises(Refused) as refused:
        decide(session, team, application, {"evidence": everything}, NOW)
    assert refused.value.refusal.code is Code.WRONG_STATE
    assert look_through(session, world.cohort.id, NOW) == 1
    check = session.scalars(sa.select(NameCheck).where(NameCheck.application_id == application.id)).one()
    assert (check.mentions, check.decided_at) == ({"evidence": 1}, None)
    assert quiet.id != application.id
