"""Asks a real InfluxDB 1.6 and trackgate the same questions; see `.ci/influx`."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import cases  # noqa: F401 (declares them)
import clients
from case import CASES, Case
from differences import DIFFERENCES
from original import original
from points import load
from processes import Failed
from report import judge, tell
from side import Side
from trackgate import trackgate

VARIANTS = ("plain", "compat")
PARTS = ("cases", "clients")
ACCOUNTS = ("tester", "other", "rider", "walker", "sleeper", "loser", "long", "empty")


def main() -> int:
    arguments = parse()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        if arguments.serve:
            return serve(arguments.command)
        return compare(arguments)
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1


def stop(caught: int, _frame: object) -> None:
    sys.exit(128 + caught)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="influx", description=__doc__)
    parser.add_argument("--binary", type=Path, required=True, help="trackgate; by default what cargo build made")
    parser.add_argument("--only", choices=["original", "trackgate"], help="ask this server alone")
    parser.add_argument("--filter", default="", metavar="TEXT", help="only cases whose name holds this")
    parser.add_argument("--quiet", action="store_true", help="leave out of the table what is as it should be")
    parser.add_argument("--list", action="store_true", help="list the cases and ask nothing")
    parser.add_argument("--part", choices=PARTS, help="requests alone, or clients alone; by default both")
    parser.add_argument("--node-modules", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--serve", action="store_true", help="run InfluxDB for a command; see .ci/with-influxdb")
    parser.add_argument("command", nargs="*", help=argparse.SUPPRESS)
    return parser.parse_args()


def serve(command: Sequence[str]) -> int:
    """Runs InfluxDB while the command runs, or until a signal comes."""
    with original(["tester", "other"]) as server:
        published = server.published()
        if command:
            return subprocess.run(command, env={**os.environ, **published}, check=False).returncode
        for name, value in published.items():
            print(f"export {name}='{value}'")
        sys.stdout.flush()
        threading.Event().wait()
    return 0


def compare(arguments: argparse.Namespace) -> int:
    if unknown := DIFFERENCES.keys() - {one.name for one in CASES}:
        raise Failed(f"differences of cases that are not there: {unknown}")
    chosen = [one for one in CASES if arguments.filter in one.name]
    if arguments.list:
        print("\n".join(one.name for one in chosen))
        return 0
    names = [arguments.only] if arguments.only else ["original", "trackgate"]
    fits = []
    if arguments.part != "clients":
        fits.append(compare_cases(arguments, names, chosen))
    if arguments.part != "cases":
        with ExitStack() as stack:
            sides = [start(stack, name, arguments.binary, "plain", list(clients.CLIENTS)) for name in names]
            checks = clients.work(sides, arguments.node_modules, arguments.filter)
        fits.append(clients.tell(checks, arguments.quiet))
    return 0 if all(fits) else 1


def compare_cases(arguments: argparse.Namespace, names: Sequence[str], chosen: Sequence[Case]) -> bool:
    verdicts = []
    for variant in VARIANTS:
        of_it = [one for one in chosen if one.variant == variant]
        if not of_it:
            continue
        began = time.monotonic()
        with ExitStack() as stack:
            sides = [start(stack, name, arguments.binary, variant, ACCOUNTS) for name in names]
            for one in sides:
                load(one)
            verdicts += [judge(one, ask(one, sides)) for one in of_it]
        print(f"{variant}: {len(of_it)} cases in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return tell(verdicts, arguments.quiet)


def start(stack: ExitStack, name: str, binary: Path, variant: str, accounts: Sequence[str]) -> Side:
    if name == "original":
        return Side(name, stack.enter_context(original(accounts)).port)
    return Side(name, stack.enter_context(trackgate(binary, accounts, variant)).port)


def ask(case: Case, sides: Sequence[Side]) -> dict[str, Any]:
    """Asks one server right after the other; gives what was observed, or why nothing was."""
    for _attempt in range(5):
        if case.clock:
            time.sleep(case.clock - time.time() % case.clock)
        second = int(time.time())
        seen: dict[str, Any] = {}
        for side in sides:
            try:
                seen[side.name] = case.step(replace(side, second=second))
            except Exception as failure:
                seen[side.name] = failure
        if not case.clock or int(time.time()) == second:
            break
    return seen


if __name__ == "__main__":
    sys.exit(main())
