"""Write the next migration from what changed in the models: ``make migration MESSAGE="what changes"``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from matsapply.platform import migrate  # noqa: E402 - the project is found first
from tests.databases import start_server, stop_server  # noqa: E402


def main(message: str) -> int:
    if not message.strip():
        sys.stderr.write('say what changes: make migration MESSAGE="offers carry a note"\n')
        return 2
    with tempfile.TemporaryDirectory(prefix="matsapply-migration-") as folder:
        server = Path(folder) / "postgresql"
        try:
            number = migrate.write_step(start_server(server), message)
        finally:
            stop_server(server)
    for path in (ROOT / "migrations" / "versions").glob(f"{number}_*.py"):
        subprocess.run([Path(sys.executable).parent / "ruff", "check", "--fix", "--quiet", path], check=False)
        subprocess.run([Path(sys.executable).parent / "ruff", "format", "--quiet", path], check=True)
        print(
            f"wrote {path.relative_to(ROOT)}; read it, add what Alembic misses, then: make test TESTS=tests/migrations"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
