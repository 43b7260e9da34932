"""Section 3.3: tokens of third-party apps."""

from __future__ import annotations

from typing import Any

from case import case, steps
from expect import E401O, E403O, PROVIDE_TOKEN, Expected, dead_token, e400, error, ok, text_like
from objects import (
    APPS,
    EDIT,
    EXPORT,
    EXPORT_REQUEST,
    LOGOUT,
    PICTURE,
    POLICY,
    PREFERENCES,
    PROFILE,
    RESET_SPORT,
    SPORTS,
    user,
)
from side import Side
from wire import Answer, json_body

HOST = "host"
HOLE = "§3.3 hole in 0.8.x"


def token(side: Side, scope: str) -> str:
    """A token of an app that this user let in, one for each scope."""
    made: str = side.remember(f"token {scope}", lambda: side.api_token(side.user(HOST), scope))
    return made


def by_app(scope: str, method: str, path: str, value: object = None) -> Any:
    def step(side: Side) -> Answer:
        body = None if value is None else json_body(value)
        return side.send(method, path, body, token(side, scope))

    return step


READ, WRITE = "profile:read", "profile:write"
EMPTY = {"first_name": None, "last_name": None, "bio": None, "birth_date": None, "location": None}
WRITING = {
    EDIT: ("POST", {"x": 1}, e400()),
    PREFERENCES: ("POST", {"x": 1}, e400()),
    SPORTS: ("POST", {"sport_id": 1}, e400()),
    PICTURE: ("POST", {"x": 1}, error(400, "no file part", "fail")),
    "/api/auth/profile/edit/account": ("PATCH", {"x": 1}, e400("email is missing")),
    RESET_SPORT + "99": ("DELETE", None, error(404, "sport does not exist", "not found")),
}

case("3.3 profile by profile:read", by_app(READ, "GET", PROFILE), ok(data=user(HOST)))
case("3.3 profile by profile:write: write does not include read", by_app(WRITE, "GET", PROFILE), E403O)
case(
    "3.3 edit by profile:write", by_app(WRITE, "POST", EDIT, EMPTY), ok(data=user(HOST), message="user profile updated")
)
for path, (method, value, expected) in WRITING.items():
    case(f"3.3 {method} {path} by profile:read", by_app(READ, method, path, value), E403O)
    case(f"3.3 {method} {path} by profile:write", by_app(WRITE, method, path, value), expected)
case("3.3 DELETE of the picture by profile:read", by_app(READ, "DELETE", PICTURE), E403O)

FIRST_PARTY: dict[str, tuple[str, Any, int]] = {
    POLICY: ("POST", {"accepted_policy": True}, 200),
    EXPORT: ("GET", None, 200),
    f"{EXPORT}/archive_x.zip": ("GET", None, 404),
    EXPORT_REQUEST: ("POST", None, 200),
    APPS: ("GET", None, 200),
}
for path, (method, value, status) in FIRST_PARTY.items():
    case(
        f"3.3 {method} {path} by an app",
        by_app(READ, method, path, value),
        Expected(status),
        error(401, PROVIDE_TOKEN),
        HOLE,
    )
case(
    "3.3 logout by an app",
    by_app(READ, "POST", LOGOUT),
    error(500, "error on token blacklist"),
    error(401, PROVIDE_TOKEN),
    HOLE,
)


@steps("3.3 a token for both scopes", [200, 200])
def both(side: Side) -> Any:
    made = token(side, f"{READ} {WRITE}")
    return [side.get(PROFILE, made).status, side.post(EDIT, EMPTY, made).status]


# The challenge is that of the scheme that knew the token.
REVOKED = dead_token().with_headers(www_authenticate=text_like("invalid_token", r'.*error="invalid_token".*'))


@steps("3.3 a revoked token", [200, E401O], [200, REVOKED], "§1 row 1")
def revoked(side: Side) -> Any:
    made = side.api_token(side.user(HOST), READ)
    before = side.get(PROFILE, made).status
    side.revoke(made)
    return [before, side.get(PROFILE, made)]
