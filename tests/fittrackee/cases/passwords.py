"""Sections 5.5, 5.6 and 8: forgotten passwords."""

from __future__ import annotations

import time
from typing import Any

import tokens
from case import case, post, steps
from expect import CRASH, E500, JWT, NUMBER, e400, e401, ok, text_like
from objects import LOGIN, PASSWORD_UPDATE, PROFILE, RESET_REQUEST
from side import PASSWORD, Side, User, link_token

FORGETFUL = "forgetful"
PROCESSED = ok(message="password reset request processed")
UPDATED = ok(message="password updated")
BAD_TOKEN = e401("invalid token, please request a new token")
SHORT = e400("password: 8 characters required\n")
REFUSED = e401("invalid credentials")

case("5.5 nobody has the address", post(RESET_REQUEST, {"email": "nobody@example.org"}), PROCESSED)
case("5.5 email null", post(RESET_REQUEST, {"email": None}), e400())
case("5.5 no email", post(RESET_REQUEST, {"mail": "x"}), e400())


def reset_token(side: Side, name: str, number: int = 1) -> str:
    """The token of this user's n-th reset mail, asked for now."""
    email = f"{name}@example.org"
    side.post(RESET_REQUEST, {"email": email})
    return link_token(side.mail(email, "password-reset", number))


def kept_token(side: Side) -> str:
    """A reset token that nothing uses up."""

    def make() -> str:
        side.user(FORGETFUL)
        return reset_token(side, FORGETFUL)

    token: str = side.remember("reset token", make)
    return token


@steps("5.5 a mail goes only to the same spelling", [PROCESSED, 0])
def spelling(side: Side) -> Any:
    side.user("speller")
    answer = side.post(RESET_REQUEST, {"email": "SPELLER@example.org"})
    # A request that is heard comes after it: with the confirmation that makes two.
    reset_token(side, "speller")
    return [answer, len(side.mails.to("SPELLER@example.org")) + len(side.mails.to("speller@example.org")) - 2]


@steps(
    "5.6 a new password; the old one is dead; the mail says so",
    [UPDATED, REFUSED, 200, "FitTrackee - Password changed"],
)
def update(side: Side) -> Any:
    owner = side.user("changer")
    token = reset_token(side, owner.name)
    answer = side.post(PASSWORD_UPDATE, {"token": token, "password": "another horse"})
    side.kept["used reset token"] = token
    told = side.mail(owner.email, "password", 2).subject
    return [answer, side.login(owner.email), side.login(owner.email, "another horse").status, told]


@steps("5.6 login tokens live on after a reset", 200)
def tokens_live_on(side: Side) -> Any:
    return side.get(PROFILE, side.user("changer").token).status


@steps("5.6 a reset token works once", UPDATED, BAD_TOKEN, "§5.8")
def once(side: Side) -> Any:
    return side.post(PASSWORD_UPDATE, {"token": side.kept["used reset token"], "password": "third horse"})


@steps("5.6 an inactive user may reset and stays inactive", [UPDATED, REFUSED])
def inactive(side: Side) -> Any:
    side.remember("inactive reset", lambda: side.unconfirmed("dozer"))
    token = reset_token(side, "dozer")
    answer = side.post(PASSWORD_UPDATE, {"token": token, "password": "another horse"})
    return [answer, side.login("dozer@example.org", "another horse")]


case("5.6 no token", post(PASSWORD_UPDATE, {"password": PASSWORD}), e400())
case("5.6 token null", post(PASSWORD_UPDATE, {"token": None, "password": PASSWORD}), e400())
case("5.6 no password", post(PASSWORD_UPDATE, {"token": "x"}), e400())
case("5.6 password null", post(PASSWORD_UPDATE, {"token": "x", "password": None}), e400())
value: Any
for value in ("", "x", "a.b.c", 5, ["x"], True):
    case(f"5.6 token {value!r}", post(PASSWORD_UPDATE, {"token": value, "password": PASSWORD}), BAD_TOKEN)
case("5.6 the token comes before the password", post(PASSWORD_UPDATE, {"token": "x", "password": "short"}), BAD_TOKEN)

LENGTHS: dict[str, tuple[Any, Any, Any]] = {
    "of 7": ("seven77", SHORT, None),
    "empty": ("", SHORT, None),
    "of 73 bytes": ("x" * 73, E500, e400()),
    "a number": (12345678, CRASH, e400()),
}
for what, (value, original, ours) in LENGTHS.items():
    reason = None if ours is None else "§5.6, §8 [OUR]"

    @steps(f"5.6 password {what}", original, ours, reason)
    def length(side: Side, value: Any = value) -> Any:
        return side.post(PASSWORD_UPDATE, {"token": kept_token(side), "password": value})


@steps(
    "5.6 form of the mailed token", ["JWT", {"exp": NUMBER, "iat": NUMBER, "sub": "own"}, 3600], ["40 signs"], "§5.8"
)
def form(side: Side) -> Any:
    token = kept_token(side)
    if token.count(".") != 2:
        return ["40 signs" if text_like("", r"[\w-]{40}").fits(token) else token]
    claims = tokens.claims(token)
    life = claims["exp"] - claims["iat"]
    own = str(side.user(FORGETFUL).id)
    return ["JWT", {**claims, "sub": "own" if claims["sub"] == own else claims["sub"]}, life]


@steps("5.8 a reset token is no login", 200, 401, "§5.8")
def not_a_login(side: Side) -> Any:
    return side.get(PROFILE, kept_token(side)).status


def from_login(side: Side, password: str = "x", **changes: Any) -> Any:
    """A password update with a JWT that is no reset token, or not a live one."""
    victim: User = side.user(FORGETFUL)
    token = side.forge(tokens.live(victim.id, **changes))
    return side.post(PASSWORD_UPDATE, {"token": token, "password": password})


def with_login(side: Side) -> Any:
    return side.post(PASSWORD_UPDATE, {"token": side.user(FORGETFUL).token, "password": "x"})


# A password that is too short shows, without a change, whether the token was taken.
case("5.8 a login token is no reset token", with_login, SHORT, BAD_TOKEN, "§5.8")
case("5.6 token expired", lambda side: from_login(side, exp=int(time.time()) - 1), BAD_TOKEN)
case("5.6 token of an unknown user", lambda side: from_login(side, "long enough", sub="999999"), BAD_TOKEN)


@steps("5.6 token of another key", BAD_TOKEN)
def other_key(side: Side) -> Any:
    token = tokens.forge(tokens.live(side.user(FORGETFUL).id), "another key of thirty-two letters")
    return side.post(PASSWORD_UPDATE, {"token": token, "password": PASSWORD})


@steps("5.8 a confirmation token resets no password", BAD_TOKEN)
def confirmation_token(side: Side) -> Any:
    token = side.remember("inactive", lambda: side.unconfirmed("sleeper"))
    return side.post(PASSWORD_UPDATE, {"token": token, "password": PASSWORD})


@steps(
    "8 a password of 72 bytes, and of 8 characters beyond ASCII",
    [ok(auth_token=JWT, message="successfully logged in")] * 2,
)
def odd_passwords(side: Side) -> Any:
    told = []
    for name, password in (("longest", "x" * 72), ("greek", "αβγδεζηθ")):
        side.register(name, f"{name}@example.org", password=password)
        token = link_token(side.mail(f"{name}@example.org", "account-confirmation"))
        side.post("/api/auth/account/confirm", {"token": token})
        told.append(side.post(LOGIN, {"email": f"{name}@example.org", "password": password}))
    return told
