"""The proxies, each run by its file in examples/forward-auth with the ports of this run."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from processes import Failed, Program, answers, free_port, own_environment, running
from trackgate import filled
from wire import ask

HERE, APPLICATION, QUESTIONS = "127.0.0.1:8080", "127.0.0.1:3000", "127.0.0.1:9091"


@dataclass(frozen=True)
class Setting:
    """Where a proxy stands."""

    examples: Path
    folder: Path
    port: int
    application: int
    questions: int

    def example(self, name: str, more: dict[str, str] | None = None, head: str = "", tail: str = "") -> Path:
        """An example's file with the ports filled in, in the folder of this run."""
        ports = {APPLICATION: f"127.0.0.1:{self.application}", QUESTIONS: f"127.0.0.1:{self.questions}"}
        text = filled((self.examples / name).read_text(), {**ports, **(more or {})})
        place = self.folder / name
        place.write_text(head + text + tail)
        return place


def nginx(setting: Setting) -> list[str]:
    site = setting.example("nginx.conf", {HERE: f"127.0.0.1:{setting.port}"})
    kept = "".join(
        f"{name}_temp_path {setting.folder}/{name};" for name in ("client_body", "fastcgi", "proxy", "scgi", "uwsgi")
    )
    whole = setting.folder / "whole.conf"
    whole.write_text(
        f"user {pwd.getpwuid(os.getuid()).pw_name}; daemon off; worker_processes 1; pid {setting.folder}/nginx.pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {kept} include {site}; }}\n"
    )
    return [program("nginx"), "-e", "stderr", "-p", str(setting.folder), "-c", str(whole)]


def haproxy(setting: Setting) -> list[str]:
    shutil.copy(setting.examples / "haproxy.lua", setting.folder)
    script = {HERE: f"127.0.0.1:{setting.port}", "/etc/haproxy/haproxy.lua": str(setting.folder / "haproxy.lua")}
    return [program("haproxy"), "-db", "-q", "-f", str(setting.example("haproxy.cfg", script))]


def caddy(setting: Setting) -> list[str]:
    place = setting.example("Caddyfile", {":8080 {": f":{setting.port} {{"}, "{\n\tadmin off\n\tauto_https off\n}\n")
    return [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(place)]


def traefik(setting: Setting) -> list[str]:
    return [
        program("traefik"),
        f"--entryPoints.web.address=127.0.0.1:{setting.port}",
        f"--providers.file.filename={setting.example('traefik-dynamic.yml')}",
        "--global.checkNewVersion=false",
        "--global.sendAnonymousUsage=false",
    ]


PROXIES: dict[str, Callable[[Setting], list[str]]] = {
    "nginx": nginx,
    "haproxy": haproxy,
    "caddy": caddy,
    "traefik": traefik,
}


def program(name: str) -> str:
    """A program on the path, or beside this Python."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if not found:
        raise Failed(f"there is no {name}")
    return found


@contextmanager
def proxy(name: str, examples: Path, folder: Path, application: int, questions: int) -> Iterator[int]:
    """Runs a proxy while the block runs; gives its port."""
    folder.mkdir()
    setting = Setting(examples, folder, free_port(), application, questions)
    # It ends even when this program is killed.
    command = ["setpriv", "--pdeathsig", "TERM", *PROXIES[name](setting)]
    environment = own_environment(XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder), HOME=str(folder))
    with running(Program(command, folder / "log", environment)) as child:
        # Traefik listens before it knows what for.
        child.wait_until(lambda: answers(setting.port) and ask(setting.port, "GET", "/riders/x", [], b"").status == 401, 30)
        yield setting.port
