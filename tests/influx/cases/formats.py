"""Section 7: JSON in chunks, CSV, msgpack, gzip."""

from __future__ import annotations

from case import Pin, case
from cases.build import asking
from moment import at
from original import PASSWORD
from request import Request, basic
from side import query_request, write

TESTER = basic("tester", PASSWORD)
QUERIES = {
    "points": "SELECT * FROM samples",
    "tags": "SELECT * FROM track GROUP BY bike",
    "types": "SELECT * FROM limits; SELECT * FROM track",
    "two": "SELECT hr_bpm FROM samples LIMIT 2; SELECT km FROM track LIMIT 2",
    "nothing": "SELECT * FROM nothing",
    "nothing, then something": "SELECT * FROM nothing; SELECT hr_bpm FROM samples LIMIT 1",
    "aggregates": "SELECT MEAN(hr_bpm), MAX(lat) FROM samples WHERE time >= 0",
    "measurements": "SHOW MEASUREMENTS",
    "databases": "SHOW DATABASES",
    "series": "SHOW SERIES",
    "field keys": "SHOW FIELD KEYS",
    "an error that runs": "SELECT badfunc(hr_bpm) FROM samples",
    "odd names": 'SELECT * FROM "odd name,x"',
}
for accept in ("application/csv", "text/csv", "application/x-msgpack"):
    for name, text in QUERIES.items():
        request = query_request(text, epoch="ns").with_headers(Accept=accept)
        kind = "text/csv" if "csv" in accept else accept
        case(f"formats: {accept}, {name}", asking(request), Pin(200, headers={"content-type": kind}))
    for name, request, status in (
        ("syntax error", query_request("SELECT"), 400),
        ("no credentials", query_request("SHOW DATABASES", None), 401),
        ("another's", query_request("SELECT * FROM samples", db="other"), 403),
        ("no epoch", query_request("SELECT hr_bpm FROM samples"), 200),
        ("epoch s", query_request("SELECT hr_bpm FROM samples", epoch="s"), 200),
        ("pretty", query_request("SELECT hr_bpm FROM samples LIMIT 1", epoch="ns", pretty="true"), 200),
    ):
        case(f"formats: {accept}, {name}", asking(request.with_headers(Accept=accept)), Pin(status))
for accept in (
    "application/json",
    "*/*",
    "text/html",
    "application/csv;q=0.5",
    "application/json, text/csv",
    "text/csv, */*",
):
    request = query_request("SELECT hr_bpm FROM samples LIMIT 2", epoch="ns").with_headers(Accept=accept)
    case(f"formats: Accept: {accept}", asking(request), Pin(200))

for name, text in QUERIES.items():
    request = query_request(text, epoch="ns", chunked="true")
    case(f"formats: chunked, {name}", asking(request), Pin(200))
for size in ("1", "2", "5", "11", "100", "0", "-1", "x"):
    request = query_request("SELECT hr_bpm, lat FROM samples", epoch="ns", chunked="true", chunk_size=size)
    case(f"formats: chunk_size={size}", asking(request), Pin(200, rows=9))
GROUPED = "SELECT steps FROM walk GROUP BY leg; SELECT km FROM track"
for size in ("7", "30", "31"):
    request = query_request(GROUPED, epoch="ns", chunked="true", chunk_size=size)
    case(f"formats: grouped, chunk_size={size}", asking(request), Pin(200, rows=67))
LONE = query_request("SELECT hr_bpm FROM samples", epoch="ns", chunk_size="2")
case("formats: chunk_size without chunked", asking(LONE), Pin(200, rows=9))
LOUD = query_request("SELECT hr_bpm FROM samples", epoch="ns", chunked="TRUE", chunk_size="2")
case("formats: chunked=TRUE", asking(LOUD), Pin(200, rows=9))
FAILS = "SELECT hr_bpm FROM samples LIMIT 1; SELECT badfunc(hr_bpm) FROM samples; SHOW DATABASES"
case("formats: chunked, an error in the middle", asking(query_request(FAILS, epoch="ns", chunked="true")), Pin(200))
PRETTY = query_request("SELECT hr_bpm FROM samples LIMIT 3", epoch="ns", chunked="true", chunk_size="2", pretty="true")
case("formats: chunked and pretty", asking(PRETTY), Pin(200))
for accept in ("text/csv", "application/x-msgpack"):
    request = query_request(GROUPED, epoch="ns", chunked="true", chunk_size="7").with_headers(Accept=accept)
    case(f"formats: chunked, {accept}", asking(request), Pin(200))

for coding in ("gzip", "gzip, deflate", "deflate, gzip;q=1.0", "GZIP"):
    request = query_request("SELECT * FROM samples", epoch="ns").with_headers(Accept_Encoding=coding)
    case(f"formats: Accept-Encoding: {coding}", asking(request), Pin(200))
for coding in ("deflate", "identity", "br", "gzip;q=0"):
    request = query_request("SELECT * FROM samples", epoch="ns").with_headers(Accept_Encoding=coding)
    case(f"formats: Accept-Encoding: {coding}", asking(request), Pin(200))
for name, request, status in (
    ("syntax error", query_request("SELECT"), 400),
    ("no credentials", query_request("SHOW DATABASES", None), 401),
    ("another's", query_request("SELECT * FROM samples", db="other"), 403),
    ("chunked", query_request(GROUPED, epoch="ns", chunked="true", chunk_size="7"), 200),
    ("a write", Request("POST", "/write", {"db": "tester"}, TESTER, b""), 204),
    ("CSV", query_request(GROUPED, epoch="ns").with_headers(Accept="text/csv"), 200),
    ("OPTIONS", Request("OPTIONS", "/query"), 200),
    ("ping", Request("GET", "/ping"), 204),
):
    case(f"formats: gzip, {name}", asking(request.with_headers(Accept_Encoding="gzip")), Pin(status))

# More rows than the original puts into one chunk, which are ten thousand.
LONG = "SELECT n FROM long"
LINES = "\n".join(f"long n={n}i {at(n / 1000)}" for n in range(25_000))
for name, fields in {
    "whole": {},
    "chunked": {"chunked": "true"},
    "in reverse": {"q": f"{LONG} ORDER BY time DESC"},
    "chunked, by 20000": {"chunked": "true", "chunk_size": "20000"},
}.items():
    request = query_request(LONG, "long", **{"epoch": "ms", **fields})
    case(f"formats: 25,000 rows, {name}", asking(write(LINES, "long"), request), [Pin(204), Pin(200, rows=25_000)])
