"""A web server forks its workers after the command has looked at the storage: they must still be able to save.

A worker that could not would wait for ever; the alarm ends it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import os
import signal
from matsapply.commands.context import load_settings, require_storage
from matsapply.platform import storage

settings = load_settings()
require_storage(settings)
for number in range(5):
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        storage.current().put(f"workers/{number}", b"bytes")
        os._exit(0)
    if status := os.waitpid(child, 0)[1]:
        raise SystemExit(f"worker {number} ended with {os.waitstatus_to_exitcode(status)}")
"""


def test_a_worker_saves_although_the_command_tried_the_storage_before_the_fork(tmp_path: Path) -> None:
    environment = os.environ | {
        "MATSAPPLY_DATA": str(tmp_path),
        "MATSAPPLY_SECRET_KEY": "a secret for tests only",
        "MATSAPPLY_PASSWORD_SALT": "a salt for tests only",
    }
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.rglob("workers/*"))) == 5
