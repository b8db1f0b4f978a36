"""A stream's candidates and tasks: every act of the pages, taken and refused, and who may see and do what."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.applications.models import Application, Snapshot
from matsapply.cohorts.models import Question
from matsapply.decisions.models import Decision
from matsapply.evaluations.models import EvaluationInvite, TaskExtension
from matsapply.files.models import StoredFile
from matsapply.platform import storage
from matsapply.process.stream_round import invite_to_task
from matsapply.reviews.models import Review
from matsapply.rules.answers import digest
from matsapply.rules.stages import EvaluationState, Outcome, QuestionType, Role, StreamApplicationState
from tests.desk import problems
from tests.stream_desk import StreamDesk
from tests.stream_world import DURING_INTERVIEWS, DURING_TASKS, TASKS_DUE, at

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.applications.models import StreamApplication
    from matsapply.cohorts.models import Evaluation
    from matsapply.platform.clock import FixedClock
    from matsapply.platform.settings import Settings

READING = {"score-ability": "3", "score-interest": "4"}
MARK = {"score-quality": "3", "score-judgement": "2"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The demo asks a stream's people for no second factor."""
    return replace(settings, demo=True)


@pytest.fixture
def stream_desk(app: Flask, live_session: Session, clock: FixedClock) -> StreamDesk:
    return StreamDesk.open(app, live_session, clock)


def invite(desk: StreamDesk, entry: StreamApplication, evaluation: Evaluation) -> EvaluationInvite:
    lead = desk.world.actor(desk.world.lead)
    task = invite_to_task(desk.session, lead, entry, evaluation, Role.STREAM_LEAD, DURING_TASKS)
    desk.session.commit()
    return task


def with_cv(desk: StreamDesk, entry: StreamApplication, bytes_: bytes) -> StoredFile:
    """The candidate submits once more, with a CV as the site keeps one."""
    world, application = desk.world, desk.session.get_one(Application, entry.application_id)
    desk.session.add(Question(form_version_id=world.form.id, key="cv", section="background", label="CV",
                              type=QuestionType.FILE, position=90))  # fmt: skip
    file = StoredFile(owner_id=application.person_id, key="cv-of-ada", name="Ada’s cv.pdf",
                      content_type="application/pdf", size=len(bytes_), sha256="0" * 64, pages=1)  # fmt: skip
    desk.session.add(file)
    desk.session.flush()
    storage.current().put(file.key, bytes_)
    first = desk.session.scalars(sa.select(Snapshot).where(Snapshot.application_id == application.id)).one()
    kept = {"file": file.public_id, "sha256": file.sha256, "size": file.size, "pages": file.pages}
    content = {**first.content, "answers": {**first.content["answers"], "cv": [kept]}}
    desk.session.add(Snapshot(application_id=application.id, number=2, form_version_id=world.form.id, content=content,
                              received_at=first.received_at, digest=digest(content), submit_key="again"))  # fmt: skip
    application.snapshot_number = 2
    desk.session.commit()
    return file


# --- reading --------------------------------------------------------------------------------------------------------


def test_a_candidates_file_is_handed_out_to_their_streams_only(stream_desk: StreamDesk) -> None:
    ada = stream_desk.entry()
    page = stream_desk.page(ada)
    file = with_cv(stream_desk, ada, b"%PDF-1.7 invented")
    assert f'href="{page}/files/{file.public_id}"' in stream_desk.mentor.get(page).text
    had = stream_desk.mentor.get(f"{page}/files/{file.public_id}")
    assert had.data == b"%PDF-1.7 invented"
    assert had.headers["Content-Disposition"].startswith("attachment;")
    other = stream_desk.as_(stream_desk.world.blue_lead)
    assert other.get(f"{page}/files/{file.public_id}").status_code == 404
    assert stream_desk.mentor.get(f"{page}/files/{'0' * 13}").status_code == 404


# --- readings ---------------------------------------------------------------------------------------------------------


def test_a_reading_is_saved_and_corrected(stream_desk: StreamDesk) -> None:
    ada = stream_desk.entry()
    page = stream_desk.page(ada)
    for scores, mean in ((READING, 3.5), ({**READING, "score-interest": "2"}, 2.5)):
        sent = stream_desk.mentor.post(f"{page}/review", {**scores, "note": "**clear**"}, form=page)
        assert (sent.status_code, sent.location) == (303, page)
        assert stream_desk.fresh(ada).review_mean == mean
    shown = stream_desk.mentor.get(page).text
    assert "Save the correction" in shown
    assert "**clear**</textarea>" in shown
    numbers = stream_desk.session.scalars(sa.select(Review.number).order_by(Review.id)).all()
    assert numbers == [1, 2]


def test_a_reading_that_is_incomplete_or_too_long_keeps_everything(stream_desk: StreamDesk) -> None:
    ada = stream_desk.entry()
    page = stream_desk.page(ada)
    for fields, said in (
        ({"score-ability": "3"}, "interest: Choose a score from 1 to 4."),
        ({**READING, "score-interest": "5"}, "interest: This score is not on the scale: choose 1 to 4."),
        ({**READING, "note": "x" * 8001}, "Keep the note under 8000 characters; it has 8001."),
    ):
        fields = {"note": "my words", **fields}
        refused = stream_desk.mentor.post(f"{page}/review", fields, form=page)
        assert (refused.status_code, problems(refused)) == (422, said)
        assert f"{fields['note']}</textarea>" in refused.text
        assert re.search(r'name="score-ability" id="\S+" value="3" checked', refused.text)
    assert stream_desk.fresh(ada).review_mean is None


def test_two_mentors_read_each_other_after_their_own_reading(stream_desk: StreamDesk) -> None:
    ada = stream_desk.entry()
    page = stream_desk.page(ada)
    second = stream_desk.as_(stream_desk.world.member("Nora Newer", Role.MENTOR, stream_desk.world.red))
    stream_desk.mentor.post(f"{page}/review", {**READING, "score-ability": "2", "note": "a fine hand"}, form=page)
    before = second.get(page).text
    assert "a fine hand" not in before
    assert "3.00" not in second.get("/stream/red/candidates").text
    second.post(f"{page}/review", {"score-ability": "1", "score-interest": "2"}, form=page)
    after = second.get(page).text
    assert "a fine hand" in after
    assert "Milo Mentor" in after, "within a stream people know who read"
    assert "2.25" in second.get("/stream/red/candidates").text
    # Who decides reads them without one of their own, as long as none of it is open.
    assert "a fine hand" in stream_desk.lead.get(page).text


# --- tasks ------------------------------------------------------------------------------------------------------------


def test_a_lead_invites_to_a_task_of_the_plan(stream_desk: StreamDesk) -> None:
    stream_desk.clock.move_to(DURING_TASKS)
    ada = stream_desk.entry()
    page = stream_desk.page(ada)
    assert "Invite to “Take home”" in stream_desk.lead.get(page).text
    assert stream_desk.lead.post(f"{page}/invite", {"task": "take-home"}, form=page).status_code == 303
    assert stream_desk.fresh(ada).state is StreamApplicationState.EVALUATING
    shown = stream_desk.lead.get(page).text
    assert "Invited to “Take home”" in shown
    assert "Invite to “Take home”" not in shown
    again = stream_desk.lead.post(f"{page}/invite", {"task": "take-home"}, form=page)
    assert again.status_code in {303, 409}
    assert stream_desk.session.scalar(sa.select(sa.func.count()).select_from(EvaluationInvite)) == 1
    assert stream_desk.lead.post(f"{page}/invite", {"task": "nothing"}, form=page).status_code == 404


def test_no_invitation_to_a_task_that_is_over(stream_desk: StreamDesk) -> None:
    ada = stream_desk.entry()
    page = stream_desk.page(ada)
    refused = stream_desk.lead.post(f"{page}/invite", {"task": "take-home"}, form=page)
    assert refused.status_code == 409
    assert "deadline has passed" in problems(refused)
    assert stream_desk.fresh(ada).state is StreamApplicationState.IN_REVIEW


def test_everybody_in_review_is_invited_once(stream_desk: StreamDesk) -> None:
    stream_desk.clock.move_to(DURING_TASKS)
    entries = [stream_desk.entry(f"Person {number}") for number in range(3)]
    tasks = "/stream/red/tasks"
    assert "3 candidates in review" in stream_desk.lead.get(tasks).text
    assert stream_desk.lead.post(f"{tasks}/invite", form=tasks).status_code == 303
    assert "3 people were invited: 6 invitations in all." in stream_desk.lead.get(tasks).text
    assert {stream_desk.fresh(entry).state for entry in entries} == {StreamApplicationState.EVALUATING}
    assert stream_desk.lead.post(f"{tasks}/invite", form=tasks).status_code == 303
    assert "Nobody was left to invite." in stream_desk.lead.get(tasks).text


def test_a_task_is_waived_with_a_reason(stream_desk: StreamDesk) -> None:
    ada = stream_desk.entry()
    task = invite(stream_desk, ada, stream_desk.world.own)
    page = stream_desk.page(ada)
    none = stream_desk.lead.post(f"{page}/waive", {"task": task.public_id, "reason": " "}, form=page)
    assert (none.status_code, "reason" in problems(none)) == (409, True)
    long = stream_desk.lead.post(f"{page}/waive", {"task": task.public_id, "reason": "y" * 501}, form=page)
    assert (long.status_code, problems(long)) == (422, "Keep the reason under 500 characters.")
    assert 'value="' + "y" * 501 in long.text
    other = stream_desk.lead.post(f"{page}/waive", {"task": "0" * 13, "reason": "why not"}, form=page)
    assert other.status_code == 404
    done = stream_desk.lead.post(f"{page}/waive", {"task": task.public_id, "reason": "a good reason"}, form=page)
    assert done.status_code == 303
    assert stream_desk.fresh(task).state is EvaluationState.WAIVED
    assert stream_desk.fresh(ada).state is StreamApplicationState.IN_REVIEW


def test_a_shared_task_is_not_a_leads_to_waive(stream_desk: StreamDesk) -> None:
    ada = stream_desk.entry()
    task = invite(stream_desk, ada, stream_desk.world.shared)
    page = stream_desk.page(ada)
    refused = stream_desk.lead.post(f"{page}/waive", {"task": task.public_id, "reason": "we like her"}, form=page)
    assert refused.status_code == 409
    assert "ask a coordinator" in problems(refused)
    assert "Waive</summary>" not in stream_desk.lead.get(page).text


def test_the_team_gives_more_time_and_a_marker_does_not_learn_of_it(stream_desk: StreamDesk) -> None:
    stream_desk.clock.move_to(DURING_TASKS)
    ada = stream_desk.entry()
    task = invite(stream_desk, ada, stream_desk.world.own)
    page, path = stream_desk.page(ada), f"{stream_desk.page(ada)}/extend"
    coordinator = stream_desk.team(Role.COORDINATOR)
    right = {"task": task.public_id, "until": "2027-03-10 EOD AoE", "reason_class": "accommodation", "reason": "agreed"}
    for fields, status, said in (
        ({"until": "soon"}, 422, "Write until when"),
        ({"until": "2027-03-14 02:30 America/Los_Angeles"}, 422, "Write until when"),
        ({"until": "2027-03-02 12:00 UTC"}, 409, ""),
        ({"reason": " "}, 409, "reason"),
        ({"reason": "z" * 501}, 422, "under 500"),
    ):
        refused = coordinator.post(path, {**right, **fields}, form=page)
        assert (refused.status_code, said in problems(refused)) == (status, True), fields
        assert f'value="{fields.get("until", right["until"])}"' in refused.text
    assert coordinator.post(path, {**right, "reason_class": "favour"}, form=page).status_code == 400
    assert coordinator.post(path, {**right, "task": "0" * 13}, form=page).status_code == 404
    assert stream_desk.lead.post(path, right, form=page).status_code == 409, "not a lead's to give"
    assert stream_desk.mentor.post(path, right, form=page).status_code == 403
    assert stream_desk.session.scalar(sa.select(sa.func.count()).select_from(TaskExtension)) == 0
    assert coordinator.post(path, right, form=page).status_code == 303
    stream_desk.session.commit()
    extension = stream_desk.session.scalars(sa.select(TaskExtension)).one()
    assert extension.until == at("2027-03-11 12:00")
    for person in (stream_desk.lead, stream_desk.mentor):
        shown = person.get(page).text
        assert "11 Mar" not in shown
        assert "Give more time" not in shown


# --- marks ------------------------------------------------------------------------------------------------------------


def test_marks_are_given_in_turn_without_a_name(stream_desk: StreamDesk) -> None:
    refs = {stream_desk.handed_in(stream_desk.entry(f"Person {n}"), stream_desk.world.own) for n in range(2)}
    first = re.search(r"/tasks/mark/(\w+)", stream_desk.mentor.get("/stream/red/tasks").text)
    assert first
    page = f"/stream/red/tasks/mark/{first.group(1)}"
    assert "Person" not in stream_desk.mentor.get(page).text
    for fields, said in (
        ({"score-quality": "3"}, "judgement: Choose a score from 1 to 4."),
        ({**MARK, "note": "n" * 8001}, "Keep the note under 8000 characters; it has 8001."),
    ):
        refused = stream_desk.mentor.post(page, {"note": "kept", **fields}, form=page)
        assert (refused.status_code, problems(refused)) == (422, said)
        assert f"{fields.get('note', 'kept')}</textarea>" in refused.text
    sent = stream_desk.mentor.post(page, MARK)
    [other] = refs - {first.group(1)}
    assert (sent.status_code, sent.location) == (303, f"/stream/red/tasks/mark/{other}")
    assert stream_desk.mentor.post(sent.location, MARK).location == "/stream/red/tasks"
    shown = stream_desk.mentor.get(page).text
    assert "Save and next" in shown
    assert 'Mean of all marks: <strong class="num">2.50' in shown


def test_a_second_marker_sees_no_mark_before_the_own_one(stream_desk: StreamDesk) -> None:
    ref = stream_desk.handed_in(stream_desk.entry(), stream_desk.world.own)
    page = f"/stream/red/tasks/mark/{ref}"
    stream_desk.mentor.post(page, {**MARK, "note": "solid"})
    before = stream_desk.lead.get(page).text
    assert "Mean of all marks" not in before
    assert "solid" not in before
    stream_desk.lead.post(page, {"score-quality": "4", "score-judgement": "4"})
    assert 'Mean of all marks: <strong class="num">3.25' in stream_desk.lead.get(page).text


def test_nothing_is_marked_before_its_time_is_over(stream_desk: StreamDesk) -> None:
    ref = stream_desk.handed_in(stream_desk.entry(), stream_desk.world.own)
    stream_desk.clock.move_to(DURING_TASKS)
    assert stream_desk.mentor.get(f"/stream/red/tasks/mark/{ref}").status_code == 404
    stream_desk.clock.move_to(TASKS_DUE)
    assert stream_desk.mentor.get(f"/stream/red/tasks/mark/{ref}").status_code == 200


# --- not selecting ----------------------------------------------------------------------------------------------------


def test_a_lead_records_that_a_candidate_is_not_selected(stream_desk: StreamDesk) -> None:
    ada = stream_desk.entry()
    page = stream_desk.page(ada)
    long = stream_desk.lead.post(f"{page}/decline", {"feedback": "f" * 4001}, form=page)
    assert (long.status_code, problems(long)) == (422, "Keep the feedback under 4000 characters.")
    assert "f" * 4001 + "</textarea>" in long.text
    done = stream_desk.lead.post(f"{page}/decline", {"feedback": "Close.\r\nTry again."}, form=page)
    assert done.status_code == 303
    decision = stream_desk.session.scalars(sa.select(Decision)).one()
    assert (decision.outcome, decision.feedback) == (Outcome.NOT_SELECT, "Close.\nTry again.")
    assert stream_desk.fresh(ada).state is StreamApplicationState.ASSESSED, "S8; to the applicant: under review"
    assert "Recorded: not selected" in stream_desk.lead.get(page).text


# --- who is not let in ------------------------------------------------------------------------------------------------


def posts(desk: StreamDesk) -> dict[str, dict[str, str]]:
    """Every POST of a stream's pages, with fields that would be accepted."""
    ada = desk.entry()
    task = invite(desk, ada, desk.world.own)
    ref = desk.handed_in(desk.entry("Bo"), desk.world.own)
    slot = desk.slot()
    interview = desk.booked(desk.entry("Cy"), slot)
    free = desk.slot(at("2027-03-12 15:00"))
    page, red = desk.page(ada), "/stream/red"
    more_time = {"task": task.public_id, "until": "2027-03-20 EOD AoE", "reason_class": "other", "reason": "r"}
    return {
        f"{page}/review": READING,
        f"{page}/invite": {"task": "take-home"},
        f"{page}/waive": {"task": task.public_id, "reason": "r"},
        f"{page}/extend": more_time,
        f"{page}/interview": {},
        f"{page}/decline": {},
        f"{red}/tasks/invite": {},
        f"{red}/tasks/mark/{ref}": MARK,
        f"{red}/interviews": {"times": "2027-03-13 09:00", "zone": "UTC", "minutes": "30",
                              "interviewers": str(desk.world.lead.id)},
        f"{red}/interviews/slots/{free.public_id}/withdraw": {},
        f"{red}/interviews/{interview.public_id}/outcome": {"outcome": "held"},
        f"{red}/interviews/{interview.public_id}/cancel": {"reason": "r"},
        f"{red}/interviews/{interview.public_id}/card": {"score-reasoning_live": "3", "score-questions_asked": "3"},
        f"{red}/ranking": {"number": "0", "order": ada.public_id},
        f"{red}/ranking/lock": {},
    }  # fmt: skip


def test_case_10_who_reads_only_writes_nothing(stream_desk: StreamDesk) -> None:
    forms = posts(stream_desk)
    auditor = stream_desk.team(Role.AUDITOR)
    for path, fields in forms.items():
        page = re.sub(r"/(review|invite|waive|extend|interview|decline|withdraw|outcome|cancel|card|lock)$", "", path)
        page = "/stream/red/interviews" if "/slots/" in path else page
        assert auditor.get(page).status_code == 200, page
        assert auditor.post(path, fields, form="/account").status_code == 403, path


def test_another_streams_people_find_nothing(stream_desk: StreamDesk) -> None:
    forms = posts(stream_desk)
    blue = stream_desk.as_(stream_desk.world.blue_lead)
    for path, fields in forms.items():
        assert blue.post(path, fields, form="/account").status_code == 404, path
        own = path.replace("/stream/red", "/stream/blue")
        if re.search(r"\w{13}", own):  # through one's own stream nothing of another is reached either
            assert blue.post(own, fields, form="/account").status_code == 404, own


def test_all_of_them_are_taken_from_those_who_may(stream_desk: StreamDesk) -> None:
    """What the two tests above refuse would have been done: the same forms, sent by the coordinator or the lead."""
    forms = posts(stream_desk)
    stream_desk.clock.move_to(DURING_INTERVIEWS)
    coordinator = stream_desk.team(Role.COORDINATOR)
    answers = {}
    for path, fields in forms.items():
        lead = stream_desk.lead.post(path, fields, form="/account").status_code
        answers[path] = {lead, coordinator.post(path, fields, form="/account").status_code if lead != 303 else lead}
    assert all(statuses <= {303, 409} for statuses in answers.values()), answers
    assert sum(303 in statuses for statuses in answers.values()) >= 9, answers
