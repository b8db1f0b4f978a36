"""The demo's data as tests use them: every cohort and state, few enough people to be loaded in seconds."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.demo.load import load_demo
from matsapply.demo.staff import PASSWORD
from matsapply.mail import outbox
from matsapply.platform.db import configure_engine
from matsapply.platform.settings import Settings
from tests.visitor import hashed


def fill(address: str, *, applications: int = 80, seed: int = 3, reviewers: int = 6) -> None:
    """Load the demo into the empty database at ``address``. Few reviewers, so that each has a queue worth the name."""
    engine = sa.create_engine(address)
    configure_engine(engine)
    outbox.configure(Settings(base_url="http://localhost"))
    with Session(engine) as session, session.begin():
        load_demo(session, applications=applications, seed=seed, password_hash=hashed(PASSWORD), reviewers=reviewers)
    engine.dispose()
