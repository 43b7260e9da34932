"""Envoy's filter ext_authz, played: it asks as Envoy does, over HTTP or gRPC, and does with the answer what Envoy does.

The messages over gRPC are those of Envoy's own definitions, as the package envoy-data-plane has them.
"""

from __future__ import annotations

import dataclasses
import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import yaml
from application import serving
from envoy_data_plane.envoy.config.core.v3 import Address, HeaderMap, HeaderValue, SocketAddress
from envoy_data_plane.envoy.service.auth.v3 import (
    AttributeContext,
    AttributeContextHttpRequest,
    AttributeContextPeer,
    AttributeContextRequest,
    AuthorizationSyncStub,
    CheckRequest,
    CheckResponse,
)
from processes import Failed

Lines = list[tuple[str, str]]

HOP_BY_HOP = {"connection", "content-length", "expect", "host", "keep-alive", "te", "transfer-encoding", "upgrade"}


@dataclasses.dataclass(frozen=True)
class Said:
    """What trackgate said: the lines to set on the request, or what the client gets instead."""

    consent: bool
    status: int
    lines: Lines
    body: bytes = b""


class Envoy(ThreadingHTTPServer):
    """Listens on a free port of loopback."""

    daemon_threads = True

    def __init__(self, examples: Path, application: int, questions: int, form: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.application, self.questions, self.form = application, questions, form
        self.filter = filter_of(examples / "envoy.yaml")

    def ask(self, method: str, target: str, lines: Lines) -> Said:
        try:
            if self.form == "envoy-grpc":
                return self.ask_by_grpc(method, target, lines)
            return self.ask_by_http(method, target, lines)
        except Exception:  # noqa: BLE001 (whatever it is, it is no consent)
            return Said(False, 503, [])

    def ask_by_http(self, method: str, target: str, lines: Lines) -> Said:
        connection = http.client.HTTPConnection("127.0.0.1", self.questions, timeout=5)
        prefix = self.filter["http_service"]["path_prefix"]
        connection.putrequest(method, prefix + target, skip_host=True, skip_accept_encoding=True)
        for name, value in lines:
            if name not in HOP_BY_HOP or name == "host":
                connection.putheader(name, value)
        connection.putheader("content-length", "0")
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        back = [(name.lower(), value) for name, value in answer.getheaders()]
        if answer.status != 200:
            return Said(False, 503 if answer.status >= 500 else answer.status, back, body)
        patterns = self.filter["http_service"]["authorization_response"]["allowed_upstream_headers"]["patterns"]
        return Said(True, 200, [(name, value) for name, value in back if any(fits(one, name) for one in patterns)])

    def ask_by_grpc(self, method: str, target: str, lines: Lines) -> Said:
        raw = [HeaderValue(key=name, raw_value=value.encode("latin-1")) for name, value in lines if name != "host"]
        host = dict(lines)["host"]
        pseudo = [(":method", method), (":path", target), (":authority", host)]
        raw += [HeaderValue(key=name, raw_value=value.encode()) for name, value in pseudo]
        asked = AttributeContextHttpRequest(method=method, path=target, host=host, header_map=HeaderMap(headers=raw))
        place = SocketAddress(address="127.0.0.1", port_value=40000)
        source = AttributeContextPeer(address=Address(socket_address=place))
        context = AttributeContext(source=source, request=AttributeContextRequest(http=asked))
        with grpc.insecure_channel(f"127.0.0.1:{self.questions}") as channel:
            return self.said(AuthorizationSyncStub(channel).check(CheckRequest(attributes=context)))

    def said(self, answer: CheckResponse) -> Said:
        if answer.status is not None and answer.status.code == 0:
            options = answer.ok_response.headers if answer.ok_response else []
        else:
            options = answer.denied_response.headers if answer.denied_response else []
        # Newer versions drop an empty value that is not to be kept, and set what is not appended.
        kept = [one for one in options if one.header and (one.header.value or one.keep_empty_value)]
        lines = [(one.header.key, one.header.value) for one in kept if one.header]
        if answer.status is None or answer.status.code != 0:
            denied = answer.denied_response
            status = int(denied.status.code) if denied and denied.status else 403
            return Said(False, status or 403, lines, denied.body.encode() if denied else b"")
        if any(one.append is None or one.append for one in kept):
            raise Failed("a line of the identity is appended to the client's")
        return Said(True, 200, lines)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Envoy

    def answer(self) -> None:
        lines = [(name.lower(), value) for name, value in self.headers.items()]
        if any("_" in name for name, _ in lines):
            return self.reply(Said(False, 400, []))
        seen = [value for name, value in lines if name == "x-forwarded-for"]
        lines = [(name, value) for name, value in lines if name != "x-forwarded-for"]
        lines.append(("x-forwarded-for", ", ".join([*seen, "127.0.0.1"])))
        said = self.server.ask(self.command, self.path, lines)
        if not said.consent:
            return self.reply(said)
        names = {name for name, _ in said.lines}
        lines = [(name, value) for name, value in lines if name not in names] + said.lines
        return self.forward(lines)

    do_DELETE = do_GET = do_HEAD = do_PATCH = do_POST = do_PUT = do_TRACE = answer

    def forward(self, lines: Lines) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.application, timeout=5)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in lines:
            connection.putheader(name, value)
        connection.endheaders()
        length = int(self.headers.get("Content-Length", "0"))
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while (size := self.rfile.readline()) and int(size, 16):
                connection.send(size + self.rfile.read(int(size, 16)) + self.rfile.readline())
            connection.send(size + self.rfile.readline())
        elif length:
            connection.send(self.rfile.read(length))
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        self.reply(Said(True, answer.status, [(name.lower(), value) for name, value in answer.getheaders()], body))

    def reply(self, said: Said) -> None:
        self.send_response_only(said.status)
        for name, value in said.lines:
            if name not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("content-length", str(len(said.body)))
        self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said.body)
        self.close_connection = True

    def log_message(self, *_arguments: object) -> None:
        pass


def filter_of(place: Path) -> dict[str, Any]:
    """The filter's settings in the example; both forms of it must be good."""
    text = place.read_text()
    written, _, commented = text.partition("# over gRPC:\n")
    manager = yaml.safe_load(written)["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]
    over_http = manager["typed_config"]["http_filters"][0]["typed_config"]
    commented = "\n".join(line.removeprefix("#") for line in commented.splitlines())
    over_grpc = yaml.safe_load(commented.split("    - name: trackgate-grpc")[0])[0]["typed_config"]
    for settings in (over_http, over_grpc):
        if settings["failure_mode_allow"] is not False:
            raise Failed("the example lets requests pass when trackgate does not answer")
    if not over_grpc["encode_raw_headers"] or not manager["typed_config"]["use_remote_address"]:
        raise Failed("the example does not send what trackgate needs")
    return dict(over_http)


def fits(pattern: dict[str, str], name: str) -> bool:
    if "exact" in pattern:
        return name == pattern["exact"]
    return name.startswith(pattern["prefix"])


@contextmanager
def envoy(form: str, examples: Path, application: int, questions: int) -> Iterator[int]:
    """Plays it while the block runs; gives its port."""
    server = Envoy(examples, application, questions, form)
    with serving(server):
        yield int(server.server_address[1])
