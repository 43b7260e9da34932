"""The clients, and what they saw: wrk and h2load, one thread each."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from processes import Failed, own_environment


@dataclass(frozen=True)
class Load:
    """What a client saw; times in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


REPORT = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('{"requests": %d, "micros": %d, "p50": %d, "p99": %d, "failed": %d}\\n', summary.requests,
    summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def wrk(url: str, seconds: float, headers: Mapping[str, str], connections: int) -> Load:
    """As many requests over HTTP/1.1 as the server takes on so many connections."""
    with TemporaryDirectory() as folder:
        script = Path(folder) / "report.lua"
        script.write_text(REPORT)
        words = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "20s", "-s", str(script), *words, url]
        told = json.loads(told_by(command, seconds).strip().splitlines()[-1])
    if told["failed"] or not told["requests"]:
        raise Failed(f"wrk: {told} from {url}")
    return Load(told["requests"], told["micros"] / 1e6, told["p50"] / 1000, told["p99"] / 1000)


def h2load(url: str, seconds: float, headers: Mapping[str, str], connections: int) -> Load:
    """The same over HTTP/2, with one stream on each connection."""
    words = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        command = ["h2load", "-t1", f"-c{connections}", "-m1", f"-D{seconds:.0f}", "--log-file", str(log), *words, url]
        return read(told_by(command, seconds), log, seconds, url)


def paced(url: str, seconds: float, headers: Mapping[str, str], connections: int, rate: float) -> Load:
    """So many requests a second over HTTP/1.1, whatever the answers take."""
    words = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        each = max(1, round(rate / connections))
        command = ["h2load", "--h1", "-t1", f"-c{connections}", "-m1", f"-D{seconds:.0f}", f"--rps={each}"]
        return read(told_by([*command, "--log-file", str(log), *words, url], seconds), log, seconds, url)


def read(told: str, log: Path, seconds: float, url: str) -> Load:
    found = re.search(r"requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored", told)
    if not found or not int(found[1]) or int(found[2]) or int(found[3]):
        raise Failed(f"h2load from {url}: {told[-600:]}")
    # Start, status, microseconds.
    times = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
    place = lambda share: times[min(len(times) - 1, int(len(times) * share))] / 1000  # noqa: E731
    return Load(int(found[1]), seconds, place(0.5), place(0.99))


def told_by(command: list[str], seconds: float) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=seconds + 40, env=own_environment()
    )
    if done.returncode:
        raise Failed(f"{command[0]}: {done.stderr}{done.stdout}")
    return done.stdout
