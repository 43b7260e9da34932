"""trackgate as built from the tree, with the Live Tracking host alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from original import PASSWORD
from processes import Failed, Program, own_environment, running
from request import Request, send
from wire import form_body

CONFIG = """
[listen]
address = "127.0.0.1:0"

[log]
format = "json"
access = false

# The suite guesses wrong on purpose, all from one address.
[guessing]
per_account = 100000
per_network = 100000

[trackers.livetracking]
{settings}

[[routes]]
name = "livetracking"
tracker = "livetracking"
"""


@dataclass(frozen=True)
class Trackgate:
    """A running gateway."""

    port: int
    process: int


@contextmanager
def trackgate(binary: Path, accounts: Sequence[str], variant: str = "plain") -> Iterator[Trackgate]:
    """Runs it with these accounts while the block runs; the variant `compat` refuses as InfluxDB does."""
    if not binary.exists():
        raise Failed(f"no {binary}: run cargo build first")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="trackgate-")))
        settings = 'compat = "influx"' if variant == "compat" else ""
        (folder / "trackgate.toml").write_text(CONFIG.format(settings=settings))
        places = ["--config", str(folder / "trackgate.toml"), "--data-dir", str(folder / "data")]
        # It ends even when this program is killed.
        start = ["setpriv", "--pdeathsig", "TERM", str(binary.resolve()), "serve", *places]
        program = Program(start, folder / "trackgate.log", own_environment())
        stack.enter_context(running(program))
        program.wait_until(lambda: port_of(program) != 0, 30)
        port = port_of(program)
        for name in accounts:
            form = form_body({"username": name, "password": PASSWORD})
            answer = send(port, Request("POST", "/register", {}, form.headers, form.content))
            if answer.status != 200:
                raise Failed(f"registration of {name}: {answer.describe()}")
        yield Trackgate(port, program.child.pid)


def port_of(program: Program) -> int:
    """The port that the gateway said it listens on; 0 as long as it did not."""
    found = re.search(r"http://127\.0\.0\.1:(\d+)", program.log.read_text(errors="replace"))
    return int(found[1]) if found else 0
