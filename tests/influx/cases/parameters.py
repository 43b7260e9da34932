"""Section 7: the parameters of `/query`, and where they may stand."""

from __future__ import annotations

from urllib.parse import urlencode

from case import Pin, case
from cases.build import asking
from original import PASSWORD
from request import FORM, Request, basic
from side import query_request
from wire import Body, File, multipart_body

TESTER = basic("tester", PASSWORD)
Q = "SELECT hr_bpm FROM samples LIMIT 2"
FRACTION = "SELECT hr_bpm FROM samples LIMIT 3 OFFSET 3"

for word in ("ns", "n", "u", "ms", "s", "m", "h", "", "us", "µ", "x", "rfc3339", "NS"):
    case(f"parameters: epoch={word}", asking(query_request(FRACTION, epoch=word)), Pin(200, rows=3))
case("parameters: no epoch", asking(query_request(FRACTION)), Pin(200, rows=3))
case("parameters: no epoch, all columns", asking(query_request("SELECT * FROM samples")), Pin(200, rows=11))
for word in ("true", "false", "1", ""):
    case(f"parameters: pretty={word}", asking(query_request(Q, pretty=word, epoch="ns")), Pin(200, rows=None))
case(
    "parameters: pretty, grouped", asking(query_request("SELECT km FROM track GROUP BY bike", pretty="true")), Pin(200)
)
case("parameters: pretty, nothing found", asking(query_request("SELECT * FROM nothing", pretty="true")), Pin(200))
case("parameters: pretty, an error", asking(query_request("SELECT", pretty="true")), Pin(400))
for word in ("livetracking", "", "nope"):
    case(f"parameters: rp={word}", asking(query_request(Q, rp=word, epoch="ns")), Pin(200))


def posted(name: str, query: dict[str, str], body: Body, pin: Pin) -> None:
    request = Request("POST", "/query", query, {**TESTER, **body.headers}, body.content)
    case(f"parameters: {name}", asking(request), pin)


def form(**fields: str) -> Body:
    return Body(urlencode(fields).encode(), {"Content-Type": FORM})


ROWS, MISSING = Pin(200, rows=2), Pin(400, error='missing required parameter "q"')
posted("POST, all in the URL", {"db": "tester", "q": Q, "epoch": "ns"}, Body(), ROWS)
posted("POST, all in a form", {}, form(db="tester", q=Q, epoch="ns"), ROWS)
posted("POST, q in a form", {"db": "tester", "epoch": "ns"}, form(q=Q), ROWS)
posted("POST, q in both", {"db": "tester", "epoch": "ns", "q": "SHOW DATABASES"}, form(q=Q), Pin(200))
posted("POST, q as a file", {"db": "tester", "epoch": "ns"}, multipart_body({"q": File("q.txt", Q.encode())}), ROWS)
posted("POST, q as a part", {"db": "tester", "epoch": "ns"}, multipart_body({"q": Q}), ROWS)
posted("POST, db and q as parts", {"epoch": "ns"}, multipart_body({"db": "tester", "q": Q}), ROWS)
json_q = Body(b'{"q":"SHOW DATABASES","db":"tester"}', {"Content-Type": "application/json"})
posted("POST, a JSON body", {"db": "tester"}, json_q, MISSING)
posted("POST, a form without its type", {"db": "tester"}, Body(form(q=Q).content), MISSING)
posted("POST, nothing", {"db": "tester"}, Body(), MISSING)
case("parameters: GET, no q", asking(Request("GET", "/query", {"db": "tester"}, TESTER)), MISSING)
case("parameters: GET, an empty q", asking(query_request("")), MISSING)
case("parameters: GET, q of blanks", asking(query_request("  ")), Pin(400))
case(
    "parameters: q twice",
    asking(Request("GET", "/query", "db=tester&q=SHOW+DATABASES&q=SELECT", TESTER)),
    Pin(200, rows=1),
)
case(
    "parameters: db twice",
    asking(Request("GET", "/query", "db=tester&db=other&epoch=s&q=SELECT+lat+FROM+samples", TESTER)),
    Pin(200, rows=4),
)
case("parameters: no db", asking(query_request("SELECT * FROM samples", db="")), Pin(403))
case(
    "parameters: no db, in the query",
    asking(query_request("SELECT hr_bpm FROM tester..samples", db="", epoch="ns")),
    Pin(200, rows=9),
)
case(
    "parameters: unknown db",
    asking(query_request("SELECT * FROM samples", db="nodb")),
    Pin(
        403,
        error="error authorizing query: tester not authorized to execute statement "
        "'SELECT * FROM samples', requires READ on nodb",
    ),
)
case(
    "parameters: unknown db, public",
    asking(query_request("SELECT * FROM samples", "public", db="nodb")),
    Pin(
        403,
        error="error authorizing query: public not authorized to execute statement "
        "'SELECT * FROM samples', requires READ on nodb",
    ),
)


def bound(name: str, text: str, params: str, pin: Pin) -> None:
    case(f"parameters: {name}", asking(query_request(text, params=params, epoch="ns")), pin)


ABOVE = "SELECT hr_bpm FROM samples WHERE hr_bpm > $x"
OF_BIKE = "SELECT km FROM track WHERE bike = $x"
bound("$x a number", ABOVE, '{"x":127}', Pin(200, rows=3))
bound("$x a fraction", ABOVE, '{"x":127.5}', Pin(200, rows=3))
bound("$x a text", OF_BIKE, '{"x":"road"}', Pin(200, rows=3))
bound("$x a text with a quote", OF_BIKE, '{"x":"ro\'ad"}', Pin(200, rows=0))
bound("$x a boolean", "SELECT km FROM track WHERE ok = $x", '{"x":true}', Pin(200, rows=3))
bound("$x a time", "SELECT hr_bpm FROM samples WHERE time >= $x", '{"x":0}', Pin(200, rows=9))
bound("$x and more", ABOVE, '{"x":127,"y":1}', Pin(200, rows=3))
bound("two of them", "SELECT km FROM track WHERE bike = $b AND km > $k", '{"b":"road","k":2}', Pin(200, rows=2))
bound("no parameters needed", Q, "{}", Pin(200, rows=2))
bound("$x missing", ABOVE, "{}", Pin(400, error="error parsing query: missing parameter: x"))
bound("$x without params", ABOVE, "", Pin(400, error="error parsing query: missing parameter: x"))
bound("params of no JSON", ABOVE, "{x", Pin(400))
bound("params a list", ABOVE, "[1]", Pin(400))
bound("$x null", ABOVE, '{"x":null}', Pin(400))
bound("$x a list", ABOVE, '{"x":[1]}', Pin(400))
