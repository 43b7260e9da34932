"""Section 7: conditions on the time."""

from __future__ import annotations

from cases.build import bad_queries, failing_queries, queries

queries(
    "times",
    r"""
    9 SELECT hr_bpm FROM samples WHERE time >= {t}
    8 SELECT hr_bpm FROM samples WHERE time > {t}
    1 SELECT hr_bpm FROM samples WHERE time = {t}
    1 SELECT hr_bpm FROM samples WHERE time <= {t}
    0 SELECT hr_bpm FROM samples WHERE time < {t}
    7 SELECT hr_bpm FROM samples WHERE time >= {t} AND time < {t} + 1m
    7 SELECT hr_bpm FROM samples WHERE time >= {s}s AND time < {s}s + 60s
    7 SELECT hr_bpm FROM samples WHERE time>={s}s AND time<{s}s+1m
    7 SELECT hr_bpm FROM samples WHERE time >= {ms}ms AND time < {ms}ms + 60000ms
    6 SELECT hr_bpm FROM samples WHERE time > {s}s + 3s - 3s AND time < {m1}
    9 SELECT hr_bpm FROM samples WHERE time > {s}s - 3s
    9 SELECT hr_bpm FROM samples WHERE time > {s}s - 1h30m
    7 SELECT hr_bpm FROM samples WHERE time >= '{utc}' AND time < '{next}'
    7 SELECT hr_bpm FROM samples WHERE time >= '{plain}' AND time < '{next}'
    9 SELECT hr_bpm FROM samples WHERE time >= '{date}' - 1d
    9 SELECT hr_bpm FROM samples WHERE time >= '{date}T{clock}Z'
    9 SELECT hr_bpm FROM samples WHERE time >= '{date}T{clock}+00:00'
    9 SELECT hr_bpm FROM samples WHERE time >= '{date}T{clock}.000000001+01:00'
    9 SELECT hr_bpm FROM samples WHERE time >= '{date}T{clock}.5Z' - 1s
    8 SELECT hr_bpm FROM samples WHERE time >= '{plain}.000001'
    9 SELECT hr_bpm FROM samples WHERE time < now()
    9 SELECT hr_bpm FROM samples WHERE time > now() - 8h
    9 SELECT hr_bpm FROM samples WHERE time > now() - 1w AND time < now() + 1d
    0 SELECT hr_bpm FROM samples WHERE time > now()
    0 SELECT hr_bpm FROM samples WHERE time > now() - 3s
    9 SELECT hr_bpm FROM samples WHERE (time >= {t})
    9 SELECT hr_bpm FROM samples WHERE TIME >= {t}
    9 SELECT hr_bpm FROM samples WHERE "time" >= {t}
    9 SELECT hr_bpm FROM samples WHERE {t} <= time
    0 SELECT hr_bpm FROM samples WHERE (time = {t} OR time = {t} + 3s)
    0 SELECT hr_bpm FROM samples WHERE time = {t} AND time = {m1}
    3 SELECT hr_bpm FROM samples WHERE time >= {t} AND time < {m1} AND hr_bpm > 125
    1 SELECT hr_bpm FROM samples WHERE time >= {t} AND time < {m1} AND (hr_bpm > 140 OR lat < 0)
    9 SELECT hr_bpm FROM samples WHERE time > 0
    9 SELECT hr_bpm FROM samples WHERE time > -5
    9 SELECT hr_bpm FROM samples WHERE time > 1000000u
    9 SELECT hr_bpm FROM samples WHERE time > 1000000µ
    9 SELECT hr_bpm FROM samples WHERE time > 1d AND time < 5000w
    """,
)
bad_queries(
    "times",
    r"""
    SELECT hr_bpm FROM samples WHERE time > 5x
    = error parsing query: invalid duration
    """,
)
failing_queries(
    "times",
    r"""
    SELECT hr_bpm FROM samples WHERE time > 'yesterday'
    = invalid operation: time and *influxql.StringLiteral are not compatible
    SELECT hr_bpm FROM samples WHERE time > '2026-13-45'
    = invalid timestamp string
    SELECT hr_bpm FROM samples WHERE time > '{date}T25:00:00Z'
    = invalid timestamp string
    SELECT hr_bpm FROM samples WHERE time != {t}
    = invalid time comparison operator: !=
    """,
)
