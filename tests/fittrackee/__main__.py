"""Runs FitTrackee for a command; see `.ci/with-fittrackee`."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from original import original
from processes import Failed


def main() -> int:
    arguments = parse()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda caught, _frame: sys.exit(128 + caught))
    try:
        return serve(arguments.command, arguments.rate_limits)
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the tree that holds target/")
    parser.add_argument("--serve", action="store_true", help="run FitTrackee for a command")
    parser.add_argument("--rate-limits", default="100000 per 1 minute", help="as FitTrackee's API_RATE_LIMITS")
    parser.add_argument("command", nargs="*")
    return parser.parse_args()


def serve(command: list[str], rate_limits: str) -> int:
    """Runs FitTrackee while the command runs, or until a signal comes."""
    with original(rate_limits) as server:
        published = server.published()
        if command:
            return subprocess.run(command, env={**os.environ, **published}, check=False).returncode
        for name, value in published.items():
            print(f"export {name}='{value}'")
        sys.stdout.flush()
        threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
