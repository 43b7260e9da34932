"""trackgate as built from the tree, with a rider who has a credential of every kind."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from processes import Failed, Program, answers, free_port, own_environment, running
from wire import ask, json_body

PASSWORD = "correct-horse-1"

# Beside the example's: what the checks need more.
MORE = """
[listen]
address = "127.0.0.1:{main}"

[log]
format = "json"

# Wrong passwords come on purpose, all from one address.
[guessing]
per_account = 100000
per_network = 100000

[[routes]]
name = "writes"
match = "POST /writes"
auth = ["basic", "api"]
allow = {{ grants = ["points:write"] }}
forward_auth = true

[[routes]]
name = "far"
match = "/far"
auth = ["basic"]
allow = {{ networks = ["203.0.113.0/24"] }}
forward_auth = true

[[routes]]
name = "old"
match = "/old"
auth = ["lp"]
dialect = "lptracker"
forward_auth = true
"""

# One for each proxy.
SLOW = """
[[routes]]
name = "slow-{name}"
match = "/slow/{name}"
auth = ["basic"]
allow = {{ rate = "1/h burst 1" }}
forward_auth = true
"""


@dataclass
class Trackgate:
    """A running gateway."""

    main: int
    http: int
    grpc: int
    program: Program
    places: list[str] = field(default_factory=list)

    def command(self, *arguments: str, given: str = "") -> str:
        """What a command of the gateway's own prints."""
        call = [*self.places[:1], *arguments, *self.places[1:]]
        done = subprocess.run(call, input=given, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise Failed(f"trackgate {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def new_token(self, *grants: str) -> tuple[str, str]:
        """The id of a new API token of the rider's, and its text."""
        text = self.command("token", "new", "--user", "rider", *(f"--grant={grant}" for grant in grants)).split()
        token = next(word for word in text if word.startswith("tg_"))
        listed = json.loads(self.command("--json", "token", "list", "--user", "rider"))
        return next(row["id"] for row in listed if row["id"] in token), token


@dataclass(frozen=True)
class Credentials:
    """One of each kind, as header lines."""

    api: tuple[str, str]
    basic: tuple[str, str]
    jwt: tuple[str, str]
    reader: tuple[str, str]
    revoked: tuple[str, str]
    sliding: tuple[str, str]
    token_as_password: tuple[str, str]
    wrong: tuple[str, str]


@contextmanager
def trackgate(binary: Path, examples: Path, proxies: Sequence[str]) -> Iterator[Trackgate]:
    """Runs it by the example's file while the block runs."""
    if not binary.exists():
        raise Failed(f"no {binary}: run cargo build first")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="trackgate-")))
        main, http, grpc = free_port(), free_port(), free_port()
        text = (examples / "trackgate.toml").read_text()
        text = filled(text, {"127.0.0.1:9091": f"127.0.0.1:{http}", "127.0.0.1:9092": f"127.0.0.1:{grpc}"})
        (folder / "trackgate.toml").write_text(MORE.format(main=main) + text + "".join(SLOW.format(name=name) for name in proxies))
        places = ["--config", str(folder / "trackgate.toml"), "--data-dir", str(folder / "data")]
        # It ends even when this program is killed.
        start = ["setpriv", "--pdeathsig", "TERM", str(binary.resolve()), "serve", *places]
        program = Program(start, folder / "trackgate.log", own_environment())
        stack.enter_context(running(program))
        program.wait_until(lambda: answers(main) and answers(http) and answers(grpc), 30)
        yield Trackgate(main, http, grpc, program, [str(binary.resolve()), *places])


def credentials(gate: Trackgate) -> Credentials:
    """Makes the rider and signs in at every door."""
    gate.command("user", "add", "rider", "--email", "rider@example.org", "--password-stdin", given=PASSWORD + "\n")
    _, writer = gate.new_token("points:write", "sessions:read")
    _, reader = gate.new_token("points:read")
    number, revoked = gate.new_token("points:write")
    gate.command("token", "revoke", number)
    login = json_body({"login": "rider@example.org", "password": PASSWORD, "service": "watch", "version": "1.0"})
    opened = ask(gate.main, "POST", "/login", list(login.headers.items()), login.content)
    login = json_body({"email": "rider@example.org", "password": PASSWORD})
    signed = ask(gate.main, "POST", "/api/auth/login", list(login.headers.items()), login.content)
    if opened.status != 200 or signed.status != 200:
        raise Failed(f"sign-in: {opened.describe()} {signed.describe()}")
    return Credentials(
        api=bearer(writer),
        basic=basic("rider", PASSWORD),
        jwt=bearer(signed.json["auth_token"]),
        reader=bearer(reader),
        revoked=bearer(revoked),
        sliding=("token", opened.json["result"]["token"]),
        token_as_password=basic("rider", writer),
        wrong=basic("rider", "wrong"),
    )


def basic(name: str, password: str) -> tuple[str, str]:
    return "Authorization", "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def bearer(token: str) -> tuple[str, str]:
    return "Authorization", f"Bearer {token}"


def filled(text: str, places: dict[str, str]) -> str:
    """An example's text with the places of this run; each must be in it."""
    for written, used in places.items():
        if written not in text:
            raise Failed(f"the example does not name {written}:\n{text}")
        text = text.replace(written, used)
    return text
