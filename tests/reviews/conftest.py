"""A small cohort under review, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.reviews.builders import Reviewing, reviewing

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@pytest.fixture
def world(session: Session) -> Reviewing:
    return reviewing(session)
