"""The real FitTrackee 0.8.13 beside PostgreSQL and Redis, as its manual says to run it.

Everything lives in one new folder, speaks on loopback or a Unix socket, and is gone afterwards.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mails import Sink, sink
from processes import Failed, Program, answers, free_port, own_environment, run_to_end, running
from tiles import tile_server

# The secret of the contract's golden vector (section 3.2).
SECRET = "trackgate-reference-secret-key-0123456789abcdef"
SENDER = "fittrackee@example.org"
UI_URL = "http://ui.example.org"


@dataclass(frozen=True)
class Original:
    """A running server and what is around it."""

    port: int
    database_url: str
    uploads: Path
    folder: Path
    mails: Sink
    gunicorn: int
    environment: Mapping[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ftcli(self, *arguments: str) -> str:
        """Runs the operator's command line of FitTrackee."""
        return run_to_end([program("ftcli"), *arguments], self.environment, self.folder)

    def published(self) -> dict[str, str]:
        """What a command run beside the server is told, as environment variables."""
        return {
            "FITTRACKEE_URL": self.url,
            "FITTRACKEE_DATABASE_URL": self.database_url,
            "FITTRACKEE_SECRET": SECRET,
            "FITTRACKEE_UPLOADS": str(self.uploads),
            "FITTRACKEE_MAILS": str(self.folder / "mails"),
            "FITTRACKEE_FTCLI": str(self.folder / "ftcli"),
            "FITTRACKEE_GUNICORN_PID": str(self.gunicorn),
            "FITTRACKEE_WEB_APP": str(web_app()),
            "FITTRACKEE_PYTHON": sys.executable,
        }


@contextmanager
def original(
    rate_limits: str = "100000 per 1 minute", max_users: int = 0, with_mail: bool = True, workers: int = 2
) -> Iterator[Original]:
    """Runs the whole of it while the block runs. `max_users` as FitTrackee's own setting; 0 is no limit."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="fittrackee-")))
        folder.chmod(0o711)
        (folder / "mails").mkdir()
        database = stack.enter_context(postgres(folder / "postgres"))
        redis = stack.enter_context(redis_server(folder / "redis"))
        mails = stack.enter_context(sink(folder / "mails"))
        tiles = stack.enter_context(tile_server())
        environment = settings(folder, database, redis, mails.url if with_mail else "", rate_limits) | {
            "TILE_SERVER_URL": tiles
        }
        write_ftcli(folder / "ftcli", environment)
        run_to_end([program("ftcli"), "db", "upgrade"], environment, folder)
        # The application makes its settings when it first runs; where several of it do so at once, they make several rows,
        # and none runs again.
        run_to_end([program("ftcli"), "users", "clean_tokens", "--days", "1"], environment, folder)
        if max_users:
            change = f"UPDATE app_config SET max_users = {max_users}"
            run_to_end(["psql", "-q", database, "-c", change], environment, folder)
        stack.enter_context(worker(folder, environment))
        port, process = stack.enter_context(gunicorn(folder, environment, workers))
        uploads = folder / "files" / "uploads"
        yield Original(port, database, uploads, folder, mails, process, environment)


def settings(folder: Path, database: str, redis: str, mail: str, rate_limits: str) -> dict[str, str]:
    return own_environment(
        APP_SETTINGS="fittrackee.config.ProductionConfig",
        APP_SECRET_KEY=SECRET,
        DATABASE_URL=database.replace("postgres://", "postgresql://"),
        REDIS_URL=redis,
        EMAIL_URL=mail,
        SENDER_EMAIL=SENDER,
        UI_URL=UI_URL,
        UPLOAD_FOLDER=str(folder / "files"),
        API_RATE_LIMITS=rate_limits,
        FLASK_APP="fittrackee",
    )


def program(name: str) -> str:
    """A program of the virtual environment that runs this file."""
    return str(Path(sys.executable).parent / name)


def web_app() -> Path:
    """The folder of the web client that the wheel brings."""
    library = Path(sys.prefix) / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    return library / "site-packages" / "fittrackee" / "dist"


def write_ftcli(path: Path, environment: Mapping[str, str]) -> None:
    lines = [f"export {name}='{value}'" for name, value in environment.items() if name.isupper()]
    path.write_text("\n".join(["#!/bin/sh", *lines, f"exec '{program('ftcli')}' \"$@\"", ""]))
    path.chmod(0o755)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A PostgreSQL server on a Unix socket in this folder; gives its URL."""
    folder.mkdir()
    binaries = postgres_binaries()
    wrapper: list[str] = []
    if os.geteuid() == 0:
        # The server refuses to run as root.
        user = server_user()
        shutil.chown(folder, user.pw_uid, user.pw_gid)
        wrapper = ["setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]
    data = folder / "data"
    make = ["initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    run_to_end([*wrapper, str(binaries / make[0]), *make[1:]], own_environment(), folder)
    options = {"listen_addresses": "", "unix_socket_directories": str(folder), "fsync": "off"}
    words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    start = [*wrapper, str(binaries / "postgres"), "-D", str(data), *words]
    server = Program(start, folder.parent / "postgres.log", own_environment(), last_signal=signal.SIGINT)
    with running(server):
        server.wait_until(lambda: is_ready(binaries, folder), 60)
        yield f"postgres://postgres@localhost/postgres?host={folder}"


def is_ready(binaries: Path, folder: Path) -> bool:
    ask = [str(binaries / "pg_isready"), "-q", "-h", str(folder), "-U", "postgres"]
    return subprocess.run(ask, check=False, timeout=10).returncode == 0


def postgres_binaries() -> Path:
    if named := os.environ.get("PG_BIN"):
        return Path(named)
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise Failed("no initdb: install the PostgreSQL server or set PG_BIN")
    return found[-1].parent


def server_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(os.environ.get("PG_USER", "postgres"))
    except KeyError:
        return pwd.getpwnam("nobody")


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """A Redis server that keeps nothing; gives its URL."""
    folder.mkdir()
    port = free_port()
    start = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with running(Program(start, folder.parent / "redis.log", own_environment())) as server:
        server.wait_until(lambda: answers(port), 30)
        yield f"redis://127.0.0.1:{port}"


@contextmanager
def worker(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """The process that sends mails and builds archives."""
    start = [program("flask"), "worker", "--processes", "1", "--threads", "2"]
    log = folder / "worker.log"
    # What it is asked to do waits in Redis until it is there.
    with running(Program(start, log, environment)):
        yield


@contextmanager
def gunicorn(folder: Path, environment: Mapping[str, str], workers: int) -> Iterator[tuple[int, int]]:
    """Plain gunicorn; gives its port and the process id of the master."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        port = int(listener.getsockname()[1])
        descriptor = listener.fileno()
        start = [program("gunicorn"), "--bind", f"fd://{descriptor}", "--workers", str(workers)]
        start.append("fittrackee:create_app()")
        server = Program(start, folder / "gunicorn.log", environment, pass_fds=[descriptor])
    with running(server):
        server.wait_until(lambda: server.tail().count("Booting worker") >= workers, 60)
        yield port, server.child.pid
