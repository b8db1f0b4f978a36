"""The cohort of the repository's own file, and somebody who may change it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.cohorts.file import parse
from matsapply.cohorts.load import load_cohort
from matsapply.cohorts.models import Cohort
from matsapply.people.models import Person
from matsapply.rules.access import Actor

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

PATH = Path(__file__).parents[2] / "config" / "cohorts" / "2027-06.yaml"


@pytest.fixture
def cohort(session: Session) -> Cohort:
    file = parse(PATH.read_bytes()).file
    assert file is not None
    load_cohort(session, file, datetime(2026, 12, 1, tzinfo=UTC))
    session.commit()
    return session.scalars(sa.select(Cohort)).one()


@pytest.fixture
def admin(session: Session) -> Actor:
    person = Person(display_name="An Admin")
    session.add(person)
    session.flush()
    return Actor(person.id)
