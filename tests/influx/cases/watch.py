"""Section 5: the 26 statements of the page that watches a rider."""

from __future__ import annotations

from collections.abc import Sequence

from case import Pin, case
from page import page
from points import loaded, ride
from request import Request
from side import Side
from wire import Answer


def watched(side: Side, rider: str, lines: Sequence[str], *requests: Request) -> Sequence[Answer]:
    loaded(side, list(lines), rider)
    return [side.ask(request) for request in requests]


def whole_ride(side: Side) -> Sequence[Answer]:
    """The first request of a page, then what it asks once it has seen a sample; then from a minute ago."""
    now = side.second
    requests = [
        page("rider", "now()"),
        page("rider", f"{now}s"),
        page("rider", f"{now - 60}s"),
        page("rider", f"{now}s", "POST"),
        page("rider", f"{now}s", chunked="true"),
        page("rider", "now()", pretty="true"),
    ]
    return watched(side, "rider", ride(now), *requests)


case("watch: a ride with gaps", whole_ride, [Pin(200)] * 6, clock=12)


def few_fields(side: Side) -> Sequence[Answer]:
    """A rider whose tracker sends two fields, one of them once."""
    now = side.second
    lines = [f"samples hr_bpm={120 + second % 7} {now - second}000000000" for second in range(5, 900, 12)]
    lines.append(f"samples spd_kph=20.5 {now - 4}000000000")
    return watched(side, "walker", lines, page("walker", "now()"), page("walker", f"{now - 4}s"))


case("watch: few fields", few_fields, [Pin(200)] * 2, clock=12)
case("watch: nothing was sent", lambda side: [side.ask(page("empty", "now()"))], Pin(200, rows=0))
case("watch: a rider who is not there", lambda side: [side.ask(page("nobody", "now()"))], Pin(403))


def long_ago(side: Side) -> Sequence[Answer]:
    now = side.second - 2400
    lines = [f"samples hr_bpm={120 + second} {now - second}000000000" for second in range(5)]
    return watched(side, "sleeper", lines, page("sleeper", "now()"), page("sleeper", f"{now}s"))


case("watch: nothing for half an hour", long_ago, [Pin(200)] * 2, clock=1)
