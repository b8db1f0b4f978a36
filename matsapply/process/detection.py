"""Conflicts of interest that the data shows: referees, mail domains, papers written together, earlier mentors, names
that an applicant gives.

What rests on an address or on a link made by a person is certain and active at once; what rests on a name alone is
proposed and waits for somebody to look at it. A conflict that somebody dismissed is not raised again.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from itertools import permutations
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from matsapply.applications.locks import lock_applications
from matsapply.applications.models import Application, Reference, Snapshot
from matsapply.cohorts.models import Cohort, Mentor
from matsapply.offers.models import Fellowship
from matsapply.people.models import Account, EmailAddress, Person, RoleGrant
from matsapply.people.queries import in_force
from matsapply.process.conflicts import declare
from matsapply.reviews.conflicts import propose
from matsapply.reviews.models import ConflictCheck, ConflictOfInterest
from matsapply.rules.names import folded
from matsapply.rules.stages import (
    ApplicationState,
    ConflictKind,
    ConflictSource,
    ConflictState,
    ReferenceState,
    Role,
)
from matsapply.showcase.models import Fellow, Paper, PaperPerson

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy.orm import Session

    from matsapply.rules.access import Actor

READING_ROLES = (Role.REVIEWER, Role.MENTOR, Role.STREAM_LEAD, Role.TRACK_LEAD)
# A shared provider says nothing about an employer; nor do the names reserved for examples.
SHARED_DOMAINS = frozenset(
    "gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com ymail.com icloud.com me.com mac.com"
    " proton.me protonmail.com pm.me gmx.de gmx.net gmx.com web.de mail.com aol.com fastmail.com zoho.com yandex.com"
    " yandex.ru mail.ru qq.com 163.com 126.com naver.com hey.com tutanota.com example.com example.org"
    " example.net".split()
)
SHARED_ENDINGS = (".example", ".invalid", ".test", ".localhost")
# The names of a cohort's ``conflict_sources``; where it names none, all of them.
SOURCES = ("declared", "referee", "mail_domain", "coauthor_in_papers", "earlier_mentor")
ANSWER = "conflicts"  # the question in which applicants name people they know
LEAST_WORDS = 2  # a single word is no name to compare by

Pair = tuple[int, int, ConflictKind]


@dataclass(frozen=True, slots=True)
class Finding:
    person_id: int
    application_id: int
    kind: ConflictKind
    basis: str
    certain: bool
    source: ConflictSource = ConflictSource.DETECTED

    @property
    def pair(self) -> Pair:
        return self.person_id, self.application_id, self.kind


def detect(session: Session, cohort_id: int, actor: Actor, now: datetime) -> int:
    """Compare the cohort's applications with everybody who reads now; returns how many conflicts are new."""
    known: dict[Pair, ConflictOfInterest] = {
        (row.person_id, row.application_id, row.kind): row
        for row in session.scalars(
            sa.select(ConflictOfInterest)
            .join(Application, Application.id == ConflictOfInterest.application_id)
            .where(Application.cohort_id == cohort_id)
        )
    }
    owners = dict(
        session.execute(
            sa.select(Application.id, Application.person_id).where(Application.cohort_id == cohort_id)
        ).all()
    )
    best: dict[Pair, Finding] = {}
    for finding in _findings(session, cohort_id, now):
        # Whoever names themselves, as a referee or as somebody they know, has no conflict with themselves.
        if finding.person_id != owners.get(finding.application_id) and (finding.pair not in best or finding.certain):
            best[finding.pair] = finding
    new = [best[pair] for pair in sorted(best) if _is_new(best[pair], known.get(pair))]
    lock_applications(session, (finding.application_id for finding in new if finding.certain))
    for finding in new:
        if finding.certain:
            declare(
                session, actor, person_id=finding.person_id,
                application=session.get_one(Application, finding.application_id), kind=finding.kind, now=now,
                basis=finding.basis, source=finding.source, role=Role.SYSTEM,
            )  # fmt: skip
        else:
            propose(
                session, person_id=finding.person_id, application_id=finding.application_id, kind=finding.kind,
                basis=finding.basis, source=finding.source,
            )  # fmt: skip
    return len(new)


def _is_new(finding: Finding, former: ConflictOfInterest | None) -> bool:
    """Whether nobody has seen it yet: not known, or only proposed and certain now."""
    return former is None or (finding.certain and former.state is ConflictState.PROPOSED)


def detect_what_changed(session: Session, cohort_id: int, actor: Actor, now: datetime) -> int:
    """``detect``, where anything it looks at has changed since the last time; returns 1 where it was done, else 0."""
    fingerprint = _fingerprint(session, cohort_id, now)
    check = session.scalars(sa.select(ConflictCheck).where(ConflictCheck.cohort_id == cohort_id)).one_or_none()
    if check is not None and check.fingerprint == fingerprint:
        return 0
    found = detect(session, cohort_id, actor, now)
    if check is None:
        check = ConflictCheck(cohort_id=cohort_id)
        session.add(check)
    check.fingerprint, check.checked_at, check.found = fingerprint, now, found
    session.flush()
    return 1


def _fingerprint(session: Session, cohort_id: int, now: datetime) -> str:
    """A digest of the numbers and the newest changes of everything that detection reads. A few counts, no rows."""

    def of(model: Any, changed: Any, *where: sa.ColumnElement[bool]) -> tuple[Any, ...]:
        return tuple(
            session.execute(sa.select(sa.func.count(), sa.func.max(changed)).select_from(model).where(*where)).one()
        )

    readers = _readers(now)
    applications = sa.select(Application.id).where(Application.cohort_id == cohort_id)
    seen = (
        of(Application, Application.submitted_at, Application.cohort_id == cohort_id),
        of(Reference, Reference.updated_at, Reference.application_id.in_(applications)),
        sorted(session.scalars(readers)),
        of(Account, Account.update_datetime, Account.person_id.in_(readers)),
        of(EmailAddress, EmailAddress.updated_at, EmailAddress.person_id.in_(readers)),
        of(Paper, Paper.updated_at),
        of(PaperPerson, PaperPerson.id),
        of(Fellow, Fellow.updated_at),
        of(Mentor, Mentor.updated_at),
        of(Fellowship, Fellowship.updated_at, Fellowship.cohort_id != cohort_id),
    )
    return sha256(repr(seen).encode()).hexdigest()


def _readers(now: datetime) -> sa.Select[int]:
    """Everybody who reads now, in whatever cohort."""
    return sa.select(RoleGrant.person_id).where(RoleGrant.role.in_(READING_ROLES), in_force(now)).distinct()


def _findings(session: Session, cohort_id: int, now: datetime) -> Iterator[Finding]:
    policies = session.scalar(sa.select(Cohort.policies).where(Cohort.id == cohort_id)) or {}
    sources = policies.get("review", {}).get("conflict_sources") or SOURCES
    seen = _Seen(session, cohort_id, now)
    finders = {
        "referee": seen.referees,
        "mail_domain": seen.domains,
        "coauthor_in_papers": seen.coauthors,
        "earlier_mentor": seen.earlier_mentors,
        "declared": seen.named,
    }
    for source, find in finders.items():
        if source in sources:
            yield from find()


class _Seen:
    """What all searches of one cohort share: its applicants and everybody who reads."""

    def __init__(self, session: Session, cohort_id: int, now: datetime) -> None:
        self.session, self.cohort_id = session, cohort_id
        readers = _readers(now)
        self.addresses: dict[str, set[int]] = defaultdict(set)
        of_account = sa.select(Account.person_id, Account.email).where(Account.person_id.in_(readers))
        further = sa.select(EmailAddress.person_id, EmailAddress.address).where(EmailAddress.person_id.in_(readers))
        for person_id, address in session.execute(of_account.union(further)):
            self.addresses[address].add(person_id)
        self.readers = set(session.scalars(readers))
        self.names = self._by_name(self.readers)
        self.applicants: dict[int, int] = {
            person_id: application_id
            for application_id, person_id in session.execute(
                sa.select(Application.id, Application.person_id)
                .where(Application.cohort_id == cohort_id, Application.state != ApplicationState.CLOSED)
                .order_by(Application.id)
            )
        }

    def referees(self) -> Iterator[Finding]:
        """The reader's address is a referee's; or only the name is the same."""
        rows = self.session.execute(
            sa.select(Reference.application_id, Reference.email, Reference.name)
            .join(Application, Application.id == Reference.application_id)
            .where(Application.cohort_id == self.cohort_id, Reference.state != ReferenceState.REPLACED)
        )
        for application_id, address, name in rows:
            by_address = self.addresses.get(address, set())
            for person_id in by_address:
                yield Finding(
                    person_id, application_id, ConflictKind.REFEREE, "The referee has the same e-mail address.", True
                )
            for person_id in self.names.get(folded(name), set()) - by_address:
                yield Finding(person_id, application_id, ConflictKind.REFEREE, "A referee has the same name.", False)

    def domains(self) -> Iterator[Finding]:
        """Both have an address in one domain, which is not a shared one."""
        by_domain: dict[str, set[int]] = defaultdict(set)
        for address, people in self.addresses.items():
            if telling := domain_of(address):
                by_domain[telling] |= people
        rows = self.session.execute(
            sa.select(Application.id, Application.person_id, Account.email)
            .join(Account, Account.person_id == Application.person_id)
            .where(Application.cohort_id == self.cohort_id, Application.state != ApplicationState.CLOSED)
        )
        for application_id, person_id, address in rows:
            telling = domain_of(address)
            for reader in by_domain.get(telling, set()) - {person_id}:
                basis = f"Both have an address at {telling}."
                yield Finding(reader, application_id, ConflictKind.MAIL_DOMAIN, basis, True)

    def coauthors(self) -> Iterator[Finding]:
        """Both stand on a paper: certain where the showcase links them to their person, else by name."""
        titles: dict[int, str] = {}
        papers: dict[int, dict[int, bool]] = defaultdict(dict)  # paper: {person: whether somebody linked them}
        by_name = self._by_name({*self.readers, *self.applicants})
        for paper_id, title, name, linked in self.session.execute(
            sa.select(PaperPerson.paper_id, Paper.title, PaperPerson.folded_name, Fellow.person_id)
            .join(Paper, Paper.id == PaperPerson.paper_id)
            .join(Fellow, Fellow.id == PaperPerson.fellow_id, isouter=True)
            .order_by(PaperPerson.paper_id)
        ):
            titles[paper_id] = title
            for person_id in by_name.get(name, ()):
                papers[paper_id].setdefault(person_id, False)
            if linked is not None:
                papers[paper_id][linked] = True
        for paper_id, people in papers.items():
            for reader, applicant in permutations(sorted(people), 2):
                if reader in self.readers and applicant in self.applicants:
                    certain = people[reader] and people[applicant]
                    basis = f"Both stand on the paper “{titles[paper_id]}”{'' if certain else ', by their names'}."
                    yield Finding(reader, self.applicants[applicant], ConflictKind.COAUTHOR, basis, certain)

    def _by_name(self, people: set[int]) -> dict[str, set[int]]:
        """The people of each folded name and alias of two words or more."""
        found: dict[str, set[int]] = defaultdict(set)
        rows = self.session.execute(
            sa.select(Person.id, Person.display_name, Person.aliases).where(Person.id.in_(people))
        )
        for person_id, name, aliases in rows:
            for each in (name, *aliases):
                if len(each.split()) >= LEAST_WORDS:
                    found[folded(each)].add(person_id)
        return found

    def earlier_mentors(self) -> Iterator[Finding]:
        """The reader was a mentor of the stream in which the applicant was a fellow before."""
        rows = self.session.execute(
            sa.select(Fellowship.person_id, Mentor.person_id, Cohort.label)
            .join(Mentor, Mentor.stream_id == Fellowship.stream_id)
            .join(Cohort, Cohort.id == Fellowship.cohort_id)
            .where(Fellowship.cohort_id != self.cohort_id, Mentor.person_id.is_not(None))
        )
        for applicant, mentor, label in rows:
            if applicant in self.applicants and mentor in self.readers and mentor != applicant:
                basis = f"Mentor of the applicant's stream in {label}."
                yield Finding(mentor, self.applicants[applicant], ConflictKind.EARLIER_MENTOR, basis, True)

    def named(self) -> Iterator[Finding]:
        """The applicant names a reader among the people they know."""
        if not self.names:
            return
        rows = self.session.execute(
            sa.select(Application.id, Snapshot.content["answers"][ANSWER].as_string())
            .join(
                Snapshot,
                (Snapshot.application_id == Application.id) & (Snapshot.number == Application.snapshot_number),
            )
            .where(Application.cohort_id == self.cohort_id, Application.state != ApplicationState.CLOSED)
        )
        for application_id, text in rows:
            words = f" {_plain(text or '')} "
            for name, people in self.names.items():
                if f" {_plain(name)} " in words:
                    for person_id in people:
                        yield Finding(
                            person_id, application_id, ConflictKind.COLLEAGUE, "The applicant names them.", False,
                            ConflictSource.DECLARED,
                        )  # fmt: skip


def _plain(text: str) -> str:
    """Words with single blanks between them and nothing else."""
    return " ".join("".join(letter if letter.isalnum() else " " for letter in folded(text)).split())


def domain_of(address: str) -> str:
    """The domain of an address where it tells of an employer or a school; empty for a shared one."""
    domain = address.rpartition("@")[2].lower()
    return "" if domain in SHARED_DOMAINS or domain.endswith(SHARED_ENDINGS) else domain
