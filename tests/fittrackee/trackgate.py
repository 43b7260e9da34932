"""trackgate as built from the tree, with a mail server of its own."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mails import Sink, sink
from original import SECRET, SENDER, UI_URL, web_app
from processes import Failed, Program, own_environment, running

CONFIG = """
[listen]
address = "127.0.0.1:0"

[log]
format = "json"

# The suite guesses wrong on purpose, all from one address.
[guessing]
per_account = 100000
per_network = 100000

[passwords]
threads = 2
queue = 64

[schemes.fit]
kind = "jwt"
algorithm = "HS256"
key = "file:{folder}/jwt.key"

[trackers.fittrackee]
ui_url = "{ui_url}"
web_app = "{web_app}"
{settings}
{mail}
[[routes]]
name = "fittrackee"
tracker = "fittrackee"
{route}
"""

MAIL = """
[mail]
url = "{url}"
from = "{sender}"
"""


@dataclass(frozen=True)
class Trackgate:
    """A running gateway and what is around it."""

    port: int
    folder: Path
    mails: Sink
    binary: Path

    def run(self, *arguments: str) -> str:
        """Runs an operator's command of trackgate beside the gateway; gives what it printed."""
        command = [str(self.binary), *arguments, *places(self.folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=own_environment())
        if done.returncode:
            raise Failed(f"trackgate {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def new_token(self, user: str, grants: Sequence[str]) -> tuple[str, str]:
        """Issues an API token; gives its text and its id."""
        wanted = [word for grant in grants for word in ("--grant", grant)]
        told = json.loads(self.run("token", "new", "--user", user, *wanted, "--json"))
        return told["token"], told["id"]


@contextmanager
def trackgate(
    binary: Path, settings: str = "", route: str = "", with_mail: bool = True, mail_folder: Path | None = None
) -> Iterator[Trackgate]:
    """Runs it while the block runs; `settings` go to the tracker's table, `route` to its route, mails to a folder."""
    if not binary.exists():
        raise Failed(f"no {binary}: run cargo build first")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="trackgate-")))
        mails = stack.enter_context(sink(mail_folder))
        (folder / "jwt.key").write_text(SECRET)
        (folder / "jwt.key").chmod(0o600)
        mail = MAIL.format(url=mails.url, sender=SENDER) if with_mail else ""
        text = CONFIG.format(folder=folder, ui_url=UI_URL, web_app=web_app(), settings=settings, mail=mail, route=route)
        (folder / "trackgate.toml").write_text(text)
        start = [str(binary), "serve", *places(folder)]
        server = stack.enter_context(running(Program(start, folder / "trackgate.log", own_environment())))
        server.wait_until(lambda: port_of(server) != 0, 30)
        yield Trackgate(port_of(server), folder, mails, binary)


def places(folder: Path) -> list[str]:
    return ["--config", str(folder / "trackgate.toml"), "--data-dir", str(folder / "data")]


def port_of(server: Program) -> int:
    """The port that the gateway said it listens on; 0 as long as it did not."""
    found = re.search(r"http://127\.0\.0\.1:(\d+)", server.log.read_text(errors="replace"))
    return int(found[1]) if found else 0
