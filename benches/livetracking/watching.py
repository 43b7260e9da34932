"""The query of the page that watches a rider, over eight hours of samples, one each second."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from original import PASSWORD, PUBLIC
from page import page
from points import FIELDS, sample
from processes import Failed
from racers import WATCHED, Racer
from request import Request, basic, send
from side import authority

HOURS = 8
MEANS = ", ".join(f"MEAN({name})" for name in FIELDS)


@dataclass(frozen=True)
class Watched:
    """What the answers to a query took, in milliseconds."""

    latencies: list[float]
    cpu: float
    answer: bytes


def loaded(racer: Racer, now: int) -> None:
    """Eight hours of samples with fourteen fields, up to this second; a minute less, which is not yet too old."""
    seconds = range(now - HOURS * 3600 + 60, now + 1)
    for start in range(0, len(seconds), 2000):
        lines = [f"samples {sample(second - seconds[0])} {second}" for second in seconds[start : start + 2000]]
        fields = {"db": WATCHED, "precision": "s"}
        answer = send(
            racer.port, Request("POST", "/write", fields, basic(WATCHED, PASSWORD), "\n".join(lines).encode())
        )
        if answer.status != 204:
            raise Failed(f"{racer.name}: {answer.describe()}")


def requests(now: int) -> dict[str, Request]:
    """What is asked: the page's 26 statements, and the whole ride for a chart."""
    whole = f"SELECT {MEANS} FROM samples WHERE time > {now - HOURS * 3600}s AND time <= {now}s GROUP BY time(1m)"
    every = f"SELECT * FROM samples WHERE time > {now - HOURS * 3600}s"
    fields = {"db": WATCHED, "epoch": "s"}
    return {
        "the page's 26 statements": page(WATCHED, f"{now}s"),
        "means of each minute of 8 h": Request("GET", "/query", {**fields, "q": whole}, authority(PUBLIC)),
        "all samples of 8 h": Request("GET", "/query", {**fields, "q": every}, authority(PUBLIC)),
    }


def ask(racer: Racer, request: Request, seconds: float) -> Watched:
    """Asks one after the other on one connection, twice at least."""
    connection = http.client.HTTPConnection("127.0.0.1", racer.port, timeout=60)
    latencies: list[float] = []
    before, end = racer.meter.cpu(), time.perf_counter() + seconds
    body = b""
    while time.perf_counter() < end or len(latencies) < 2:
        began = time.perf_counter()
        connection.request(request.method, request.target, headers=dict(request.headers))
        response = connection.getresponse()
        body = response.read()
        latencies.append((time.perf_counter() - began) * 1000)
        if response.status != 200 or b'"error"' in body[:200]:
            raise Failed(f"{racer.name}: {response.status} {body[:300]!r}")
    connection.close()
    return Watched(latencies, (racer.meter.cpu() - before) * 1000 / len(latencies), body)


def same(answers: Sequence[bytes]) -> bool:
    """Whether these say the same; of more than ten thousand rows InfluxDB says `partial` though all are there."""
    return len({json.dumps(json.loads(answer, object_pairs_hook=without_partial)) for answer in answers}) == 1


def without_partial(members: list[tuple[str, object]]) -> dict[str, object]:
    return {name: value for name, value in members if name != "partial"}
