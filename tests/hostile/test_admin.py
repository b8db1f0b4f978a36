"""Cases 6, 9 to 11, 19, 20, 22, 23, 28 at the team's pages, and the same button pressed by several at once."""

from __future__ import annotations

import csv
import io
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from matsapply.audit.models import AuditEvent
from matsapply.cohorts.models import Mentor, Stream
from matsapply.decisions.models import ReleaseBatch
from matsapply.mail.kinds import Mail
from matsapply.mail.models import Notification
from matsapply.offers.models import Offer, WaitlistEntry
from matsapply.people.models import RoleGrant
from matsapply.rules.stages import BatchScope, BatchState, Role, StreamApplicationState as S, StreamState
from matsapply.showcase.models import Paper
from tests.desk import sign_in
from tests.pages.team import ELSEWHERE, Team, demo_settings, form_fields, submitted, team_of
from tests.stream_world import at

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from matsapply.platform import clock as clock_module
    from matsapply.platform.settings import Settings

NOW = at("2027-01-25 09:00")
FIELDS = (
    "name title label key description note areas locations track also_tracks seats_min seats_target seats_max opens "
    "closes kind effort due brief attempts reason until outcome feedback choice choose scope role ends email count "
    "application digest hours step summary streams position track_key mentor-name mentor-kind mentor-account at-T5 "
    "was-T5 capacity allowance stipend compute length_weeks order use_0 weight_0 seen confirmed"
).split()
NAUGHTY = (
    "\x00",
    "\u202eevil",
    "=1+1;'--\"<>&%s{{7*7}}${7*7}",
    "９９９９９９９９９９９９９９９９９９９９",
    "1e309",
    "-1",
    "2027-02-30 EOD AoE",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 50,
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return demo_settings(settings)


@pytest.fixture
def team(app: Flask, live_session: Session, clock: clock_module.FixedClock) -> Team:
    clock.move_to(NOW)
    return team_of(app, live_session)


class Places:
    """One real address for every POST route of the team's pages."""

    def __init__(self, team: Team) -> None:
        world, session = team.world, team.session
        self.ada = submitted(world, "Ada")
        entry = world.entry(world.applicant("Bob"), world.red, S.WAITLISTED)
        batch = ReleaseBatch(cohort_id=world.cohort.id, scope=BatchScope.FIRST_RESULT, label="First")
        waiting = WaitlistEntry(stream_application_id=entry.id, stream_id=world.red.id, position=1)
        offer = Offer(
            cohort_id=world.cohort.id,
            person_id=self.ada.person_id,
            application_id=self.ada.id,
            stream_application_id=world.entry(self.ada, world.blue, S.ASSESSED).id,
            stream_id=world.blue.id,
        )
        paper = Paper(slug="paper", title="Paper", published=NOW.date(), topic="security")
        session.add_all([batch, waiting, offer, paper])
        session.commit()
        mentor = session.scalars(sa.select(Mentor).where(Mentor.stream_id == world.red.id).limit(1)).one()
        who = team.people["reviewer"]
        grant = session.scalars(sa.select(RoleGrant).where(RoleGrant.person_id == who.id)).one()
        of_endpoint = {
            "application": self.ada.public_id,
            "release": batch.public_id,
            "offer": offer.public_id,
            "waitlist": waiting.public_id,
            "mentor": mentor.public_id,
            "signature": ELSEWHERE,
            "person": who.public_id,
        }
        self.words = {
            "cohort_key": world.cohort.key,
            "noun": "stream",
            "key": "red",
            "stream_key": "red",
            "track_key": "empirical",
            "slug": "paper",
            "grant_id": grant.public_id,
            "token": "A" * 32,
            "said_so": "yes",
            "file_id": ELSEWHERE,
        }
        self.ids = of_endpoint

    def address(self, rule: Any, step: str) -> str:
        about = next((name for name in self.ids if name in rule.endpoint), "person")
        if "applications/" in rule.rule:
            about = "application"
        values = self.words | {"public_id": self.ids[about], "step": step}
        with_values: str = re.sub(r"<(\w+)>", lambda found: str(values[found.group(1)]), rule.rule)
        return with_values


STEPS = {
    "admin.application_step": ("extend", "reopen", "withdraw"),
    "admin.cohort_step": ("C3",),
    "admin.decide_conflict": ("confirm", "dismiss"),
    "admin.move_reader": ("leave", "return"),
    "admin.offer_step": ("extend", "confirm", "rescind"),
    "admin.release_step": ("gather", "exclude", "seal", "unseal", "cancel", "release"),
    "admin.showcase_step": ("hide", "feature"),
    "admin.thread_step": ("close", "answer"),
    "admin.waitlist_step": ("promote", "skip"),
}


def writes(app: Flask, places: Places) -> list[tuple[str, str]]:
    """(endpoint, address) of every POST route of the team's pages."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("admin.") and "POST" in (rule.methods or ()):
            found += [(rule.endpoint, places.address(rule, step)) for step in STEPS.get(rule.endpoint, ("",))]
    assert len(found) >= 40
    return found


def events(team: Team) -> int:
    """How much has ever been written: every change leaves an event."""
    return team.fresh().scalar(sa.select(sa.func.count()).select_from(AuditEvent)) or 0


def test_case_6_a_sort_or_filter_that_there_is_not(team: Team) -> None:
    submitted(team.world, "Ada")
    for query in ("sort=decision", "sort=-email", "sort=score,id", "filter=outcome", "state=accepted", "track=none"):
        assert team.get("coordinator", f"/applications?{query}").status_code == 400, query
    assert team.get("coordinator", "/decisions/empirical?show=hidden").status_code == 400
    assert team["admin"].get("/admin/people?role=king").status_code == 400


def test_case_6_a_conflict_leaves_no_trace_in_lists_and_counts(team: Team) -> None:
    ada, _ = submitted(team.world, "Ada Apart"), submitted(team.world, "Bob")
    team.world.conflict(team.people["coordinator"], ada)
    team.session.commit()
    for path in ("/applications", "/applications?sort=-score", "/applications?q=Ada", "/decisions/empirical"):
        assert "Ada Apart" not in team.get("coordinator", path).text, path
        assert "Ada Apart" in team.get("coordinator2", path).text, path
    assert "Ada Apart" not in team.post("coordinator", "/applications.csv").text
    assert team.get("coordinator", f"/applications/{ada.public_id}").status_code == 404
    assert team.post("coordinator", f"/applications/{ada.public_id}/ineligible", {"reason": "r"}).status_code == 404


def test_case_9_a_role_taken_away_in_mid_session(team: Team, clock: clock_module.FixedClock) -> None:
    """The page of the admin takes it away; the very next request of its holder is without it."""
    clock.move_to(at("2027-01-26 09:00"))
    who = team.people["coordinator"]
    assert team.get("coordinator", "/applications").status_code == 200
    mine = sa.select(RoleGrant.public_id).where(RoleGrant.person_id == who.id)
    page = f"/admin/people/{who.public_id}"
    path = f"{page}/grants/{team.fresh().scalar(mine)}/revoke"
    assert team["admin"].post(path, {"reason": "left the team"}, form=page).status_code == 303
    for path in ("", "/applications", "/decisions", "/settings", "/dates/set"):
        assert team.get("coordinator", path).status_code in {403, 404}, path
    before = events(team)
    assert team.post("coordinator", "/releases", {"scope": "first_result"}).status_code in {403, 404}
    assert team.post("coordinator", "/applications.csv").status_code in {403, 404}
    assert events(team) == before


def test_case_9_a_role_ends_at_its_instant(team: Team, clock: clock_module.FixedClock) -> None:
    end = at("2027-02-01 12:00")
    mine = sa.update(RoleGrant).where(RoleGrant.person_id == team.people["auditor"].id)
    team.session.execute(mine.values(ends_at=end))
    team.session.commit()
    assert team.get("auditor", "/applications").status_code == 200
    clock.move_to(end)
    assert team.get("auditor", "/applications").status_code in {403, 404}


@pytest.mark.parametrize("who", ["auditor", "reviewer"])
def test_case_10_who_only_reads_writes_nowhere(app: Flask, team: Team, who: str) -> None:
    places = Places(team)
    token = team[who].token("/account")
    before = events(team)
    team.let_go()
    for endpoint, address in writes(app, places):
        answer = team[who].client.post(address, data={"csrf_token": token, "reason": "r", "scope": "early"})
        reads = endpoint == "admin.export_applications" and who == "auditor"
        assert answer.status_code == (200 if reads else 403), address
        answer.close()
    assert events(team) == before + (who == "auditor")  # the log keeps who took the export


def test_case_11_extra_fields_change_nothing(team: Team) -> None:
    fields = form_fields(team.get("admin", "/settings/stream/red").text)
    extra = {"state": "cancelled", "seats_held": "99", "cohort_id": "7", "id": "1", "version": "9", "key": "stolen"}
    assert team.post("admin", "/settings/stream/red", fields | extra | {"name": "Red again"}).status_code == 303
    stream = team.fresh().scalars(sa.select(Stream).where(Stream.id == team.world.red.id)).one()
    assert (stream.key, stream.state, stream.seats_held, stream.name) == ("red", StreamState.OPEN, 0, "Red again")
    page = f"/admin/people/{team.people['reviewer'].public_id}"
    form = {"role": "mentor", "scope": "program:", "person_id": str(team.people["auditor"].id), "is_admin": "1"}
    assert team["admin"].post(f"{page}/grants", form, form=page).status_code == 303
    made = team.fresh().scalars(sa.select(RoleGrant).order_by(RoleGrant.id.desc()).limit(1)).one()
    assert (made.person_id, made.role) == (team.people["reviewer"].id, Role.MENTOR)


def test_case_19_without_a_token_nothing_happens(app: Flask, team: Team) -> None:
    places = Places(team)
    assert team.get("admin").status_code == 200
    before = events(team)
    team.let_go()
    for _, address in writes(app, places):
        assert team["admin"].client.post(address, data={"reason": "r"}).status_code == 400, address
        assert team["admin"].client.post(address, data={"csrf_token": "0" * 80}).status_code == 400, address
    assert events(team) == before


def test_case_19_a_get_never_writes(app: Flask, team: Team) -> None:
    places = Places(team)
    assert team.get("admin").status_code == 200
    before = events(team)
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("admin.") and "GET" in (rule.methods or ()):
            address = places.address(rule, "")
            assert team["admin"].get(address).status_code in {200, 302, 303, 404}, address
    assert events(team) == before


def test_case_20_no_cell_is_a_formula(team: Team) -> None:
    for number, start in enumerate(("=", "+", "-", "@", "\t", "\r")):
        submitted(team.world, f"{start}HYPERLINK({number})")
    answer = team.post("coordinator", "/applications.csv")
    cells = [cell for row in csv.reader(io.StringIO(answer.text, newline="")) for cell in row]
    assert sum("HYPERLINK" in cell for cell in cells) >= 6
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_case_22_script_in_every_field_is_text_for_every_reader(app: Flask, team: Team) -> None:
    script = "<script>alert(1)</script>"
    image = '"><img src=x onerror=alert(1)>'
    link = f"[a](javascript:alert(1)) {script} {image}"
    red = form_fields(team.get("admin", "/settings/stream/red").text)
    red |= {"name": script, "description": link, "note": image, "areas": image, "locations": script}
    assert team.post("admin", "/settings/stream/red", red).status_code == 303
    task = form_fields(team.get("admin", "/settings/task/take-home").text) | {"title": image, "brief": link}
    assert team.post("admin", "/settings/task/take-home", task).status_code == 303
    track = form_fields(team.get("admin", "/settings/track/empirical").text) | {"name": script, "description": link}
    assert team.post("admin", "/settings/track/empirical", track).status_code == 303
    cohort = form_fields(team.get("admin", "/settings").text) | {"label": script, "stipend": link, "compute": image}
    assert team.post("admin", "/settings", cohort).status_code == 303
    mentor = {"mentor-name": image, "mentor-kind": "lead"}
    assert team.post("admin", "/settings/stream/red/mentors", mentor).status_code == 303
    assert team.post("admin", "/settings/stream/red/cancel", {"reason": link}).status_code == 303
    ada = submitted(team.world, script)
    assert team.post("coordinator", f"/applications/{ada.public_id}/ineligible", {"reason": image}).status_code == 303
    invited = {"name": image, "email": "neo@example.org"}
    assert team["admin"].post("/admin/people", invited).status_code == 303
    pages = [
        "",
        "/settings",
        "/settings/stream/red",
        "/settings/task/take-home",
        "/settings/track/empirical",
        "/settings/questions",
        "/dates",
        "/applications",
        f"/applications/{ada.public_id}",
        "/decisions",
        "/decisions/empirical",
        "/assignments",
        "/offers",
        "/offers/streams/red",
        "/releases",
    ]
    addresses = [f"{team.base}{page}" for page in pages] + ["/admin/people", "/admin/log"]
    public = ["/", "/tracks", "/streams/red", "/dates", "/showcase"]
    visitor = app.test_client()
    lead = sign_in(app, team.session, team.world.lead.id)
    answers = [team[who].get(address) for who in ("admin2", "auditor") for address in addresses]
    team.fresh()
    answers += [visitor.get(address) for address in public] + [
        lead.get(address) for address in (*public, "/stream/red")
    ]
    assert sum("&lt;script&gt;" in answer.text for answer in answers) > 10
    for answer in answers:
        assert answer.status_code == 200, answer.request.path
        for raw in ("<script>alert", "<img src=x", 'href="javascript:'):
            assert raw not in answer.text, (answer.request.path, raw)


@pytest.mark.parametrize("number", range(len(NAUGHTY)))
def test_case_23_naughty_text_in_every_field_of_every_form(app: Flask, team: Team, number: int) -> None:
    places = Places(team)
    token = team["admin"].token("/account")
    text = NAUGHTY[number]
    for _, address in writes(app, places):
        team.let_go()
        answer = team["admin"].client.post(address, data={"csrf_token": token, **dict.fromkeys(FIELDS, text)})
        assert answer.status_code < 500, (address, answer.status_code)
        answer.close()


def test_case_23_a_megabyte_of_text(team: Team) -> None:
    """A text beyond the file's limit is named with its length, and not cut."""
    fields = form_fields(team.get("admin", "/settings/stream/red").text)
    long = team.post("admin", "/settings/stream/red", fields | {"description": "x" * 1_000_000})
    assert long.status_code == 422
    assert "1000000 characters" in long.text
    assert "x" * 1_000_000 in long.text


def test_case_28_odd_pages_and_numbers(team: Team) -> None:
    submitted(team.world, "Ada")
    huge = 10**18
    for path in ("/applications", "/decisions/empirical"):
        for query in ("after=-1", f"after={huge}", "before=e30", "after=" + "9" * 400, "after=%00"):
            assert team.get("coordinator", f"{path}?{query}").status_code == 400, (path, query)
    for query in ("page=-1", f"page={huge}", "per_page=1000000"):
        assert team.get("coordinator", f"/applications?{query}").status_code == 400, query
    for path in (f"/offers/streams/red?offers={huge}&waitlist=-5", f"/decisions/empirical?top={huge}"):
        assert team.get("coordinator", path).status_code == 200, path
    odd = ("log?after=x", "log?since=99999-01-01", "log?until=0000-00-00", "people?after=x")
    for path in (f"/admin/{one}" for one in odd):
        assert team["admin"].get(path).status_code == 400, path


def test_the_release_button_pressed_by_four_at_once(app: Flask, team: Team) -> None:
    ada = submitted(team.world, "Ada")
    place = Places(team).ada  # a second person under review, for a batch of two
    for one in (ada, place):
        reason = {"reason": "under age"}
        assert team.post("coordinator", f"/applications/{one.public_id}/ineligible", reason).status_code == 303
    assert team.post("coordinator", "/releases", {"scope": "first_result"}).status_code == 303
    newest = sa.select(ReleaseBatch).order_by(ReleaseBatch.id.desc()).limit(1)
    batch = team.fresh().scalars(newest).one()
    path = f"{team.base}/releases/{batch.public_id}"
    names = ("admin", "admin2", "coordinator", "coordinator2")
    tokens = {name: team[name].token("/account") for name in names}

    def press(name: str, step: str) -> int:
        form = {"csrf_token": tokens[name], "count": "2"}
        return int(team[name].client.post(f"{path}/{step}", data=form).status_code)

    for step, state in (("seal", BatchState.SEALED), ("release", BatchState.RELEASED)):
        team.let_go()
        with ThreadPoolExecutor(4) as pool:
            answers = sorted(pool.map(press, names, [step] * 4))
        assert answers[0] == 303, (step, answers)
        assert set(answers[1:]) <= {409, 503}, (step, answers)
        assert team.fresh().scalars(newest).one().state is state
    told = sa.select(Notification.person_id).where(Notification.kind == Mail.FIRST_RESULT)
    assert sorted(team.fresh().scalars(told)) == sorted([ada.person_id, place.person_id])
