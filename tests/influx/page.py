"""What the page that watches a rider asks (section 5)."""

from __future__ import annotations

from original import PUBLIC
from points import FIELDS
from request import Request
from side import authority

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
