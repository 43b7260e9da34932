"""trackgate with two thousand accounts, and what it tells about itself."""

from __future__ import annotations

import sqlite3
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clients import PASSWORD, rider
from processes import Failed, Program, free_port, own_environment, running

ACCOUNTS = 2000

CONFIG = """
[listen]
address = "127.0.0.1:0"
trusted_proxies = ["127.0.0.1/32"]
[limits]
connections = 20000
[log]
access = false
[admin]
address = "127.0.0.1:{admin}"
[[routes]]
name = "livetracking"
match = "GET /auth"
tracker = "livetracking"
[[routes]]
name = "lptracker"
match = "POST /login"
tracker = "lptracker"
[[routes]]
name = "fittrackee"
match = "POST /api/auth/login"
tracker = "fittrackee"
"""


@dataclass(frozen=True)
class Threads:
    """Nanoseconds that the hashing threads ran, and waited for a core, so far."""

    ran: int
    waited: int


@dataclass(frozen=True)
class Gate:
    """A running trackgate."""

    process: int
    port: int
    admin: int

    def figures(self) -> dict[str, float]:
        """The metrics page, by series."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def pool(self, name: str) -> float:
        """A figure of the pool; 0 where this trackgate has none of that name."""
        return self.figures().get(f"trackgate_hash_pool_{name}", 0)

    def threads(self) -> Threads:
        ran = waited = 0
        for task in Path(f"/proc/{self.process}/task").iterdir():
            if (task / "comm").read_text().startswith("hash-"):
                fields = (task / "schedstat").read_text().split()
                ran, waited = ran + int(fields[0]), waited + int(fields[1])
        return Threads(ran, waited)

    def megabytes(self, key: str) -> float:
        """`VmRSS` or `VmHWM`."""
        lines = Path(f"/proc/{self.process}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024

    def forget_peak(self) -> None:
        Path(f"/proc/{self.process}/clear_refs").write_text("5")


@contextmanager
def trackgate(folder: Path, binary: Path) -> Iterator[Gate]:
    """A fresh one: nobody has signed in yet."""
    folder.mkdir()
    admin = free_port()
    (folder / "trackgate.toml").write_text(CONFIG.format(admin=admin))
    places = ["--config", str(folder / "trackgate.toml"), "--data-dir", str(folder / "data")]
    add = [str(binary), "user", "add", "victim", "--email", "victim@example.org", "--password-stdin", *places]
    done = subprocess.run(add, input=PASSWORD, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"trackgate user add: {done.stderr}")
    with sqlite3.connect(folder / "data" / "trackgate.db") as database:
        # One hash for all: checking it costs what any costs.
        names = [rider(number) for number in range(ACCOUNTS)]
        rows = [(1000 + number, name, name, *[f"{name}@example.org"] * 2) for number, name in enumerate(names)]
        database.executemany(
            "INSERT INTO accounts (id, name, canonical, email, email_folded, state, grants, password, generation,"
            " not_before, created_at) SELECT ?, ?, ?, ?, ?, state, grants, password, generation, not_before,"
            " created_at FROM accounts WHERE name = 'victim'", rows)
    serve = ["setpriv", "--pdeathsig", "TERM", str(binary), "serve", *places]
    program = Program(serve, folder / "log", own_environment())
    with running(program):
        program.wait_until(lambda: "listening on" in program.log.read_text(), 30)
        port = int(program.log.read_text().split("listening on ")[1].split()[0].rsplit(":", 1)[1])
        yield Gate(program.child.pid, port, admin)
