"""A real InfluxDB 1.6 as the original host runs it: every account has a database of its own name.

It lives in one new folder, speaks on loopback, and is gone afterwards. Its settings are those of a fair race:
what it acknowledges is on the disk, and it writes no access log.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from processes import Failed, Program, own_environment, running
from request import Request, send

ROOT, ROOT_PASSWORD = "root", "root-password"
PASSWORD = "correct horse"
PUBLIC, PUBLIC_PASSWORD = "public", "livetracking"
# The secret of its JWTs.
SECRET = "trackgate-reference-secret-key-0123456789abcdef"

CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:0"

[meta]
dir = "{folder}/meta"

[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
wal-fsync-delay = "0s"
query-log-enabled = false

[monitor]
store-enabled = false

[http]
bind-address = "127.0.0.1:0"
auth-enabled = true
log-enabled = false
realm = "Protected"
shared-secret = "{secret}"

[logging]
suppress-logo = true
"""


@dataclass(frozen=True)
class Original:
    """A running server."""

    port: int
    process: int
    folder: Path

    def published(self) -> dict[str, str]:
        """What a command run beside the server is told, as environment variables."""
        return {
            "INFLUXDB_URL": f"http://127.0.0.1:{self.port}",
            "INFLUXDB_PID": str(self.process),
            "INFLUXDB_FOLDER": str(self.folder),
            "INFLUXDB_ROOT_PASSWORD": ROOT_PASSWORD,
            "INFLUXDB_PASSWORD": PASSWORD,
            "INFLUXDB_PYTHON": sys.executable,
        }

    def add(self, name: str, password: str = PASSWORD) -> None:
        """What the original's `POST /register` does in InfluxDB."""
        self.run(
            f'CREATE DATABASE "{name}" WITH DURATION 8h SHARD DURATION 1h NAME "livetracking"',
            f"CREATE USER \"{name}\" WITH PASSWORD '{password}'",
            f'GRANT ALL ON "{name}" TO "{name}"',
            f'GRANT READ ON "{name}" TO "{PUBLIC}"',
        )

    def run(self, *statements: str) -> None:
        """Runs statements as the administrator."""
        for statement in statements:
            form = {"q": statement, "u": ROOT, "p": ROOT_PASSWORD}
            answer = send(self.port, Request("POST", "/query", form))
            if answer.status != 200 or "error" in str(answer.json):
                raise Failed(f"{statement}: {answer.describe()}")


@contextmanager
def original(accounts: Sequence[str]) -> Iterator[Original]:
    """Runs it with these accounts while the block runs."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="influxdb-")))
        (folder / "influxdb.conf").write_text(CONFIG.format(folder=folder, secret=SECRET))
        # It ends even when this program is killed.
        start = ["setpriv", "--pdeathsig", "TERM", "influxd", "run", "-config", str(folder / "influxdb.conf")]
        program = Program(start, folder / "influxdb.log", own_environment())
        with running(program):
            program.wait_until(lambda: port_of(program) != 0, 30)
            server = Original(port_of(program), program.child.pid, folder)
            server.run(
                f"CREATE USER {ROOT} WITH PASSWORD '{ROOT_PASSWORD}' WITH ALL PRIVILEGES",
                f"CREATE USER {PUBLIC} WITH PASSWORD '{PUBLIC_PASSWORD}'",
            )
            for name in accounts:
                server.add(name)
            yield server


def port_of(program: Program) -> int:
    """The port that the server said it listens on; 0 as long as it did not."""
    found = re.search(r"Listening on HTTP.*addr=127\.0\.0\.1:(\d+)", program.log.read_text(errors="replace"))
    return int(found[1]) if found else 0
