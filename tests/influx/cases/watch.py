"""Section 5: the 26 statements of the page that watches a rider."""

from __future__ import annotations

from collections.abc import Sequence

from case import Pin, case
from original import PUBLIC
from points import FIELDS, loaded, ride
from request import Request
from side import Side, authority
from wire import Answer

# The page compares these over four times, and draws all but the duration.
COMPARED = ("temp_c", "spd_kph", "alt_m", "hr_bpm", "cad_rpm", "pwr_w")
SPANS = ("3s", "1m", "5m", "10m")


def statements(now: str) -> str:
    """The query of the page, with this as the time from which it looks back."""
    last = ", ".join(f"LAST({name})" for name in FIELDS)
    texts = [f"SELECT {last} FROM samples WHERE time > {now} - 30m"]
    for name in COMPARED:
        for span in SPANS:
            texts.append(f"SELECT MIN({name}), MEAN({name}), MAX({name}) FROM samples WHERE time > {now} - {span}")
    mean = ", ".join(f"MEAN({name})" for name in FIELDS[1:])
    texts.append(f"SELECT {mean} FROM samples WHERE time > {now} - 30m GROUP BY time(3s) fill(none)")
    return "; ".join(texts)


def page(rider: str, now: str, method: str = "GET", **more: str) -> Request:
    """The request of the page, which signs in as `public`."""
    fields = {"db": rider, "epoch": "s", "q": statements(now), **more}
    return Request(method, "/query", fields, authority(PUBLIC))


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
