"""Sections 3.1 and 3.2: the Authorization header and the JWT in it."""

from __future__ import annotations

import time
from typing import Any

import tokens
from case import case, get, steps
from expect import CRASH, E401O, OWN_CHALLENGE, Expected, dead_token, e401, ok
from objects import EDIT, EXPORT, LOGIN, LOGOUT, PROFILE, user
from side import Side
from wire import Answer, json_body

BEARER = "bearer"
GOOD = ok(data=user(BEARER))
DEAD = dead_token()
EXPIRED = dead_token("signature expired, please log in again")
UNION = "§1 row 1"


def with_header(side: Side, value: str) -> Answer:
    return side.get(PROFILE, headers={"Authorization": value})


def header(name: str, template: str, expected: Any, ours: Any = None, difference: str | None = None) -> None:
    """A case of section 3.1: the header's value with a live token in it."""

    def step(side: Side) -> Answer:
        return with_header(side, template.format(side.user(BEARER).token))

    case(f"3.1 {name}", step, expected, ours, difference)


case("3.1 no header", get(PROFILE), e401())
header("empty header", "", e401())
header("Bearer", "Bearer {}", GOOD)
header("bearer", "bearer {}", GOOD)
header("BEARER", "BEARER {}", GOOD)
header(
    "text after a second space",
    "Bearer {} more of it",
    GOOD,
    DEAD.with_headers(**{"www-authenticate": OWN_CHALLENGE}),
    "RFC 6750 §2.1: a token has no blank",
)
header("Token", "Token {}", GOOD, Expected(401), "§3.1 [OUR]")
header("any scheme word", "Foo {}", GOOD, Expected(401), "§3.1 [OUR]")
header("the scheme alone", "Bearer", CRASH, e401(), "§3.1")
header("a bare token", "{}", CRASH, e401(), "§3.1")
header("a tab between", "Bearer\t{}", CRASH, e401(), "§3.1")
header("two spaces between", "Bearer  {}", E401O, DEAD, UNION)
header("junk as token", "Bearer junk", E401O, DEAD, UNION)
header("junk of three parts", "Bearer a.b.c", E401O, DEAD, UNION)

UNSUPPORTED_TYPE = Expected(
    401,
    {"error": "unsupported_token_type"},
    {"www-authenticate": 'bearer error="unsupported_token_type", error_description=""'},
)
header("Digest", 'Digest username="x"', UNSUPPORTED_TYPE)
header("another scheme with junk", "Foo junk", UNSUPPORTED_TYPE)


@steps("3.1 a live token in the query, or in a cookie", [e401(), e401()])
def elsewhere(side: Side) -> Any:
    token = side.user(BEARER).token
    return [
        side.get(f"{PROFILE}?auth_token={token}&access_token={token}&token={token}"),
        side.get(PROFILE, headers={"Cookie": f"auth_token={token}; access_token_cookie={token}"}),
    ]


def forged(name: str, expected: Any, ours: Any, difference: str | None, how: dict[str, Any], **claims: Any) -> None:
    """A case of a token of our own making; a claim that is None is left out."""

    def step(side: Side) -> Answer:
        made = tokens.claims(side.user(BEARER).token)
        made.update({key: value(made) if callable(value) else value for key, value in claims.items()})
        return side.get(PROFILE, side.forge({key: value for key, value in made.items() if value is not None}, **how))

    case(f"3.2 {name}", step, expected, ours, difference)


def dead(name: str, how: dict[str, Any] | None = None, **claims: Any) -> None:
    forged(name, E401O, DEAD, UNION, how or {}, **claims)


def now() -> int:
    return int(time.time())


forged("another expiry, signed again", GOOD, None, None, {}, exp=lambda made: made["exp"] - 1)


@steps(
    "3.2 a token of the known key, of the three claims alone",
    GOOD,
    DEAD,
    "§3.2 `jti`; old tokens are for imported accounts",
)
def three_claims(side: Side) -> Any:
    return side.get(PROFILE, side.forge(tokens.live(side.user(BEARER).id)))


forged("expired", E401O, EXPIRED, UNION, {}, exp=lambda _made: now() - 1)
dead("another key", {"key": "another-secret-key-0123456789abcdef0123"})
dead("an empty key", {"key": ""})
dead("algorithm none", {"algorithm": "none"})
dead("algorithm none in capitals", {"algorithm": "none", "header": {"alg": "NONE", "typ": "JWT"}})
dead("algorithm HS512 of the same key", {"algorithm": "HS512"})
dead("a head that names HS256 over a HS512 signature", {"algorithm": "HS512", "header": {"alg": "HS256"}})
dead("a head without algorithm", {"header": {"typ": "JWT"}})
dead("an audience", aud="somebody")
dead("issued in the future", iat=lambda _made: now() + 600)
dead("not valid before a time to come", nbf=lambda _made: now() + 600)
dead("a number as sub", sub=lambda made: int(made["sub"]))
dead("an account that is not there", sub="99999999")
dead("expiry that is no number", exp="later")
forged("no sub", CRASH, DEAD, "§3.1", {}, sub=None)
forged("a sub that is no number", CRASH, DEAD, "§3.1", {}, sub="anna")
forged("no expiry", GOOD, DEAD, "§3.1 [OUR]", {}, exp=None)
forged("expired just now: no leeway", E401O, EXPIRED, UNION, {}, exp=lambda _made: now())


def tampered(name: str, change: Any) -> None:
    case(f"3.2 {name}", lambda side: side.get(PROFILE, change(side.user(BEARER).token)), E401O, DEAD, UNION)


def of_another(token: str) -> str:
    start, _, signature = token.split(".")
    claims = {**tokens.claims(token), "sub": "1", "exp": 4_000_000_000}
    return f"{start}.{tokens.forge(claims, 'x').split('.')[1]}.{signature}"


tampered("claims changed under the signature", of_another)
tampered("signature cut off", lambda token: token.rsplit(".", 1)[0] + ".")
tampered("two parts", lambda token: token.rsplit(".", 1)[0])
tampered("a fourth part", lambda token: token + ".x")
tampered("signature shortened", lambda token: token[:-4])
tampered("first letter changed", lambda token: "f" + token[1:])


HEAD, THREE = {"alg": "HS256", "typ": "JWT"}, ["exp", "iat", "sub"]


@steps(
    "3.2 shape: head, claims in order, life of 30 days, own number as text",
    [HEAD, THREE, 2_592_000, str],
    [HEAD, [*THREE, "jti", "gen"], 2_592_000, str],
    "§3.2 `jti`",
)
def shape(side: Side) -> Any:
    token = side.user(BEARER).token
    claims = tokens.claims(token)
    return [tokens.head(token), list(claims), claims["exp"] - claims["iat"], type(claims["sub"])]


@steps("3.2 a signature by the secret of the contract's golden vector", "verified")
def verified(side: Side) -> Any:
    signed, _, signature = side.user(BEARER).token.rpartition(".")
    good = tokens.encode(tokens.signature(signed, side.secret, "HS256")) == signature
    return "verified" if good else signature


LOGGED_OUT = ok(message="successfully logged out")


@steps(
    "6.9 logout; the token is dead, in every end point",
    [LOGGED_OUT, E401O, E401O, E401O],
    [LOGGED_OUT, DEAD, DEAD, DEAD],
    UNION,
)
def logout(side: Side) -> Any:
    token = side.new_user("leaver", "en").token
    side.kept["logged out"] = token
    out = side.send("POST", LOGOUT, token=token)
    return [out, side.get(PROFILE, token), side.get(EXPORT, token), side.send("POST", LOGOUT, token=token)]


@steps("3.2 a padded form of a logged-out token", 200, 401, "§3.2 blacklist trap")
def padded(side: Side) -> Any:
    return side.get(PROFILE, side.kept["logged out"] + "=").status


@steps("3.2 a padded form of a live token", 200, DEAD, "§3.2 blacklist trap")
def padded_live(side: Side) -> Any:
    answer = side.get(PROFILE, side.user(BEARER).token + "=")
    return answer.status if side.name == "original" else answer


@steps("6.9 logout ends no other login of the same user", [200, 401, 200])
def other_login(side: Side) -> Any:
    side.user("twice")
    time.sleep(1.1)
    first = side.login("twice@example.org").json["auth_token"]
    time.sleep(1.1)
    second = side.login("twice@example.org").json["auth_token"]
    out = side.send("POST", LOGOUT, token=first).status
    return [out, side.get(PROFILE, first).status, side.get(PROFILE, second).status]


@steps("6.9 logout of a token without expiry", Expected(500), DEAD, "§3.1 [OUR]")
def endless(side: Side) -> Any:
    return side.send("POST", LOGOUT, token=side.forge({"iat": now() - 5, "sub": str(side.user(BEARER).id)}))


@steps("3.1 live token of an inactive user", e401())
def inactive(side: Side) -> Any:
    side.remember("inactive", lambda: side.unconfirmed("sleeper"))
    # Accounts are numbered in the order of their registration.
    owner = side.new_user("after_sleeper", "en")
    side.unconfirmed("asleep")
    return side.get(PROFILE, side.forge(tokens.live(owner.id + 1)))


case("6.9 logout without a token", lambda side: side.send("POST", LOGOUT), e401())


@steps("3.1 two Authorization headers", [401, 401], [400, 400], "RFC 9110 §5.3: a field of one value, sent twice")
def twice(side: Side) -> Any:
    token = side.user(BEARER).token
    told = []
    for first, second in ((f"Bearer {token}", "Bearer junk"), ("Bearer junk", f"Bearer {token}")):
        lines = [f"GET {PROFILE} HTTP/1.1", "Host: x", "Connection: close"]
        lines += [f"Authorization: {first}", f"Authorization: {second}", "", ""]
        told.append(side.send_bytes("\r\n".join(lines).encode()).status)
    return told


@steps("5.4 a login with a dead token in the header", 401)
def login_with_dead(side: Side) -> Any:
    body = json_body({"email": "nobody@example.org", "password": "x"})
    return side.send("POST", LOGIN, body, token="a.b.c").status


@steps("3.1 the token is looked at before the method's body", [E401O], [DEAD], UNION)
def before_body(side: Side) -> Any:
    return [side.send("POST", EDIT, token="a.b.c")]
