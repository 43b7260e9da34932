"""What must be so behind every proxy."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from application import Application
from trackgate import Credentials
from wire import Answer, ask, ask_with_bytes

Line = tuple[str, str]

IDENTITY = [f"x-trackgate-{part}" for part in ("user", "subject", "grants", "scheme", "service", "assertion")]

# Each leads from what is open to what is not, for whoever reads it otherwise than the one who judges.
TRICKS = [
    "/open/../riders/x",
    "/open/%2e%2e/riders/x",
    "/open/.%2e/riders/x",
    "/open/..%2friders/x",
    "/open/..%5criders/x",
    "/open/..\\riders/x",
    "/open/../../riders/x",
    "/open//../riders/x",
    "/open/x/../../riders/x",
    "/open/..;/riders/x",
    "/open%2f..%2friders/x",
    "//riders/x",
    "/./riders/x",
    "/riders/x;open",
    "/%72iders/x",
    "/riders/%00",
    "/riders/x%00/open/x",
]


@dataclass(frozen=True)
class Here:
    """A proxy under test."""

    name: str
    port: int
    application: Application
    has: Credentials

    def ask(self, method: str, target: str, lines: Sequence[Line] = (), body: bytes = b"") -> Answer:
        return ask(self.port, method, target, [("X-Asked", "1"), *lines], body)

    def get(self, target: str, *lines: Line) -> Answer:
        return self.ask("GET", target, lines)


Check = Callable[[Here], Iterator[tuple[str, bool, object]]]


def told(answer: Answer) -> dict[str, list[str]]:
    """The identity as the application got it; an empty line counts as none."""
    lines: dict[str, list[str]] = {name: [] for name in IDENTITY}
    for name, value in answer.json["lines"]:
        if name.replace("_", "-").replace(".", "-") in lines and value:
            lines[name.replace("_", "-").replace(".", "-")].append(value)
    return lines


def claims(assertion: str) -> Any:
    part = assertion.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def refusals(here: Here) -> Iterator[tuple[str, bool, object]]:
    before = len(here.application.got)
    cases = [("no credential", []), ("a wrong password", [here.has.wrong]), ("a revoked token", [here.has.revoked])]
    for name, lines in cases:
        answer = here.get("/riders/x", *lines)
        challenge = answer.header("www-authenticate") or ""
        good = answer.status == 401 and "Basic realm=" in challenge and "Bearer realm=" in challenge
        yield name, good, (answer, challenge)
        if here.name != "nginx":
            yield f"{name}, in trackgate's words", answer.json == {"error": "unauthorized"}, answer
    two = here.get("/riders/x", here.has.basic, here.has.api)
    yield "two credentials", 400 <= two.status < 500, two
    unknown = here.get("/elsewhere", here.has.basic)
    yield "an unknown path", unknown.status == 404, unknown
    method = here.ask("DELETE", "/open/x")
    yield "another method", method.status == 405, method
    grant = here.ask("POST", "/writes", [here.has.reader])
    yield "a missing grant", grant.status == 403, grant
    far = here.get("/far", here.has.basic, ("X-Forwarded-For", "203.0.113.1"), ("X-Real-IP", "203.0.113.1"))
    yield "an invented address", far.status == 403, far
    old = here.get("/old")
    expected = 200 if here.name in ("haproxy", "envoy-grpc") else 401
    yield "a dialect that refuses with 200", old.status == expected, old
    if here.name != "nginx":
        yield "the words of that dialect", old.json != "<not JSON>" and old.json.get("status") == "error", old
    yield "nothing of that reaches the application", len(here.application.got) == before, here.application.got[before:]


def identities(here: Here) -> Iterator[tuple[str, bool, object]]:
    has = here.has
    for scheme, line, grants in [
        ("basic", has.basic, "*"),
        ("api", has.api, "points:write sessions:read"),
        ("basic", has.token_as_password, "points:write sessions:read"),
        ("lp", has.sliding, "*"),
        ("fit", has.jwt, "*"),
    ]:
        answer = here.get("/riders/x", line)
        good = answer.status == 200
        seen = told(answer) if good else {}
        wanted = {"x-trackgate-user": ["rider"], "x-trackgate-scheme": [scheme], "x-trackgate-grants": [grants]}
        good = good and all(seen[name] == value for name, value in wanted.items())
        assertions = seen.get("x-trackgate-assertion", [])
        good = good and len(assertions) == 1 and claims(assertions[0])["aud"] == "application"
        good = good and claims(assertions[0])["name"] == "rider" and claims(assertions[0])["scheme"] == scheme
        yield f"{scheme} with {line[1].split(' ')[0][:6]}…", good, (answer, seen)


def forgeries(here: Here) -> Iterator[tuple[str, bool, object]]:
    forged = [(name.title(), "root") for name in IDENTITY] + [("X-Trackgate-Else", "root")]
    answer = here.get("/open/x", *forged)
    seen = told(answer) if answer.status == 200 else {}
    lines = {name: value for name, value in seen.items() if "root" in value}
    yield "nobody is nobody, whatever they say", answer.status == 200 and not lines, (answer, lines)
    good = answer.status == 200 and seen["x-trackgate-user"] == [] and seen["x-trackgate-subject"] == []
    yield "and has no name", good, seen
    answer = here.get("/riders/x", here.has.basic, *forged)
    seen = told(answer) if answer.status == 200 else {}
    yield "somebody is who they are", seen.get("x-trackgate-user") == ["rider"], (answer, seen)
    answer = here.get("/riders/x", here.has.basic, ("X-Trackgate-User", "root"), ("x-trackgate-user", "root"))
    seen = told(answer) if answer.status == 200 else {"x-trackgate-user": ["rider"]}
    yield "also when they say it twice", seen["x-trackgate-user"] == ["rider"], (answer, seen)
    for name in ("X_Trackgate_User", "X-Trackgate.User", "X_TRACKGATE-SUBJECT"):
        answer = here.get("/open/x", (name, "root"))
        seen = told(answer) if answer.status == 200 else {}
        yield f"{name} comes to nobody", all("root" not in value for value in seen.values()), (answer, seen)


def names(here: Here) -> Iterator[tuple[str, bool, object]]:
    """A client that names another request than its own."""
    said = [
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Uri", "/open/x"),
        ("X-Forwarded-Host", "a.example"),
        ("X-Original-Method", "GET"),
        ("X-Original-URI", "/open/x"),
        ("X-Original-URL", "/open/x"),
        ("X-Rewrite-URL", "/open/x"),
        ("X-Http-Method-Override", "GET"),
    ]
    before = len(here.application.got)
    for lines in [said, [line for one in said for line in (one, one)]]:
        answer = here.get("/riders/x", *lines)
        yield "a client cannot name another path", answer.status >= 400, answer
        answer = here.ask("DELETE", "/open/x", lines)
        yield "a client cannot name another method", answer.status >= 400, answer
    yield "nothing of that reaches the application", len(here.application.got) == before, here.application.got[before:]


def paths(here: Here) -> Iterator[tuple[str, bool, object]]:
    for trick in TRICKS:
        before = len(here.application.got)
        request = f"GET {trick} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        answer = ask_with_bytes(here.port, request.encode())
        # A proxy that makes one path of it before it asks may send the client there.
        good = (answer.status >= 400 or answer.status in (301, 302, 307, 308)) and len(here.application.got) == before
        yield trick, good, answer
    kept = "/riders/a%20b?c=d%20e&f=/../g&&h="
    answer = here.get(kept, here.has.basic)
    yield "path and query are kept", answer.status == 200 and answer.json["target"] == kept, answer
    answer = here.get("/open/x?" + "y" * 4000)
    yield "a long query is kept", answer.status == 200 and len(answer.json["target"]) == 4008, answer
    absolute = f"GET http://127.0.0.1:{here.port}/riders/x HTTP/1.1\r\nHost: 127.0.0.1:{here.port}\r\nConnection: close\r\n\r\n"
    answer = ask_with_bytes(here.port, absolute.encode())
    yield "a target with its host", answer.status >= 400, answer


def bodies(here: Here) -> Iterator[tuple[str, bool, object]]:
    content = bytes(range(256)) * 1024
    digest = hashlib.sha256(content).hexdigest()
    answer = here.ask("POST", "/riders/x", [here.has.basic], content)
    got = answer.status == 200 and answer.json
    yield "a body arrives whole", bool(got) and (got["digest"], got["method"]) == (digest, "POST"), answer
    head = f"POST /riders/x HTTP/1.1\r\nHost: 127.0.0.1\r\n{': '.join(here.has.api)}\r\nConnection: close\r\n"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (content[:70000], content[70000:]))
    request = head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    answer = ask_with_bytes(here.port, request)
    got = answer.status == 200 and answer.json
    yield "a body in chunks arrives whole", bool(got) and got["digest"] == digest, answer
    answer = here.ask("POST", "/riders/x", [], content)
    yield "a body without a credential does not", answer.status == 401, answer
    answer = here.ask("POST", "/riders/x", [here.has.basic, ("Expect", "100-continue")], b"small")
    yield "a body that waits to be asked for", answer.status == 200 and answer.json["length"] == 5, answer
    upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
    ]
    for _ in range(2):
        answer = here.get("/riders/x", here.has.basic, *upgrade)
        yield "a request for an upgrade", answer.status == 200, answer
        answer = here.get("/riders/x", *upgrade)
        yield "one without a credential", answer.status == 401, answer
    answer = here.ask("HEAD", "/riders/x", [here.has.basic])
    yield "HEAD", (answer.status, answer.body) == (200, b""), answer


def rates(here: Here) -> Iterator[tuple[str, bool, object]]:
    target = f"/slow/{here.name}"
    first = here.get(target, here.has.basic)
    second = here.get(target, here.has.basic)
    wait = second.header("retry-after") or "0"
    yield "one too many", (first.status, second.status) == (200, 429) and int(wait) > 0, (first, second)


CHECKS: list[Check] = [refusals, identities, forgeries, names, paths, bodies, rates]


def unanswered(here: Here) -> Iterator[tuple[str, bool, object]]:
    """When trackgate is gone."""
    before = len(here.application.got)
    for target in ("/riders/x", "/open/x", "/elsewhere"):
        answer = here.get(target, here.has.basic)
        yield f"{target} while trackgate is gone", answer.status >= 400, answer
    yield "nothing of that reaches the application", len(here.application.got) == before, here.application.got[before:]
