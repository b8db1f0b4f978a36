"""The simulated review: the same for a seed, better with more readers, and its picture and words from the command."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from click.testing import CliRunner

from matsapply.cli import cli
from matsapply.demo.simulation import Setting, repeated, simulate

if TYPE_CHECKING:
    from pathlib import Path

SMALL = Setting(applications=150, reviewers=10, readers=2, places=20)


def test_a_seed_gives_the_same_review_and_loads_are_even() -> None:
    found = simulate(SMALL, 3)
    assert found == simulate(SMALL, 3) != simulate(SMALL, 4)
    assert found.readings == 150 * 2 + found.third
    assert found.load_most - found.load_least <= 2
    assert found.hours == found.readings * SMALL.minutes / 60
    assert simulate(replace(SMALL, third_at=None), 3).third == 0


def test_more_readers_find_more_and_extra_readings_go_to_the_bar() -> None:
    one, two, four = (repeated(replace(SMALL, readers=number, third_at=None), 1, 6) for number in (1, 2, 4))
    assert one.precision_calibrated < two.precision_calibrated < four.precision_calibrated
    assert one.apart is None
    extra = repeated(replace(SMALL, third_at=None, extra=60), 1, 6)
    assert extra.readings == two.readings + 60
    assert extra.precision_calibrated > two.precision_calibrated


def test_the_command_prints_it_draws_it_and_refuses_what_cannot_be(tmp_path: Path) -> None:
    file = tmp_path / "review.svg"
    asked = ["simulate", "review", "--applications", "80", "--reviewers", "6", "--times", "1", "--picture", str(file)]
    done = CliRunner().invoke(cli, [*asked, "--readers", "1", "--readers", "2"])
    assert done.exit_code == 0, done.output
    for words in ("1 reader each", "2 readers each", "precision", "agreement", "load", "hours"):
        assert words in done.output
    drawn = ET.fromstring(file.read_text(encoding="utf-8"))  # noqa: S314 - what was just written here
    assert len(drawn.findall(".//{*}polyline")) == 2
    for wrong in (["--readers", "7"], ["--places", "80"], ["--quality", "0"], ["--readers", "0"]):
        assert CliRunner().invoke(cli, [*asked, *wrong]).exit_code != 0, wrong
