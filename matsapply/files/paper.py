"""Sets a page of our own as a PDF, in a process of its own with little memory and little time.

Run as ``python -I -m matsapply.files.paper SHEET < page``: the page comes as HTML, SHEET is the style sheet it is set
with, the PDF goes to the standard output, and where that cannot be done the status is not 0. The text in the page is
somebody's, so nothing it names is fetched. Needs the extra ``pdf`` (WeasyPrint, and Pango on the system).
"""

from __future__ import annotations

import ctypes.util
import importlib.util
import logging
import resource
import sys
import warnings
from functools import cache
from pathlib import Path

MEMORY = 1536 * 1024 * 1024  # bytes of address space; fonts are mapped into it
SECONDS = 12  # of processor time


@cache
def available() -> bool:
    """Whether this installation can set pages as PDF."""
    return importlib.util.find_spec("weasyprint") is not None and ctypes.util.find_library("pango-1.0") is not None


def main(sheet: Path) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    weasyprint = importlib.import_module("weasyprint")
    nothing = importlib.import_module("weasyprint.urls").URLFetcher(allowed_protocols=())
    page = weasyprint.HTML(string=sys.stdin.buffer.read().decode(), url_fetcher=nothing)
    style = weasyprint.CSS(string=sheet.read_text(encoding="utf-8"))
    sys.stdout.buffer.write(page.write_pdf(stylesheets=[style]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
