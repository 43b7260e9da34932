"""Measures sign-ins by the storm; see README.md."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from clients import PASSWORD, Connection, Made, Running, Seen, Storm, basic, fittrackee, lptracker, network, rider, sign_in
from gate import Gate, trackgate
from machine import go_ahead
from processes import Failed, own_environment

PARTS = ("throughput", "return", "others", "fairness", "leaving")
SIZES = (16, 64, 256, 1024)
STORMING = "203.0.113.66"
# Others who sign in now and then, each from a network of its own.
OTHERS = 8
# More often than guesses are borne.
GIVES_UP = 16
DOORS: dict[str, Made] = {"Basic": basic, "LPTracker": lptracker, "FitTrackee": fittrackee}


@dataclass
class Run:
    """What all parts share."""

    binary: Path
    bare: Path
    folder: Path
    seconds: float
    rounds: int
    figures: dict[str, object] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)

    @contextmanager
    def gate(self) -> Iterator[Gate]:
        with trackgate(self.folder / f"gate-{time.monotonic_ns()}", self.binary) as gate:
            yield gate

    def aim(self, text: str, *, fits: bool) -> None:
        print(f"  aim: {text}{'' if fits else '  MISSED'}")
        if not fits:
            self.missed.append(text)


def main() -> int:
    arguments = parse()
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with suppress(ValueError, PermissionError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')}, {os.cpu_count()} cores, Linux {platform.release()}, load {load()}")
    with TemporaryDirectory(prefix="storms-") as folder:
        seconds, rounds = (2.0, 1) if arguments.quick else (8.0, 3)
        run = Run(arguments.binary.resolve(), arguments.bare, Path(folder), seconds, rounds)
        if arguments.ahead:
            go_ahead([os.getpid()])
        try:
            for part in PARTS:
                if arguments.only in ("", part):
                    MEASURES[part](run)
        except Failed as failure:
            print(failure, file=sys.stderr)
            return 1
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(run.figures, indent=1))
    print(f"\nload {load()}; " + (f"missed: {'; '.join(run.missed)}" if run.missed else "all aims are met"))
    return 1 if run.missed else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benches/storms/run", description=__doc__)
    parser.add_argument("--binary", type=Path, required=True, help="trackgate; by default a release build of the tree")
    parser.add_argument("--bare", type=Path, required=True, help="Argon2id alone; by default built from bare.rs")
    parser.add_argument("--json", type=Path, required=True, help="where the figures go")
    parser.add_argument("--quick", action="store_true", help="short phases: figures that say little")
    parser.add_argument("--only", default="", choices=("", *PARTS), help="one part")
    parser.add_argument("--ahead", action="store_true", help="as root: servers and clients go before all other work")
    return parser.parse_args()


@dataclass(frozen=True)
class Throughput:
    """Sign-ins of a storm that nobody is turned away from, against bare Argon2id."""

    rate: float
    #: Share of the time in which the hashing threads ran or waited for a core.
    kept_busy: float
    #: CPU milliseconds of a hashing thread for a sign-in, and of a bare hash beside the storm.
    cpu_ms: float
    bare_ms: float

    @property
    def of_limit(self) -> float:
        return self.kept_busy * self.bare_ms / self.cpu_ms


def throughput(run: Run) -> None:
    print("\nthroughput: right passwords of accounts that nobody used before, eight connections for each thread")
    print(f"  {'door':12}{'sign-ins/s':>11}{'kept busy':>11}{'CPU ms each':>13}{'bare ms':>9}{'of the limit':>14}")
    for name, made in DOORS.items():
        seen = []
        for number in range(run.rounds):
            with run.gate() as gate:
                seen.append(stormed(run, gate, made, number))
        middle = sorted(seen, key=lambda one: one.of_limit)[len(seen) // 2]
        run.figures[f"throughput, {name}"] = [asdict(one) | {"of_limit": one.of_limit} for one in seen]
        print(f"  {name:12}{middle.rate:11.1f}{middle.kept_busy:11.1%}{middle.cpu_ms:13.2f}{middle.bare_ms:9.2f}"
              f"{middle.of_limit:14.1%}", flush=True)
        run.aim(f"{name}: at least 95 % of the limit, {middle.of_limit:.1%}", fits=middle.of_limit >= 0.95)


def stormed(run: Run, gate: Gate, made: Made, number: int) -> Throughput:
    connections = 8 * int(gate.pool("threads"))
    # First alone, then beside bare hashes, so that whatever the machine does falls on both.
    storm = Running(gate.port, Storm(made, connections, None, first=0, accounts=1000), run.seconds + 1)
    time.sleep(0.5)
    before, at = gate.threads(), time.monotonic()
    ended = gate.pool("jobs_total")
    time.sleep(run.seconds)
    after, took = gate.threads(), time.monotonic() - at
    rate = (gate.pool("jobs_total") - ended) / took
    seen = storm.seen()
    if set(seen.ends) != {"in"}:
        raise Failed(f"not everybody got in: {dict(seen.ends)}")
    busy = (after.ran - before.ran + after.waited - before.waited) / 1e9 / took / gate.pool("threads")
    storm = Running(gate.port, Storm(made, connections, None, first=1000, accounts=1000), run.seconds + 1)
    time.sleep(0.5)
    before, ended = gate.threads(), gate.pool("jobs_total")
    told = subprocess.run([run.bare, str(run.seconds)], capture_output=True, text=True, check=True,
                          env=own_environment())
    after, jobs = gate.threads(), gate.pool("jobs_total") - ended
    storm.seen()
    return Throughput(rate, busy, (after.ran - before.ran) / 1e6 / jobs, json.loads(told.stdout)["cpu_ms"])


def returning(run: Run) -> None:
    """After a restart everybody comes at once, each from a network of their own, and again when told to."""
    number = 50 if run.rounds == 1 else 200
    print(f"\nreturn: {number} clients of as many networks come at once, and come back after a second when turned away")
    with run.gate() as gate:
        before, began = gate.threads(), time.monotonic()
        seen = asyncio.run(all_in(gate, number))
        after, took = gate.threads(), time.monotonic() - began
        threads = int(gate.pool("threads"))
    busy = (after.ran - before.ran + after.waited - before.waited) / 1e9 / took / threads
    asked_for = sum(seen.ends.values())
    p50, p99 = places(seen.waits)
    run.figures["return"] = {"clients": number, "seconds": took, "kept_busy": busy, "ends": seen.ends}
    print(f"  all are in after {took:.1f} s and {asked_for} requests, {seen.ends['full']} of them turned away; the last"
          f" request of each took p50 {p50:.0f} ms, p99 {p99:.0f} ms; hashing threads kept busy {busy:.1%}")
    run.aim(f"while others wait, threads are busy at least 90 % of the time, {busy:.1%}", fits=busy >= 0.9)


async def all_in(gate: Gate, number: int) -> Seen:
    seen = Seen()

    async def one(number: int) -> None:
        while await sign_in(gate.port, lptracker, seen, network(number), rider(number)) != "in":
            await asyncio.sleep(1)

    await asyncio.gather(*(one(each) for each in range(number)))
    return seen


def others(run: Run) -> None:
    """Requests that need no hash, at the same rate with and without a storm."""
    print("\nothers: 200 requests/s with a known pair and 200 without one, 10 health probes, while a storm signs in")
    print(f"  {'storm':>7}{'known p50':>11}{'p99':>8}{'none p50':>10}{'p99':>8}{'health p50':>12}{'p99':>8}"
          f"{'errors':>8}{'peak MiB':>10}")
    with run.gate() as gate:
        quiet = 0.0
        for size in (0, *SIZES):
            storm = Running(gate.port, Storm(fittrackee, size, STORMING), run.seconds + 2) if size else None
            time.sleep(1 if size else 0)
            gate.forget_peak()
            known, none, health, errors = asked(gate, run.seconds)
            if storm:
                storm.seen()
            row = [known, none, health]
            run.figures[f"others, {size}"] = {"known": known, "none": none, "health": health, "errors": errors,
                                              "peak_mib": gate.megabytes("VmHWM")}
            print(f"  {size:7}" + "".join(f"{p50:{11 - at}.2f}{p99:8.2f}" for at, (p50, p99) in enumerate(row))
                  + f"{errors:8}{gate.megabytes('VmHWM'):10.1f}", flush=True)
            quiet = known[1] if not size else quiet
            if errors:
                run.aim(f"nobody else is refused in a storm of {size}", fits=False)


def asked(gate: Gate, seconds: float) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float], int]:
    """Milliseconds (p50 and p99) with a known pair, without one, of the health probe, and how many failed."""
    url, client = f"http://127.0.0.1:{gate.port}/auth", "198.51.100.200"
    asyncio.run(until_in(gate, client))
    pair = basic(client, "victim", PASSWORD).decode().partition("Authorization: ")[2].partition("\r\n")[0]
    with TemporaryDirectory() as folder:
        running = []
        for name, more in (("known", [f"Authorization: {pair}"]), ("none", [])):
            words = [word for line in (f"X-Forwarded-For: {client}", *more) for word in ("-H", line)]
            command = ["h2load", "--h1", "-t1", "-c8", "-m1", f"-D{seconds:.0f}", "--rps=25", "--log-file",
                       f"{folder}/{name}", *words, url]
            running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, env=own_environment()))
        probes, failed = [], 0
        end = time.monotonic() + seconds
        while (began := time.monotonic()) < end:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{gate.admin}/healthz", timeout=10):
                    probes.append((time.monotonic() - began) * 1000)
            except OSError:
                failed += 1
            time.sleep(0.1)
        for one in running:
            one.wait(seconds + 30)
        seen = []
        for name, expected in (("known", "200"), ("none", "401")):
            # Start, status, microseconds.
            lines = [line.split("\t") for line in Path(folder, name).read_text().splitlines()]
            failed += sum(line[1] != expected for line in lines)
            seen.append(places([int(line[2]) / 1000 for line in lines]))
    return seen[0], seen[1], places(probes), failed


async def until_in(gate: Gate, client: str) -> None:
    """Makes the pair known, whatever storms."""
    for _number in range(100):
        if await sign_in(gate.port, basic, Seen(), client, "victim") == "in":
            return
        await asyncio.sleep(0.1)
    raise Failed("nobody gets in")


def fairness(run: Run) -> None:
    """One network storms; eight others sign in about once a second each."""
    print("\nfairness: one network storms, with right passwords and with wrong ones at one account;"
          f" {OTHERS} riders of other networks sign in once a second")
    print(f"  {'storm':>14}{'its sign-ins/s':>16}{'its 503s/s':>12}{'others in':>11}{'503':>6}{'p50 ms':>9}{'p99 ms':>9}"
          f"{'peak MiB':>10}")
    for guesses in (False, True):
        for size in SIZES:
            with run.gate() as gate:
                gate.forget_peak()
                what = Storm(fittrackee, size, STORMING, guesses=guesses, accounts=1500)
                storm = Running(gate.port, what, run.seconds + 2)
                time.sleep(1)
                seen = asyncio.run(now_and_then(gate, run.seconds))
                stormed = storm.seen()
                peak = gate.megabytes("VmHWM")
            asked_for = sum(seen.ends.values())
            p50, p99 = places(seen.waits) if seen.waits else (float("nan"), float("nan"))
            kind = f"{size} {'wrong' if guesses else 'right'}"
            per_second = {end: number / (run.seconds + 2) for end, number in stormed.ends.items()}
            run.figures[f"fairness, {kind}"] = {"storm": per_second, "others": seen.ends, "p50_ms": p50, "p99_ms": p99,
                                                "peak_mib": peak}
            tried = per_second.get("in", 0)
            print(f"  {kind:>14}{tried:16.1f}{per_second.get('full', 0):12.1f}"
                  f"{seen.ends['in']:>6} of {asked_for:<3}{seen.ends['full']:5}{p50:9.0f}{p99:9.0f}{peak:10.1f}", flush=True)
            if seen.ends["in"] < asked_for:
                run.aim(f"in a storm of {kind} everybody else gets in: {dict(seen.ends)}", fits=False)


async def now_and_then(gate: Gate, seconds: float) -> Seen:
    """Riders who sign in once a second each, each from a network of its own."""
    seen = Seen()

    async def one(number: int) -> None:
        await asyncio.sleep(number / OTHERS)
        end = time.monotonic() + seconds
        while (began := time.monotonic()) < end:
            await sign_in(gate.port, fittrackee, seen, f"198.51.100.{number + 1}", rider(1900 + number))
            await asyncio.sleep(max(0.0, began + 1 - time.monotonic()))

    await asyncio.gather(*(one(number) for number in range(OTHERS)))
    return seen


def leaving(run: Run) -> None:
    """Clients that give up while they wait cost nothing, and have guessed nothing."""
    print("\nleaving: 64 clients of one network sign in with right passwords and hang up after 50 ms, again and again")
    with run.gate() as gate:
        at_rest = gate.megabytes("VmRSS")
        before = gate.pool("jobs_total"), gate.pool("abandoned_total"), gate.pool("refused_total")
        asked_for, waits = asyncio.run(left(gate, run.seconds))
        time.sleep(1)
        names = ("jobs_total", "abandoned_total", "refused_total")
        hashed, abandoned, refused = (gate.pool(name) - was for name, was in zip(names, before, strict=True))
        p50, p99 = places(waits.waits) if waits.waits else (float("nan"), float("nan"))
        print(f"  {asked_for} asked and left: {hashed - sum(waits.ends.values()):.0f} were hashed, {abandoned:.0f} left the"
              f" queue, {refused:.0f} were turned away; meanwhile from elsewhere {dict(waits.ends)}, p50 {p50:.0f} ms,"
              f" p99 {p99:.0f} ms")
        print(f"  memory: {at_rest:.1f} MiB at rest, {gate.megabytes('VmRSS'):.1f} MiB afterwards")
        # The owner of an account who gave up many times, each time behind others, then waits.
        times, victim = asyncio.run(gave_up(gate))
        print(f"  whoever gave up {times} times behind others, and then waits: {victim}")
        run.figures["leaving"] = {"asked": asked_for, "hashed": hashed, "abandoned": abandoned, "refused": refused,
                                  "elsewhere": waits.ends, "p50_ms": p50, "p99_ms": p99, "gave_up": victim}
        run.aim("whoever gave up while waiting still gets in", fits=victim == "in")


async def left(gate: Gate, seconds: float) -> tuple[int, Seen]:
    asked_for, end = 0, time.monotonic() + seconds
    requests = Storm(fittrackee, 0, STORMING, accounts=1500).requests()

    async def one() -> None:
        nonlocal asked_for
        while time.monotonic() < end:
            connection = await Connection.open(gate.port)
            asked_for += 1
            with suppress(TimeoutError, OSError):
                await asyncio.wait_for(connection.ask(next(requests)), 0.05)
            connection.close()
            await asyncio.sleep(0.2)

    seen, *_rest = await asyncio.gather(now_and_then(gate, seconds), *(one() for _number in range(64)))
    return asked_for, seen


async def gave_up(gate: Gate) -> tuple[int, str]:
    """How often the owner of an account gave up, each time with others of the same network before them; and what
    became of them when they waited."""
    left, riders = 0, iter(range(1500, 2000))
    for number in range(3 * GIVES_UP):
        client = f"198.51.100.{100 + number}"
        ahead = [await Connection.open(gate.port) for _number in range(7)]
        asking = [asyncio.create_task(one.ask(fittrackee(client, rider(next(riders)), PASSWORD))) for one in ahead]
        await asyncio.sleep(0.02)
        connection = await Connection.open(gate.port)
        try:
            await asyncio.wait_for(connection.ask(basic(client, "victim", PASSWORD)), 0.06)
        except (TimeoutError, OSError):
            left += 1
        connection.close()
        await asyncio.gather(*asking, return_exceptions=True)
        for one in ahead:
            one.close()
        if left == GIVES_UP:
            break
    while (end := await sign_in(gate.port, basic, Seen(), "198.51.100.99", "victim")) == "full":
        await asyncio.sleep(0.2)
    return left, end


MEASURES = {"throughput": throughput, "return": returning, "others": others, "fairness": fairness, "leaving": leaving}


def places(times: Sequence[float]) -> tuple[float, float]:
    """p50 and p99."""
    ordered = sorted(times)
    return median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def load() -> str:
    return " ".join(f"{number:.2f}" for number in os.getloadavg())


if __name__ == "__main__":
    sys.exit(main())
