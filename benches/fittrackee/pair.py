"""The two servers with the same people and workouts in them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from load import PASSWORD
from machine import Meter, children, name_of, parent_of
from processes import Failed, Program, own_environment, run_to_end, running
from wire import ask, json_body

NAMES = ["rider", "walker", "runner", "rower"]
WORKOUTS = 10

CONFIG = """
[listen]
address = "127.0.0.1:0"

[log]
format = "json"
access = {access}

# Every sign-in hashes.
[passwords]
remember = "0s"

[trackers.fittrackee]

[[routes]]
name = "fittrackee"
tracker = "fittrackee"
"""


@dataclass(frozen=True)
class Server:
    """A running server, the token of its first user, and what it costs."""

    name: str
    port: int
    token: str
    own: Meter
    # The processes that it cannot do without, by their names.
    beside: Mapping[str, Meter]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def processes(self) -> list[int]:
        return [process for meter in (self.own, *self.beside.values()) for process in meter.processes()]

    def cpu(self) -> float:
        """CPU seconds of the server with what is beside it."""
        return sum(meter.cpu() for meter in (self.own, *self.beside.values()))

    def get(self, path: str) -> Any:
        return call(self.port, "GET", path, self.token)


def email(name: str) -> str:
    return f"{name}@example.org"


def original() -> Server:
    """The FitTrackee that `.ci/with-fittrackee` runs around this program."""
    port = urlsplit(os.environ["FITTRACKEE_URL"]).port
    gunicorn = int(os.environ["FITTRACKEE_GUNICORN_PID"])
    assert port
    for name in NAMES:
        create = [os.environ["FITTRACKEE_FTCLI"], "users", "create", name, "--email", email(name)]
        run_to_end([*create, "--password", PASSWORD], own_environment(), Path.cwd())
    beside = {}
    for process in children(parent_of(gunicorn)):
        if (name := name_of(process)) in ("postgres", "redis-server"):
            beside[name] = Meter([process])
    if len(beside) != 2:
        raise Failed(f"beside gunicorn there is only {list(beside)}")
    return Server("FitTrackee", port, filled(port), Meter([gunicorn]), beside)


@contextmanager
def trackgate(binary: Path, access_log: bool) -> Iterator[Server]:
    """Runs trackgate with its defaults, but for the memory of passwords and perhaps the access log."""
    with TemporaryDirectory(prefix="trackgate-") as name:
        folder = Path(name)
        (folder / "trackgate.toml").write_text(CONFIG.format(access=str(access_log).lower()))
        places = ["--config", str(folder / "trackgate.toml"), "--data-dir", str(folder / "data")]
        # It ends even when this program is killed, as the one around it does when it is interrupted.
        start = ["setpriv", "--pdeathsig", "TERM", str(binary), "serve", *places]
        program = Program(start, folder / "trackgate.log", own_environment())
        with running(program):
            program.wait_until(lambda: port_of(program) != 0, 30)
            port = port_of(program)
            for person in NAMES:
                form = {"username": person, "email": email(person), "password": PASSWORD, "accepted_policy": True}
                call(port, "POST", "/api/auth/register", "", form)
                # Without mail nobody is sent a link to confirm the address.
                run_to_end([str(binary), "user", "enable", person, *places], own_environment(), folder)
            yield Server("trackgate", port, filled(port), Meter([program.child.pid]), {})


def port_of(program: Program) -> int:
    """The port that the gateway said it listens on; 0 as long as it did not."""
    found = re.search(r"http://127\.0\.0\.1:(\d+)", program.log.read_text(errors="replace"))
    return int(found[1]) if found else 0


def filled(port: int) -> str:
    """Gives the first user some workouts; the answer is a token of theirs."""
    answer = call(port, "POST", "/api/auth/login", "", {"email": email(NAMES[0]), "password": PASSWORD})
    token: str = answer["auth_token"]
    for number in range(WORKOUTS):
        workout = {
            "sport_id": 1 + number % 5,
            "duration": 3600 + 60 * number,
            "distance": 10.5 + number,
            "workout_date": f"2026-10-{number + 1:02} 08:00",
        }
        call(port, "POST", "/api/workouts/no_gpx", token, workout)
    return token


def call(port: int, method: str, path: str, token: str, form: object = None) -> Any:
    body = json_body(form) if form is not None else None
    headers = [("Authorization", f"Bearer {token}")] if token else []
    headers += list(body.headers.items()) if body else []
    answer = ask(port, method, path, headers, body.content if body else b"")
    if answer.status not in (200, 201):
        raise Failed(f"{method} {path}: {answer.describe()}")
    return json.loads(answer.body)
