"""Measures trackgate beside the real FitTrackee; see README.md."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from load import Load, Paced, paced, percentile, signing_in, wrk
from machine import busy, go_ahead, own_cpu
from pair import NAMES, WORKOUTS, Server, email, original, trackgate
from processes import Failed

PROFILE, CONFIG, USER = "/api/auth/profile", "/api/config", f"/api/users/{NAMES[0]}"
TIMES, MILLISECONDS = 100, 2.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="benches/fittrackee/run", description=__doc__)
    parser.add_argument("--binary", type=Path, required=True, help="trackgate; by default a release build of the tree")
    parser.add_argument("--quick", action="store_true", help="short rounds: figures that say little")
    parser.add_argument("--ahead", action="store_true", help="as root: servers and clients go before all other work")
    parser.add_argument("--only", choices=["profile", "config"], help="one of the two parts")
    arguments = parser.parse_args()
    binary = arguments.binary.resolve()
    rounds, seconds, turns, calm = (1, 2, 2, 3.0) if arguments.quick else (3, 6, 8, 7.5)
    began = time.monotonic()
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')}, {os.cpu_count()} cores, Linux {platform.release()}, load {load()}")
    try:
        theirs = original()
        with trackgate(binary, access_log=False) as ours, trackgate(binary, access_log=True) as logged:
            if arguments.ahead:
                go_ahead([os.getpid(), *(process for one in (theirs, ours, logged) for process in one.processes)])
            fits = []
            if arguments.only != "config":
                fits.append(profile(theirs, ours, logged, rounds, seconds))
            if arguments.only != "profile":
                fits.append(config(theirs, logged, turns, calm))
            print("\nmemory, shared pages divided among those that share them")
            memory(theirs)
            memory(logged)
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    print(f"\n{time.monotonic() - began:.0f} s, load {load()}")
    return 0 if all(fits) else 1


def profile(theirs: Server, ours: Server, logged: Server, rounds: int, seconds: int) -> bool:
    """Requests for each CPU second of `GET /api/auth/profile`."""
    answers = [sorted(server.get(PROFILE)["data"]) for server in (theirs, ours)]
    counts = {server.get(PROFILE)["data"]["nb_workouts"] for server in (theirs, ours, logged)}
    if answers[0] != answers[1] or counts != {WORKOUTS}:
        raise Failed(f"the profiles differ: {answers}, {counts}")
    kinds: dict[str, tuple[Server, str, list[str]]] = {
        "FitTrackee": (theirs, PROFILE, []),
        "trackgate": (ours, PROFILE, []),
        "trackgate, access log": (logged, PROFILE, []),
        "trackgate, new connections": (ours, PROFILE, ["Connection: close"]),
        f"FitTrackee, {USER}": (theirs, USER, []),
        f"trackgate, {USER}": (ours, USER, []),
    }
    print(f"\nGET {PROFILE} with a JWT, {WORKOUTS} workouts, wrk -t1 -c4 -d{seconds}s, {rounds} rounds")
    print(f"{'':32}{'req/s':>9}{'req/CPU s':>11}{'p50 ms':>9}{'p99 ms':>9}  CPU s (beside it)  others")
    yields = defaultdict(list)
    for _round in range(rounds):
        for name, (server, path, headers) in kinds.items():
            told = one_load(server, path, [f"Authorization: Bearer {server.token}", *headers], seconds)
            yields[name].append(told[0])
            print(f"{name:32}{told[1]}", flush=True)
    print("median of the rounds, requests for each CPU second:")
    base = median(yields["FitTrackee"])
    for name, values in yields.items():
        print(f"{name:32}{median(values):10.0f}  {median(values) / base:8.1f} times")
    factor = median(yields["trackgate"]) / base
    return verdict(f"{factor:.0f} times the requests of gunicorn for each CPU second", f"{TIMES}", factor >= TIMES)


def one_load(server: Server, path: str, headers: Sequence[str], seconds: int) -> tuple[float, str]:
    meters = {"": server.own, **server.beside}
    before, rest = {name: meter.cpu() for name, meter in meters.items()}, busy() - own_cpu()
    seen: Load = wrk(server.url + path, seconds, headers)
    used = {name: meter.cpu() - before[name] for name, meter in meters.items()}
    others = busy() - own_cpu() - rest - sum(used.values())
    per_second = seen.requests / used[""]
    beside = ", ".join(f"{name} {value:.2f}" for name, value in used.items() if name)
    return per_second, (
        f"{seen.requests / seconds:9.0f}{per_second:11.0f}{seen.p50:9.2f}{seen.p99:9.2f}"
        f"  {used['']:.2f}{f' ({beside})' if beside else ''}  {max(others, 0):.1f}"
    )


def config(theirs: Server, ours: Server, rounds: int, seconds: float) -> bool:
    """The p99 of `GET /api/config`, without and with four people who sign in."""
    rate = 200
    print(f"\nGET {CONFIG}, one client, {rate} times a second for {seconds:.0f} s, {rounds} rounds; access log on")
    print(f"{'':32}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}{'sign-ins/s':>12}{'own delay p99 ms':>18}  others CPU s")
    found: dict[bool, list[float]] = {False: [], True: []}
    signed = []
    for number in range(rounds):
        # Whichever comes second could gain from it.
        for with_them in (False, True) if number % 2 == 0 else (True, False):
            seen, count = calm_or_not(ours, rate, seconds, with_them)
            found[with_them].append(percentile(seen.answered, 0.99))
            signed += [count] if with_them else []
    for with_them in (False, True):
        calm_or_not(theirs, 10, min(seconds, 8), with_them)
    calm, strained = median(found[False]), median(found[True])
    print(f"median of the rounds: p99 {calm:.2f} ms, with four {strained:.2f} ms; {median(signed):.1f} sign-ins/s")
    moved = strained - calm
    return verdict(f"p99 moved by {moved:+.2f} ms", f"{MILLISECONDS:.0f} at most", moved <= MILLISECONDS)


def calm_or_not(server: Server, rate: int, seconds: float, with_them: bool) -> tuple[Paced, float]:
    signed, rest = 0.0, busy() - own_cpu() - server.cpu()
    if with_them:
        with signing_in(server.port, [email(name) for name in NAMES]) as count:
            time.sleep(1)
            before, began = count.value, time.monotonic()
            seen = paced(server.port, CONFIG, rate, seconds)
            signed = (count.value - before) / (time.monotonic() - began)
        if not signed:
            raise Failed("nobody could sign in")
    else:
        seen = paced(server.port, CONFIG, rate, seconds)
    name = f"{server.name}{', four sign in' if with_them else ''}"
    p50, p99 = (percentile(seen.answered, share) for share in (0.5, 0.99))
    count_text = f"{signed:12.1f}" if with_them else f"{'':12}"
    own = percentile(seen.own_delay, 0.99)
    others = busy() - own_cpu() - server.cpu() - rest
    times = f"{p50:9.2f}{p99:9.2f}{max(seen.answered):9.2f}"
    print(f"{name:32}{times}{count_text}{own:18.2f}  {max(others, 0):.1f}", flush=True)
    return seen, signed


def memory(server: Server) -> None:
    beside = ", ".join(f"{name} {meter.megabytes():.0f} MB" for name, meter in server.beside.items())
    print(f"{server.name:32}{server.own.megabytes():.0f} MB{f' ({beside})' if beside else ''}")


def verdict(found: str, aim: str, fits: bool) -> bool:
    print(f"{'reached' if fits else 'MISSED'}: {found} (aim: {aim})", flush=True)
    return fits


def load() -> str:
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


if __name__ == "__main__":
    sys.exit(main())
