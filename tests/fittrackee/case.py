"""A case: what is asked, what the original answers, and what trackgate answers where the contract says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from expect import challenged, pattern
from side import Side
from wire import Body, json_body

Step = Callable[[Side], Any]


@dataclass(frozen=True)
class Case:
    """One case. `difference` names the part of the contract that lets the servers differ."""

    name: str
    step: Step
    original: Any
    trackgate: Any
    difference: str | None
    variant: str


CASES: list[Case] = []
CHALLENGES = "§2.4 has no challenge; RFC 9110 §15.5.2 and RFC 6750 §3 want one"


def case(
    name: str, step: Step, expected: Any, ours: Any = None, difference: str | None = None, variant: str = "whole"
) -> None:
    """Declares a case. `ours` is what trackgate answers where it differs, with the reason for it."""
    if (ours is None) != (difference is None):
        raise ValueError(f"{name}: a difference needs both what it is and where it is written")
    if ours is not None and pattern(ours) == pattern(expected):
        raise ValueError(f"{name}: no difference")
    if pattern(challenged(expected)) != pattern(expected):
        ours, difference = challenged(expected if ours is None else ours), difference or CHALLENGES
    if any(other.name == name for other in CASES):
        raise ValueError(f"{name}: declared twice")
    ours = challenged(ours)
    CASES.append(Case(name, step, expected, expected if ours is None else ours, difference, variant))


def steps(
    name: str, expected: Any, ours: Any = None, difference: str | None = None, variant: str = "whole"
) -> Callable[[Step], Step]:
    """Declares a case whose steps are the function below it."""

    def declare(step: Step) -> Step:
        case(name, step, expected, ours, difference, variant)
        return step

    return declare


def get(path: str, user: str | None = None, **headers: str) -> Step:
    """A GET as this user, or as nobody."""
    return send("GET", path, None, user, **headers)


def post(path: str, value: object, user: str | None = None) -> Step:
    """A POST of this JSON."""
    return send("POST", path, json_body(value), user)


def send(method: str, path: str, body: Body | None = None, user: str | None = None, **headers: str) -> Step:
    """One request; header names are written with `_` for `-`."""
    lines = {name.replace("_", "-"): value for name, value in headers.items()}

    def step(side: Side) -> Any:
        token = side.user(user).token if user else None
        return side.send(method, path, body, token, lines)

    return step
