"""Cases 1, 2, 4, 6, 9 to 11, 19, 23, 28 for streams: the firewall, the rights, bad input (also invariants 45, 47)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.app import create_app
from matsapply.applications.models import StreamApplication
from matsapply.evaluations.actions import start_task, submit_task
from matsapply.interviews.slots import add_slots
from matsapply.offers.models import StreamRanking
from matsapply.people.models import RoleGrant
from matsapply.platform import clock as clock_module
from matsapply.platform.flask_db import db
from matsapply.process import own_streams, stream_desk
from matsapply.process.stream_round import invite_to_task, offer_interview
from matsapply.rules.access import Actor
from matsapply.rules.stages import Role, StreamApplicationState
from tests import desk
from tests.conftest import Client
from tests.stream_world import DURING_INTERVIEWS, DURING_TASKS, HALF_HOUR, World, at
from tests.visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

    from matsapply.people.models import Person
    from matsapply.platform.settings import Settings
    from tests.desk import Member

ELSEWHERE = "0" * 13


@pytest.fixture
def app(settings: Settings, clock: clock_module.FixedClock) -> Iterator[Flask]:
    """The demo asks staff for no second factor; everything else is as it is."""
    app = create_app(replace(settings, demo=True))
    app.test_client_class = Client
    clock_module.install(clock)
    clock.move_to(DURING_INTERVIEWS)
    yield app
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def world(app: Flask, live_session: Session) -> World:
    """Two streams; the red one has Ada (with everything) and the conflicted Cleo, the blue one has Bob."""
    live_session.expire_on_commit = False
    world = World(live_session)
    world.ada = world.applicant("Ada Red")  # type: ignore[attr-defined]
    world.entry_ada = world.entry(world.ada, world.red)  # type: ignore[attr-defined]
    world.entry_bob = world.entry(world.applicant("Bob Blue"), world.blue)  # type: ignore[attr-defined]
    cleo = world.applicant("Cleo Conflict")
    world.entry_cleo = world.entry(cleo, world.red)  # type: ignore[attr-defined]
    world.conflict(world.lead, cleo)
    live_session.commit()
    return world


def same(answer: TestResponse) -> str:
    """What an answer says, without the token that differs from one to the next and the address that was asked for."""
    text = re.sub(r'(csrf[-_]token"[^>]*(?:content|value)=")[^"]+', r"\1", answer.text)
    return text.replace(answer.request.path, "")


def sign_in(app: Flask, world: World, person: Person) -> Member:
    return desk.sign_in(app, world.session, person.id)


def pages(ref: str, entry: StreamApplication) -> list[str]:
    return [
        f"/stream/{ref}",
        f"/stream/{ref}/candidates",
        f"/stream/{ref}/candidates/{entry.public_id}",
        f"/stream/{ref}/tasks",
        f"/stream/{ref}/interviews",
        f"/stream/{ref}/ranking",
    ]


def test_case_1_another_stream_is_not_there(app: Flask, world: World) -> None:
    lead = sign_in(app, world, world.lead)
    assert all(lead.get(page).status_code == 200 for page in pages("red", world.entry_ada))  # type: ignore[attr-defined]
    foreign = [lead.get(page) for page in pages("blue", world.entry_bob)]  # type: ignore[attr-defined]
    missing = [lead.get(page) for page in pages("nowhere", world.entry_bob)]  # type: ignore[attr-defined]
    assert {answer.status_code for answer in foreign} == {404}
    assert [same(answer) for answer in foreign] == [same(answer) for answer in missing]
    # nor through one's own stream
    bob = lead.get(f"/stream/red/candidates/{world.entry_bob.public_id}")  # type: ignore[attr-defined]
    nobody = lead.get(f"/stream/red/candidates/{ELSEWHERE}")
    assert (bob.status_code, same(bob)) == (404, same(nobody))


def test_case_2_nobody_signed_in_sees_a_stream(app: Flask, world: World) -> None:
    visitor = Visitor(app.test_client())
    for page in [*pages("red", world.entry_ada), "/stream", "/tasks", f"/tasks/{ELSEWHERE}"]:  # type: ignore[attr-defined]
        assert visitor.get(page).status_code in {302, 401}, page


def test_case_4_a_conflict_hides_the_candidate_from_pages_and_counts(app: Flask, world: World) -> None:
    lead, mentor = sign_in(app, world, world.lead), sign_in(app, world, world.mentor)
    cleo = f"/stream/red/candidates/{world.entry_cleo.public_id}"  # type: ignore[attr-defined]
    assert lead.get(cleo).status_code == 404
    assert mentor.get(cleo).status_code == 200
    for page in pages("red", world.entry_ada):  # type: ignore[attr-defined]
        assert "Cleo Conflict" not in lead.get(page).text, page
    assert "1 candidate<" in lead.get("/stream/red/candidates").text
    assert "2 candidates<" in mentor.get("/stream/red/candidates").text


def test_the_firewall_no_other_stream_no_order_no_address(app: Flask, world: World) -> None:
    world.entry(world.ada, world.blue)  # type: ignore[attr-defined]
    world.session.commit()
    page = sign_in(app, world, world.lead).get(pages("red", world.entry_ada)[2]).text  # type: ignore[attr-defined]
    for secret in ("Blue stream", "blue", "A theorem for others", "I know Bea Blue", "secret@example.org"):
        assert secret not in page, secret
    assert "An experiment." in page


def test_case_9_a_role_removed_in_mid_session(app: Flask, world: World) -> None:
    lead = sign_in(app, world, world.lead)
    assert lead.get("/stream/red").status_code == 200
    world.session.execute(
        sa.update(RoleGrant).where(RoleGrant.person_id == world.lead.id).values(ends_at=DURING_INTERVIEWS)
    )
    world.session.commit()
    assert lead.get("/stream/red").status_code in {403, 404}


def test_case_10_a_mentor_does_not_decide(app: Flask, world: World) -> None:
    mentor = sign_in(app, world, world.mentor)
    ada = pages("red", world.entry_ada)[2]  # type: ignore[attr-defined]
    for path in (f"{ada}/invite", f"{ada}/interview", f"{ada}/decline", f"{ada}/waive", "/stream/red/ranking",
                 "/stream/red/ranking/lock", "/stream/red/tasks/invite"):  # fmt: skip
        assert mentor.post(path, {"task": "take-home"}, form=ada).status_code == 403, path
    world.session.rollback()
    assert world.session.scalar(sa.select(sa.func.count()).select_from(StreamRanking)) == 0


def test_case_11_extra_fields_change_nothing(app: Flask, world: World) -> None:
    mentor = sign_in(app, world, world.mentor)
    ada = pages("red", world.entry_ada)[2]  # type: ignore[attr-defined]
    sent = mentor.post(
        f"{ada}/review",
        {"score-ability": "3", "score-interest": "2", "reviewer_id": "1", "state": "accepted", "total": "99"},
        form=ada,
    )
    assert sent.status_code == 303
    world.session.expire_all()
    assert world.entry_ada.review_mean == 2.5  # type: ignore[attr-defined]
    assert world.entry_ada.state is StreamApplicationState.IN_REVIEW  # type: ignore[attr-defined]


def test_case_19_without_a_token_nothing_happens(app: Flask, world: World) -> None:
    lead = sign_in(app, world, world.lead)
    world.session.commit()
    assert lead.client.post("/stream/red/ranking/lock").status_code == 400
    assert lead.client.post("/stream/red/tasks/invite").status_code == 400


def test_case_6_and_28_odd_sorts_and_pages(app: Flask, world: World) -> None:
    mentor = sign_in(app, world, world.mentor)
    base = "/stream/red/candidates"
    for query in ("?sort=password", "?sort=-decision", "?state=nothing", "?q=%25_%5C", "?q=%00"):
        assert mentor.get(base + query).status_code == 200, query
    for query in ("?after=-1", "?after=" + "9" * 40, "?after=W10", "?after=WyJ4Iiwi"):
        assert mentor.get(base + query).status_code == 400, query


def test_case_6_a_mean_one_may_not_know_orders_nothing(world: World) -> None:
    """Invariant 22: sorting by readings tells nothing before the own one."""
    reader = stream_desk.Reader(world.mentor.id, decides=False)
    stream = own_streams.mentor_streams(world.session, world.actor(world.mentor))[0]
    ada, cleo = world.entry_ada, world.entry_cleo  # type: ignore[attr-defined]
    orders = set()
    for values in ((1.0, 4.0), (4.0, 1.0)):
        ada.review_mean, cleo.review_mean = values
        world.session.commit()
        page = stream_desk.candidates(world.session, stream, reader, sort="-review")
        assert [row.review for row in page.rows] == [None, None]
        orders.add(tuple(row.id for row in page.rows))
    assert len(orders) == 1


def test_case_23_naughty_text_is_kept_or_refused_never_a_crash(app: Flask, world: World) -> None:
    mentor = sign_in(app, world, world.mentor)
    ada = pages("red", world.entry_ada)[2]  # type: ignore[attr-defined]
    for text in ("<script>alert(1)</script>", "a\x00b", "\u202e\U0001f600" * 50, "x" * 200_000):
        answer = mentor.post(f"{ada}/review", {"score-ability": "3", "score-interest": "2", "note": text}, form=ada)
        assert answer.status_code < 500, text[:20]
    assert "<script>alert" not in mentor.get(ada).text
    for times in ("2027-99-99 17:00", "2027-03-14 02:30", "9" * 5000, "\x00"):
        answer = mentor.post(
            "/stream/red/interviews",
            {"times": times, "zone": "America/Los_Angeles", "minutes": "30", "interviewers": str(world.mentor.id)},
        )
        assert answer.status_code == 422, times[:20]


def test_invariant_47_a_submission_is_read_only_by_streams_that_wait_for_it(app: Flask, world: World) -> None:
    session = world.session
    task = invite_to_task(
        session,
        world.actor(world.lead),
        world.entry_ada,  # type: ignore[attr-defined]
        world.shared,
        Role.STREAM_LEAD,
        DURING_TASKS,
    )
    me = Actor(world.ada.person_id)  # type: ignore[attr-defined]
    start_task(session, me, task, DURING_TASKS, ai_rule=True)
    public_id = submit_task(session, me, task, "my work", DURING_TASKS).public_id
    session.commit()
    red, blue = sign_in(app, world, world.lead), sign_in(app, world, world.blue_lead)
    page = red.get(f"/stream/red/tasks/mark/{public_id}")
    assert page.status_code == 200
    assert "Ada Red" not in page.text, "markers see no name"
    assert blue.get(f"/stream/blue/tasks/mark/{public_id}").status_code == 404
    world.entry_ada.state = StreamApplicationState.WITHDRAWN  # type: ignore[attr-defined]
    session.commit()
    assert red.get(f"/stream/red/tasks/mark/{public_id}").status_code == 404


def test_case_1_somebody_elses_task_and_interview(app: Flask, world: World) -> None:
    session = world.session
    entry = world.entry_ada  # type: ignore[attr-defined]
    lead = world.actor(world.lead)
    task = invite_to_task(session, lead, entry, world.own, Role.STREAM_LEAD, DURING_TASKS)
    entry.state = StreamApplicationState.IN_REVIEW
    interview = offer_interview(session, lead, entry, Role.STREAM_LEAD, DURING_INTERVIEWS)
    add_slots(
        session,
        lead,
        world.red,
        [at("2027-03-12 12:00")],
        HALF_HOUR,
        zone="UTC",
        interviewers=[world.lead.id],
        now=DURING_INTERVIEWS,
    )
    session.commit()
    owner = sign_in(app, world, world.ada.person)  # type: ignore[attr-defined]
    other = sign_in(app, world, world.entry_bob.application.person)  # type: ignore[attr-defined]
    for page in (f"/tasks/{task.public_id}", f"/interviews/{interview.public_id}"):
        assert owner.get(page).status_code == 200
        foreign, nobody = other.get(page), other.get(page[:-13] + ELSEWHERE)
        assert (foreign.status_code, same(foreign)) == (404, same(nobody))
