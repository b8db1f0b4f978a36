"""The requests of the benchmark. Each is made by somebody who is signed in as the role that makes it, and each answer
is looked at: one that is not what it should be ends the benchmark."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from itertools import count, cycle
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from bench import site_data
from bench.servers import BenchmarkFailed, Browser
from matsapply.demo.staff import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.servers import Answer
    from bench.site_data import Filled

CSRF = re.compile(r'name="csrf(?:_token|-token)"[^>]*(?:value|content)="([^"]+)"')
VERSION = re.compile(r'name="version" value="([^"]*)"')
READING = re.compile(r'<a href="(/review/[0-9a-z]{13})">')
NOTICE = re.compile(r'<(?:div|section) class="notice.*?</(?:div|section)>', re.DOTALL)
SCORE = re.compile(r'name="(score-[^"]+)"')
ESSAY = "motivation"  # the section and the question of the same name
BESIDE = ("engagement", "reading group")  # the section's other answer: a page sends its whole section
ESSAY_TEXT = "What I would most like to work on, and by what path it could help. " * 12
FLOORS = {
    "fixed": ("GET", "/fixed"),
    "row": ("GET", "/row"),
    "list": ("GET", "/list"),
    "average": ("GET", "/average"),
    "save": ("POST", "/save"),
    "export": ("GET", "/export"),
}


@dataclass(frozen=True, slots=True)
class Visit:
    """One action: ``request`` makes one and checks its answer; ``before`` runs first and is not measured. ``heavy``
    requests are measured a few at a time."""

    name: str
    floor: str
    goal: float
    request: Callable[[], Answer]
    before: Callable[[], object] | None = None
    heavy: bool = False


def floors(port: int) -> dict[str, Visit]:
    """The bare pages, by name."""
    visitor = Browser(port)

    def visit(name: str, method: str, path: str) -> Visit:
        status = 303 if method == "POST" else 200
        heavy = name == "export"
        return Visit(name, name, 1.0, lambda: _expect(visitor.request(method, path, " "), path, status), heavy=heavy)

    return {name: visit(name, method, path) for name, (method, path) in FLOORS.items()}


SCORED = 'data-label="Calibrated"'


def visits(port: int, data: Filled) -> list[Visit]:
    """Sign in as everybody who is needed and return the actions, in the order of the table."""
    reader, scorer = signed_in(port, site_data.READER), signed_in(port, site_data.SCORER)
    team, applicant = signed_in(port, site_data.TEAM), signed_in(port, site_data.APPLICANT)
    stranger = Browser(port)
    admin = f"/admin/{site_data.COHORT}"
    readings = cycle(_readings(reader))
    words = cycle(data.words)
    scores = _Scores(scorer)
    draft = _Draft(applicant)
    known = _Known(stranger)
    export = urlencode({"csrf_token": _token(_expect(team.request("GET", admin), admin))})

    def get(who: Browser, path: str, shows: str, times: int = 1) -> Answer:
        return _shows(_expect(who.request("GET", path), path), path, shows, times)

    def search() -> Answer:
        path = f"{admin}/applications?{urlencode({'q': next(words)})}"
        return get(team, path, 'data-label="Applicant"')

    def everything() -> Answer:
        path = f"{admin}/applications.csv"
        return _shows(_expect(team.request("POST", path, export), path), path, "\r\n", data.applications)

    queue, listed = 'data-label="Application"', min(50, data.applications)
    return [
        Visit("reviewer_queue", "list", 2, lambda: get(reader, "/review", queue, data.queue)),
        Visit("review_open", "row", 4, lambda: get(reader, next(readings), 'class="review-rubric"')),
        Visit("review_save", "save", 3, scores.save),
        Visit(
            "applications_list",
            "average",
            0.5,
            lambda: get(team, f"{admin}/applications", 'data-label="Applicant"', listed),
        ),
        Visit("applications_search", "row", 5, search),
        Visit("decisions_table", "average", 0.5, lambda: get(team, f"{admin}/decisions/empirical", SCORED)),
        Visit("status", "row", 3, lambda: get(applicant, "/status", "<h1")),
        Visit("autosave", "save", 3, draft.save),
        Visit("submit", "save", 5, draft.submit, before=draft.save),
        Visit("dashboard", "row", 5, lambda: get(team, admin, "<svg")),
        Visit("public_home", "fixed", 1.5, lambda: get(stranger, "/", "<h1")),
        Visit("public_home_304", "fixed", 1, known.again),
        Visit("export_csv", "export", 1.3, everything, heavy=True),
    ]


def signed_in(port: int, email: str) -> Browser:
    """A browser of somebody who came in by the sign-in page."""
    visitor = Browser(port)
    token = _token(_expect(visitor.request("GET", "/login"), "/login"))
    sent = urlencode({"csrf_token": token, "email": email, "password": PASSWORD})
    answer = visitor.request("POST", "/login", sent)
    if answer.status not in {302, 303}:
        raise BenchmarkFailed(f"{email} could not sign in: {answer.status}")
    return visitor


class _Known:
    """A visitor who comes back to the home page and holds what it was the last time."""

    def __init__(self, visitor: Browser) -> None:
        self.visitor = visitor
        self.etag = ""

    def again(self) -> Answer:
        """A 304. Where the page has changed since (it tells the time), the new one is taken and asked for again."""
        for _ in range(3):
            answer = self.visitor.request("GET", "/", headers={"If-None-Match": self.etag} if self.etag else {})
            if answer.status == 304:
                return answer
            self.etag = _expect(answer, "/").headers["ETag"]
        raise BenchmarkFailed("the home page is never the same twice")


class _Scores:
    """A reviewer who opens one application after the other and submits the review of each."""

    def __init__(self, visitor: Browser) -> None:
        self.visitor = visitor
        self.waiting: Iterator[str] = iter(_readings(visitor))
        page = _expect(visitor.request("GET", _readings(visitor)[0]), "/review/…").text
        fields = dict.fromkeys(dict.fromkeys(SCORE.findall(page)), "3")
        self.sent = urlencode(
            {"csrf_token": _token_in(page), **fields, "confidence": "3", "note": "A clear question.", "minutes": "6.5"}
        )

    def save(self) -> Answer:
        path = next(self.waiting, None)
        if path is None:
            raise BenchmarkFailed("there are no reviews left to write; ask for fewer --requests or --rounds")
        answer = _expect(self.visitor.request("POST", path, self.sent), path, 303)
        if answer.headers["Location"] == path:
            raise BenchmarkFailed(f"{path} was not saved")
        return answer


class _Draft:
    """An applicant who changes an essay, and hands in again."""

    def __init__(self, visitor: Browser) -> None:
        self.visitor = visitor
        path = f"/application/sections/{ESSAY}"
        page = _expect(visitor.request("GET", path), path).text
        self.token, self.version = _token_in(page), _found(VERSION, page)
        self.numbers = count(1)
        self.receipt = ""

    def save(self) -> Answer:
        text = f"{ESSAY_TEXT}{next(self.numbers)}"
        sent = urlencode([("csrf_token", self.token), ("version", self.version), (ESSAY, text), BESIDE])
        path = f"/application/sections/{ESSAY}/autosave"
        answer = _expect(self.visitor.request("POST", path, sent, {"Accept": "application/json"}), path)
        version = str(json.loads(answer.body)["version"])
        if version == self.version:
            raise BenchmarkFailed("the autosave changed nothing")
        self.version = version
        return answer

    def submit(self) -> Answer:
        sent = urlencode({"csrf_token": self.token, "submit_key": f"bench-{next(self.numbers)}"})
        answer = _expect(self.visitor.request("POST", "/application/submit", sent), "/application/submit", 303)
        if answer.headers["Location"] == self.receipt:
            raise BenchmarkFailed("the submission made no new snapshot")
        self.receipt = answer.headers["Location"]
        return answer


def _readings(visitor: Browser) -> list[str]:
    return READING.findall(_expect(visitor.request("GET", "/review"), "/review").text)


def _expect(answer: Answer, path: str, status: int = 200) -> Answer:
    if answer.status != status:
        said = " ".join(re.sub(r"<[^>]*>", " ", "".join(NOTICE.findall(answer.text))).split())
        raise BenchmarkFailed(f"{path} answers {answer.status} and not {status} {said}".rstrip())
    return answer


def _shows(answer: Answer, path: str, part: str, times: int) -> Answer:
    if (found := answer.body.count(part.encode())) < times:
        raise BenchmarkFailed(f"{path} shows {part!r} {found} times and not {times}")
    return answer


def _token(answer: Answer) -> str:
    return _token_in(answer.text)


def _token_in(page: str) -> str:
    return html.unescape(_found(CSRF, page))


def _found(pattern: re.Pattern[str], page: str) -> str:
    match = pattern.search(page)
    if match is None:
        raise BenchmarkFailed(f"a page lacks {pattern.pattern}")
    return match.group(1)
