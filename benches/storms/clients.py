"""Clients that sign in: one request at a time on a connection, with the time that its answer took."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

PASSWORD = "correct horse"
# Whoever is refused asks again after so many seconds: twice as soon as `Retry-After` says.
PAUSE = 0.5

Made = Callable[[str, str, str], bytes]


@dataclass
class Seen:
    """What became of sign-ins; waits of those that got in, in milliseconds."""

    ends: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)

    def note(self, end: str, began: float) -> None:
        self.ends[end] += 1
        if end == "in":
            self.waits.append((time.monotonic() - began) * 1000)


def basic(client: str, name: str, password: str) -> bytes:
    pair = base64.b64encode(f"{name}:{password}".encode()).decode()
    return head("GET /auth", client, f"Authorization: Basic {pair}\r\n")


def lptracker(client: str, name: str, password: str) -> bytes:
    return post("/login", client, {"login": name, "password": password, "service": "storm", "version": "1.0"})


def fittrackee(client: str, name: str, password: str) -> bytes:
    return post("/api/auth/login", client, {"email": f"{name}@example.org", "password": password})


def post(path: str, client: str, body: dict[str, str]) -> bytes:
    text = json.dumps(body).encode()
    return head(f"POST {path}", client, f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n") + text


def head(first: str, client: str, more: str) -> bytes:
    return f"{first} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: {client}\r\n{more}\r\n".encode()


class Connection(asyncio.Protocol):
    """A connection that is kept. An answer is its status and its body."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.buffer = b""
        self.waiting: asyncio.Future[tuple[int, bytes]] | None = None

    @classmethod
    async def open(cls, port: int) -> Connection:
        _transport, connection = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return connection

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        assert self.transport
        self.waiting = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.waiting

    def close(self) -> None:
        assert self.transport
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiting and not self.waiting.done():
            self.waiting.set_exception(exc or ConnectionResetError())

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        lines, end, body = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(lines.lower().partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0] or 0)
        if len(body) >= length:
            self.buffer = body[length:]
            if self.waiting and not self.waiting.done():
                self.waiting.set_result((int(lines[9:12]), body[:length]))


def end_of(made: Made, answer: tuple[int, bytes]) -> str:
    status, body = answer
    if made is lptracker:
        # Its errors are told in the body.
        with suppress(ValueError, KeyError, IndexError):
            status = int(json.loads(body)["errors"][0]["code"])
    if status == 503:
        return "full"
    return "in" if status == 200 and (made is basic or b"token" in body) else "refused"


async def sign_in(port: int, made: Made, seen: Seen, client: str, name: str, password: str = PASSWORD) -> str:
    """One sign-in on a connection of its own."""
    began, end = time.monotonic(), "failed"
    with suppress(OSError):
        connection = await Connection.open(port)
        end = end_of(made, await connection.ask(made(client, name, password)))
        connection.close()
    seen.note(end, began)
    return end


async def storm(port: int, made: Made, requests: Iterator[bytes], connections: int, seconds: float) -> Seen:
    """Signs in on so many connections, on each as soon as the last sign-in got in."""
    seen, end = Seen(), time.monotonic() + seconds

    async def one() -> None:
        connection = await Connection.open(port)
        while (began := time.monotonic()) < end:
            try:
                told = end_of(made, await connection.ask(next(requests)))
            except OSError:
                seen.note("failed", began)
                return
            seen.note(told, began)
            if told != "in":
                await asyncio.sleep(PAUSE)
        connection.close()

    # Whoever still waits at the end is let go.
    tasks = [asyncio.create_task(one()) for _number in range(connections)]
    await asyncio.wait(tasks, timeout=seconds + 0.5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return seen


@dataclass(frozen=True)
class Storm:
    """Who storms: accounts by number from `first` on, in turn, or one account with wrong passwords. Without a client
    each account has a network of its own."""

    made: Made
    connections: int
    client: str | None
    first: int = 0
    accounts: int = 2000
    guesses: bool = False

    def requests(self) -> Iterator[bytes]:
        for number in itertools.count():
            account = self.first + number % self.accounts
            client = self.client or network(account)
            if self.guesses:
                yield self.made(client, "victim", f"guess {number}")
            else:
                yield self.made(client, rider(account), PASSWORD)


def rider(number: int) -> str:
    return f"rider{number:05}"


def network(number: int) -> str:
    return f"198.18.{number // 250}.{number % 250}"


class Running:
    """A storm in a process of its own."""

    def __init__(self, port: int, what: Storm, seconds: float) -> None:
        context = multiprocessing.get_context("fork")
        self.receiving, sending = context.Pipe(duplex=False)
        self.process = context.Process(target=self.run, args=(sending, port, what, seconds), daemon=True)
        self.process.start()
        sending.close()

    @staticmethod
    def run(sending, port: int, what: Storm, seconds: float) -> None:  # noqa: ANN001
        sending.send(asyncio.run(storm(port, what.made, what.requests(), what.connections, seconds)))

    def seen(self) -> Seen:
        told = self.receiving.recv()
        self.process.join()
        return told
