"""Writes: as many as a server takes, from one rider or from sixteen at once."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from original import PASSWORD
from processes import Failed, own_environment
from racers import RIDERS, Racer, credentials
from request import Request, basic, send


@dataclass(frozen=True)
class Written:
    """What a run of writes came to; latencies of a request in milliseconds."""

    points_per_second: float
    cpu_microseconds_per_point: float
    p50: float
    p99: float
    # CPU seconds of the server for each second, of the cores that there are.
    cores: float


def warm(racer: Racer) -> None:
    """Lets every rider sign in once, so that no run pays for the slow check of a password."""
    for rider in RIDERS:
        answer = send(racer.port, Request("POST", "/write", {"db": rider}, basic(rider, PASSWORD)))
        if answer.status != 204:
            raise Failed(f"{racer.name}: {answer.describe()}")


def write(racer: Racer, points: int, clients: int, seconds: float) -> Written:
    """New points for some seconds, on as many connections as there are riders, who take turns."""
    script = Path(__file__).with_name("write.lua")
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds:.0f}s", "--timeout", "30s", "-s", str(script), racer.url]
    words = ["--", str(points), str(racer.free), credentials(RIDERS[:clients])]
    before = racer.meter.cpu()
    done = subprocess.run(
        [*command, *words], capture_output=True, text=True, check=False, timeout=seconds + 90, env=own_environment()
    )
    used = racer.meter.cpu() - before
    if done.returncode:
        raise Failed(f"wrk: {done.stderr}{done.stdout}")
    told = json.loads(done.stdout.strip().splitlines()[-1])
    if told["failed"] or not told["requests"]:
        raise Failed(f"wrk: {told} from {racer.name}")
    requests, elapsed = told["requests"], told["microseconds"] / 1e6
    racer.acknowledged += requests * points
    racer.unanswered += clients * points
    # Each rider has had its share, and one request more was perhaps begun.
    racer.free += (requests // clients + 2 * clients) * points
    return Written(
        requests * points / elapsed,
        used * 1e6 / (requests * points),
        told["p50"] / 1000,
        told["p99"] / 1000,
        used / elapsed,
    )


def stored(racer: Racer) -> int:
    """How many points the riders have; no acknowledged one may be missing."""
    count = 0
    for rider in RIDERS:
        for row in racer.query("SELECT COUNT(hr_bpm) FROM samples", rider):
            assert isinstance(row[1], int)
            count += row[1]
    if not racer.acknowledged <= count <= racer.acknowledged + racer.unanswered:
        sent = f"{racer.acknowledged} were acknowledged, {racer.unanswered} more were sent"
        raise Failed(f"{racer.name} has {count} points; {sent}")
    return count
