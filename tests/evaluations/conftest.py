from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stream_world import World

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@pytest.fixture
def world(session: Session) -> World:
    return World(session)
