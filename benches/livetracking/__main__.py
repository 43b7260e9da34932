"""Measures trackgate beside a real InfluxDB; see README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from machine import busy, go_ahead, own_cpu
from processes import Failed
from racers import Racer, racers
from watching import Watched, ask, loaded, requests, same
from writing import Written, stored, warm, write

SIZES, CLIENTS = (1, 100, 5000), (1, 16)
Figures = dict[str, Any]


@dataclass(frozen=True)
class Pace:
    """How long it is measured."""

    rounds: int
    seconds: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="benches/livetracking/run", description=__doc__)
    parser.add_argument("--binary", type=Path, help="trackgate; by default a release build of the tree")
    parser.add_argument("--only", choices=["original"], help="InfluxDB alone")
    parser.add_argument("--part", choices=["write", "watch"], help="one of the two parts")
    parser.add_argument("--quick", action="store_true", help="one short round: figures that say little")
    parser.add_argument("--ahead", action="store_true", help="as root: servers and clients go before all other work")
    arguments = parser.parse_args()
    pace = Pace(1, 2) if arguments.quick else Pace(3, 5)
    began = time.monotonic()
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')}, {os.cpu_count()} cores, Linux {platform.release()}, load {load()}")
    durable = disk()
    print(f"a 4 KiB append and fdatasync takes {durable:.2f} ms (median)")
    figures: Figures = {}
    fits = []
    try:
        with racers(None if arguments.only else arguments.binary) as both:
            if arguments.ahead:
                go_ahead([os.getpid(), *(process for racer in both for process in racer.meter.processes())])
            if arguments.part != "watch":
                figures["write"], kept = writes(both, pace)
                print(f"one client alone waits {durable:.2f} ms for the disk, whatever the server does in between")
                fits.append(kept)
            if arguments.part != "write":
                figures["watch"], kept = watches(both, pace)
                fits.append(kept)
            print("\nresident memory: " + ", ".join(f"{racer.name} {racer.meter.megabytes():.0f} MB" for racer in both))
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    print(f"{time.monotonic() - began:.0f} s, load {load()}")
    print(json.dumps(figures))
    return 0 if all(fits) else 1


def writes(both: Sequence[Racer], pace: Pace) -> tuple[Figures, bool]:
    """Points for each second, by points in a request and by clients."""
    print(f"\nPOST /write, {pace.rounds} rounds of {pace.seconds:.0f} s, the servers in turn")
    print(f"{'':36}{'points/s':>10}{'CPU µs/point':>14}{'p50 ms':>9}{'p99 ms':>9}{'cores':>7}  others CPU s")
    seen: dict[tuple[int, int, str], list[Written]] = defaultdict(list)
    for racer in both:
        warm(racer)
    for number in range(pace.rounds):
        for size in SIZES:
            for clients in CLIENTS:
                for racer in both if number % 2 == 0 else list(reversed(both)):
                    rest = busy() - own_cpu() - sum(each.meter.cpu() for each in both)
                    run = write(racer, size, clients, pace.seconds)
                    others = busy() - own_cpu() - sum(each.meter.cpu() for each in both) - rest
                    seen[size, clients, racer.name].append(run)
                    print(f"{label(size, clients, racer.name):36}{row(run)}  {max(others, 0):.1f}", flush=True)
    for racer in both:
        print(f"{racer.name} holds {stored(racer)} points, {racer.acknowledged} were acknowledged")
    return told(seen, both)


def told(seen: dict[tuple[int, int, str], list[Written]], both: Sequence[Racer]) -> tuple[Figures, bool]:
    print("median of the rounds:")
    figures: Figures = {}
    fits = True
    for size in SIZES:
        for clients in CLIENTS:
            middles = {racer.name: middle(seen[size, clients, racer.name]) for racer in both}
            for name, run in middles.items():
                figures[label(size, clients, name)] = vars(run)
                print(f"{label(size, clients, name):36}{row(run)}")
            if len(middles) == 2:
                theirs, ours = middles["InfluxDB"], middles["trackgate"]
                factor = ours.points_per_second / theirs.points_per_second
                cpu = theirs.cpu_microseconds_per_point / max(ours.cpu_microseconds_per_point, 1e-9)
                fits &= verdict(
                    f"{factor:.2f} times the points ({cpu:.1f} times for each CPU second)",
                    factor,
                    2 if size == 1 else 1,
                )
    return figures, fits


def middle(runs: Sequence[Written]) -> Written:
    """The median of each figure."""
    return Written(*(median(getattr(run, name) for run in runs) for name in Written.__dataclass_fields__))


def watches(both: Sequence[Racer], pace: Pace) -> tuple[Figures, bool]:
    """Latencies of queries over eight hours of samples."""
    now = int(time.time())
    for racer in both:
        loaded(racer, now)
    print(f"\nGET /query over 8 h of one-second samples with 14 fields, one client, {pace.rounds} rounds, in turn")
    print(f"{'':48}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{'answers':>9}{'KB':>7}")
    figures: Figures = {}
    fits = True
    for name, request in requests(now).items():
        runs: dict[str, list[Watched]] = defaultdict(list)
        for number in range(pace.rounds):
            for racer in both if number % 2 == 0 else list(reversed(both)):
                runs[racer.name].append(ask(racer, request, pace.seconds / 2))
        middles = {}
        for racer in both:
            latencies = [value for run in runs[racer.name] for value in run.latencies]
            middles[racer.name] = median(latencies)
            cpu = median(run.cpu for run in runs[racer.name])
            title = f"{name}, {racer.name}"
            figures[title] = {"p50": middles[racer.name], "p99": percentile(latencies, 0.99), "cpu_milliseconds": cpu}
            size = len(runs[racer.name][0].answer) / 1000
            times = f"{middles[racer.name]:9.2f}{percentile(latencies, 0.99):9.2f}{cpu:9.2f}"
            print(f"{title:48}{times}{len(latencies):9}{size:7.0f}", flush=True)
        if not same([runs[racer.name][0].answer for racer in both]):
            raise Failed(f"{name}: the answers differ")
        if len(middles) == 2:
            factor = middles["InfluxDB"] / middles["trackgate"]
            fits &= verdict(f"{factor:.2f} times as fast", factor, 1)
    return figures, fits


def label(size: int, clients: int, name: str) -> str:
    return f"{size} point{'s' if size > 1 else ''}, {clients} client{'s' if clients > 1 else ''}, {name}"


def row(run: Written) -> str:
    cost = f"{run.points_per_second:10.0f}{run.cpu_microseconds_per_point:14.2f}"
    return f"{cost}{run.p50:9.2f}{run.p99:9.2f}{run.cores:7.2f}"


def verdict(found: str, factor: float, aim: float) -> bool:
    print(f"  {'reached' if factor >= aim else 'MISSED'}: {found} (aim: {aim:g})", flush=True)
    return factor >= aim


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def disk() -> float:
    """Milliseconds that a durable append of 4 KiB takes where the servers keep their files."""
    taken = []
    with tempfile.TemporaryFile() as file:
        for _ in range(100):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - began) * 1000)
    return median(taken)


def load() -> str:
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


if __name__ == "__main__":
    sys.exit(main())
