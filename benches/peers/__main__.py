"""Measures trackgate beside other proxies; see README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import signal
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import peers
from load import Load, h2load, paced, wrk
from machine import Meter, go_ahead
from peers import Ground, Server
from processes import Failed

Made = Callable[[Ground, str, str, str], AbstractContextManager[Server]]
PEERS: Mapping[str, Made] = {
    "nginx": peers.nginx, "HAProxy": peers.haproxy, "Caddy": peers.caddy, "Traefik": peers.traefik,
    "trackgate": peers.trackgate,
}
ALL = tuple(PEERS)
# Seconds after which memory of connections that rest is given back.
SETTLED = 15


@dataclass(frozen=True)
class Row:
    """One comparison: who takes part, and what is asked of all of them."""

    name: str
    scheme: str
    who: Sequence[str]
    target: str = "12 B"
    protocol: str = "h1"
    connections: int = 64
    cores: int = 1
    main: bool = True


ROWS: Sequence[Row] = (
    Row("none", "none", ALL),
    Row("basic", "basic", ("nginx", "HAProxy", "trackgate")),
    Row("basic, bcrypt", "bcrypt", ALL, connections=4),
    Row("api token", "api", ("trackgate",)),
    Row("sliding token", "sliding", ("trackgate",)),
    Row("jwt hs256", "jwt-hs256", ("nginx", "HAProxy", "trackgate")),
    Row("jwt es256", "jwt-es256", ("trackgate",)),
    Row("in-process", "basic", ("nginx", "trackgate"), target="in-process"),
    Row("forward-auth, jwt", "jwt-hs256", ("nginx", "nginx + trackgate"), target="forward-auth"),
    Row("none, 10 KiB", "none", ("nginx", "HAProxy", "trackgate"), target="10 KiB", main=False),
    Row("none, 1 MiB", "none", ("nginx", "HAProxy", "trackgate"), target="1 MiB", main=False),
    Row("none, TLS", "none", ("nginx", "HAProxy", "trackgate"), protocol="tls", main=False),
    Row("none, HTTP/2", "none", ("nginx", "HAProxy", "trackgate"), protocol="h2", main=False),
    Row("none, 1024 connections", "none", ("nginx", "HAProxy", "trackgate"), connections=1024, main=False),
    Row("none, two cores", "none", ("nginx", "HAProxy", "trackgate"), cores=2, main=False),
    Row("basic, two cores", "basic", ("nginx", "HAProxy", "trackgate"), cores=2, main=False),
)


@dataclass(frozen=True)
class Figure:
    """What one peer needed in one row: medians over the rounds."""

    peer: str
    rate: float
    cpu: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Aim:
    """A ratio of trackgate's CPU time for a request to another's."""

    row: str
    peer: str
    most: float
    ours: str = "trackgate"
    other_row: str = ""


AIMS: Sequence[Aim] = (
    Aim("none", "nginx", 1.2),
    Aim("none", "HAProxy", 0.9),
    Aim("jwt hs256", "HAProxy", 0.55),
    Aim("basic", "nginx", 1.1),
    Aim("basic, bcrypt", "nginx", 0.001),
    Aim("in-process", "nginx", 2.0),
    Aim("forward-auth, jwt", "nginx", 1.0, ours="nginx + trackgate"),
)
# A known credential may cost so many microseconds more than none.
CREDENTIALS, MICROSECOND = ("basic", "api token", "sliding token", "jwt hs256", "jwt es256"), 1.0


def main() -> int:
    arguments = parse()
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with suppress(ValueError, PermissionError):
        most = max(most, 65536)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rounds, seconds = (1, 2.0) if arguments.quick else (3, 5.0)
    rows = [row for row in ROWS if arguments.only in row.name and (row.main or arguments.all or arguments.only)]
    began = time.monotonic()
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')}, {os.cpu_count()} cores, Linux {platform.release()}, load {load()}")
    figures: dict[str, list[Figure]] = {}
    try:
        with TemporaryDirectory(prefix="peers-") as folder, peers.upstream(Path(folder)) as port:
            ground = Ground(Path(folder), arguments.binary.resolve(), port, os.urandom(32).hex())
            if arguments.ahead:
                go_ahead([os.getpid()])
            for row in rows:
                figures[row.name] = measure(row, ground, rounds, seconds)
                tell(row, figures[row.name])
            if not arguments.only:
                at_half(ground, figures["none"], seconds)
                idle(ground)
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    told = {name: [figure.__dict__ for figure in each] for name, each in figures.items()}
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(told, indent=1))
    fits = judge(figures)
    print(f"\n{time.monotonic() - began:.0f} s, load {load()}")
    return 0 if fits else 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benches/peers/run", description=__doc__)
    parser.add_argument("--binary", type=Path, required=True, help="trackgate; by default a release build of the tree")
    parser.add_argument("--json", type=Path, required=True, help="where the figures go")
    parser.add_argument("--all", action="store_true", help="every row, not the main ones alone")
    parser.add_argument("--quick", action="store_true", help="one short round: figures that say little")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows whose name holds this")
    parser.add_argument("--ahead", action="store_true", help="as root: servers and clients go before all other work")
    return parser.parse_args()


def measure(row: Row, ground: Ground, rounds: int, seconds: float) -> list[Figure]:
    """All peers run at once and are asked in turn, so that what else the machine does falls on all alike."""
    ground = replace(ground, cores=row.cores)
    path = {"in-process": "/user", "forward-auth": "/small"}.get(row.target) or f"/{peers.SIZES[row.target]}"
    with ExitStack() as stack:
        servers = [stack.enter_context(server) for server in started(row, ground)]
        for server in servers:
            check(server, path)
        seen: dict[str, list[tuple[Load, float]]] = {server.name: [] for server in servers}
        for _round in range(rounds):
            for server in servers:
                ask = h2load if row.protocol == "h2" else wrk
                meter = Meter(server.processes)
                before = meter.cpu()
                seen_here = ask(server.url + path, seconds, server.headers, row.connections)
                seen[server.name].append((seen_here, meter.cpu() - before))
    return [figure(name, each) for name, each in seen.items()]


def started(row: Row, ground: Ground) -> list[AbstractContextManager[Server]]:
    servers = []
    for name in row.who:
        if name == "nginx + trackgate":
            servers.append(asking(row, ground))
        elif name not in ("Caddy", "Traefik") or peers.is_there(name.lower()):
            servers.append(PEERS[name](ground, row.scheme, row.target, row.protocol))
    return servers


class asking(AbstractContextManager[Server]):  # noqa: N801
    """nginx with trackgate behind its `auth_request`."""

    def __init__(self, row: Row, ground: Ground) -> None:
        self.row, self.ground, self.stack = row, ground, ExitStack()

    def __enter__(self) -> Server:
        port = peers.free_port()
        more = f'[forward_auth]\naddress = "127.0.0.1:{port}"\nassertion = false\n'
        gate = self.stack.enter_context(peers.trackgate(self.ground, self.row.scheme, "", "h1", more))
        return self.stack.enter_context(
            peers.nginx_asking(self.ground, gate, f"http://127.0.0.1:{port}/auth/nginx")
        )

    def __exit__(self, *told: object) -> None:
        self.stack.close()


def check(server: Server, path: str) -> None:
    """It answers, and refuses who has no credential if it should know one."""
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    request = urllib.request.Request(server.url + path, headers=server.headers)
    with urllib.request.urlopen(request, timeout=30, context=unchecked) as answer:
        answer.read()
    if server.headers and path != "/user":
        try:
            urllib.request.urlopen(server.url + path, timeout=30, context=unchecked)
        except urllib.error.HTTPError as refusal:
            if refusal.code == 401:
                return
        raise Failed(f"{server.name} lets everybody in")


def figure(name: str, seen: Sequence[tuple[Load, float]]) -> Figure:
    return Figure(
        name,
        median(one.rate for one, _ in seen),
        median(cpu / one.requests * 1e6 for one, cpu in seen),
        median(one.p50 for one, _ in seen),
        median(one.p99 for one, _ in seen),
    )


def tell(row: Row, figures: Sequence[Figure]) -> None:
    print(f"\n{row.name}: {row.target}, {row.protocol}, {row.connections} connections, {row.cores} core(s)")
    print(f"  {'':18} {'requests/s':>10} {'CPU us':>9} {'p50 ms':>8} {'p99 ms':>8}")
    for one in figures:
        print(f"  {one.peer:18} {one.rate:10,.0f} {one.cpu:9,.1f} {one.p50:8.2f} {one.p99:8.2f}", flush=True)


def at_half(ground: Ground, peak: Sequence[Figure], seconds: float) -> None:
    """Latencies while a client asks half as often as the slower of the two can take."""
    rate = min(one.rate for one in peak if one.peer in ("HAProxy", "trackgate")) / 2
    print(f"\nat half of the peak rate, {rate:,.0f} requests/s on 64 connections")
    row = Row("", "none", ("HAProxy", "trackgate"))
    with ExitStack() as stack:
        servers = [stack.enter_context(server) for server in started(row, ground)]
        for server in servers:
            seen = [paced(f"{server.url}/small", seconds, {}, 64, rate) for _round in range(3)]
            print(f"  {server.name:18} p50 {median(one.p50 for one in seen):6.2f} ms, "
                  f"p99 {median(one.p99 for one in seen):6.2f} ms", flush=True)


def idle(ground: Ground) -> None:
    """Memory at rest, and with 10,000 connections that have asked once and stay open: at once, and after a while."""
    # HAProxy wants two descriptors for each connection that it may have.
    most = min(10_000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2 - 200)
    print("\nmemory, MiB")
    for made in (peers.nginx, peers.haproxy, peers.trackgate):
        with made(ground, "none", "", "h1") as server:
            meter = Meter(server.processes)
            rest = meter.megabytes()
            host, port = server.url.removeprefix("http://").split(":")
            held = []
            try:
                for _number in range(most):
                    one = socket.create_connection((host, int(port)), timeout=20)
                    one.sendall(b"GET /small HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                    held.append(one)
                    one.recv(4096)
                asked = meter.megabytes()
                time.sleep(SETTLED)
                print(f"  {server.name:18} at rest {rest:6.1f}, with {len(held):,} idle connections {asked:6.1f}, "
                      f"{SETTLED} s later {meter.megabytes():6.1f}", flush=True)
            except OSError as fault:
                print(f"  {server.name:18} at rest {rest:6.1f}; after {len(held):,} connections: {fault}", flush=True)
            finally:
                for one in held:
                    one.close()


def judge(figures: Mapping[str, Sequence[Figure]]) -> bool:
    print("\naims (CPU for a request)")
    fits = []
    for aim in AIMS:
        costs = {one.peer: one.cpu for one in figures.get(aim.row, ())}
        if aim.ours in costs and aim.peer in costs:
            ratio = costs[aim.ours] / costs[aim.peer]
            fits.append(ratio <= aim.most)
            word = "" if fits[-1] else "  MISSED"
            print(f"  {aim.row}: {aim.ours} / {aim.peer} {ratio:.4f}, at most {aim.most}{word}")
    bare = {one.peer: one.cpu for one in figures.get("none", ())}.get("trackgate")
    for name in CREDENTIALS:
        known = {one.peer: one.cpu for one in figures.get(name, ())}.get("trackgate")
        if bare and known:
            fits.append(known - bare <= MICROSECOND)
            word = "" if fits[-1] else "  MISSED"
            print(f"  {name}: {known - bare:+.2f} us over none, at most {MICROSECOND:+.0f}{word}")
    return all(fits)


def load() -> str:
    return " ".join(f"{number:.2f}" for number in os.getloadavg())


if __name__ == "__main__":
    sys.exit(main())
