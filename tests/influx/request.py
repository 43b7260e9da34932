"""Requests to one of the two servers: one connection each, nothing retried, nothing followed."""

from __future__ import annotations

import base64
import contextlib
import gzip
import http.client
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from wire import Answer, read

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Request:
    """One request. `query` is encoded and follows the path; `chunks` sends the body without a length."""

    method: str
    path: str
    query: Mapping[str, str] | str = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    chunks: int = 0
    # Says this length without sending as much.
    declared: int | None = None

    @property
    def target(self) -> str:
        text = self.query if isinstance(self.query, str) else urlencode(self.query, quote_via=quote)
        return f"{self.path}?{text}" if text else self.path

    def with_headers(self, **headers: str) -> Request:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Request(
            self.method, self.path, self.query, {**self.headers, **named}, self.body, self.chunks, self.declared
        )


def basic(user: str, password: str) -> dict[str, str]:
    """The header of HTTP Basic."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def send(port: int, request: Request, seconds: float = 60) -> Answer:
    """Asks; an answer that comes before the body was sent whole counts too."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.putrequest(request.method, request.target, skip_accept_encoding=True)
        for name, value in request.headers.items():
            connection.putheader(name, value)
        if request.chunks:
            connection.putheader("Transfer-Encoding", "chunked")
        elif request.declared is not None:
            connection.putheader("Content-Length", str(request.declared))
        elif request.body or request.method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces(request):
                connection.send(piece)
        return read(connection.getresponse())
    finally:
        connection.close()


def pieces(request: Request) -> list[bytes]:
    if not request.chunks:
        return [request.body]
    size = request.chunks
    parts = [request.body[start : start + size] for start in range(0, len(request.body), size)]
    return [f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts] + [b"0\r\n\r\n"]


def decoded(answer: Answer) -> bytes:
    """The body without its content coding."""
    coding = answer.header("content-encoding")
    if coding == "gzip":
        return gzip.decompress(answer.body)
    return zlib.decompress(answer.body) if coding == "deflate" else answer.body
