"""``python -m bench [NAME] [--json]``: the last line of ``--json`` output is one JSON object. Without a name, all."""

from __future__ import annotations

import argparse
import json
import sys

from bench import assignment, calibration, demo_load, http, matching, midl, release, showcase, start
from bench.servers import BenchmarkFailed

BENCHES = {
    "http": http,
    "start": start,
    "demo": demo_load,
    "showcase": showcase,
    "release": release,
    "assignment": assignment,
    "midl": midl,
    "calibration": calibration,
    "matching": matching,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = parser.add_subparsers(dest="name")
    parsers = {name: names.add_parser(name, help=module.__doc__) for name, module in BENCHES.items()}
    for name, module in BENCHES.items():
        parsers[name].add_argument("--json", action="store_true", help="end with one line of JSON")
        module.arguments(parsers[name])
    asked = parser.parse_args()
    chosen = [asked] if asked.name else [parser.parse_args([name]) for name in BENCHES]
    try:
        for each in chosen:
            result = BENCHES[each.name].run(each)
            if each.json:
                sys.stdout.write(json.dumps(result) + "\n")
    except BenchmarkFailed as error:
        sys.stderr.write(f"bench {each.name}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
