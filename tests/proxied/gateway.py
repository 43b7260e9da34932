"""Gateways that the checks start: the one in front, and one that plays legacy servers behind it."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from processes import Failed, Program, own_environment, running


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.text)
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.status} {self.text[:300]!r}"


@dataclass(frozen=True)
class Gateway:
    """A running trackgate with a folder of its own."""

    url: str
    process: int
    log: Path
    _places: Sequence[str] = field(repr=False, default=())
    _binary: str = ""

    def tell(self, *words: str, given: str = "") -> str:
        """What a sub-command of it prints."""
        done = subprocess.run(
            [self._binary, *words, *self._places], input=given, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode:
            raise Failed(f"trackgate {' '.join(words)}: {done.stderr}")
        return done.stdout

    def account(self, name: str, password: str) -> None:
        self.tell("user", "add", name, "--email", f"{name}@example.org", "--password-stdin", given=password)

    def token(self, name: str, *grants: str) -> str:
        words = [word for grant in grants for word in ("--grant", grant)]
        return str(json.loads(self.tell("token", "new", "--user", name, *words, "--json"))["token"])

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: str | None = None) -> Answer:
        data = None if body is None else body.encode()
        request = urllib.request.Request(self.url + path, data, dict(headers), method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Answer(response.status, dict(response.headers), response.read().decode())
        except urllib.error.HTTPError as refusal:
            return Answer(refusal.code, dict(refusal.headers), refusal.read().decode())


@contextmanager
def gateway(binary: Path, config: str, files: Mapping[str, str] | None = None) -> Iterator[Gateway]:
    """Runs trackgate by this configuration while the block runs; files stand beside it."""
    if not binary.exists():
        raise Failed(f"no {binary}: run cargo build first")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="trackgate-")))
        (folder / "trackgate.toml").write_text(config)
        for name, text in (files or {}).items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)
        places = ["--config", str(folder / "trackgate.toml"), "--data-dir", str(folder / "data")]
        # It ends even when this program is killed.
        start = ["setpriv", "--pdeathsig", "TERM", str(binary.resolve()), "serve", *places]
        program = Program(start, folder / "trackgate.log", own_environment())
        stack.enter_context(running(program))
        program.wait_until(lambda: port_of(program) != 0, 30)
        url = f"http://127.0.0.1:{port_of(program)}"
        yield Gateway(url, program.child.pid, program.log, places, str(binary.resolve()))


def port_of(program: Program) -> int:
    """The port that the gateway said it listens on; 0 as long as it did not."""
    found = re.search(r"http://127\.0\.0\.1:(\d+)", program.log.read_text(errors="replace"))
    return int(found[1]) if found else 0
