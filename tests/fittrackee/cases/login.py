"""Section 5.4: login."""

from __future__ import annotations

from typing import Any

from case import case, post, steps
from expect import CRASH, E500, JWT, e401, ok
from objects import LOGIN, PROFILE, user
from side import PASSWORD, Side
from wire import json_body

RIDER = "Rider"
EMAIL = "Rider@example.org"
LOGGED_IN = ok(auth_token=JWT, message="successfully logged in")
REFUSED = e401("invalid credentials")
WEB_CLIENT = {"username": "", "email": EMAIL, "password": PASSWORD, "language": "en", "accepted_policy": False}


@steps("5.4 right password", [LOGGED_IN, ok(data=user(RIDER))])
def right(side: Side) -> Any:
    side.user(RIDER)
    answer = side.login(EMAIL)
    return [answer, side.get(PROFILE, answer.json["auth_token"])]


@steps("5.4 email in another case, extra members, a bad Authorization header", [LOGGED_IN, LOGGED_IN])
def other_case(side: Side) -> Any:
    side.user(RIDER)
    with_header = side.send("POST", LOGIN, json_body(WEB_CLIENT), headers={"Authorization": "Bearer x.y.z"})
    return [side.login(EMAIL.upper()), with_header]


@steps("5.4 email with blanks around it, or the user name instead", [REFUSED, REFUSED])
def not_trimmed(side: Side) -> Any:
    name = side.user(RIDER).name
    return [side.login(f" {EMAIL} "), side.login(name)]


@steps("5.4 wrong passwords: another, another case, cut, longer, empty", [REFUSED] * 5)
def wrong(side: Side) -> Any:
    side.user(RIDER)
    guesses = ["wrong password", PASSWORD.upper(), PASSWORD[:-1], PASSWORD + " ", ""]
    return [side.login(EMAIL, guess) for guess in guesses]


@steps("5.4 inactive account", REFUSED)
def inactive(side: Side) -> Any:
    side.remember("inactive", lambda: side.unconfirmed("sleeper"))
    return side.login("sleeper@example.org")


case("5.4 unknown email", post(LOGIN, {"email": "nobody@example.org", "password": PASSWORD}), REFUSED)
case("5.4 no email", post(LOGIN, {"password": PASSWORD}), REFUSED)
case("5.4 email null", post(LOGIN, {"email": None, "password": PASSWORD}), REFUSED)
case("5.4 unknown email, no password", post(LOGIN, {"email": "nobody@example.org"}), REFUSED)
case(
    "5.4 unknown email, password of 73 bytes",
    post(LOGIN, {"email": "nobody@example.org", "password": "x" * 73}),
    REFUSED,
)
case(
    "5.4 NUL inside the email",
    post(LOGIN, {"email": "no\0body@example.org", "password": PASSWORD}),
    E500,
    REFUSED,
    "§5.4",
)

ORACLES: dict[str, tuple[dict[str, Any], Any]] = {
    "no password": ({}, CRASH),
    "password null": ({"password": None}, CRASH),
    "password a number": ({"password": 12345678}, CRASH),
    "password of 73 bytes": ({"password": "x" * 73}, E500),
}
for what, (members, original) in ORACLES.items():

    @steps(f"5.4 known email, {what}", original, REFUSED, "§5.4 [OUR]")
    def oracle(side: Side, members: dict[str, Any] = members) -> Any:
        return side.send("POST", LOGIN, json_body({"email": side.user(RIDER).email, **members}))


@steps("5.4 language in the body changes nothing", "en")
def language(side: Side) -> Any:
    side.user(RIDER)
    token = side.post(LOGIN, {**WEB_CLIENT, "language": "fr"}).json["auth_token"]
    return side.get(PROFILE, token).json["data"]["language"]
