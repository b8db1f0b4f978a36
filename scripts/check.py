"""All static checks, side by side: ``make check``. Prints one line for each, and in full what a failing one said."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pip._internal.models.index import PyPI

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent

LONGEST = 400  # lines; past that a file is split by noun
TOO_LONG = 450
MEASURED = (
    "matsapply/**/*.py",
    "scripts/*.py",
    "templates/**/*.html",
    "matsapply/static/**/*.css",
    "matsapply/static/**/*.js",
)
TYPED = ("matsapply/rules", "matsapply/platform", "matsapply/*/actions.py", "matsapply/*/queries.py")
MACHINE_PATH = re.compile(r"(?<![A-Za-z0-9_.])/(?:work|farm|root|home|Users)/[A-Za-z0-9_.]")
LOCK_ADDRESS = re.compile(r"^(?:--index-url|--extra-index-url|--find-links|-i )", re.MULTILINE)

Check = Callable[[], tuple[bool, str]]


def tool(name: str, *arguments: str) -> Check:
    """A check that is a command: it holds where the command ends with status 0."""

    def run() -> tuple[bool, str]:
        done = subprocess.run([BIN / name, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.returncode == 0, done.stdout + done.stderr

    return run


def typed() -> tuple[bool, str]:
    files = sorted({str(path.relative_to(ROOT)) for pattern in TYPED for path in ROOT.glob(pattern)})
    return tool("mypy", *files)()


def lengths() -> tuple[bool, str]:
    """Nothing past 450 lines; a warning from 400."""
    lines, fine = [], True
    for path in sorted({path for pattern in MEASURED for path in ROOT.glob(pattern)}):
        length = len(path.read_text(encoding="utf-8").splitlines())
        if length > LONGEST:
            fine = fine and length <= TOO_LONG
            lines.append(f"{path.relative_to(ROOT)} has {length} lines; split it by noun before {LONGEST}")
    return fine, "\n".join(lines)


def committable() -> tuple[bool, str]:
    """No path of somebody's machine and no address of a package index in what is, or is about to be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    indexes = [name for name in (PyPI.netloc, PyPI.file_storage_domain, configured_index()) if name]
    found = []
    for name in listed.stdout.splitlines():
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        found += [f"{name}: names a path of a machine: {match[0]}" for match in MACHINE_PATH.finditer(text)][:3]
        found += [f"{name}: names the package index {index}" for index in indexes if index in text]
        if name.startswith("requirements/") and LOCK_ADDRESS.search(text):
            found.append(f"{name}: carries an index address; compile it with: make lock")
    return not found, "\n".join(found)


def configured_index() -> str:
    """The host of the package index this machine's pip is set to, if any."""
    told = subprocess.run(
        [BIN / "pip", "config", "get", "global.index-url"], capture_output=True, text=True, check=False
    ).stdout
    match = re.match(r"[a-z]+://(?:[^/@]*@)?([^/:]+)", told.strip())
    return match[1] if match else ""


CHECKS: dict[str, Check] = {
    "mypy": typed,
    "lint": tool("ruff", "check", "--quiet", "."),
    "layout": tool("ruff", "format", "--check", "--quiet", "."),
    "imports": tool("lint-imports"),
    "templates": tool("djlint", "templates", "--lint", "--quiet"),
    "lengths": lengths,
    "committable": committable,
}


def main() -> int:
    def timed(name: str) -> tuple[str, bool, str, float]:
        began = time.monotonic()
        fine, said = CHECKS[name]()
        return name, fine, said.strip(), time.monotonic() - began

    failed = []
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        for name, fine, said, seconds in pool.map(timed, CHECKS):
            print(f"{'ok    ' if fine else 'FAILED'} {name} ({seconds:.1f} s)", flush=True)
            if said and (not fine or name == "lengths"):
                print(said)
            if not fine:
                failed.append(name)
    if failed:
        print(
            f"make check: {', '.join(failed)} failed" + ("; make format mends the layout" if "layout" in failed else "")
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
