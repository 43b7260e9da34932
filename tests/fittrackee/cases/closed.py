"""A server without mail on which two may register (sections 5.1, 5.3, 5.5, 6.8, 7)."""

from __future__ import annotations

from typing import Any

import tokens
from case import Step, case, post, steps
from expect import E500, Expected, e400, e401, error, ok
from objects import ACCOUNT, LOGIN, PASSWORD_UPDATE, PROFILE, REGISTER, RESEND, RESET_REQUEST, user
from side import PASSWORD, Side, User
from wire import Answer, json_body, raw_body

CLOSED = "closed"
NO_MAIL = error(404, "the requested URL was not found on the server", "not found")


def here(name: str, step: Step, expected: Any, ours: Any = None, difference: str | None = None) -> None:
    case(name, step, expected, ours, difference, CLOSED)


def setting(side: Side, name: str) -> Any:
    return side.get("/api/config").json["data"][name]


here(
    "11 config: no mail, room for two",
    lambda side: [setting(side, "is_email_sending_enabled"), setting(side, "max_users")],
    [False, 2],
)
here(
    "11 config: registration is open as long as there is room",
    lambda side: setting(side, "is_registration_enabled"),
    True,
)
here(
    "5.3 resend without mail, before the body",
    lambda side: side.send("POST", RESEND, raw_body(b"x", "text/plain")),
    NO_MAIL,
)
here("5.3 resend without mail", post(RESEND, {"email": "first@example.org"}), NO_MAIL)
here("5.5 reset request without mail, before the body", lambda side: side.send("POST", RESET_REQUEST), NO_MAIL)
here("5.5 reset request without mail", post(RESET_REQUEST, {"email": "first@example.org"}), NO_MAIL)


@steps("5.1 the first two may register", [ok(), ok()], variant=CLOSED)
def two(side: Side) -> Any:
    answers = [side.register("first", "first@example.org"), side.register("second", "second@example.org")]
    side.enable("first")
    return answers


DISABLED = error(403, "error, registration is disabled")


@steps(
    "5.1 the third may not, though the second is inactive; before the body is read",
    [DISABLED, DISABLED],
    variant=CLOSED,
)
def third(side: Side) -> Any:
    return [side.register("third", "third@example.org"), side.send("POST", REGISTER, raw_body(b"x", "text/plain"))]


here("11 config: registration is closed when full", lambda side: setting(side, "is_registration_enabled"), False)


@steps(
    "7 without mail the operator lets users in", [ok(data=user("first")), e401("invalid credentials")], variant=CLOSED
)
def operator(side: Side) -> Any:
    token = side.login("first@example.org").json["auth_token"]
    side.kept["first"] = User("first", "first@example.org", token)
    return [side.get(PROFILE, token), side.post(LOGIN, {"email": "second@example.org", "password": PASSWORD})]


def change(side: Side, **members: Any) -> Answer:
    first: User = side.kept["first"]
    return side.send("PATCH", ACCOUNT, json_body({"email": first.email, "password": PASSWORD, **members}), first.token)


UPDATED = "user account updated"


@steps(
    "6.8 without mail the address changes at once",
    ok(data=user("first", email="moved@example.org"), message=UPDATED),
    variant=CLOSED,
)
def at_once(side: Side) -> Any:
    answer = change(side, email="moved@example.org")
    side.kept["first"].email = "moved@example.org"
    return answer


@steps("6.8 without mail: address of another user", E500, Expected(400), "§6.8: taken, §2.4", CLOSED)
def taken(side: Side) -> Any:
    return change(side, email="second@example.org")


@steps("6.8 without mail: address of another user in another case", 200, 400, "§6.8 [OUR]", CLOSED)
def taken_in_another_case(side: Side) -> Any:
    return change(side, email="SECOND@example.org").status


@steps("5.6 password update works without mail", e401("invalid token, please request a new token"), variant=CLOSED)
def password_update(side: Side) -> Any:
    return side.post(PASSWORD_UPDATE, {"token": side.forge(tokens.live(1), key="x" * 40), "password": PASSWORD})


here("5.6 password update without mail, no token", post(PASSWORD_UPDATE, {"password": PASSWORD}), e400())


@steps("7 no mail went out", 0, variant=CLOSED)
def no_mail(side: Side) -> Any:
    addresses = ("first", "second", "third", "moved")
    return sum(len(side.mails.to(f"{name}@example.org")) for name in addresses)
