"""Section 2.5: the rate limit, three requests in five minutes."""

from __future__ import annotations

from typing import Any

from case import steps
from expect import Expected, text_like
from objects import LOGIN, PROFILE, RESET_REQUEST
from side import Side
from wire import json_body

LIMITED = "limited"
MESSAGE = text_like("limit in words", r"rate limit exceeded \(.*\)")
E429 = Expected(429, {"status": "error", "message": MESSAGE}, {"retry-after": text_like("seconds", r"\d+")})
NOBODY = {"email": "nobody@example.org"}


@steps("2.5 the fourth request is too much", [200, 200, 200, E429], variant=LIMITED)
def fourth(side: Side) -> Any:
    answers = [side.post(RESET_REQUEST, NOBODY) for _ in range(4)]
    return [answer.status for answer in answers[:3]] + answers[3:]


# What trackgate limits is a route, and who is let in there; the original counts each end point apart.
OURS = "§2.5: a rate is a policy of a route, after authentication"


@steps("2.5 another end point counts apart", [401, 401, 401, 429], [401, 401, 401, 401], OURS, LIMITED)
def apart(side: Side) -> Any:
    return [side.get(PROFILE).status for _ in range(4)]


@steps(
    "2.5 refused requests count too, before the body is read", [415, 415, 415, 429], [429, 429, 429, 429], OURS, LIMITED
)
def refused(side: Side) -> Any:
    return [side.send("POST", LOGIN).status for _ in range(4)]


@steps("2.5 the web app's pages are not limited", [200], [429], OURS, LIMITED)
def pages(side: Side) -> Any:
    return sorted({side.get("/login").status for _ in range(6)})


@steps("2.5 a forwarded address that nobody vouches for", 200, 429, "§2.5: do not copy", LIMITED)
def forwarded(side: Side) -> Any:
    headers = {"X-Forwarded-For": "192.0.2.7"}
    return side.send("POST", RESET_REQUEST, json_body(NOBODY), headers=headers).status
