"""Asks the real FitTrackee and trackgate the same questions; see `.ci/fittrackee`."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cases  # noqa: F401 (declares them)
from case import CASES, Case
from original import original
from processes import Failed
from report import judge, tell
from servers import side
from trackgate import trackgate

VARIANTS = ("whole", "closed", "limited")
STOPPING = threading.Event()


def main() -> int:
    arguments = parse()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        if arguments.serve:
            if arguments.only == "trackgate":
                return serve_trackgate(arguments.binary, arguments.command)
            return serve(arguments.command, arguments.rate_limits)
        return compare(arguments)
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1


def stop(caught: int, _frame: object) -> None:
    STOPPING.set()
    sys.exit(128 + caught)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fittrackee", description=__doc__)
    parser.add_argument("--binary", type=Path, required=True, help="trackgate; by default what cargo build made")
    parser.add_argument("--only", choices=["original", "trackgate"], help="ask, or serve, this server alone")
    parser.add_argument("--filter", default="", metavar="TEXT", help="only cases whose name holds this")
    parser.add_argument("--quiet", action="store_true", help="leave out of the table what is as it should be")
    parser.add_argument("--list", action="store_true", help="list the cases and ask nothing")
    parser.add_argument("--serve", action="store_true", help="run FitTrackee for a command; see .ci/with-fittrackee")
    parser.add_argument("--rate-limits", default="100000 per 1 minute", help="with --serve: its API_RATE_LIMITS")
    parser.add_argument("command", nargs="*", help=argparse.SUPPRESS)
    return parser.parse_args()


def serve(command: Sequence[str], rate_limits: str) -> int:
    """Runs FitTrackee while the command runs, or until a signal comes."""
    with original(rate_limits) as server:
        return beside(server.published(), command)


def serve_trackgate(binary: Path, command: Sequence[str]) -> int:
    """Runs trackgate likewise, with the web client that FitTrackee's wheel brings."""
    with TemporaryDirectory(prefix="mails-") as mails, trackgate(binary, mail_folder=Path(mails)) as server:
        return beside({"TRACKGATE_URL": f"http://127.0.0.1:{server.port}", "TRACKGATE_MAILS": mails}, command)


def beside(published: Mapping[str, str], command: Sequence[str]) -> int:
    """Runs the command with these variables; without one, prints them and waits for a signal."""
    if command:
        return subprocess.run(command, env={**os.environ, **published}, check=False).returncode
    for name, value in published.items():
        print(f"export {name}='{value}'")
    sys.stdout.flush()
    threading.Event().wait()
    return 0


def compare(arguments: argparse.Namespace) -> int:
    chosen = [one for one in CASES if arguments.filter in one.name]
    if arguments.list:
        print("\n".join(one.name for one in chosen))
        return 0
    names = [arguments.only] if arguments.only else ["original", "trackgate"]
    with ThreadPoolExecutor(len(names)) as pool:
        runs = {name: pool.submit(ask_all, name, arguments.binary, chosen) for name in names}
        seen = {name: run.result() for name, run in runs.items()}
    verdicts = [judge(one, {name: seen[name][one.name] for name in names}) for one in chosen]
    return 0 if tell(verdicts, arguments.quiet) else 1


def ask_all(name: str, binary: Path, chosen: Sequence[Case]) -> dict[str, Any]:
    """Runs all cases against one server, in order; gives what was observed, or why nothing was."""
    seen: dict[str, Any] = {}
    for variant in VARIANTS:
        of_it = [one for one in chosen if one.variant == variant]
        if not of_it:
            continue
        began = time.monotonic()
        with side(name, binary, variant) as server:
            for one in of_it:
                if STOPPING.is_set():
                    raise Failed("stopped")
                try:
                    seen[one.name] = one.step(server)
                except Exception as failure:
                    seen[one.name] = failure
        print(f"{name}, {variant}: {len(of_it)} cases in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return seen


if __name__ == "__main__":
    sys.exit(main())
