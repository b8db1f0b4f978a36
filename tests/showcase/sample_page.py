"""Pages to import: an invented one with every oddity, and the programme's own where this machine has it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from matsapply.showcase.reading import Known

FOLDER = Path(__file__).parent / "pages"
INVENTED = (FOLDER / "invented.txt").read_text(encoding="utf-8")
INVENTED_REPORT = (FOLDER / "invented.report.txt").read_text(encoding="utf-8").splitlines()
KNOWN = Known(
    full_names=("Ulf Sand Holmgren",),
    arxiv_ids={"a bench for benches": "2411.00001", "sorting pebbles with a broken sieve": "2408.00002"},
)

# The programme's page is not ours to keep in the repository; it lies beside the clone where it may be read.
SHARED = Path(os.environ.get("MATSAPPLY_SHARED") or Path(__file__).resolve().parents[3] / "shared")
NO_PAGE = "the programme's own page is not beside this clone (../shared/seed); its report was not compared"


def record(
    title: str = "A title",
    abstract: str = "Text.",
    authors: str = "Ann Berg, Bo Lind",
    fellows: str = "Ann Berg",
    day: str = "Sep 15, 2023",
) -> str:
    """One record of a page."""
    return f"{title}\n{abstract}\nAuthors:\n{authors}\nFellows:\n{fellows}\nDate:\n{day}\n"


def page(*records: str) -> str:
    return "About this page.\n" + "".join(records)


def shared(name: str) -> Path:
    """A file of the domain's folder; where there is none, the test is skipped, and fails in CI, which has one."""
    found = sorted(SHARED.glob(name))
    if not found:
        (pytest.fail if os.environ.get("CI", "") not in ("", "0", "false") else pytest.skip)(NO_PAGE)
    return found[0]
