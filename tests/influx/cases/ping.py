"""Section 8: `/ping` and `/status`."""

from __future__ import annotations

from case import Pin, case
from cases.build import asking
from original import PASSWORD
from request import Request, basic

NOTHING = Pin(204, text="")

for path in ("/ping", "/status"):
    for method in ("GET", "HEAD"):
        case(f"ping: {method} {path}", asking(Request(method, path)), NOTHING)
case("ping: right credentials", asking(Request("GET", "/ping", {}, basic("tester", PASSWORD))), NOTHING)
case("ping: wrong credentials", asking(Request("GET", "/ping", {}, basic("tester", "wrong horse"))), NOTHING)
case("ping: wrong u and p", asking(Request("GET", "/ping", {"u": "tester", "p": "wrong horse"})), NOTHING)
case("ping: wait_for_leader", asking(Request("GET", "/ping", {"wait_for_leader": "1s"})), NOTHING)
case("ping: verbose", asking(Request("GET", "/ping", {"verbose": "true"})), NOTHING)
case("ping: Origin", asking(Request("GET", "/ping", {}, {"Origin": "https://app.example.org"})), NOTHING)
for header in ("Request-Id", "X-Request-Id"):
    case(f"ping: {header} of the client", asking(Request("GET", "/ping", {}, {header: "from-the-client"})), NOTHING)
