"""Checks that other proxies ask trackgate about every request and do as it says; see `.ci/forward-auth`."""

from __future__ import annotations

import argparse
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory

from application import Application, serving
from checks import CHECKS, Check, Here, unanswered
from envoy import envoy
from processes import Failed
from proxies import PROXIES, proxy
from trackgate import Trackgate, credentials, trackgate

NAMES = [*PROXIES, "envoy-http", "envoy-grpc"]


@dataclass
class Report:
    """What was as it should be, and what not."""

    verbose: bool
    checks: int = 0
    unexpected: int = 0
    lines: list[str] = field(default_factory=list)

    def run(self, here: Here, check: Check) -> None:
        try:
            for name, good, seen in check(here):
                self.note(here.name, f"{check.__name__}: {name}", good, seen)
        except (OSError, ValueError, KeyError, TypeError, HTTPException) as fault:
            self.note(here.name, check.__name__, False, repr(fault))

    def note(self, proxy: str, name: str, good: bool, seen: object) -> None:
        self.checks += 1
        self.unexpected += not good
        if not good:
            print(f"UNEXPECTED {proxy}: {name}\n    {str(seen)[:1200]}", flush=True)
        elif self.verbose:
            print(f"ok {proxy}: {name}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="forward-auth", description=__doc__)
    parser.add_argument("--binary", type=Path, required=True, help="trackgate; by default what cargo build made")
    parser.add_argument("--examples", type=Path, required=True, help="the folder of the proxies' files")
    parser.add_argument("--only", choices=NAMES, action="append", help="this proxy alone")
    parser.add_argument("--verbose", action="store_true", help="tell of what is as it should be, too")
    arguments = parser.parse_args()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    report = Report(arguments.verbose)
    try:
        with ExitStack() as stack:
            run(arguments, report, stack)
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    print(f"forward-auth: {report.checks} checks, {report.unexpected} unexpected")
    return 1 if report.unexpected or not report.checks else 0


def stop(caught: int, _frame: object) -> None:
    sys.exit(128 + caught)


def run(arguments: argparse.Namespace, report: Report, stack: ExitStack) -> None:
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="forward-auth-")))
    gate = stack.enter_context(trackgate(arguments.binary, arguments.examples, NAMES))
    has = credentials(gate)
    places = []
    for name in arguments.only or NAMES:
        application = Application()
        stack.enter_context(serving(application))
        port = stack.enter_context(front(name, arguments.examples, folder, application, gate))
        places.append(Here(name, port, application, has))
    with ThreadPoolExecutor(len(places)) as pool:
        list(pool.map(lambda here: [report.run(here, check) for check in CHECKS], places))
        gate.program.stop()
        list(pool.map(lambda here: report.run(here, unanswered), places))


def front(
    name: str, examples: Path, folder: Path, application: Application, gate: Trackgate
) -> AbstractContextManager[int]:
    match name:
        case "envoy-grpc":
            return envoy(name, examples, application.port, gate.grpc)
        case "envoy-http":
            return envoy(name, examples, application.port, gate.http)
        case _:
            return proxy(name, examples, folder / name, application.port, gate.http)


if __name__ == "__main__":
    sys.exit(main())
