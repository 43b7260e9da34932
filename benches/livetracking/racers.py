"""The two servers, with the same riders on both."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from machine import Meter
from original import PASSWORD, Original
from processes import Failed
from request import Request, basic, send
from trackgate import trackgate

RIDERS = [f"rider{number:02}" for number in range(1, 17)]
# This one's samples are read, the others write.
WATCHED = "watched"


@dataclass
class Racer:
    """A running server and what it costs."""

    name: str
    port: int
    meter: Meter
    # The next time, in milliseconds, at which no rider has a point; how many points were acknowledged.
    free: int
    acknowledged: int = 0
    # How many more there may be, whose answers came too late to be counted.
    unanswered: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def query(self, text: str, rider: str) -> list[list[object]]:
        """The rows of the first series."""
        fields = {"db": rider, "epoch": "ms", "q": text}
        answer = send(self.port, Request("POST", "/query", fields, basic(rider, PASSWORD)), 300)
        try:
            series = json.loads(answer.body)["results"][0].get("series", [])
        except (KeyError, ValueError) as failure:
            raise Failed(f"{self.name}: {text}: {answer.describe()}") from failure
        return series[0]["values"] if series else []


@contextmanager
def racers(binary: Path | None) -> Iterator[list[Racer]]:
    """InfluxDB, as `.ci/with-influxdb` runs it around this program, and trackgate, unless there is no binary."""
    port = urlsplit(os.environ["INFLUXDB_URL"]).port
    assert port
    process, folder = int(os.environ["INFLUXDB_PID"]), Path(os.environ["INFLUXDB_FOLDER"])
    accounts = [*RIDERS, WATCHED]
    for name in accounts:
        Original(port, process, folder).add(name)
    # Half an hour short of what is kept.
    first = (int(time.time()) - 27_000) * 1000
    theirs = Racer("InfluxDB", port, Meter([process]), first)
    if binary is None:
        yield [theirs]
        return
    with trackgate(binary, accounts) as ours:
        yield [theirs, Racer("trackgate", ours.port, Meter([ours.process]), first)]


def credentials(riders: Sequence[str]) -> str:
    """As `write.lua` wants them."""
    pairs = (f"{name}={base64.b64encode(f'{name}:{PASSWORD}'.encode()).decode()}," for name in riders)
    return "".join(pairs)
