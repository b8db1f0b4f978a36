"""The request benchmark runs end to end and says all it promises. How fast anything is, is not asked here."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from matsapply.platform.settings import ROOT

ACTIONS = {
    "reviewer_queue",
    "review_open",
    "review_save",
    "applications_list",
    "applications_search",
    "decisions_table",
    "status",
    "autosave",
    "submit",
    "dashboard",
    "public_home",
    "export_csv",
}


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("MATSAPPLY_")}
    return subprocess.run(
        [sys.executable, "-m", "bench", *words], cwd=ROOT, env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_every_action_is_measured_on(kind: str) -> None:
    size = ("--applications", "40", "--reviewers", "6", "--rounds", "1", "--requests", "2", "--databases", kind)
    done = bench("http", "--json", *size)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == {"actions"}
    assert set(found["actions"]) == {kind}
    assert set(found["actions"][kind]) == ACTIONS
    for numbers in found["actions"][kind].values():
        assert set(numbers) == {"cpu_ms", "floor_cpu_ms", "ratio", "queries"}
        assert numbers["cpu_ms"] > 0
        assert numbers["floor_cpu_ms"] > 0


def test_a_request_that_fails_ends_the_benchmark_with_one_line() -> None:
    """Two reviewers cannot read each application three times: there is nothing to save, and no number is made up."""
    size = ("--applications", "40", "--reviewers", "4", "--rounds", "9", "--requests", "30", "--databases", "sqlite")
    done = bench("http", *size)
    assert done.returncode == 1
    assert "no reviews left to write" in done.stderr


def test_the_start_of_a_process_is_measured_beside_a_bare_one() -> None:
    done = bench("start", "--json", "--rounds", "1")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == {"seconds", "cpu_seconds", "floor_seconds", "floor_cpu_seconds", "ratio"}
    assert found["cpu_seconds"] > found["floor_cpu_seconds"] > 0
