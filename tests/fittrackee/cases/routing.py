"""Section 2.2: methods and paths."""

from __future__ import annotations

from case import case, get, send, steps
from expect import EMPTY, INDEX, METHOD_NOT_ALLOWED, NO_CHALLENGE, Bytes, Expected, allowed, e401, ok, text_like
from objects import (
    ACCOUNT,
    AUTH,
    CONFIRM,
    EDIT,
    EMAIL_UPDATE,
    EXPORT,
    EXPORT_REQUEST,
    LOGIN,
    LOGOUT,
    PASSWORD_UPDATE,
    PICTURE,
    POLICY,
    PREFERENCES,
    PROFILE,
    REGISTER,
    RESEND,
    RESET_REQUEST,
    RESET_SPORT,
    SPORTS,
    user,
)
from side import Side
from wire import Answer, json_body

ROUTER = "router"
# The methods of every end point of sections 5 and 6.
METHODS = {
    REGISTER: ["POST"],
    CONFIRM: ["POST"],
    RESEND: ["POST"],
    LOGIN: ["POST"],
    RESET_REQUEST: ["POST"],
    PASSWORD_UPDATE: ["POST"],
    EMAIL_UPDATE: ["POST"],
    PROFILE: ["GET"],
    EDIT: ["POST"],
    PREFERENCES: ["POST"],
    SPORTS: ["POST"],
    RESET_SPORT + "1": ["DELETE"],
    PICTURE: ["POST", "DELETE"],
    ACCOUNT: ["PATCH"],
    LOGOUT: ["POST"],
    POLICY: ["POST"],
    EXPORT: ["GET"],
    EXPORT_REQUEST: ["POST"],
}

for path, methods in METHODS.items():
    allow = allowed(*methods, "GET", "HEAD", "OPTIONS")
    if path != PROFILE and path != EXPORT:
        case(f"2.2 OPTIONS {path}", send("OPTIONS", path), Expected(200, EMPTY, {"allow": allow}))
    case(f"2.2 PUT {path}", send("PUT", path, json_body({})), METHOD_NOT_ALLOWED.with_headers(allow=allow))
case(
    "2.2 OPTIONS of the profile",
    send("OPTIONS", PROFILE),
    Expected(200, EMPTY, {"allow": allowed("GET", "HEAD", "OPTIONS")}),
)

PAGES = {
    "the root": "/",
    "a page of the web app": "/profile/edit/account",
    "a path that only POST has": LOGIN,
    "an unknown path under /api": "/api/nothing/here",
    "an end point in another case": "/API/auth/profile",
    "an end point with a slash behind": "/api/config/",
}
for what, path in PAGES.items():
    case(f"2.2 GET of {what} is the web app", get(path), INDEX)
case("2.2 HEAD of a path that only POST has", send("HEAD", REGISTER), Expected(200, Bytes("text/html", b"")))
case("2.2 GET of a sports reset path", get(RESET_SPORT + "1"), INDEX)
case("2.2 GET of the picture path", get(PICTURE), INDEX)

UNKNOWN = METHOD_NOT_ALLOWED.with_headers(allow=allowed("GET", "HEAD", "OPTIONS"))
case("2.2 POST to an unknown path", send("POST", "/api/nothing", json_body({})), UNKNOWN)
case("2.2 DELETE of an unknown path", send("DELETE", f"{AUTH}/nothing"), UNKNOWN)
case("2.2 POST to a page of the web app", send("POST", "/login", json_body({})), UNKNOWN)
case("2.2 POST to an end point with a slash behind", send("POST", LOGIN + "/", json_body({})), UNKNOWN)
case(
    "2.2 OPTIONS of an unknown path",
    send("OPTIONS", "/api/nothing"),
    Expected(200, EMPTY, {"allow": allowed("GET", "HEAD", "OPTIONS")}),
)

case(
    "2.2 HEAD of an end point with GET",
    send("HEAD", PROFILE, None, ROUTER),
    Expected(200, Bytes("application/json", b"")),
)
case(
    "2.2 HEAD without a token",
    send("HEAD", PROFILE),
    Expected(401, Bytes("application/json", b""), {"www-authenticate": NO_CHALLENGE}),
)
CLEAN = text_like("clean path", r"(http://[^/]+)?/api/auth/profile/edit")
case("2.2 GET of a number that is none", get("/api/sports/abc"), INDEX, e401(), "§6.5: no number is an unknown sport")
case(
    "2.2 GET of two slashes in the path",
    get("/api//auth/profile"),
    INDEX,
    Expected(308, headers={"location": text_like("clean path", r"(http://[^/]+)?/api/auth/profile")}),
    "§2.2: 308 to the clean path",
)
case(
    "2.2 POST to two slashes in the path",
    send("POST", "/api//auth/profile/edit", json_body({})),
    Expected(308, headers={"location": CLEAN}),
)
case("2.2 a query is no part of the path", get(PROFILE + "?x=1&x=2", ROUTER), ok(data=user(ROUTER)))
case("2.2 GET of the export request path without a token", get(EXPORT_REQUEST), e401())
case("2.2 an encoded letter in the path", get("/api/auth/%70rofile", ROUTER), ok(data=user(ROUTER)))


@steps("2.3 errors and successes carry no CORS headers, cookies or other origin's rights", [None, None, None])
def foreign_headers(side: Side) -> list[str | None]:
    answer: Answer = side.get(PROFILE, side.user(ROUTER).token, {"Origin": "https://evil.example.org"})
    return [
        answer.header(name) for name in ("access-control-allow-origin", "set-cookie", "access-control-allow-headers")
    ]


@steps("2.3 a success has sorted keys, escapes and a final newline", ["ends", "sorted", "escaped"])
def success_style(side: Side) -> list[str]:
    token = side.user("styled").token
    form = {"first_name": "Zoë", "last_name": None, "bio": None, "birth_date": None, "location": None}
    answer = side.post(EDIT, form, token)
    data = answer.json["data"]
    return [
        "ends" if answer.body.endswith(b"}\n") else "does not end",
        "sorted" if list(data) == sorted(data) and list(answer.json) == ["data", "message", "status"] else "unsorted",
        "escaped" if b'"first_name":"Zo\\u00eb"' in answer.body else "plain",
    ]


@steps("2.3 floats of the profile carry a fraction", "as floats")
def floats(side: Side) -> str:
    body = side.get(PROFILE, side.user(ROUTER).token).body
    return "as floats" if b'"total_ascent":0.0' in body and b'"total_distance":0.0' in body else "not"
