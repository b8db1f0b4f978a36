"""``python -m bench [NAME] [--json]``: the last line of ``--json`` output is one JSON object."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from bench import demo_load

if TYPE_CHECKING:
    from collections.abc import Callable

BENCHES: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {"demo": demo_load.run}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", nargs="?", default="demo", choices=sorted(BENCHES))
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    result = BENCHES[arguments.name](arguments)
    if arguments.json:
        sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
