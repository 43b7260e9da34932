"""The clients: wrk for throughput, a paced one for latencies, and people who sign in without pause."""

from __future__ import annotations

import http.client
import json
import multiprocessing
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path

from processes import Failed, own_environment

PASSWORD = "correct-horse-battery"


@dataclass(frozen=True)
class Load:
    """What wrk saw; times in milliseconds."""

    requests: int
    p50: float
    p99: float


def wrk(url: str, seconds: int, headers: Sequence[str], connections: int = 4) -> Load:
    """As many requests as the server takes on so many connections."""
    script = Path(__file__).with_name("report.lua")
    words = [word for header in headers for word in ("-H", header)]
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), *words, url]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=seconds + 30, env=own_environment()
    )
    if done.returncode:
        raise Failed(f"wrk: {done.stderr}{done.stdout}")
    told = json.loads(done.stdout.strip().splitlines()[-1])
    if told["failed"] or not told["requests"]:
        raise Failed(f"wrk: {told} from {url}")
    return Load(told["requests"], told["p50"] / 1000, told["p99"] / 1000)


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@dataclass(frozen=True)
class Paced:
    """Latencies of a paced client, in milliseconds."""

    answered: list[float]
    own_delay: list[float]


def paced(port: int, path: str, rate: int, seconds: float) -> Paced:
    """Asks at fixed times on one connection, whatever the answers take.

    A request whose time came while the last one was still unanswered counts from the time at which it was
    due, so that a slow answer is not left out of the count of those it kept waiting. One that was late
    because this client was not woken in time counts from when it was sent; the delay is told apart.
    """
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    clock = time.perf_counter
    answered, own_delay = [], []
    connection = None
    began = free = clock()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        if (wait := due - clock()) > 0:
            time.sleep(wait)
        sent = clock()
        if connection is None:
            connection = connect(port)
        connection.sendall(request)
        stays = read_answer(connection)
        ended = clock()
        waited_for_server = free > due
        answered.append((ended - (due if waited_for_server else sent)) * 1000)
        own_delay.append(0.0 if waited_for_server else (sent - due) * 1000)
        free = ended
        if not stays:
            connection.close()
            connection = None
        if ended - began > 2 * seconds:
            break
    if connection:
        connection.close()
    return Paced(answered, own_delay)


def connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def read_answer(connection: socket.socket) -> bool:
    """Reads one answer with a known length; whether the connection stays open."""
    seen = connection.recv(65536)
    while (end := seen.find(b"\r\n\r\n")) < 0:
        seen += receive(connection)
    head = seen[:end].lower()
    if not head.startswith(b"http/1.1 200 "):
        raise Failed(f"the paced client got {seen[:200]!r}")
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(seen) < end + 4 + length:
        seen += receive(connection)
    return b"connection: close" not in head


def receive(connection: socket.socket) -> bytes:
    if not (piece := connection.recv(65536)):
        raise Failed("the connection ended within an answer")
    return piece


@contextmanager
def signing_in(port: int, emails: Sequence[str]) -> Iterator[Synchronized[int]]:
    """Each of these accounts signs in without pause, in a process of its own; gives the count so far."""
    count = multiprocessing.Value("q", 0)
    stop = multiprocessing.Event()
    clients = [multiprocessing.Process(target=sign_in, args=(port, email, count, stop)) for email in emails]
    for client in clients:
        client.start()
    try:
        yield count
        if dead := [client for client in clients if not client.is_alive()]:
            raise Failed(f"{len(dead)} of the clients that sign in gave up")
    finally:
        stop.set()
        for client in clients:
            client.join(60)
            if client.is_alive():
                client.terminate()


def sign_in(port: int, email: str, count: Synchronized[int], stop: Event) -> None:
    body = json.dumps({"email": email, "password": PASSWORD})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while not stop.is_set():
        connection.request("POST", "/api/auth/login", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise Failed(f"a sign-in got {answer.status} {text[:200]!r}")
        with count.get_lock():
            count.value += 1
