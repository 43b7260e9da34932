"""How cases are written down."""

from __future__ import annotations

from case import Pin, Step, case
from moment import fill
from request import Request
from side import query_request, write


# What the original expects after SHOW.
AFTER_SHOW = (
    "CONTINUOUS, DATABASES, DIAGNOSTICS, FIELD, GRANTS, MEASUREMENT, MEASUREMENTS, QUERIES, RETENTION, SERIES, "
    "SHARD, SHARDS, STATS, SUBSCRIPTIONS, TAG, USERS"
)


def asking(*requests: Request) -> Step:
    """These requests, one after the other."""
    return lambda side: [side.ask(request) for request in requests]


def query(text: str, user: str | None = "tester", **query: str) -> Step:
    return asking(query_request(fill(text), user, **query))


def queries(topic: str, text: str, **query: str) -> None:
    """A case for each line: how many rows come, then the query, as `tester` with times in nanoseconds."""
    for line in filled_lines(text):
        count, statement = line.split(maxsplit=1)
        name = f"{topic}: {statement}"
        request = query_request(fill(statement), "tester", **{"epoch": "ns", **query})
        case(name, asking(request), Pin(200, rows=int(count)))


def bad_queries(topic: str, text: str) -> None:
    """A case for each pair of lines: a query, then `=` and what is wrong with it."""
    lines = filled_lines(text)
    for statement, told in zip(lines[::2], lines[1::2], strict=True):
        request = query_request(fill(statement), "tester", epoch="ns")
        case(f"{topic}: {statement}", asking(request), Pin(400, error=fill(told.removeprefix("= "))))


def failing_queries(topic: str, text: str) -> None:
    """Likewise for queries that fail when they run: 200, and the error in the result."""
    lines = filled_lines(text)
    for statement, told in zip(lines[::2], lines[1::2], strict=True):
        error = fill(told.removeprefix("= ")).replace("\\", "\\\\").replace('"', '\\"')
        body = f'{{"results":[{{"statement_id":0,"error":"{error}"}}]}}\n'
        request = query_request(fill(statement), "tester", epoch="ns")
        case(f"{topic}: {statement}", asking(request), Pin(200, text=body))


def filled_lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def stored(lines: str | bytes, measurement: str, user: str = "tester", **query: str) -> Step:
    """A write, then a look at what was stored."""
    look = query_request(f"SELECT * FROM {measurement}", user, epoch="ns")
    request = write(fill(lines) if isinstance(lines, str) else lines, user, **query)
    return asking(request, look)
