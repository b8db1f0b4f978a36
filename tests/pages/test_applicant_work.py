"""Tasks and interviews as their candidates see them: the list, the work with its file, booking, moving, giving up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from matsapply.evaluations.models import EvaluationInvite
from matsapply.files.models import StoredFile
from matsapply.interviews.models import Interview
from matsapply.rules.stages import EvaluationState, InterviewState
from tests.applicant_site import pdf
from tests.candidates import NOW, Scene
from tests.page_forms import form
from tests.stream_world import at

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session
    from werkzeug.test import TestResponse

    from matsapply.applications.models import Application
    from matsapply.platform.clock import FixedClock
    from tests.desk import Member

NOON = at("2027-03-12 12:00")
LATER = at("2027-03-12 15:00")
TAKEN = "Somebody else has just taken this slot. Choose another one."


@pytest.fixture
def scene(app: Flask, live_session: Session, clock: FixedClock) -> Scene:
    return Scene(app, live_session, clock)


def sent(visitor: Member, path: str, action: str, **typed: Any) -> TestResponse:
    """The form of the page that goes to ``action``, filled in and sent."""
    page = form(visitor.get(path).text, action)
    return visitor.client.post(page.action or path, data=page.filled(**typed))


def stored(scene: Scene, kind: type[Any], public_id: str) -> Any:
    """The row as it is now; nothing stays open that would hold the site up."""
    scene.session.expire_all()
    found = scene.session.scalars(sa.select(kind).where(kind.public_id == public_id)).one()
    scene.session.commit()
    return found


# --- tasks ------------------------------------------------------------------------------------------------------------


def task_of(scene: Scene, application: Application) -> str:
    return f"/tasks/{scene.tasks[application.public_id].public_id}"


def started(scene: Scene, application: Application) -> Member:
    """The candidate's browser, with the task begun."""
    visitor, path = scene.browser(application), task_of(scene, application)
    assert sent(visitor, path, f"{path}/start", ai_rule="yes").status_code == 303
    return visitor


def work_form(visitor: Member, path: str, **typed: Any) -> dict[str, Any]:
    return form(visitor.get(path).text, path).filled(**typed)


def test_the_list_names_what_is_asked_and_for_how_long(scene: Scene) -> None:
    ada = scene.candidate("Ada Example")
    page = scene.browser(ada).get("/tasks").text
    assert "Essay" in page
    assert "1 h 30 min of work are open." in page
    assert "Pick a time" in page
    assert "Essay" not in scene.browser(scene.world.applicant("Nobody Asked")).get("/tasks").text


def test_a_task_of_somebody_else_is_not_there(scene: Scene) -> None:
    ada, bo = scene.candidate("Ada Example"), scene.candidate("Bo Example")
    visitor, path = started(scene, ada), task_of(scene, bo)
    assert visitor.get(path).status_code == 404
    token = visitor.token(task_of(scene, ada))
    for act in ("", "/start", "/draft"):
        assert visitor.client.post(path + act, data={"csrf_token": token, "answer": "Mine."}).status_code == 404
    assert stored(scene, EvaluationInvite, path.split("/")[-1]).draft_answer == ""


def test_a_task_begins_only_with_the_rule_on_ai_accepted(scene: Scene) -> None:
    ada = scene.candidate("Ada Example")
    visitor, path = scene.browser(ada), task_of(scene, ada)
    assert sent(visitor, path, f"{path}/start").status_code == 409
    assert stored(scene, EvaluationInvite, path.split("/")[-1]).state is EvaluationState.INVITED


def test_the_text_and_a_file_are_kept_and_handed_in(scene: Scene) -> None:
    ada = scene.candidate("Ada Example")
    visitor, path = started(scene, ada), task_of(scene, ada)
    upload = work_form(visitor, path, answer="Half of it.") | {"file": (BytesIO(pdf(2)), "work.pdf"), "do": "save"}
    assert visitor.client.post(path, data=upload).status_code == 303
    page = visitor.get(path).text
    assert "Half of it." in page
    assert "work.pdf" in page
    got = visitor.get(f"{path}/file")
    assert got.mimetype == "application/pdf"
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert (
        visitor.client.post(path, data=work_form(visitor, path, answer="All of it.", do="hand_in")).status_code == 303
    )
    assert "All of it." in visitor.get(path).text
    assert stored(scene, EvaluationInvite, path.split("/")[-1]).state is EvaluationState.SUBMITTED


@pytest.mark.parametrize("content", [b"", b"no pdf at all", pdf(2)[:200]], ids=["empty", "text", "cut"])
def test_a_file_that_cannot_be_taken_costs_no_text(scene: Scene, content: bytes) -> None:
    ada = scene.candidate("Ada Example")
    visitor, path = started(scene, ada), task_of(scene, ada)
    upload = work_form(visitor, path, answer="My text.") | {"file": (BytesIO(content), "work.pdf"), "do": "save"}
    answer = visitor.client.post(path, data=upload)
    assert answer.status_code == 422
    assert "My text." in answer.text
    scene.session.expire_all()
    assert scene.session.scalar(sa.select(sa.func.count()).select_from(StoredFile)) == 0
    scene.session.commit()


def test_what_comes_after_the_end_is_shown_and_does_not_count(scene: Scene) -> None:
    ada = scene.candidate("Ada Example")
    visitor, path = started(scene, ada), task_of(scene, ada)
    late = work_form(visitor, path, answer="Too late.", do="hand_in")
    scene.clock.move_to(NOW + timedelta(hours=4))
    answer = visitor.client.post(path, data=late)
    assert answer.status_code == 409
    assert "Too late." in answer.text
    assert stored(scene, EvaluationInvite, path.split("/")[-1]).state is not EvaluationState.SUBMITTED


def test_an_empty_task_cannot_be_handed_in(scene: Scene) -> None:
    ada = scene.candidate("Ada Example")
    visitor, path = started(scene, ada), task_of(scene, ada)
    answer = visitor.client.post(path, data=work_form(visitor, path, answer="  ", do="hand_in"))
    assert answer.status_code == 422
    assert "Write your answer or attach a file" in answer.text


# --- interviews -------------------------------------------------------------------------------------------------------


def interview_of(scene: Scene, application: Application) -> str:
    return f"/interviews/{scene.interviews[application.public_id].public_id}"


def booked_at(scene: Scene, application: Application) -> str | None:
    found = stored(scene, Interview, scene.interviews[application.public_id].public_id)
    start = found.slot.starts_at if found.slot_id is not None else None
    scene.session.commit()
    return f"{start:%H:%M}" if start else None


def test_an_interview_is_booked_moved_and_given_up(scene: Scene) -> None:
    ada = scene.candidate("Ada Example")
    first, second = scene.slot(NOON), scene.slot(LATER)
    visitor, path = scene.browser(ada), interview_of(scene, ada)
    assert sent(visitor, path, f"{path}/book", slot=first.public_id).status_code == 303
    assert booked_at(scene, ada) == "12:00"
    assert visitor.get(f"{path}/interview.ics").status_code == 200
    assert sent(visitor, path, f"{path}/book", slot=second.public_id).status_code == 303
    assert booked_at(scene, ada) == "15:00"
    assert sent(visitor, path, f"{path}/cancel").status_code == 303
    assert "This interview does not take place." in visitor.get(path).text
    assert visitor.get(f"{path}/interview.ics").status_code == 404


def test_a_slot_that_somebody_took_meanwhile_is_refused_with_a_sentence(scene: Scene) -> None:
    ada, bo = scene.candidate("Ada Example"), scene.candidate("Bo Example")
    slot, other = scene.slot(NOON), scene.slot(LATER)
    path = interview_of(scene, bo)
    visitor = scene.browser(bo)
    page = form(visitor.get(path).text, f"{path}/book")
    mine = interview_of(scene, ada)
    assert sent(scene.browser(ada), mine, f"{mine}/book", slot=slot.public_id).status_code == 303
    answer = visitor.client.post(page.action, data=page.filled(slot=slot.public_id))
    assert answer.status_code == 409
    assert TAKEN in answer.text
    assert slot.public_id not in answer.text, "the slot is no longer offered"
    assert other.public_id in answer.text
    assert booked_at(scene, bo) is None


def test_of_two_who_press_at_once_one_has_the_slot_and_one_a_sentence(scene: Scene) -> None:
    people = [scene.candidate("Ada Example"), scene.candidate("Bo Example")]
    slot = scene.slot(NOON)
    tries = []
    for person in people:
        visitor, path = scene.browser(person), interview_of(scene, person)
        page = form(visitor.get(path).text, f"{path}/book")
        tries.append((visitor, page.action, page.filled(slot=slot.public_id)))
    scene.session.commit()
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda one: one[0].client.post(one[1], data=one[2]), tries))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert TAKEN in next(answer.text for answer in answers if answer.status_code == 409)
    assert sorted(str(booked_at(scene, person)) for person in people) == ["12:00", "None"]


@pytest.mark.parametrize("slot", ["", "nowhere", "\x00", "x" * 500])
def test_a_slot_that_is_none_is_refused(scene: Scene, slot: str) -> None:
    ada = scene.candidate("Ada Example")
    scene.slot(NOON)
    visitor, path = scene.browser(ada), interview_of(scene, ada)
    assert sent(visitor, path, f"{path}/book", slot=slot).status_code == 409
    assert stored(scene, Interview, path.split("/")[-1]).state is InterviewState.OFFERED
