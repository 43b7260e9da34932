"""Section 7: GROUP BY and fill."""

from __future__ import annotations

from cases.build import bad_queries, failing_queries, queries

MINUTE = "WHERE time >= {t} AND time < {t} + 1m"
JUST_BEFORE = "WHERE time > {s}s - 1s AND time < {m1}"
queries(
    "groups",
    rf"""
    6 SELECT MEAN(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s)
    6 SELECT MEAN(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s) fill(null)
    4 SELECT MEAN(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s) fill(none)
    6 SELECT MEAN(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s) fill(previous)
    6 SELECT MEAN(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s) fill(linear)
    6 SELECT MEAN(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s) fill(0)
    6 SELECT MEAN(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s) fill(-1.5)
    6 SELECT MEAN(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s) FILL(null)
    6 SELECT COUNT(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s)
    6 SELECT COUNT(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s) fill(null)
    4 SELECT COUNT(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s) fill(none)
    6 SELECT COUNT(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s) fill(7)
    6 SELECT SUM(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s)
    6 SELECT LAST(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s)
    6 SELECT FIRST(hr_bpm), LAST(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s)
    6 SELECT MIN(hr_bpm), MEAN(hr_bpm), MAX(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s)
    4 SELECT MEAN(hr_bpm), MEAN(lat), MEAN(pwr_w) FROM samples {MINUTE} GROUP BY time(10s) fill(none)
    6 SELECT MEAN(hr_bpm), MEAN(lat) FROM samples {MINUTE} GROUP BY time(10s) fill(linear)
    6 SELECT MEAN(hr_bpm), COUNT(lat) FROM samples {MINUTE} GROUP BY time(10s) fill(previous)
    6 SELECT MEAN(hr_bpm), MEAN(nothing) FROM samples {MINUTE} GROUP BY time(10s)
    0 SELECT MEAN(nothing) FROM samples {MINUTE} GROUP BY time(10s)
    21 SELECT MEAN(hr_bpm), MEAN(lat), MEAN(pwr_w) FROM samples {JUST_BEFORE} GROUP BY time(3s)
    7 SELECT MEAN(hr_bpm), MEAN(lat), MEAN(pwr_w) FROM samples {JUST_BEFORE} GROUP BY time(3s) fill(none)
    6 SELECT MEAN(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s) ORDER BY time DESC
    6 SELECT MEAN(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s) fill(linear) ORDER BY time DESC
    6 SELECT MEAN(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s) fill(previous) ORDER BY time DESC
    2 SELECT MEAN(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s) LIMIT 2
    2 SELECT MEAN(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s) LIMIT 2 OFFSET 3
    7 SELECT MEAN(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s, 3s)
    7 SELECT MEAN(hr_bpm) FROM samples {MINUTE} GROUP BY time(10s, -3s)
    7 SELECT MEAN(hr_bpm) FROM samples WHERE time >= {{t}} + 5s AND time < {{t}} + 65s GROUP BY time(10s)
    1 SELECT MEAN(hr_bpm) FROM samples {MINUTE} GROUP BY time(1h)
    2 SELECT MEAN(hr_bpm) FROM samples WHERE time >= {{t}} AND time < {{t}} + 2h GROUP BY time(1h) fill(none)
    2 SELECT MEAN(hr_bpm) FROM samples WHERE time >= {{t}} GROUP BY time(20m) fill(none)
    2 SELECT MEAN(hr_bpm) FROM samples GROUP BY time(20m) fill(none)
    2 SELECT COUNT(hr_bpm) FROM samples GROUP BY time(20m) fill(none)
    0 SELECT MEAN(hr_bpm) FROM samples WHERE time > {{t}} + 1d AND time < {{t}} + 2d GROUP BY time(1h)
    1 SELECT MEAN(hr_bpm) FROM samples {MINUTE} GROUP BY time(1w)
    4 SELECT LAST(hr_bpm), lat FROM samples {MINUTE} GROUP BY time(10s) fill(none)
    4 SELECT TOP(hr_bpm, 1) FROM samples {MINUTE} GROUP BY time(10s)
    3 SELECT DERIVATIVE(MEAN(hr_bpm)) FROM samples {MINUTE} GROUP BY time(10s)
    7 SELECT * FROM track GROUP BY bike
    7 SELECT km FROM track GROUP BY bike, rider
    7 SELECT km FROM track GROUP BY *
    7 SELECT * FROM track GROUP BY *
    7 SELECT km FROM track GROUP BY nothing
    7 SELECT km FROM track GROUP BY /b/
    7 SELECT km, rider FROM track GROUP BY bike
    3 SELECT km FROM track GROUP BY bike LIMIT 1
    7 SELECT km FROM track GROUP BY bike ORDER BY time DESC
    3 SELECT MEAN(km) FROM track GROUP BY bike
    3 SELECT MEAN(km), LAST(n) FROM track GROUP BY bike
    3 SELECT MAX(km) FROM track GROUP BY bike
    5 SELECT SUM(n) FROM track GROUP BY *
    2 SELECT COUNT(note) FROM track GROUP BY rider
    2 SELECT MEAN(km) FROM track WHERE rider = 'ann' GROUP BY bike
    12 SELECT MEAN(km) FROM track {MINUTE} GROUP BY time(10s), bike
    12 SELECT MEAN(km) FROM track {MINUTE} GROUP BY time(10s), bike fill(0)
    5 SELECT MEAN(km) FROM track GROUP BY time(10s), bike fill(none)
    10 SELECT MEAN(steps) FROM walk WHERE time >= {{t}} AND time < {{t}} + 5m GROUP BY time(1m), leg
    10 SELECT SUM(steps) FROM walk WHERE time >= {{t}} AND time < {{t}} + 5m GROUP BY time(30s)
    60 SELECT steps FROM walk GROUP BY leg
    2 SELECT MEAN(hr_bpm), MEAN(km) FROM samples, track
    4 SELECT MEAN(hr_bpm), MEAN(km) FROM samples, track GROUP BY bike
    """,
)
bad_queries(
    "groups",
    r"""
    SELECT MEAN(hr_bpm) FROM samples GROUP BY time(10s) fill(NULL)
    = error parsing query: expected number argument in fill()
    SELECT MEAN(hr_bpm) FROM samples ORDER BY hr_bpm
    = error parsing query: only ORDER BY time supported at this time
    SELECT MEAN(hr_bpm) FROM samples LIMIT -1
    = error parsing query: found -, expected integer at line 1, char 40
    """,
)
failing_queries(
    "groups",
    r"""
    SELECT hr_bpm FROM samples GROUP BY time(10s)
    = GROUP BY requires at least one aggregate function
    SELECT MEAN(hr_bpm) FROM samples GROUP BY time(10)
    = time dimension must have duration argument
    SELECT MEAN(hr_bpm), lat FROM samples
    = mixing aggregate and non-aggregate queries is not supported
    """,
)
