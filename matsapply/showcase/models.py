"""Past fellows' papers, as facts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matsapply.people.models import Person
from matsapply.platform.db import Base, Keyed, Record, enum_type
from matsapply.rules.showcase import LinkConfidence, PaperRole, QuestionAnswer, QuestionKind


class Paper(Record, Base):
    __tablename__ = "paper"

    # The list's order; hidden papers are few and passed over.
    __table_args__ = (sa.Index("ix_paper_published_id", "published", "id"),)

    slug: Mapped[str] = mapped_column(sa.String(160), unique=True)
    title: Mapped[str] = mapped_column(sa.Text)
    # Titles that this paper had before, or has elsewhere.
    other_titles: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    summary: Mapped[str] = mapped_column(sa.Text, default="")
    published: Mapped[date]
    arxiv_id: Mapped[str | None] = mapped_column(sa.String(20), unique=True)
    url: Mapped[str] = mapped_column(sa.String(500), default="")
    project_url: Mapped[str] = mapped_column(sa.String(500), default="", server_default="")
    topic: Mapped[str] = mapped_column(sa.String(60), index=True)
    # By key, not by id: tracks and streams change with the cohort, a paper's place among them does not.
    track_key: Mapped[str] = mapped_column(sa.String(60), default="", index=True)
    cohort_key: Mapped[str] = mapped_column(sa.String(60), default="", server_default="", index=True)
    hidden: Mapped[bool] = mapped_column(default=False)
    featured: Mapped[bool] = mapped_column(default=False)
    position: Mapped[int] = mapped_column(default=0)
    # Folded title, names and topic, for a search that forgives accents and letter case.
    search_text: Mapped[str] = mapped_column(sa.Text, default="", deferred=True)
    # The folded words of an abstract that an admin brought: searched, never shown.
    abstract_words: Mapped[str] = mapped_column(sa.Text, default="", server_default="", deferred=True)


class Fellow(Record, Base):
    """A past fellow as named in the showcase; linked to a person only by a human being."""

    __tablename__ = "fellow"

    slug: Mapped[str] = mapped_column(sa.String(160), unique=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    aliases: Mapped[list[str]] = mapped_column(default=list)
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), unique=True)

    person: Mapped[Person | None] = relationship()


class PaperPerson(Keyed, Base):
    """A name on a paper, as given. Author and fellow are roles of (person, paper), never of the person."""

    __tablename__ = "paper_person"
    __table_args__ = (
        sa.UniqueConstraint("paper_id", "role", "position"),
        sa.CheckConstraint("(role = 'fellow') = (fellow_id IS NOT NULL)", name="fellow_is_linked"),
        sa.Index("ix_paper_person_folded_name", "folded_name"),
    )

    paper_id: Mapped[int] = mapped_column(sa.ForeignKey("paper.id", ondelete="CASCADE"))
    role: Mapped[PaperRole] = mapped_column(enum_type(PaperRole, "role"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(sa.String(200))
    folded_name: Mapped[str] = mapped_column(sa.String(200))
    fellow_id: Mapped[int | None] = mapped_column(sa.ForeignKey("fellow.id"), index=True)
    linked_author: Mapped[str] = mapped_column(sa.String(200), default="")
    link_basis: Mapped[str] = mapped_column(sa.String(120), default="")
    link_confidence: Mapped[LinkConfidence | None] = mapped_column(enum_type(LinkConfidence, "link_confidence"))

    paper: Mapped[Paper] = relationship()


class PaperStream(Keyed, Base):
    """A paper stands beside a stream (by key, across cohorts). What the stream's own people curate stands here, what
    the team curates for every page stands at the paper."""

    __tablename__ = "paper_stream"
    __table_args__ = (sa.UniqueConstraint("paper_id", "stream_key"),)

    paper_id: Mapped[int] = mapped_column(sa.ForeignKey("paper.id", ondelete="CASCADE"))
    stream_key: Mapped[str] = mapped_column(sa.String(60), index=True)
    # How near the stream is to the paper: 1 is the nearest of its streams.
    position: Mapped[int] = mapped_column(default=0)
    # Where the paper stands in the stream's own list; 0 is behind all that have a place.
    place: Mapped[int] = mapped_column(default=0, server_default="0")
    featured: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    hidden: Mapped[bool] = mapped_column(default=False, server_default=sa.false())

    paper: Mapped[Paper] = relationship()


class SummaryVersion(Keyed, Base):
    """What a paper's summary was until someone wrote another."""

    __tablename__ = "summary_version"

    paper_id: Mapped[int] = mapped_column(sa.ForeignKey("paper.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(sa.Text)
    replaced_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    replaced_at: Mapped[datetime]

    replaced_by: Mapped[Person | None] = relationship()


class ShowcaseQuestion(Record, Base):
    """What an import would have to guess: asked once, answered by a person, and never asked again."""

    __tablename__ = "showcase_question"
    __table_args__ = (
        sa.CheckConstraint("(answer = 'open') = (answered_at IS NULL)", name="answered"),
        sa.Index("ix_showcase_question_answer", "answer"),
    )

    kind: Mapped[QuestionKind] = mapped_column(enum_type(QuestionKind, "kind"))
    # None where the question is about names on several papers.
    paper_id: Mapped[int | None] = mapped_column(sa.ForeignKey("paper.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(sa.String(500))
    proposal: Mapped[list[str]] = mapped_column(default=list)
    basis: Mapped[str] = mapped_column(sa.String(120), default="")
    confidence: Mapped[LinkConfidence] = mapped_column(enum_type(LinkConfidence, "confidence"))
    # Kind, paper, name and proposal in one short text, so that no question is asked twice.
    fingerprint: Mapped[str] = mapped_column(sa.String(64), unique=True)
    answer: Mapped[QuestionAnswer] = mapped_column(enum_type(QuestionAnswer, "answer"), default=QuestionAnswer.OPEN)
    answered_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    answered_at: Mapped[datetime | None]

    paper: Mapped[Paper | None] = relationship()
    answered_by: Mapped[Person | None] = relationship()


class SearchWord(Keyed, Base):
    """Every word that some paper holds, to find what a misspelt one was meant to be."""

    __tablename__ = "search_word"
    __table_args__ = (sa.Index("ix_search_word_length", "length"),)

    word: Mapped[str] = mapped_column(sa.String(40), unique=True)
    length: Mapped[int]


class LinkCheck(Keyed, Base):
    """What an address answered when it was last looked at. ``status`` is None where nothing answered, ``checked_at``
    where it waits to be looked at."""

    __tablename__ = "link_check"
    __table_args__ = (sa.UniqueConstraint("paper_id", "url"),)

    paper_id: Mapped[int] = mapped_column(sa.ForeignKey("paper.id", ondelete="CASCADE"))
    url: Mapped[str] = mapped_column(sa.String(500))
    status: Mapped[int | None]
    problem: Mapped[str] = mapped_column(sa.String(200), default="")
    # Where a redirect led; it is told and never followed.
    moved_to: Mapped[str] = mapped_column(sa.String(500), default="", server_default="")
    checked_at: Mapped[datetime | None] = mapped_column(index=True)

    paper: Mapped[Paper] = relationship()


class ImportRun(Record, Base):
    __tablename__ = "import_run"

    kind: Mapped[str] = mapped_column(sa.String(40))
    source: Mapped[str] = mapped_column(sa.String(200))
    digest: Mapped[str] = mapped_column(sa.String(64))
    dry_run: Mapped[bool]
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"))
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    # Text beside the papers (the page of the programme has some), kept for people.
    notes: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    finished_at: Mapped[datetime | None]


class ImportIssue(Keyed, Base):
    __tablename__ = "import_issue"
    __table_args__ = (sa.CheckConstraint("severity IN ('E', 'W', 'I')", name="severity"),)

    import_run_id: Mapped[int] = mapped_column(sa.ForeignKey("import_run.id", ondelete="CASCADE"), index=True)
    line: Mapped[int] = mapped_column(default=0)
    column: Mapped[int] = mapped_column(default=0, server_default="0")
    code: Mapped[str] = mapped_column(sa.String(60))
    severity: Mapped[str] = mapped_column(sa.String(1))
    record: Mapped[str] = mapped_column(sa.String(200), default="")
    seen: Mapped[str] = mapped_column(sa.Text, default="")
    done: Mapped[str] = mapped_column(sa.Text, default="")
