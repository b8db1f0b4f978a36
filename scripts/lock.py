"""Compile the hash-locked requirement files from ``pyproject.toml`` and ``requirements/build.in``: ``make lock``.

The options leave index addresses and headers out, so that the same files serve behind any package index.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = [
    "--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-emit-index-url",
    "--no-emit-find-links", "--no-annotate", "--quiet",
]  # fmt: skip
# In this order: what runs is held to the versions that the tests run with.
FILES = {
    "build.txt": ["requirements/build.in"],
    "dev.txt": ["pyproject.toml", "--extra", "test", "--extra", "check", "--extra", "solver"],
    "base.txt": ["pyproject.toml", "--constraints", "requirements/dev.txt"],
}


def main() -> int:
    uv = shutil.which("uv")
    if uv is None:
        sys.stderr.write("make lock: uv is not installed; install it (pip install uv) and run this again\n")
        return 2
    for name, sources in FILES.items():
        target = ROOT / "requirements" / name
        subprocess.run([uv, "pip", "compile", *OPTIONS, *sources, "-o", str(target)], cwd=ROOT, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
