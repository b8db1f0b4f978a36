"""Tests of the rules hand them facts; a database is refused here, so that a rule can never come to need one."""

from __future__ import annotations

import pytest


@pytest.mark.databases("sqlite")
@pytest.mark.xfail(reason="refused by tests/conftest.py", raises=pytest.fail.Exception, strict=True)
def test_a_database_is_refused_here(database):
    """Passes (as an expected failure) only as long as the fixture refuses."""
