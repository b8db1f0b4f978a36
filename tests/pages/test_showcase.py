"""The showcase for visitors and for other programs, on both databases."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from defusedxml import ElementTree
from PIL import Image

from matsapply.pages.public import caching
from matsapply.pages.public.showcase_picture import draw
from matsapply.pages.widgets import SITE_NAME
from matsapply.platform.flask_db import db
from matsapply.showcase import fellows, figures, queries
from matsapply.showcase.models import Paper
from matsapply.showcase.queries import PaperFilter
from matsapply.showcase.sources import read
from tests.showcase.sample_page import page, record
from tests.showcase.test_import import load
from tests.showcase.test_page_import import bring

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from sqlalchemy.orm import Session

ATOM = "{http://www.w3.org/2005/Atom}"
SCRIPT = "<script>alert(1)</script>"
# Statements of a request, whatever the number of papers: the cohort in force and its names are one or two of them.
LIST_QUERIES, LIST_QUERIES_SOON_AGAIN, PAPER_QUERIES = 7, 3, 9


@pytest.fixture(autouse=True)
def papers(app: Flask, live_session: Session) -> None:
    load(live_session)
    live_session.commit()
    caching.forget()


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith(("SELECT", "WITH")):
            sent.append(statement)

    with app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def titles(html: str) -> list[str]:
    return re.findall(r'class="paper-title"><a href="/showcase/([^"]+)"', html)


class TestList:
    @pytest.mark.parametrize(
        ("address", "number"),
        [
            ("/showcase", 26),
            ("/showcase?topic=interpretability&year=2024", 5),
            ("/showcase?fellow=adam-karvonen", 3),
            ("/showcase?track=theory", 1),
            ("/showcase?q=Hofstatter", 1),
            ("/showcase?q=scholars+unlearning", 2),
            ("/showcase?q=dictionery+learnign+chess", 1),
            ("/showcase?q=zzzzqqqq", 0),
            ("/showcase?cohort=none", 0),
        ],
    )
    def test_the_address_holds_the_state(self, client: FlaskClient, address: str, number: int) -> None:
        answer = client.get(address)
        assert answer.status_code == 200
        assert len(titles(answer.text)) == number
        assert ('class="empty-title"' in answer.text) is (number == 0)

    def test_a_misspelt_word_is_told(self, client: FlaskClient) -> None:
        assert "These have “sparse autoencoder" in client.get("/showcase?q=sparse+autoencodrr").text
        assert "These have" not in client.get("/showcase?q=sparse+autoencoder").text

    @pytest.mark.parametrize("words", ["%", "_", "' or 1=1 --", "\x00", "\ud800", "a" * 5000, "*", "\u202e", "🦜"])
    def test_any_words_are_only_words(self, client: FlaskClient, words: str) -> None:
        assert client.get("/showcase", query_string={"q": words.encode("utf-8", "replace")}).status_code == 200

    @pytest.mark.parametrize("address", ["year=20x4", "year=99999", "after=x", "after=2024-01-01", "after=2024-13-1.3"])
    def test_an_address_that_is_none_is_a_clear_400(self, client: FlaskClient, address: str) -> None:
        assert client.get(f"/showcase?{address}").status_code == 400

    def test_each_filter_counts_what_it_leaves(self, client: FlaskClient, live_session: Session) -> None:
        for name, facets in figures.facets(live_session).items():
            for facet in facets:
                answer = client.get("/showcase/papers.json", query_string={name: facet.value})
                assert answer.json["total"] == facet.papers > 0, (name, facet)

    def test_the_pages_of_a_long_list_hold_everything_once(self, client: FlaskClient, live_session: Session) -> None:
        bring(live_session, page(*(record(title=f"Paper {number}") for number in range(70))))
        live_session.commit()
        caching.forget()
        seen: list[str] = []
        address: str | None = "/showcase"
        while address:
            html = client.get(address).text
            seen += titles(html)
            found = re.search(r'rel="next" href="([^"]+)"', html)
            address = found[1].replace("&amp;", "&") if found else None
        assert len(seen) == len(set(seen)) == 96

    def test_as_many_queries_for_many_papers_as_for_few(
        self, app: Flask, client: FlaskClient, live_session: Session
    ) -> None:
        with statements(app) as few:
            client.get("/showcase?topic=interpretability")
        bring(live_session, page(*(record(title=f"Paper {number}") for number in range(300))))
        live_session.commit()
        caching.forget()
        with statements(app) as many:
            client.get("/showcase")
        assert len(few) == len(many) <= LIST_QUERIES
        with statements(app) as again:  # another page of the same list, its numbers known
            client.get("/showcase?after=2024-01-01.5")
        assert len(again) <= LIST_QUERIES_SOON_AGAIN

    def test_an_empty_showcase_says_what_to_do(self, client: FlaskClient, live_session: Session) -> None:
        live_session.execute(sa.update(Paper).values(hidden=True))
        live_session.commit()
        caching.forget()
        for address in ("/showcase", "/showcase/map", "/showcase/feed.atom", "/showcase/papers.json"):
            assert client.get(address).status_code == 200
        assert "Nothing to draw yet" in client.get("/showcase/map").text


class TestPaper:
    ADDRESS = "/showcase/chain-of-thought-reasoning-in-the-wild-is-not-always-faithful"

    def test_people_as_given_with_the_name_they_publish_under(self, client: FlaskClient) -> None:
        html = client.get(self.ADDRESS).text
        assert "<bdi>Kajetan (Jett) Janiak</bdi></a>" in html
        assert "(as Jett Janiak)" in html
        assert html.count('itemtype="https://schema.org/Person"') == 6
        assert 'itemprop="datePublished" datetime="2025-03-11"' in html
        assert '<link rel="canonical" href="http://localhost/showcase/chain' in html

    def test_a_link_that_nobody_confirmed_is_not_shown(self, client: FlaskClient) -> None:
        html = client.get("/showcase/tell-me-about-yourself-llms-are-aware-of-their-learned-behaviors").text
        assert "Jenny Bao" in html
        assert "(as Xuchan Bao)" not in html

    def test_a_fixed_number_of_queries(self, app: Flask, client: FlaskClient) -> None:
        for slug in (self.ADDRESS, "/showcase/open-problems-in-mechanistic-interpretability"):
            with statements(app) as sent:
                assert client.get(slug).status_code == 200
            assert len(sent) <= PAPER_QUERIES

    @pytest.mark.parametrize("form", ["bib", "csl.json"])
    def test_a_citation_read_again_is_the_same_paper(
        self, client: FlaskClient, live_session: Session, form: str
    ) -> None:
        for row in queries.papers(live_session, limit=100).rows:
            answer = client.get(f"/showcase/{row.slug}/cite.{form}")
            [entry] = read(answer.data).entries
            assert (entry.title, entry.authors) == (row.title, row.authors)
            assert (entry.published, entry.arxiv_id, entry.url) == (row.published, row.arxiv_id, row.url)

    def test_ris(self, client: FlaskClient) -> None:
        answer = client.get(f"{self.ADDRESS}/cite.ris")
        assert answer.headers["Content-Disposition"] == 'attachment; filename="arcuschin2025chainofthought.ris"'
        lines = answer.data.decode().split("\r\n")
        assert lines[0] == "TY  - PREPRINT"
        assert "AU  - Iván Arcuschin" in lines
        assert lines[-2:] == ["ER  - ", ""]

    @pytest.mark.parametrize("address", ["/showcase/none", f"{ADDRESS}/cite.doc", "/showcase/none/cite.bib"])
    def test_what_is_not_there(self, client: FlaskClient, address: str) -> None:
        assert client.get(address).status_code == 404

    def test_a_hidden_paper_is_nowhere(self, client: FlaskClient, live_session: Session) -> None:
        live_session.execute(sa.update(Paper).where(Paper.arxiv_id == "2503.08679").values(hidden=True))
        live_session.commit()
        caching.forget()
        for address in (self.ADDRESS, f"{self.ADDRESS}/cite.bib", "/showcase/fellows/ivan-arcuschin-moreno"):
            assert client.get(address).status_code == 404
        for address in ("/showcase", "/showcase/feed.atom", "/showcase/papers.json", "/showcase/map"):
            assert "chain-of-thought" not in client.get(address).text.lower()


class TestForPrograms:
    def test_the_feed(self, client: FlaskClient) -> None:
        answer = client.get("/showcase/feed.atom")
        assert answer.content_type == "application/atom+xml"
        root = ElementTree.fromstring(answer.data)
        ids = [entry.findtext(f"{ATOM}id") for entry in root.iter(f"{ATOM}entry")]
        assert len(ids) == len(set(ids)) == 26
        assert all(str(one).startswith("http://localhost/showcase/") for one in ids)
        # What RFC 4287 asks of a feed and its entries.
        moments = [root.findtext(f"{ATOM}updated")]
        for entry in root.iter(f"{ATOM}entry"):
            assert entry.findtext(f"{ATOM}title")
            assert [author.findtext(f"{ATOM}name") for author in entry.iter(f"{ATOM}author")]
            assert [link.get("rel") for link in entry.iter(f"{ATOM}link")] == ["alternate"]
            moments.append(entry.findtext(f"{ATOM}updated"))
            assert str(entry.findtext(f"{ATOM}published")) <= str(moments[-1])
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(moment)) for moment in moments)
        assert moments[0] == max(str(moment) for moment in moments[1:])
        assert [link.get("rel") for link in root.findall(f"{ATOM}link")] == ["self", "alternate"]

    def test_json_from_page_to_page(self, client: FlaskClient, live_session: Session) -> None:
        bring(live_session, page(*(record(title=f"Paper {number}") for number in range(120))))
        live_session.commit()
        seen: list[str] = []
        address: str | None = "/showcase/papers.json?q=fellow"
        while address:
            content = client.get(address).json
            assert content["total"] == 146
            seen += [paper["address"] for paper in content["papers"]]
            address = content["next"]
        assert len(seen) == len(set(seen)) == 146

    def test_a_hostile_title_is_text_everywhere(self, client: FlaskClient, live_session: Session) -> None:
        title = f"{SCRIPT} & \\input{{x}} ]]> חקר"
        bring(live_session, page(record(title=title, authors='Ann "Q" <b>Berg</b>, Bo Lind', fellows="Bo Lind")))
        live_session.commit()
        slug = live_session.scalars(sa.select(Paper.slug).where(Paper.title == title)).one()
        for address in ("/showcase", f"/showcase/{slug}", "/showcase/fellows/bo-lind", "/showcase/map"):
            html = client.get(address).text
            assert SCRIPT not in html
            assert "<b>Berg" not in html
        root = ElementTree.fromstring(client.get("/showcase/feed.atom").data)
        assert title in {entry.findtext(f"{ATOM}title") for entry in root.iter(f"{ATOM}entry")}
        assert r"\textbackslash{}input\{x\}" in client.get(f"/showcase/{slug}/cite.bib").text
        assert client.get(f"/showcase/{slug}/cite.csl.json").json[0]["title"] == title


def test_the_map_counts_every_paper_with_a_topic(client: FlaskClient, live_session: Session) -> None:
    found = figures.topic_years(live_session)
    assert (found.years, found.most) == ((2023, 2024, 2025), 5)
    assert sum(number for row in found.numbers.values() for number in row) == 26
    assert sum(number for _, number in figures.per_quarter(live_session)) == 26
    html = client.get("/showcase/map").text
    assert 'aria-label="Model behaviour, 2025: 3 papers"' in html
    assert 'href="/showcase?topic=model-behaviour&amp;year=2025"' in html


@pytest.mark.parametrize(
    "title", ["Short", "A long title of many words " * 15, "x" * 480, SCRIPT, "חקר 🦜 \\textbf{x}"]
)
def test_a_picture_to_share_for_any_title(client: FlaskClient, live_session: Session, title: str) -> None:
    bring(live_session, page(record(title=title.strip())))
    live_session.commit()
    slug = live_session.scalars(sa.select(Paper.slug).where(Paper.title == title.strip())).one()
    answer = client.get(f"/showcase/{slug}/picture.png")
    assert (answer.status_code, answer.content_type) == (200, "image/png")
    assert Image.open(io.BytesIO(answer.data)).size == (1200, 630)
    assert f'content="http://localhost/showcase/{slug}/picture.png"' in client.get(f"/showcase/{slug}").text


def test_a_picture_has_no_boxes_for_letters_its_face_lacks(live_session: Session) -> None:
    row = queries.papers(live_session, PaperFilter(words="gipiskis")).rows[0]
    plain = replace(row, authors=tuple(name.replace("š", "s") for name in row.authors))
    assert "Rokas Gipiškis" in row.authors
    assert draw(row) == draw(plain)
    assert draw(replace(row, title="חקר")) == draw(replace(row, title=SITE_NAME))


class TestOnePicture:
    """A paper, a fellow, a track, a stream and a cohort lead to one another."""

    def test_from_a_paper_to_each_and_back(self, client: FlaskClient, live_session: Session) -> None:
        paper = live_session.scalars(sa.select(Paper).where(Paper.arxiv_id == "2309.08600")).one()
        paper.cohort_key = "2023-06"
        live_session.commit()
        page = client.get(f"/showcase/{paper.slug}").text
        for address in (
            "/showcase/fellows/hoagy-cunningham", "/showcase?topic=interpretability", "/showcase?track=empirical",
            "/showcase?cohort=2023-06",
        ):  # fmt: skip
            assert f'href="{address}"' in page, address
            assert f'href="/showcase/{paper.slug}"' in client.get(address).text, address
        fellow = client.get("/showcase/fellows/hoagy-cunningham").text
        assert 'href="/showcase?topic=interpretability"' in fellow
        assert 'href="/showcase?cohort=2023-06"' in fellow
        assert 'itemtype="https://schema.org/Person"' in fellow

    def test_fellows_on_one_paper_lead_to_each_other(self, client: FlaskClient) -> None:
        assert 'href="/showcase/fellows/can-rager"' in client.get("/showcase/fellows/adam-karvonen").text

    def test_all_fellows_by_name_whatever_their_accents(
        self, client: FlaskClient, live_session: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        every = fellows.every_fellow(live_session)
        names = [one.name for one in every]
        assert len(names) == 39
        assert names.index("Ilan Moscovitz") < names.index("Iván Arcuschin Moreno") < names.index("Jai Dhyani")
        assert {one.name for one in every if one.papers > 1} == {"Adam Karvonen", "Can Rager", "Bart Bussmann"}
        monkeypatch.setattr("matsapply.pages.public.showcase.FELLOWS_SHOWN", 20)
        found: list[str] = []
        address = "/showcase/fellows"
        for _ in range(2):
            page = client.get(address).text
            found += re.findall(r'class="facet" href="/showcase/fellows/([^"]+)"', page)
            if further := re.search(r'rel="next" href="([^"]+)"', page):
                address = further[1].replace("&amp;", "&")
        assert found == [one.slug for one in every]
        assert client.get("/showcase/fellows?after=nobody").status_code == 200

    @pytest.mark.parametrize(
        ("address", "said", "onwards"),
        [
            ("/showcase?track=policy-strategy", "Its first fellows will write them", "/tracks#policy-strategy"),
            ("/showcase?stream=hardware", "Whoever joins it may write the first", "/streams/hardware"),
            ("/showcase?cohort=2099-01", "No paper of this cohort yet", "/showcase"),
            ("/showcase?track=policy-strategy&q=chip", "No paper fits", "/showcase"),
        ],
    )
    def test_what_has_no_paper_says_something_better_than_nothing(
        self, client: FlaskClient, address: str, said: str, onwards: str
    ) -> None:
        page = client.get(address).text
        assert said in page
        assert f'href="{onwards}"' in page
