"""What a stream's table of candidates costs does not grow with its rows, and its pages turn by keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from matsapply.process import own_streams, stream_desk
from tests.stream_world import World

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@pytest.mark.parametrize("rows", [2, 12])
def test_the_table_of_candidates_takes_at_most_six_queries(session: Session, rows: int) -> None:
    world = World(session)
    for number in range(rows):
        world.entry(world.applicant(f"Person {number}"), world.red)
    stream = own_streams.mentor_streams(session, world.actor(world.lead))[0]
    reader = stream_desk.Reader(world.lead.id, decides=True)
    seen: list[str] = []
    connection = session.connection()

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    sa.event.listen(connection, "before_cursor_execute", note)
    stream_desk.candidates(session, stream, reader, words="person", sort="-score")
    sa.event.remove(connection, "before_cursor_execute", note)
    assert len(seen) <= 6, seen


@pytest.mark.parametrize("sort", ["rank", "name", "-name", "score", "-score", "-review", "marks", "interview"])
def test_pages_turn_without_losing_or_doubling_anybody(session: Session, sort: str) -> None:
    world = World(session)
    everybody = {
        world.entry(world.applicant(f"Person {n % 3}", score=None if n % 4 == 0 else float(n % 3)), world.red).id
        for n in range(11)
    }
    stream = own_streams.mentor_streams(session, world.actor(world.lead))[0]
    reader = stream_desk.Reader(world.lead.id, decides=True)
    found: list[int] = []
    after: str | None = ""
    while after is not None:
        page = stream_desk.candidates(session, stream, reader, sort=sort, after=after, limit=3)
        found += [row.id for row in page.rows]
        after = page.next_cursor
    assert sorted(found) == sorted(everybody)
