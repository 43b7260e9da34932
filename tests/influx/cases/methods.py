"""Section 4: methods and paths that are not there."""

from __future__ import annotations

from case import Pin, case
from cases.build import asking
from original import PASSWORD
from request import Request, basic

TESTER = basic("tester", PASSWORD)
REFUSED = {
    "/write": ("GET", "HEAD", "PUT", "DELETE", "PATCH"),
    "/query": ("HEAD", "PUT", "DELETE", "PATCH"),
    "/ping": ("POST", "PUT", "DELETE"),
}
for path, methods in REFUSED.items():
    for method in methods:
        text = "" if method == "HEAD" else "Method Not Allowed\n"
        case(
            f"methods: {method} {path}",
            asking(Request(method, path, {"db": "tester", "q": "SHOW DATABASES"}, TESTER)),
            Pin(405, text=text),
        )
for path in ("/write", "/query"):
    case(
        f"methods: OPTIONS {path}", asking(Request("OPTIONS", path)), Pin(200, text="", headers={"content-length": "0"})
    )
    case(
        f"methods: OPTIONS {path} with wrong credentials",
        asking(Request("OPTIONS", path, {}, basic("x", "y"))),
        Pin(200),
    )

NOT_FOUND = Pin(404, text="404 page not found\n", headers={"x-content-type-options": "nosniff"})
for path in ("/write/", "/query/", "/writefoo", "/queryfoo", "/write/x", "/query/x", "/api/v2/write", "/api/v2/query"):
    case(f"methods: GET {path}", asking(Request("GET", path, {}, TESTER)), NOT_FOUND)
    case(f"methods: POST {path}", asking(Request("POST", path, {}, TESTER, b"a b=1")), NOT_FOUND)
