"""The times of the suite's points: near now, for servers that keep eight hours, and the same for both servers."""

from __future__ import annotations

import time
from datetime import UTC, datetime

SECOND = 1_000_000_000
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND

# A whole hour, two to three hours ago. All points of the suite are placed around it.
BASE = int(time.time()) // 3600 * HOUR - 2 * HOUR


def at(seconds: float) -> int:
    """Nanoseconds of so many seconds after BASE."""
    return BASE + round(seconds * 1000) * 1_000_000


def utc(nanoseconds: int) -> str:
    """RFC 3339 with the needed digits of the fraction, as the servers write it."""
    whole, fraction = divmod(nanoseconds, SECOND)
    digits = f".{fraction:09}".rstrip("0").rstrip(".")
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S") + digits + "Z"


# What the texts of the cases may name in braces.
NAMES = {
    "t": str(BASE),
    "s": str(BASE // SECOND),
    "ms": str(BASE // 1_000_000),
    "utc": utc(BASE),
    "m1": str(BASE + MINUTE),
    "m2": str(BASE + 2 * MINUTE),
    "h1": str(BASE + HOUR),
    "old": str(BASE - 10 * HOUR),
    "date": utc(BASE)[:10],
    "clock": utc(BASE)[11:19],
    "next": utc(BASE + MINUTE),
    "plain": utc(BASE)[:19].replace("T", " "),
}


def fill(text: str) -> str:
    """The text with the times in it: `{t}` is BASE in nanoseconds; see NAMES. Other braces stay."""
    for name, value in NAMES.items():
        text = text.replace(f"{{{name}}}", value)
    return text
