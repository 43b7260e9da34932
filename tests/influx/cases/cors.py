"""Section 4: what browsers are told."""

from __future__ import annotations

from case import Pin, case
from cases.build import asking
from original import PASSWORD
from request import Request, basic

ORIGIN = "https://app.example.org"
TESTER = basic("tester", PASSWORD)
ECHOED = {
    "access-control-allow-origin": ORIGIN,
    "access-control-allow-methods": "DELETE, GET, OPTIONS, POST, PUT",
    "access-control-allow-headers": "Accept, Accept-Encoding, Authorization, Content-Length, Content-Type, "
    "X-CSRF-Token, X-HTTP-Method-Override",
    "access-control-expose-headers": "Date, X-InfluxDB-Version, X-InfluxDB-Build",
}
QUERY = {"db": "tester", "q": "SELECT hr_bpm FROM samples LIMIT 1", "epoch": "ns"}
OF = {"access-control-allow-origin": None}


def echoed(name: str, request: Request, status: int) -> None:
    case(f"cors: {name}", asking(request.with_headers(Origin=ORIGIN)), Pin(status, headers=ECHOED))


echoed("query", Request("GET", "/query", QUERY, TESTER), 200)
echoed("query by POST", Request("POST", "/query", QUERY, TESTER), 200)
echoed("query without credentials", Request("GET", "/query", QUERY), 401)
echoed("query that is wrong", Request("GET", "/query", {"q": "SELECT"}, TESTER), 400)
echoed("query of another", Request("GET", "/query", {**QUERY, "db": "other"}, TESTER), 403)
echoed("write", Request("POST", "/write", {"db": "tester"}, TESTER, b""), 204)
echoed("write without credentials", Request("POST", "/write", {"db": "tester"}), 401)
echoed("write to another", Request("POST", "/write", {"db": "other"}, TESTER, b"a b=1"), 403)
echoed("write to nothing", Request("POST", "/write", {}, TESTER, b"a b=1"), 400)
echoed("OPTIONS of query", Request("OPTIONS", "/query"), 200)
echoed("OPTIONS of write", Request("OPTIONS", "/write"), 200)
asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
echoed("a preflight", Request("OPTIONS", "/write", {}, asks), 200)
case(
    "cors: an unsuitable method",
    asking(Request("PUT", "/query", {}, TESTER).with_headers(Origin=ORIGIN)),
    Pin(405, headers=OF),
)
case("cors: no Origin", asking(Request("GET", "/query", QUERY, TESTER)), Pin(200, headers=OF))
case(
    "cors: an empty Origin",
    asking(Request("GET", "/query", QUERY, TESTER).with_headers(Origin="")),
    Pin(200, headers=OF),
)
case(
    "cors: Origin null",
    asking(Request("GET", "/query", QUERY, TESTER).with_headers(Origin="null")),
    Pin(200, headers={"access-control-allow-origin": "null"}),
)
