"""The plainest of HTTP clients: one connection a request, nothing retried, nothing followed."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

NOT_JSON = "<not JSON>"


@dataclass(frozen=True)
class Answer:
    """An answer as it came."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The lines of this header, joined; None when there is none."""
        lines = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(lines) if lines else None

    @property
    def kind(self) -> str:
        """The media type without parameters."""
        return (self.header("content-type") or "").split(";")[0].strip().lower()

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return NOT_JSON

    @property
    def title(self) -> str:
        """The title of an HTML page."""
        text = self.body.decode(errors="replace")
        return text.partition("<title>")[2].partition("</title>")[0]

    def describe(self) -> str:
        return f"{self.status} {self.kind} {self.body[:300].decode(errors='replace')!r}"


@dataclass(frozen=True)
class File:
    """A part of a multipart body that has a file name."""

    name: str | None
    content: bytes
    kind: str = "application/octet-stream"


@dataclass(frozen=True)
class Body:
    """The bytes of a request and the headers that tell what they are."""

    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_body(value: object, kind: str = "application/json") -> Body:
    return Body(json.dumps(value).encode(), {"Content-Type": kind})


def raw_body(content: bytes, kind: str | None = "application/json") -> Body:
    return Body(content, {"Content-Type": kind} if kind else {})


def form_body(fields: Mapping[str, str]) -> Body:
    return Body(urlencode(fields).encode(), {"Content-Type": "application/x-www-form-urlencoded"})


def multipart_body(parts: Mapping[str, File | str]) -> Body:
    boundary = f"suite-{uuid.uuid4().hex}"
    pieces = []
    for name, part in parts.items():
        head = f'Content-Disposition: form-data; name="{name}"'
        content = part.encode() if isinstance(part, str) else part.content
        if isinstance(part, File):
            head += "" if part.name is None else f'; filename="{part.name}"'
            head += f"\r\nContent-Type: {part.kind}"
        pieces.append(f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + b"\r\n")
    content = b"".join(pieces) + f"--{boundary}--\r\n".encode()
    return Body(content, {"Content-Type": f"multipart/form-data; boundary={boundary}"})


def ask(port: int, method: str, path: str, headers: Sequence[tuple[str, str]], content: bytes) -> Answer:
    """Sends a request to loopback; an answer that comes before the body was read whole counts too."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in [("Connection", "close"), *headers]:
            connection.putheader(name, value)
        if content or method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(content)))
        connection.endheaders()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.send(content)
        return read(connection.getresponse())
    finally:
        connection.close()


def read(response: http.client.HTTPResponse) -> Answer:
    body = response.read()
    headers = tuple((name.lower(), value) for name, value in response.getheaders())
    return Answer(response.status, headers, body)


def ask_with_bytes(port: int, request: bytes) -> Answer:
    """Sends these very bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return read(response)
